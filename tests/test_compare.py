import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from src.compare import compare, main, summary
from src.comparison.pairs import Pair
from src.comparison.published import Published
from src.comparison.runs import Run
from src.pipeline.files import read_csv, read_json, write_json
from tests.comparison.example import CLASSES, RECIPE, example_run, write_files, write_prepared

ROOT = Path(__file__).parents[1]
RULE: Any = {"confidence": 0.95, "min_seeds": 5, "n_bins": 10, "margin": 0.005, "n_mistakes": 3}
NAMES = [f"label {number}" for number in range(CLASSES)], [f"test {row}" for row in range(400)]
COUNTS = {f"label {number}": 400 // CLASSES for number in range(CLASSES)}
NOTE = "No published numbers beside models of another recipe: five has epochs 2, in the notebook 50."
PUBLISHED: Published = {
    "test_label_counts": COUNTS,
    "models": {
        "one": {"recipe": RECIPE | {"epochs": 2}, "test_accuracy": 0.9396},
        "five": {"recipe": RECIPE | {"epochs": 50}, "test_accuracy": 0.9},
    },
    "claims": {
        name: {
            "statement": "It is larger",
            "scope": "at epoch {epochs}",
            "measure": "n_params",
            "models": models,
            "kind": "above",
            "may_differ": [],
        }
        for name, models in (("checked", ["one", "twin"]), ("other epochs", ["five", "one"]), ("gone", ["one", "two"]))
    },
}


def errors(test: int) -> dict[str, int]:
    return {"train": 10, "val": test // 2, "test": test}


RUNS: dict[str, list[Run]] = {
    "one": [example_run("one", errors=errors(20), n_params=2000)],
    "five": [example_run("five", seed, errors=errors(100 + seed), train_seconds=20.0) for seed in range(27, 32)],
    "twin": [example_run("twin", seed, errors=errors(22), train_seconds=30.0) for seed in range(27, 32)],
}
FILES = """abstention.csv calibration.csv claims.json confusion.csv confusion.svg learning_curves.csv
learning_curves.svg mistakes.csv models.csv models.md pairs.csv pareto.svg per_class.csv
reliability.svg replication.csv replication.svg runs.csv"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The files that the stage reads, in the current folder; its params."""
    monkeypatch.chdir(tmp_path)
    write_files(RUNS)
    write_prepared("Fashion-MNIST", COUNTS)
    write_json("data/published.json", PUBLISHED)
    return {"models": dict.fromkeys(RUNS, {}), "fetch": {"limit": None}, "compare": RULE}


def test_models_are_tied_by_images_or_seeds() -> None:
    found = compare(RUNS, PUBLISHED, None, *NAMES, **RULE)
    assert {row["model"]: row["tied_with"] for row in found.rows} == {"one": "twin", "five": "", "twin": "one"}
    assert [(row["model_a"], row["model_b"], row["n_seeds"]) for row in found.pairs] == [
        ("one", "five", 1),
        ("one", "twin", 1),
        ("five", "twin", 5),
    ]
    assert [row["model"] for row in found.mistakes] == ["one"] * 3 + ["five"] * 3 + ["twin"] * 3


def test_published_numbers_stand_beside_models_of_the_same_recipe() -> None:
    found = compare(RUNS, PUBLISHED, None, *NAMES, **RULE)
    published = {row["model"]: (row["published_test_accuracy"], row["diff_vs_published"]) for row in found.rows}
    assert published == {"one": (0.9396, 0.0104), "five": (None, None), "twin": (None, None)}
    assert found.notes == [NOTE]
    assert [(claim["name"], claim["verdict"]) for claim in found.claims] == [
        ("checked", "confirmed"),
        ("other epochs", "not comparable"),
    ]


def test_nothing_published_stands_beside_other_data() -> None:
    found = compare(RUNS, PUBLISHED, "Other data.", *NAMES, **RULE)
    assert {row["published_test_accuracy"] for row in found.rows} == {None}
    assert (found.claims, found.notes) == ([], ["Other data."])


def test_the_metric_is_small_and_names_the_best_model_by_validation() -> None:
    assert summary(compare(RUNS, PUBLISHED, None, *NAMES, **RULE).rows) == {
        "best_model": "one",
        "best_test_accuracy": 0.95,
        "val_accuracy": {"one": 0.95, "five": 0.679, "twin": 0.945},
    }


def test_the_stage_writes_what_dvc_yaml_declares(workspace: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    main(workspace)
    assert sorted(path.name for path in Path("metrics/compare").iterdir()) == FILES.split()
    declared = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert all(f"metrics/compare/{name}" in declared for name in FILES.split())
    models = read_csv("metrics/compare/models.csv")
    assert [(row["model"], row["tied_with"], row["test_std"]) for row in models[:1]] == [("one", "twin", "")]
    mistake = read_csv("metrics/compare/mistakes.csv")[0]
    assert (mistake["image"], mistake["label"][:5]) == (f"test {mistake['test_index']}", "label")
    claims = read_json("metrics/compare/claims.json")
    assert (claims["notes"], len(claims["claims"])) == ([NOTE], 2)
    assert NOTE in Path("metrics/compare/models.md").read_text(encoding="utf-8")
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "compare: Best by validation accuracy: one; tied with twin.",
        "compare: claims about two are left out: params.yaml has no such model.",
    ]


def test_limited_data_has_no_published_numbers(workspace: dict[str, Any]) -> None:
    main(workspace | {"fetch": {"limit": 400}})
    assert {row["published_test_accuracy"] for row in read_csv("metrics/compare/models.csv")} == {""}
    assert read_json("metrics/compare/claims.json")["claims"] == []


def test_a_single_model_has_no_pair(workspace: dict[str, Any]) -> None:
    main(workspace | {"models": {"one": {}}})
    assert Path("metrics/compare/pairs.csv").read_text(encoding="utf-8") == ",".join(Pair.__annotations__) + "\n"


def test_a_perfect_model_makes_no_mistakes(workspace: dict[str, Any]) -> None:
    write_files({"one": [example_run("one", errors={"train": 0, "val": 0, "test": 0})]})
    main(workspace | {"models": {"one": {}}})
    assert read_csv("metrics/compare/mistakes.csv") == []


def test_comparing_loads_no_deep_learning_library(workspace: dict[str, Any]) -> None:
    code = f"import sys; from src.compare import main; main({workspace!r}); "
    code += "print(sorted({'keras', 'tensorflow', 'mlflow'} & set(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", code]
    environment = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert (done.stdout.splitlines()[-1:], done.returncode) == (["[]"], 0), done.stderr
