import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.compare import compare, join, learning_curves, main, replicas, surest_mistakes
from src.evaluate import scores

ROOT = Path(__file__).parents[1]
PUBLISHED = json.loads((ROOT / "data/published.json").read_text())
BLOCK = {"optimizer": "sgd", "activation": "relu"}
RULE: Any = {"confidence": 0.95, "min_seeds": 5, "bins": 10, "margin": 0.005, "mistakes": 3}
Y = np.arange(400) % 5
IMAGES = {"train": 480, "val": 120, "test": 400}


def predicted(errors: int, seed: int) -> np.ndarray:
    """(n, 5) float32 probabilities that are wrong on so many images of Y, chosen by the seed."""
    rng = np.random.default_rng(seed)
    answers = Y.copy()
    answers[rng.choice(len(Y), errors, replace=False)] += 1
    return np.float32(0.9) * np.eye(5, dtype=np.float32)[answers % 5] + np.float32(0.02)


def reports(
    probabilities: np.ndarray, val_accuracy: float, seconds: float
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """A model's reports of train and evaluate and its history, as those stages write them."""
    about = {"epochs": 2, "parameters": 10, "loss": "categorical_crossentropy", "device": "CPU", "software": {}}
    seeds = range(27, 27 + len(probabilities))
    trainings = [{"seed": seed, "run_id": "r", "train_seconds": seconds} for seed in seeds]
    evaluations = [
        {
            "seed": seed,
            "train_accuracy": 0.99,
            "val_accuracy": val_accuracy,
            "test_accuracy": float((each.argmax(axis=1) == Y).mean()),
            "test_seconds": 0.5,
        }
        | scores(each, Y, list("01234"))
        for seed, each in zip(seeds, probabilities, strict=True)
    ]
    lines = [f"{seed},{epoch},0.5,0.8,{0.1 * epoch},0.7" for seed in seeds for epoch in (1, 2)]
    history = "\n".join(["seed,epoch,loss,accuracy,val_loss,val_accuracy", *lines, ""])
    return about | {"replicas": trainings}, {"device": "CPU", "replicas": evaluations}, history


PROBABILITIES = {
    "cm1": predicted(20, 0)[None],
    "cnn2": np.stack([predicted(100 + seed, seed) for seed in range(5)]),
    "mine": np.stack([predicted(22, seed) for seed in range(1, 6)]),
}
REPORTS = {
    name: reports(PROBABILITIES[name], val_accuracy, seconds)
    for name, val_accuracy, seconds in (("cm1", 0.93, 60.0), ("cnn2", 0.75, 20.0), ("mine", 0.94, 30.0))
}
RUNS = {name: join(*of) for name, of in REPORTS.items()}


def compared(published: dict[str, Any], models: tuple[str, ...] = ("cm1", "cnn2", "mine")) -> Any:
    blocks = dict.fromkeys(models, BLOCK)
    return compare(blocks, RUNS, published, PROBABILITIES, Y, IMAGES, **RULE)


def test_reports_and_history_are_joined_by_seed() -> None:
    trained, evaluated, history = REPORTS["mine"]
    trained = trained | {"replicas": [each | {"train_seconds": each["seed"]} for each in trained["replicas"]]}
    runs = join(trained, evaluated, history.replace("28,2,0.5,0.8,0.2,", "28,2,0.5,0.8,0.05,"))
    assert [run["train_seconds"] for run in runs] == [27, 28, 29, 30, 31]
    assert [run["history"]["val_loss"] for run in runs[:2]] == [[0.1, 0.2], [0.1, 0.05]]
    assert runs[1]["test_accuracy"] == 1 - 22 / 400


def test_models_that_the_images_do_not_tell_apart_are_named() -> None:
    found = compared({})
    told = {name: row["not_told_apart"] for name, row in found["table"].items()}
    assert told == {"cm1": "mine", "cnn2": "", "mine": "cm1"}
    assert [(row["model"], row["other"], row["seeds"]) for row in found["pairs"]] == [
        ("cm1", "cnn2", 1),
        ("cm1", "mine", 1),
        ("cnn2", "mine", 5),
    ]


def test_the_front_is_by_validation_accuracy() -> None:
    assert {name: row["front_train_seconds"] for name, row in compared({})["table"].items()} == {
        "cm1": False,
        "cnn2": True,
        "mine": True,
    }


def test_calibration_is_of_the_first_run() -> None:
    found = compared({})
    (line,) = found["diagrams"]["cm1"]
    assert (line["images"], line["accuracy"], line["confidence"]) == (400, 0.95, pytest.approx(0.92, abs=1e-6))
    assert found["table"]["cm1"]["ece"] == pytest.approx(0.03, abs=1e-6)


def test_claims_are_checked_where_there_is_something_published() -> None:
    assert compared({})["claims"] == {}
    claims = compared(PUBLISHED["models"])["claims"]
    assert claims["simple_over_fits"]["verdict"] == "confirmed"  # 0.2 after 0.1 in all five
    assert claims["cm1_over_fits"]["verdict"] == "undecided"  # one run
    assert "adam_faster" not in claims


def test_reports_of_models_that_are_gone_are_left_out() -> None:
    found = compared({}, models=("mine",))
    assert (list(found["table"]), found["pairs"], list(found["diagrams"])) == (["mine"], [], ["mine"])


def test_the_surest_mistakes_come_first_and_right_answers_never() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.05, 0.95], [0.4, 0.6]])
    rows = surest_mistakes("a", probabilities, np.array([0, 0, 1, 0, 0]), 3)
    assert rows == [
        {"model": "a", "row": 3, "label": 0, "predicted": 1, "confidence": 0.95},
        {"model": "a", "row": 1, "label": 0, "predicted": 1, "confidence": 0.8},
        {"model": "a", "row": 2, "label": 1, "predicted": 0, "confidence": 0.7},
    ]


