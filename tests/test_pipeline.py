"""The real `dvc repro` with the real MLflow, in a repository of its own, on a few hundred real images."""

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pytest
import yaml
from mlflow import MlflowClient

from src.pipeline.files import read_csv
from tests.repository import REAL, WIDTH, change_params, commit, dvc, environment, git, ran, sync
from tests.test_docs import SHELL

TEST_IMAGES = 400 if REAL else 360
LOOKS = ("dvc metrics", "dvc params", "dvc exp show", "dvc plots")


def runs(top: Path) -> list[Any]:
    """What MLflow has, after all was sent."""
    sync(top)
    client = MlflowClient(f"sqlite:///{top}/mlflow.db")
    return client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])


def read(top: Path, name: str) -> Any:
    return json.loads((top / name).read_text(encoding="utf-8"))


def table(top: Path) -> dict[str, dict[str, str]]:
    with (top / "metrics/compare/models.csv").open(encoding="utf-8", newline="") as file:
        return {row["model"]: row for row in csv.DictReader(file)}


def test_the_comparison_has_a_row_for_each_model_that_agrees_with_its_predictions(finished: Path) -> None:
    rows = table(finished)
    assert list(rows) == ["encoder", "my_net"]
    with (finished / "metrics/compare/confusion.csv").open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    for name, row in rows.items():
        counts = [(cell["true"] == cell["predicted"], int(cell["count"])) for cell in cells if cell["model"] == name]
        assert sum(count for _, count in counts) == TEST_IMAGES
        correct = sum(count for right, count in counts if right)
        assert float(row["test_accuracy"]) == pytest.approx(correct / TEST_IMAGES)
        assert row["published_test_accuracy"] == ""  # another number of images
    assert read(finished, "metrics/summary.json")["best_model"] in rows
    assert "| my_net |" in (finished / "metrics/compare/models.md").read_text(encoding="utf-8")


def test_the_labels_are_decoded_as_they_were_hidden(finished: Path) -> None:
    params = yaml.safe_load((finished / "params.yaml").read_text(encoding="utf-8"))
    groups = params["prepare"]["groups" if REAL else "digit_groups"]
    decoding = read(finished, "metrics/decode/decoding.json")["decoding"]
    assert [sorted(label["garments"]) for label in decoding.values()] == [sorted(group) for group in groups]


def test_mlflow_has_a_finished_run_for_each_training_with_all_numbers(finished: Path) -> None:
    by_name = {run.info.run_name: run for run in runs(finished)}
    assert set(by_name) == {"encoder", "encoder-seed27", "encoder-seed28", "my_net", "my_net-seed27", "report"}
    rows = table(finished)
    for model in rows:
        run = by_name[f"{model}-seed27"]
        assert run.info.status == "FINISHED"
        assert run.data.tags["pipeline.run_id"] == read(finished, f"data/runs/{model}.json")["seeds"][0]["run_id"]
        assert run.data.tags["mlflow.parentRunId"] == by_name[model].info.run_id
        assert [row.dataset.name for row in run.inputs.dataset_inputs] == ["train", "val", "test"]
        assert len(run.outputs.model_outputs) == 1
        for metric in ("train_accuracy", "val_accuracy", "test_accuracy", "train_seconds", "test_seconds"):
            assert run.data.metrics[metric] == pytest.approx(float(rows[model][metric]))
        assert run.data.params["epochs"] == "1"
        assert run.data.tags["dvc.stage"] == f"train@{model}"
    assert by_name["encoder-seed27"].data.tags["decoded.label_1"] == ("Sandal" if REAL else "five")


def test_the_report_is_a_page_that_mlflow_keeps(finished: Path) -> None:
    (run,) = [run for run in runs(finished) if run.info.run_name == "report"]
    page = (finished / "metrics/report.html").read_text(encoding="utf-8")
    assert Path(url2pathname(urlsplit(run.info.artifact_uri).path), "report.html").read_text(encoding="utf-8") == page
    assert run.data.tags["best_model"] == read(finished, "metrics/summary.json")["best_model"]
    assert "Quick look" in page


def test_the_winner_is_registered_and_can_be_loaded_by_its_alias(finished: Path) -> None:
    promotion, rows = read(finished, "metrics/register/promotion.json"), table(finished)
    assert promotion["registered"]
    assert promotion["challenger"]["model"] == max(rows, key=lambda name: float(rows[name]["val_mean"]))
    client = MlflowClient(f"sqlite:///{finished}/mlflow.db")
    version = client.get_model_version_by_alias(promotion["name"], "champion")
    assert version.tags["weights_sha256"] == promotion["challenger"]["weights_sha256"]
    meanings = read(finished, "data/registered_model/artifacts/classifier/labels.json")
    assert {row["garments_are"] for row in meanings} == {"assumed"}


def test_an_architecture_of_ones_own_is_a_file_and_a_block(finished: Path) -> None:
    n_params = (28 * 28 + 1) * WIDTH + (WIDTH + 1) * 5
    assert read(finished, "data/runs/my_net.json")["n_params"] == n_params
    layers = read_csv(finished / "metrics/train/layers/my_net.csv")
    assert sum(int(row["n_params"]) for row in layers) == n_params
    with np.load(finished / "data/predictions/my_net.npz") as predictions:
        assert predictions["test"].shape == (1, TEST_IMAGES, 5)


