"""How any stage runs: params.yaml is checked whole first; a failure says why in one line and leaves nothing."""

import csv
import gc
import importlib
import inspect
import json
import re
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import pydantic
import yaml
from pydantic import BeforeValidator, Field

SRC = Path(__file__).parent

# YAML 1.1, and so PyYAML, reads 5e-05 as a string; DVC, which writes it for `-S ...=5e-5`, as a number.
EXPONENT = BeforeValidator(
    lambda v: float(v) if isinstance(v, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", v) else v
)
Share = Annotated[float, Field(ge=0, lt=1), EXPONENT]
Fraction = Annotated[float, Field(gt=0, lt=1), EXPONENT]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), EXPONENT]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Activation = Literal["relu", "leaky_relu", "elu", "tanh"]  # none of them ever falls: see classifiers.conv
Device = Literal["auto", "cpu", "gpu"]

# The values at the top of params.yaml, and what a model's block has beside the arguments of `train` and `body`.
TOP: dict[str, Any] = {"seed": Seed, "epochs": Count | None, "replicas": Count | None, "device": Device}
MODEL: dict[str, Any] = {"replicas": Count}

_written: list[Path] = []


class UserError(Exception):
    """What a user can put right: the message says what must be, what came and what to do."""


def run(main: Callable[..., None]) -> None:
    """Run a stage's `main` with the checked params and the command line's arguments.

    A failure ends the process with a non-zero status, in one line where the user can put it right,
    and removes every file that the stage had written.
    """
    gc.disable()  # its rounds while libraries load and when the process ends are a third of a short stage's time
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, _end)
    try:
        _check_arguments(main)
        main(read_params(), *sys.argv[1:])
        gc.freeze()
    except BaseException as error:
        for path in _written:
            path.unlink(missing_ok=True)
        stage = Path(sys.argv[0]).stem
        if isinstance(error, KeyboardInterrupt):
            sys.exit(130)
        if isinstance(error, UserError):
            sys.exit(f"{stage}: {error}")
        if isinstance(error, OSError):
            what, where = error.strerror or str(error).split("\n")[0], f": {error.filename}" if error.filename else ""
            sys.exit(
                f"{stage}: {what}{where}. Nothing that this stage had written was kept; put it right and run again."
            )
        raise


def _end(number: int, _: Any) -> None:
    """End a stage that is told to stop in order: its MLflow run is closed, as FAILED."""
    sys.exit(128 + number)


def _check_arguments(main: Callable[..., None]) -> None:
    """Raises UserError unless the command line's arguments are those that `main` takes after the params."""
    signature = inspect.signature(main)
    try:
        signature.bind({}, *sys.argv[1:])
    except TypeError:
        names = [name.upper() for name in signature.parameters][1:]
        usage = " ".join(["python -m", f"src.{Path(sys.argv[0]).stem}", *names])
        raise UserError(f"the command must be `{usage}`. Got {' '.join(sys.argv[1:]) or 'no argument'}.") from None


def read_params(path: str = "params.yaml") -> dict[str, Any]:
    """The content of params.yaml, checked. Raises UserError at the first key that does not fit."""
    try:
        params = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:  # ValueError: other bytes than UTF-8, or a date that no calendar has
        raise UserError(f"{path}: must be YAML in UTF-8. {' '.join(str(error).split())}") from None
    except FileNotFoundError:
        raise UserError(f"{path}: not found in {Path.cwd()}. Run from the top of the repository.") from None
    if not isinstance(params, dict):
        raise UserError(f"{path}: must be keys with values. Got {type(params).__name__}.")
    return check(params)


def check(params: dict[str, Any]) -> dict[str, Any]:
    """The params with every value in its type.

    The schema of a block is the keyword-only part of a function's signature: for block `X`, of `X` in src/X.py; for a
    block under `models`, of `train` and of the `body` that it passes its other arguments to, and MODEL.
    Raises UserError.
    """
    blocks = {path.stem: keywords(path.stem) for path in sorted(SRC.glob("[a-z]*.py")) if path.stem != "train"}
    blocks = {name: schema for name, schema in blocks.items() if schema}
    top = _fit("", {**TOP, **dict.fromkeys([*blocks, "models"], dict)}, params)
    checked = {"models": {name: _model(name, block) for name, block in params["models"].items()}}
    checked |= {name: _fit(name, schema, params[name]) for name, schema in blocks.items()}
    if not checked["models"]:
        raise UserError("params.yaml: models: must have at least one model. Got none.")
    _check_known("params.yaml: embed.model:", checked["embed"]["model"], checked["models"])
    return top | checked


