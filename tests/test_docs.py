"""What README and docs say is so: links, commands, params, numbers."""

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import yaml
from dvc.repo import Repo
from ruamel.yaml import YAML

from src.params import STAGES, check

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
SHELL = [
    line.split("   #")[0].strip()
    for text in TEXTS.values()
    for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    for line in block.splitlines()
]


def test_the_readme_is_short() -> None:
    assert len(TEXTS[ROOT / "README.md"].splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_picture_is_there(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXTS[page]) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_source_file_that_is_named_is_there(page: Path) -> None:
    names = re.findall(r"`((?:src|benchmarks|tests|docs)/[\w/.]+)`", TEXTS[page])
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_every_page_of_docs_is_linked_from_the_readme() -> None:
    assert {f"docs/{page.name}" for page in PAGES[1:]} <= set(re.findall(r"\((docs/[^)#]+)\)", TEXTS[PAGES[0]]))


def test_every_stage_is_in_the_readmes_table_and_graph() -> None:
    text = TEXTS[ROOT / "README.md"]
    graph = re.search(r"```mermaid\n(.*?)```", text, flags=re.DOTALL)
    graph_text = graph[1] if graph else ""
    for stage in STAGES:
        assert re.search(rf"^\|.*`{stage}(@MODEL)?`", text, flags=re.MULTILINE), stage
        assert stage in graph_text


def test_the_readmes_picture_of_the_source_names_every_package() -> None:
    packages = {path.parent.name for path in (ROOT / "src").glob("*/__init__.py")}
    assert {name for name in packages if f"── {name}/" in TEXTS[ROOT / "README.md"]} == packages


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {command.split()[1] for command in SHELL if command.startswith("make ")}
    assert {"demo", "repro", "ui", "test"} <= targets
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, flags=re.MULTILINE)] == []


def overrides() -> list[tuple[str, Any]]:
    """Key and value of every `-S key=value` in a command."""
    found = re.findall(r"-S '?([\w.]+)=([^\s'`]+)", "\n".join([*SHELL, *TEXTS.values()]))
    return [(key, YAML(typ="safe").load(value.split(",")[0])) for key, value in found]


def test_every_override_in_a_command_is_accepted(params: dict[str, Any]) -> None:
    assert len(overrides()) >= 10
    for key, value in overrides():
        block = params
        *blocks, name = key.split(".")
        for part in blocks:
            block = block[part]
        assert name in block, key
        before, block[name] = block[name], value
        check(params)
        block[name] = before


def test_docker_commands_name_targets_of_the_dockerfile() -> None:
    targets = re.findall(r"--target (\w+)", "\n".join(SHELL))
    assert targets
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert all(f" AS {target}\n" in dockerfile for target in targets)


def test_the_example_of_a_block_is_accepted(params: dict[str, Any]) -> None:
    block = re.search(r"```yaml\n(.*?)```", TEXTS[ROOT / "docs/models.md"], flags=re.DOTALL)
    assert block
    params["models"] |= yaml.safe_load(block[1])["models"]
    assert "tiny" in check(params)["models"]


def test_the_example_of_an_architecture_works() -> None:
    code = re.search(r"```python\n(.*?)```", TEXTS[ROOT / "docs/models.md"], flags=re.DOTALL)
    assert code
    names: dict[str, Any] = {}
    exec(code[1], names)
    images = keras.Input((28, 28, 1))
    model = keras.Model(images, names["body"](images, activation="relu"))
    assert np.asarray(model(np.zeros((2, 28, 28, 1), np.float32))).shape == (2, 64)
    assert model.layers[-1].name == "embedding"


def test_the_readmes_table_is_the_committed_one_in_at_most_six_columns() -> None:
    text = (ROOT / "metrics/compare/models.md").read_text(encoding="utf-8")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert "\n".join(table) in TEXTS[ROOT / "README.md"]
    assert {row.count("|") for row in table} == {7}


def test_the_committed_results_are_those_that_dvc_recorded_for_the_committed_params() -> None:
    with Repo(ROOT) as repo:
        entries = [(stage.addressing, entry) for stage in repo.index.stages for entry in (*stage.deps, *stage.outs)]
        judged = [(name, entry) for name, entry in entries if str(entry).startswith(("params.yaml", "metrics/"))]
        assert len(judged) >= 2 * len(STAGES)
        assert [(name, status) for name, entry in judged if (status := entry.status())] == []