@pytest.fixture(scope="module")
def reproduced(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository for tests that change it, one after the other."""
    return Path(shutil.copytree(finished, tmp_path_factory.mktemp("copy") / "with a space", symlinks=True))


def test_a_second_repro_runs_nothing(reproduced: Path) -> None:
    assert "up to date" in dvc(reproduced, "repro")


MANY = """
import json, sys
from dvc.cli import main
for arguments in json.loads(sys.argv[1]):
    print(f"$ {arguments[0]}", main(arguments), flush=True)
"""


def test_what_the_docs_say_shows_something_and_fits_a_terminal(reproduced: Path) -> None:
    commands = [shlex.split(command)[1:] for command in SHELL if command.startswith(LOOKS)]
    commands += [["metrics", "show"]]
    command = [sys.executable, "-c", MANY, json.dumps(commands)]
    done = subprocess.run(command, cwd=reproduced, capture_output=True, text=True, env=environment(), check=True)
    *shown, end = re.split(r"^\$ (\w+) 0$\n", done.stdout, flags=re.MULTILINE)
    assert (shown[1::2], end) == ([arguments[0] for arguments in commands], "")
    assert "val_accuracy.encoder" in shown[-2]
    for arguments, output in zip(commands, shown[::2], strict=True):
        assert output or arguments[1] == "diff"  # nothing was changed
        assert all(len(line) <= 140 for line in output.splitlines())


def test_an_experiment_in_a_temporary_copy_logs_to_the_main_store(reproduced: Path) -> None:
    before, rows = {run.info.run_id for run in runs(reproduced)}, table(reproduced)
    output = dvc(reproduced, "exp", "run", "--temp", "--name", "try", "-S", "models.my_net.learning_rate=5e-5")
    assert ran(output) == ["train@my_net", "evaluate@my_net", "compare", "audit", "slices", "register", "report"]
    new = {run.info.run_name: run for run in runs(reproduced) if run.info.run_id not in before}
    assert set(new) == {"my_net", "my_net-seed27", "report"}
    assert all(run.data.tags["dvc.exp"] == "try" for run in new.values())
    assert new["my_net-seed27"].data.params["learning_rate"] == "5e-05"
    assert table(reproduced) == rows
    assert "try" in dvc(reproduced, "exp", "show", "--csv")


def test_an_experiment_can_be_applied_branched_and_removed(reproduced: Path) -> None:
    dvc(reproduced, "exp", "apply", "try")
    assert read(reproduced, "data/runs/my_net.json")["recipe"]["learning_rate"] == 5e-5
    git(reproduced, "checkout", "--quiet", ".")
    changed_back = dvc(reproduced, "repro")
    assert not {"train@my_net", "evaluate@my_net", "embed"} & set(ran(changed_back))
    git(reproduced, "checkout", "--quiet", ".")
    dvc(reproduced, "exp", "branch", "try", "tried")
    dvc(reproduced, "exp", "remove", "try")
    assert "try" not in dvc(reproduced, "exp", "list", "--name-only").split()


def test_a_failed_stage_says_why_in_a_line_and_leaves_no_output(reproduced: Path) -> None:
    change_params(reproduced, lambda params: params["stability"].update(max_clusters=10_000))
    output = dvc(reproduced, "repro", fails=True)
    assert not (reproduced / "metrics/stability/stability.json").exists()
    git(reproduced, "checkout", "--quiet", ".")
    complaints = [line for line in output.splitlines() if line.startswith("stability: params.yaml")]
    assert len(complaints) == 1
    assert "stability.max_clusters: must be at most" in complaints[0]
    assert "Traceback" not in output


def test_a_removed_model_leaves_the_table(reproduced: Path) -> None:
    change_params(reproduced, lambda params: params["models"].pop("my_net"))
    assert ran(dvc(reproduced, "repro")) == ["compare", "audit", "slices", "register", "report"]
    assert list(table(reproduced)) == ["encoder"]
    assert "my_net" not in (reproduced / "metrics/compare/models.md").read_text(encoding="utf-8")
    assert "my_net" not in (reproduced / "metrics/report.html").read_text(encoding="utf-8").split("params.yaml")[0]


def test_a_clone_of_the_commit_without_the_removed_model_finds_nothing_changed(
    reproduced: Path, tmp_path: Path
) -> None:
    for folder in (
        "models",
        "data/runs",
        "data/timings",
        "data/predictions",
        "data/occlusion",
        "metrics/train/history",
    ):
        assert [path.stem for path in (reproduced / folder).glob("[!.]*")] == ["encoder"]
    commit(reproduced, "without")
    git(tmp_path, "clone", "--quiet", str(reproduced), str(tmp_path / "clone"))
    dvc(tmp_path / "clone", "cache", "dir", "--local", str(reproduced / ".dvc/cache"))
    dvc(tmp_path / "clone", "checkout")
    assert "up to date" in dvc(tmp_path / "clone", "repro")
