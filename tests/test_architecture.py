"""The rules of the layout, read from the imports; and dvc.yaml against them, for DVC does not follow imports."""

import ast
import graphlib
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from src.params import STAGES, TOP

ROOT = Path(__file__).parents[1]
PACKAGES = [
    *("pipeline", "images", "classifiers", "training", "clustering", "comparison", "decoding", "inference", "serving"),
    *("reporting", "sweeping", "health", "scheduling"),
]
LIGHT = {"numpy", "pydantic", "rich", "ruamel", "typing_extensions", "yaml"}  # loaded in a fraction of a second
ALONE = {
    "mlflow": r"src/pipeline/(store|sender|delivery|logged_model)\.py|src/serving/(app|folder|registry|served_\w+)\.py",
    "ray": r"src/scheduling/cluster\.py|src/sweeping/(cluster|search|worker)\.py",
    "matplotlib": r"src/pipeline/figure\.py|src/\w+/(\w+_)?charts\.py",
    "tensorflow": r"src/training/\w+\.py",
}
ON_ITS_OWN = "src/serving/served_model.py"  # MLflow runs it, without the rest of src: it imports MLflow at the top
NO_RESULT = {  # shapes none: how a stage runs, what a value may be, how a run is logged
    *(
        f"src/pipeline/{name}.py"
        for name in ("runner", "tracking", "spool", "locks", "store", "origin", "progress", "schema", "yaml_files")
    ),
    *("src/params.py", "src/__main__.py"),
}
SHARED = {  # by all architectures
    "src/classifiers/__init__.py",
    *(f"src/pipeline/{name}.py" for name in ("files", "untrusted")),
}
GRAPH = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
YAML_READER = "`src/pipeline/yaml_files.py`"
DEFINED: dict[str, Any] = {name: stage.get("do", stage) for name, stage in GRAPH["stages"].items()}
FILES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.py"))


def tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def statements(node: ast.AST, *, in_function: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """The imports below a node and whether each stands in a function; without those that only type checkers follow."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, in_function
        inside = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from statements(child, in_function=inside)


@cache
def imported(file: str) -> frozenset[tuple[str, bool]]:
    """The modules that a file imports, and whether in a function: `src.images.splits`, `numpy`, ..."""
    modules = set()
    for node, in_function in statements(tree(file)):
        if isinstance(node, ast.Import):
            modules |= {(alias.name, in_function) for alias in node.names}
        else:
            assert node.level == 0, f"{file}: imports by the whole name"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                modules.add((name if path_of(name) else str(node.module), in_function))
    return frozenset(modules)


def path_of(module: str) -> str | None:
    """The file of a module of src, which may be a package."""
    place = module.replace(".", "/")
    return next((file for file in (f"{place}.py", f"{place}/__init__.py") if (ROOT / file).is_file()), None)


@cache
def neighbours(file: str) -> frozenset[str]:
    """The files of src that a file imports itself."""
    paths = {path_of(module) for module, _ in imported(file)}
    return frozenset(path for path in paths if path and path.startswith("src/"))


def reached(file: str) -> set[str]:
    """The files of src that a file imports, itself and through others."""
    files: set[str] = set()
    waiting = [file]
    while waiting:
        new = neighbours(waiting.pop()) - files
        files |= new
        waiting += new
    return files


def package(file: str) -> str | None:
    """The package that a file is in; None on the top floor."""
    parts = Path(file).parts
    return parts[1] if len(parts) > 2 else None


def has_code(file: str) -> bool:
    """Whether there is more than a docstring."""
    return any(not isinstance(node, ast.Expr) for node in tree(file).body)


# The imports


def test_the_imports_are_found() -> None:
    assert "src/images/splits.py" in neighbours("src/train.py")
    assert "src/pipeline/files.py" in reached("src/evaluate.py")
    assert ("keras", True) in imported("src/training/recipe.py")
    assert ("keras", False) not in imported("src/training/recipe.py")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_packages_and_never_a_stage(stage: str) -> None:
    assert [file for file in neighbours(f"src/{stage}.py") if package(file) is None] == []


@pytest.mark.parametrize("name", [name for name in PACKAGES if (ROOT / "src" / name).is_dir()])
def test_a_package_imports_itself_and_packages_to_its_left(name: str) -> None:
    allowed = PACKAGES[: PACKAGES.index(name) + 1]
    wrong = {
        f"{file} imports {other}"
        for file in FILES
        if package(file) == name
        for other in neighbours(file)
        if package(other) not in allowed
    }
    assert wrong == set()


def test_every_package_has_its_place_in_the_order() -> None:
    assert {package(file) for file in FILES} - {None, "commands"} <= set(PACKAGES)


def test_params_are_known_to_the_command_line_alone() -> None:
    users = {file for file in FILES if "src/params.py" in neighbours(file)}
    assert {file for file in users if package(file) != "commands"} == {"src/__main__.py"}


def test_no_imports_run_in_a_circle() -> None:
    modules = {file: {other for other in neighbours(file) if other != file} for file in FILES}
    list(graphlib.TopologicalSorter(modules).static_order())


@pytest.mark.parametrize("file", FILES)
def test_heavy_libraries_are_imported_in_functions_and_all_else_at_the_top(file: str) -> None:
    wrong = set()
    for module, in_function in imported(file):
        library = module.split(".")[0]
        own = library == "src" or library in sys.stdlib_module_names
        light = LIGHT | ({"mlflow"} if file == ON_ITS_OWN else set())
        if (own and in_function) or not (own or library in light or in_function):
            wrong.add((file, module))
    assert wrong == set()


@pytest.mark.parametrize(("library", "place"), ALONE.items())
def test_a_library_is_imported_in_its_place_alone(library: str, place: str) -> None:
    users = {file for file in FILES for module, _ in imported(file) if module.split(".")[0] == library}
    assert users
    assert {file for file in users if not re.fullmatch(place, file)} == set()


RUNS_CODE = {"dill", "joblib", "marshal", "pickle", "cloudpickle", "shelve", "eval", "exec", "os.system", "os.popen"}


def runs_what_it_reads(node: ast.AST) -> bool:
    """Whether a piece of code could run what a file or a command line says."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        module = getattr(node, "module", None)
        return bool({module, *(alias.name for alias in node.names)} & RUNS_CODE)
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func)
    given = {(keyword.arg, ast.unparse(keyword.value)) for keyword in node.keywords}
    unsafe = {("allow_pickle", "True"), ("safe_mode", "False"), ("shell", "True")} & given
    pickles = name in ("np.load", "numpy.load") and ("allow_pickle", "False") not in given
    return bool(unsafe) or pickles or name in RUNS_CODE or name in ("yaml.load", "yaml.unsafe_load")


