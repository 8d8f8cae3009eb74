"""The command line: `python -m src STAGE [MODEL]`, and `python -m src COMMAND ...` for what src/commands has."""

import argparse
import ast
import importlib
import inspect
import io
import sys
from collections.abc import Mapping
from pathlib import Path

from src.params import STAGES, check_known, check_layer, read_params
from src.pipeline.runner import run

COMMANDS = sorted(path.stem for path in Path(__file__).parent.glob("commands/[a-z]*.py"))


def main(arguments: list[str] | None = None) -> None:
    """Check params.yaml whole, then run one stage; or run a command, which has arguments of its own."""
    if sys.platform == "win32":  # where Python has neither file locks nor the signals that end a stage in order
        sys.exit("This pipeline runs on Linux and macOS. On Windows use WSL or Docker (docs/containers.md).")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a letter fails no stage
            stream.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in COMMANDS:
        importlib.import_module(f"src.commands.{arguments[0]}").main(arguments[1:])
        return
    lists = {"stages": {name: name for name in STAGES}, "commands": {name: f"commands/{name}" for name in COMMANDS}}
    parser = argparse.ArgumentParser(
        prog="python -m src",
        description="Run one stage on the existing files; `dvc repro` runs every stage that is out of date.",
        epilog="\n\n".join(
            "\n".join([f"{kind}:", *(f"  {name:<10} {_summary(file)}" for name, file in files.items())])
            for kind, files in lists.items()
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", choices=STAGES, metavar="STAGE", help="one of the stages below, or a command")
    parser.add_argument("model", nargs="?", metavar="MODEL", help="for train and evaluate: a model of params.yaml")
    parser.add_argument("--against", metavar="REV", help="for report: show what changed since a revision")
    chosen = parser.parse_args(arguments)
    stage = importlib.import_module(f"src.{chosen.stage}").main
    options = _options(parser, chosen, inspect.signature(stage).parameters)

    def work() -> None:
        params = read_params()
        if chosen.model is not None:
            check_known("the model", chosen.model, params["models"])
        if chosen.stage in ("fetch", "train"):  # before anything long; DVC skips `fetch` where its result is cached
            check_layer(params)
        stage(params, **options)

    run(" ".join(filter(None, [chosen.stage, chosen.model])), work)


def _options(
    parser: argparse.ArgumentParser, chosen: argparse.Namespace, parameters: Mapping[str, inspect.Parameter]
) -> dict[str, str]:
    """The arguments that a stage's `main` takes beside the params; others, and a missing one, end in an error."""
    given = {"model": chosen.model, "against": chosen.against}
    for name, value in given.items():
        if value is not None and name not in parameters:
            parser.error(f"{chosen.stage} takes no {name.upper()}. Got {value}")
    if "model" in parameters and chosen.model is None:
        parser.error(f"{chosen.stage} must have a MODEL, as in `python -m src {chosen.stage} cm1`")
    return {name: value for name, value in given.items() if value is not None}


def _summary(file: str) -> str:
    """The first sentence of the docstring of a stage or a command, read without importing what it imports."""
    source = Path(__file__).parent.joinpath(f"{file}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").split("\n")[0]


if __name__ == "__main__":
    main()
