"""dvc.yaml, params.yaml and the source agree: DVC itself does not follow imports."""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from src import report, stage

ROOT = Path(__file__).parents[1]
GRAPH = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = {name: definition.get("do", definition) for name, definition in GRAPH["stages"].items()}


def imported(file: Path) -> set[Path]:
    """The files of src that a file imports, at its top, in its functions and through others; tracking and types apart.

    src/stage.py imports the others for no more than the signatures that params.yaml is checked against.
    """
    if file.name == "stage.py":
        return set()
    found: set[Path] = set()
    tree = ast.parse(file.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or id(node) in typing_only or not (node.module or "").startswith("src"):
            continue
        place = ROOT / (node.module or "").replace(".", "/")
        for candidate in [place, *(place / alias.name for alias in node.names)]:
            for path in (candidate.with_suffix(".py"), candidate / "__init__.py"):
                if path.exists() and path != ROOT / "src/__init__.py" and path.stem != "tracking":
                    found |= {path}
    return found | {deeper for path in found for deeper in imported(path)}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_itself_and_on_what_it_imports_and_on_no_other_code(name: str) -> None:
    own = ROOT / f"src/{name}.py"
    needed = {str(path.relative_to(ROOT)) for path in {own} | imported(own)}
    declared = {dep for dep in STAGES[name]["deps"] if dep.endswith(".py") and "${" not in dep}
    assert declared == needed


def test_the_guard_follows_imports_in_functions_and_of_imports() -> None:
    names = {path.stem for path in imported(ROOT / "src/cluster.py")}
    assert names == {"dbscan", "plots", "splits", "stage"}
    names = {path.stem for path in imported(ROOT / "src/assignment.py")}
    assert names == {"counting", "data", "download", "plots", "prepare", "stage"}
    assert "__init__" in {path.stem for path in imported(ROOT / "src/train.py")}


def test_an_architecture_needs_only_its_own_file_and_the_shared_one() -> None:
    for path in (ROOT / "src/classifiers").glob("[a-z]*.py"):
        assert {other.name for other in imported(path)} <= {"__init__.py", "stage.py"}
    assert "src/classifiers/${item.architecture}.py" in STAGES["train"]["deps"]


def test_the_report_depends_on_all_that_its_page_is_made_of() -> None:
    deps = set(STAGES["report"]["deps"])
    assert {f"src/{path.name}" for path in (ROOT / "src").glob("report.*")} <= deps
    assert {f"metrics/{name}.json" for name in report.FOUND} | {f"metrics/{name}.csv" for name in report.LISTS} == {
        dep for dep in deps if dep.startswith("metrics/")
    }


def test_every_stage_runs_its_namesake() -> None:
    for name, definition in STAGES.items():
        assert definition["cmd"].removesuffix(" ${key}") == f"python -m src.{name}"


def test_every_params_block_is_some_stages_and_every_stages_params_exist(params: dict[str, Any]) -> None:
    used = {key.split(".")[0] for definition in STAGES.values() for key in definition["params"]}
    assert used == set(params)


def test_every_block_belongs_to_the_file_of_its_name(params: dict[str, Any]) -> None:
    for name in set(params) - set(stage.TOP) - {"models"}:
        assert set(stage.keywords(name)) == set(params[name])


def outputs(name: str) -> set[str]:
    """The files and folders that a stage leaves."""
    listed = [entry for kind in ("outs", "metrics", "plots") for entry in STAGES[name].get(kind, [])]
    return {entry if isinstance(entry, str) else next(iter(entry)) for entry in listed}


def before(name: str) -> set[str]:
    """The stages whose outputs a stage depends on, and those that these depend on."""
    direct = {other for other in STAGES if outputs(other) & set(STAGES[name]["deps"])}
    return direct | {earlier for other in direct for earlier in before(other)}


def test_the_test_set_is_read_by_evaluate_and_after_never_by_train() -> None:
    readers = {name for name, definition in STAGES.items() if "data/test.npz" in definition["deps"]}
    assert readers == {"evaluate", "compare", "audit", "embed", "cluster", "stability", "decode", "report"}
    assert before("train") == {"fetch", "prepare"}
    assert before("cluster") == {"fetch", "prepare", "embed"}  # so that the line above could fail
    assert "test" not in (ROOT / "src/train.py").read_text().replace("never the test set", "")
    assert ROOT / "src/splits.py" not in imported(ROOT / "src/train.py")


def test_nothing_that_learns_or_is_measured_reads_the_garments() -> None:
    readers = {name for name, definition in STAGES.items() if "data/garments.npz" in definition["deps"]}
    assert readers == {"cluster", "stability", "decode", "report"}
    assert "garments" not in (ROOT / "src/embed.py").read_text()  # src/splits.py, which it imports, could read them


@pytest.mark.parametrize(
    ("module", "only"), {"mlflow": "tracking", "matplotlib": "plots", "tensorflow": "backend"}.items()
)
def test_one_file_alone_imports(module: str, only: str) -> None:
    users = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            users |= {path.stem for name in names if name.split(".")[0] == module}
    assert users == {only}


def test_every_file_of_the_source_has_its_test() -> None:
    sources = {path.stem for path in (ROOT / "src").glob("[a-z]*.py")} | {"classifiers"}
    assert {f"test_{name}" for name in sources} <= {path.stem for path in (ROOT / "tests").glob("test_*.py")}


def test_locks_have_hashes_and_no_index_addresses() -> None:
    for lock in ROOT.glob("requirements*.txt"):
        lines = lock.read_text().splitlines()
        packages = [number for number, line in enumerate(lines) if "==" in line]
        assert packages
        assert all("--hash=sha256:" in lines[number + 1] for number in packages)
        assert not any("://" in line or line.startswith(("-i", "--index", "--extra", "--find")) for line in lines)