def test_mistakes_are_listed_of_each_model() -> None:
    rows = compared({})["mistakes"]
    assert [row["model"] for row in rows] == ["cm1"] * 3 + ["cnn2"] * 3 + ["mine"] * 3
    assert all(row["label"] == Y[row["row"]] != row["predicted"] for row in rows)


def test_each_value_over_the_replicas_is_kept() -> None:
    rows = replicas(RUNS)
    assert [(row["model"], row["seed"]) for row in rows] == [
        (name, seed) for name, count in (("cm1", 1), ("cnn2", 5), ("mine", 5)) for seed in range(27, 27 + count)
    ]
    assert [row["test_accuracy"] for row in rows[1:6]] == [(400 - errors) / 400 for errors in range(100, 105)]


def test_learning_curves_have_a_row_per_model_epoch_and_split() -> None:
    history = "seed,epoch,loss,accuracy,val_loss,val_accuracy\n27,1,0.5,0.8,0.6,0.7\n"
    assert learning_curves({"cm1": history}) == [
        {"model": "cm1", "seed": "27", "epoch": "1", "split": "training", "loss": "0.5", "accuracy": "0.8"},
        {"model": "cm1", "seed": "27", "epoch": "1", "split": "validation", "loss": "0.6", "accuracy": "0.7"},
    ]


def write_inputs(top: Path, shows: str) -> None:
    """The files that compare reads, of made-up reports."""
    for name, (trained, evaluated, history) in REPORTS.items():
        files = {
            f"models/train/{name}.json": json.dumps(trained),
            f"models/evaluate/{name}.json": json.dumps(evaluated),
        }
        for path, text in (files | {f"metrics/history/{name}.csv": history}).items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_text(text)
    counts = {split: {"0": images} for split, images in IMAGES.items()}
    (top / "metrics/prepare.json").write_text(json.dumps({"labels": list("01234"), "images": counts, "shows": shows}))
    (top / "data/predictions").mkdir(parents=True)
    (top / "data/published.json").write_text(json.dumps(PUBLISHED))
    np.savez(top / "data/test.npz", y=Y)
    for name, probabilities in PROBABILITIES.items():
        np.savez(top / f"data/predictions/{name}.npz", test=probabilities)


def test_the_stage_writes_what_it_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_inputs(tmp_path, "Fashion-MNIST")
    before = set(Path("metrics").glob("*"))
    main(params | {"models": dict.fromkeys(REPORTS, BLOCK)})
    names = "calibration.csv claims.json comparison.csv comparison.json comparison.md confusion.csv confusions.png "
    names += "learning_curves.csv mistakes.csv pairs.csv pareto.png per_class.csv reliability.png replicas.csv"
    assert sorted(path.name for path in set(Path("metrics").glob("*")) - before) == names.split()
    table = json.loads(Path("metrics/comparison.json").read_text())
    assert (table["cm1"]["published_test_accuracy"], table["cm1"]["difference"]) == (0.9396, 0.0104)
    with Path("metrics/comparison.csv").open() as file:
        assert [row["model"] for row in csv.DictReader(file)] == list(REPORTS)


def test_a_model_alone_has_no_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]) -> None:
    monkeypatch.chdir(tmp_path)
    write_inputs(tmp_path, "digits")
    main(params | {"models": {"cnn2": BLOCK}})
    assert Path("metrics/pairs.csv").read_text() == "model,other\n,\n"
    assert json.loads(Path("metrics/claims.json").read_text()) == {}


def test_comparing_loads_no_deep_learning_library(tmp_path: Path) -> None:
    code = (
        "import sys, runpy; sys.argv = ['compare']; from src.compare import main; from src.stage import read_params; "
    )
    code += f"p = read_params('{ROOT}/params.yaml'); main(p | {{'models': dict.fromkeys({list(REPORTS)}, {BLOCK})}}); "
    code += "print(sorted({'keras', 'tensorflow', 'mlflow'} & set(sys.modules)))"
    write_inputs(tmp_path, "Fashion-MNIST")
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def test_published_values_are_the_notebooks() -> None:
    accuracies = {name: model["test_accuracy"] for name, model in PUBLISHED["models"].items()}
    assert accuracies == {
        "cm1": 0.9396,
        "cnn1": 0.9382,
        "cnn2": 0.9242,
        "cnn3": 0.7521,
        "cnn4": 0.9296,
        "cnn_vgg": 0.8804,
        "cnn_lstm": 0.8513,
    }
    assert sum(PUBLISHED["test_label_counts"].values()) == 10_000