def model_block(params: dict[str, Any], name: str) -> dict[str, Any]:
    """The block of the model of that name. Raises UserError where there is none."""
    _check_known("the model", name, params["models"])
    return params["models"][name]


def keywords(module: str, function: str = "") -> dict[str, Any]:
    """Names and types of a function's keyword-only parameters, by default of the module's namesake; {} without one."""
    found = getattr(importlib.import_module(f"src.{module}"), function or module, None)
    if not inspect.isfunction(found):
        return {}
    hints = get_type_hints(found, include_extras=True)
    return {p.name: hints[p.name] for p in inspect.signature(found).parameters.values() if p.kind is p.KEYWORD_ONLY}


def _model(name: Any, block: Any) -> dict[str, Any]:
    """The checked block of one model."""
    reports = ("train", "evaluate")  # folders beside the models' own
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in reports:
        must = f"lower-case letters, digits and _, a letter first, and none of {', '.join(reports)}"
        raise UserError(f"params.yaml: models: a model's name must be {must}. Got {name!r}.")
    from src.classifiers import ARCHITECTURES

    key, schema, possible = f"models.{name}", keywords("train") | MODEL, ARCHITECTURES
    if isinstance(block, dict) and "architecture" in block:
        possible = [block["architecture"]]
        _check_known(f"params.yaml: {key}.architecture:", block["architecture"], ARCHITECTURES)
    for architecture in possible:  # all where none is given: then only that is missing, and no key of its body unknown
        schema |= keywords(f"classifiers.{architecture}", "body")
    return _fit(key, schema, block)


def _check_known(what: str, value: Any, known: Collection[str]) -> None:
    """Raises UserError unless the value is one of the known ones."""
    if value not in known:
        raise UserError(f"{what} must be one of {', '.join(known)}. Got {value!r}.")


def _fit(key: str, schema: dict[str, Any], block: Any) -> dict[str, Any]:
    """The block's values in the schema's types. Raises UserError with the key, what must be and what came."""
    fields: Any = {name: (kind, ...) for name, kind in schema.items()}
    model = pydantic.create_model("Block", __config__=pydantic.ConfigDict(extra="forbid", strict=True), **fields)
    try:
        return dict(model.model_validate(block))
    except pydantic.ValidationError as error:
        unknown = {"extra_forbidden", "invalid_key"}  # before what is missing: a misspelt key is both
        first = min(error.errors(), key=lambda found: found["type"] not in unknown)
        where = ".".join(str(part) for part in (key, *first["loc"]) if part != "") or "params.yaml"
        if first["type"] in unknown:
            what = f"unknown key. Known here: {', '.join(schema)}."
        elif first["type"] == "missing":
            what = "must be given. Got nothing."
        else:
            allowed = model.model_json_schema()
            for part in first["loc"]:
                allowed = allowed["items"] if isinstance(part, int) else allowed["properties"][part]
            what = f"must be {_in_words(allowed)}. Got {first['input']!r}."
        raise UserError(f"params.yaml: {where}: {what}") from None


def _in_words(allowed: dict[str, Any]) -> str:
    """What a JSON schema allows, such as `an integer in [1, inf) or null`."""
    if "anyOf" in allowed:
        return " or ".join(map(_in_words, allowed["anyOf"]))
    if "enum" in allowed:
        return f"one of {', '.join(allowed['enum'])}"
    if allowed["type"] not in ("integer", "number"):
        return {"string": "a string", "array": "a list", "object": "keys with values", "null": "null"}[allowed["type"]]
    kind = "an integer" if allowed["type"] == "integer" else "a number"
    low = f"[{allowed['minimum']}" if "minimum" in allowed else f"({allowed.get('exclusiveMinimum', '-inf')}"
    high = f"{allowed['maximum']}]" if "maximum" in allowed else f"{allowed.get('exclusiveMaximum', 'inf')})"
    return f"{kind} in {low}, {high}"


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """A path to write to; the file takes the place of `path` when the block ends well and is gone otherwise."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".unfinished.{path.name}")  # the suffix stays: NumPy and Keras look at it
    try:
        yield unfinished
        unfinished.replace(path)
        _written.append(path.absolute())
    finally:
        unfinished.unlink(missing_ok=True)


def write_json(path: str | Path, content: Any) -> None:
    """Write a metrics file: JSON, two spaces, keys in the given order."""
    with writing(path) as file:
        file.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of the same keys, at least one, as CSV with a header line."""
    with writing(path) as file, file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