@pytest.mark.parametrize(
    "code",
    [
        *("import pickle", "from marshal import loads", "eval(x)", "os.system(x)", "yaml.load(x)", "np.load(x)"),
        *("run(x, shell=True)", "np.load(x, allow_pickle=True)", "load_model(x, safe_mode=False)"),
    ],
)
def test_code_that_runs_what_it_reads_is_recognised(code: str) -> None:
    assert any(map(runs_what_it_reads, ast.walk(ast.parse(code))))


@pytest.mark.parametrize("file", FILES)
def test_nothing_runs_what_it_reads(file: str) -> None:
    assert [ast.unparse(node) for node in ast.walk(tree(file)) if runs_what_it_reads(node)] == []


def test_arrays_are_opened_where_the_architecture_says() -> None:
    readers = {"np.load", "np.fromfile", "np.memmap", "np.lib.format.open_memmap"}
    opening = {file for file in FILES if calls(file) & readers}
    rule = re.search(r"^- What may come from elsewhere.*?\n(?=- )", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    assert rule
    assert {f"`{file}`" for file in opening} == set(re.findall(r"`src/[\w/]+\.py`", rule[0])) - {YAML_READER}


def has_functions(file: str) -> bool:
    """Whether there is more than types and values."""
    return any(isinstance(node, ast.FunctionDef) for node in ast.walk(tree(file)))


@pytest.mark.parametrize("file", [file for file in FILES if has_functions(file)])
def test_every_file_with_functions_has_its_tests(file: str) -> None:
    path = Path(file).relative_to("src")
    if package(file) == "classifiers":
        path = Path("classifiers/build.py")  # the files of architectures are tested alike
    name = "charts" if path.stem.endswith("_charts") else path.stem.strip("_")
    assert (ROOT / "tests" / path.parent / f"test_{name}.py").is_file()


# dvc.yaml


def declared(stage: str) -> set[str]:
    """The files and folders of src that a stage depends on."""
    return {dep for dep in DEFINED[stage]["deps"] if dep.startswith("src/") and "${" not in dep}


def covers(dep: str, file: str) -> bool:
    return Path(file).is_relative_to(dep)


def needed(stage: str) -> set[str]:
    """The files of src that shape a stage's results."""
    files = {f"src/{stage}.py"} | reached(f"src/{stage}.py")
    if "src/serving/folder.py" in files:
        files.add(ON_ITS_OWN)  # it is copied, not imported
    return {file for file in files - NO_RESULT if not file.endswith("__init__.py") or has_code(file)}


def test_the_stages_are_those_of_dvc_yaml() -> None:
    assert list(DEFINED) == list(STAGES)
    for name, stage in DEFINED.items():
        assert stage["cmd"].removesuffix(" ${key}") == f"python -m src {name}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_all_code_that_shapes_its_results(stage: str) -> None:
    missing = {file for file in needed(stage) if not any(covers(dep, file) for dep in declared(stage))}
    assert missing == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_no_other_code(stage: str) -> None:
    superfluous = {dep for dep in declared(stage) if not any(covers(dep, file) for file in needed(stage))}
    assert superfluous == set()
    assert {dep for dep in declared(stage) if dep in NO_RESULT or not (ROOT / dep).exists()} == set()


def test_a_training_depends_on_its_architecture_alone() -> None:
    assert "src/classifiers/${item.architecture}.py" in DEFINED["train"]["deps"]
    assert not any(covers("src/classifiers", dep) for dep in declared("train") - {"src/classifiers/__init__.py"})
    for file in FILES:
        if package(file) == "classifiers" and not file.endswith("__init__.py"):
            assert reached(file) - NO_RESULT <= SHARED


def test_every_block_of_params_is_some_stages_and_every_stages_params_exist(params: dict[str, Any]) -> None:
    used = {key.split(".")[0] for stage in DEFINED.values() for key in stage.get("params", [])}
    of_commands = {"sweep", "infer"}  # no change of these makes a stage run again, but for the page
    assert used == set(params) - of_commands
    assert set(params) - set(TOP) - {"models"} - of_commands <= set(STAGES)


def outputs(stage: str) -> set[str]:
    """The files and folders that a stage writes."""
    listed = [entry for kind in ("outs", "metrics", "plots") for entry in DEFINED[stage].get(kind, [])]
    return {entry if isinstance(entry, str) else next(iter(entry)) for entry in listed}


def overlap(one: str, other: str) -> bool:
    """Whether two paths are the same or one lies in the other, whatever stands for `${...}`."""
    one, other = (re.sub(r"\$\{[^}]*\}", "x", path) for path in (one, other))
    return covers(one, other) or covers(other, one)


def before(stage: str) -> set[str]:
    """The stages whose outputs a stage depends on, and those that these depend on."""
    deps = DEFINED[stage]["deps"]
    direct = {other for other in DEFINED if any(overlap(out, dep) for out in outputs(other) for dep in deps)}
    return direct | {earlier for other in direct for earlier in before(other)}


def test_a_training_depends_on_no_test_set_and_on_no_stage_that_reads_it() -> None:
    assert not {"data/test.npz", "data/garments.npz", "data/raw"} & set(DEFINED["train"]["deps"])
    assert before("train") == {"fetch", "prepare"}
    assert before("cluster") >= {"fetch", "prepare", "train", "embed"}  # so that the line above could fail


def calls(file: str) -> set[str]:
    """What a file calls, as it is written: `splits.read`, ..."""
    return {ast.unparse(node.func) for node in ast.walk(tree(file)) if isinstance(node, ast.Call)}


def test_a_training_reads_the_splits_that_it_names() -> None:
    reads = [node for node in ast.walk(tree("src/train.py")) if isinstance(node, ast.Call)]
    splits = {ast.unparse(node.args[0]) for node in reads if ast.unparse(node.func).split(".")[-1] == "read"}
    assert splits == {"'train'", "'val'"}


def test_only_stages_that_check_read_the_garments() -> None:
    checking = {"slices", "cluster", "stability", "decode", "report"}
    assert {name for name, stage in DEFINED.items() if "data/garments.npz" in stage["deps"]} == checking
    for stage in set(STAGES) - checking - {"prepare"}:
        files = {f"src/{stage}.py"} | reached(f"src/{stage}.py") - {"src/images/splits.py"}
        assert not any(call.split(".")[-1] in ("garments", "garment_names") for file in files for call in calls(file))


# Locks


@pytest.mark.parametrize("lock", sorted(path.name for path in ROOT.glob("requirements*.txt")))
def test_locks_have_hashes_and_no_index_addresses(lock: str) -> None:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    packages = [number for number, line in enumerate(lines) if "==" in line]
    assert packages
    assert all("--hash=sha256:" in lines[number + 1] for number in packages)
    assert not any("://" in line or line.startswith(("-i", "--index", "--extra", "--find")) for line in lines)
