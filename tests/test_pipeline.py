"""The real `dvc repro` with the real MLflow, in a repository of its own, on a few hundred real images."""

import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
import yaml
from mlflow import MlflowClient

from src.images.fashion_mnist import DEBIAN_FOLDER
from tests.test_docs import SHELL

ROOT = Path(__file__).parents[1]
REAL = DEBIAN_FOLDER.is_dir()  # else digits, whose garments are digits
SMALL = {"source": "fashion_mnist" if REAL else "digits", "limit": 400}
TEST_IMAGES = 400 if REAL else 360
LOOKS = ("dvc metrics", "dvc params", "dvc exp show", "dvc plots")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A commit of this working tree with the real params, shrunk: few images, two models, one epoch."""
    top = tmp_path_factory.mktemp("repository with a space")
    git = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    tracked = subprocess.run(git, capture_output=True, check=True, text=True).stdout.split("\0")
    for name in tracked:
        if name and (ROOT / name).is_file() and not name.startswith(("metrics/", "dvc.lock", "tests/")):
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, top / name)
    params = yaml.safe_load((top / "params.yaml").read_text(encoding="utf-8"))
    params["fetch"] |= SMALL
    small = {"architecture": "dropout_cnn", "activation": "relu", "optimizer": "adam", "learning_rate": 0.001}
    small |= {"dropout_conv1": 0, "dropout_conv2": 0.3, "dropout_dense1": 0.5, "batch_size": 50, "epochs": 1}
    params["models"] = {
        "encoder": small | {"replicas": 2},
        "leaky": small | {"activation": "leaky_relu", "replicas": 1},
    }
    params["cluster"]["min_samples"] = 5
    params["audit"]["model"] = params["embed"]["model"] = "encoder"
    params["stability"] |= {"max_clusters": 4, "n_seeds": 2, "n_bootstrap": 5, "min_cluster_size": 5}
    params["stability"] |= {"silhouette_sample": 100}
    write_params(top, params)
    for command in ("init", "add --all", "commit --quiet --message start"):
        git_in(top, *command.split())
    return top


def git_in(top: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(top), *arguments], check=True, capture_output=True, env=environment())


def environment() -> dict[str, str]:
    """This environment with a git identity and this Python first, without what a surrounding DVC or MLflow set."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_"))}
    identity = {f"GIT_{who}_{what}": "t@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return own | identity | {"PATH": f"{Path(sys.executable).parent}:{own['PATH']}"}


def write_params(top: Path, params: dict[str, Any]) -> None:
    (top / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def change_params(top: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    params = yaml.safe_load((top / "params.yaml").read_text(encoding="utf-8"))
    change(params)
    write_params(top, params)


def dvc(top: Path, *arguments: str, fails: bool = False) -> str:
    """What a DVC command prints; it must succeed, or fail where that is expected."""
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=top, capture_output=True, text=True, env=environment())
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def ran(output: str) -> list[str]:
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def runs(top: Path) -> list[Any]:
    """What MLflow has, after all was sent."""
    subprocess.run([sys.executable, "-m", "src", "sync"], cwd=top, check=True, env=environment(), capture_output=True)
    client = MlflowClient(f"sqlite:///{top}/mlflow.db")
    return client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])


def read(top: Path, name: str) -> Any:
    return json.loads((top / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def reproduced(repository: Path) -> Path:
    """The repository after `dvc repro`, its results committed."""
    output = dvc(repository, "repro")
    models = ["train@encoder", "train@leaky", "evaluate@encoder", "evaluate@leaky"]
    stages = [
        "fetch",
        "prepare",
        *models,
        "compare",
        "audit",
        "embed",
        "cluster",
        "stability",
        "decode",
        "register",
        "report",
    ]
    assert sorted(ran(output)) == sorted(stages)
    git_in(repository, "add", "--all")
    git_in(repository, "commit", "--quiet", "--message", "results")
    return repository


def table(top: Path) -> dict[str, dict[str, str]]:
    with (top / "metrics/compare/models.csv").open(encoding="utf-8", newline="") as file:
        return {row["model"]: row for row in csv.DictReader(file)}


def test_the_comparison_has_a_row_for_each_model_that_agrees_with_its_predictions(reproduced: Path) -> None:
    rows = table(reproduced)
    assert list(rows) == ["encoder", "leaky"]
    with (reproduced / "metrics/compare/confusion.csv").open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    for name, row in rows.items():
        counts = [(cell["true"] == cell["predicted"], int(cell["count"])) for cell in cells if cell["model"] == name]
        assert sum(count for _, count in counts) == TEST_IMAGES
        correct = sum(count for right, count in counts if right)
        assert float(row["test_accuracy"]) == pytest.approx(correct / TEST_IMAGES)
        assert row["published_test_accuracy"] == ""  # another number of images
    assert read(reproduced, "metrics/summary.json")["best_model"] in rows
    assert "| leaky |" in (reproduced / "metrics/compare/models.md").read_text(encoding="utf-8")


def test_the_labels_are_decoded_as_they_were_hidden(reproduced: Path) -> None:
    params = yaml.safe_load((reproduced / "params.yaml").read_text(encoding="utf-8"))
    groups = params["prepare"]["groups" if REAL else "digit_groups"]
    decoding = read(reproduced, "metrics/decode/decoding.json")["decoding"]
    assert [sorted(label["garments"]) for label in decoding.values()] == [sorted(group) for group in groups]


def test_mlflow_has_a_finished_run_for_each_training_with_all_numbers(reproduced: Path) -> None:
    by_name = {run.info.run_name: run for run in runs(reproduced)}
    assert set(by_name) == {"encoder", "encoder-seed27", "encoder-seed28", "leaky", "leaky-seed27", "report"}
    rows = table(reproduced)
    for model in rows:
        run = by_name[f"{model}-seed27"]
        assert run.info.status == "FINISHED"
        assert run.data.tags["pipeline.run_id"] == read(reproduced, f"data/runs/{model}.json")["seeds"][0]["run_id"]
        assert run.data.tags["mlflow.parentRunId"] == by_name[model].info.run_id
        assert [row.dataset.name for row in run.inputs.dataset_inputs] == ["train", "val", "test"]
        assert len(run.outputs.model_outputs) == 1
        for metric in ("train_accuracy", "val_accuracy", "test_accuracy", "train_seconds", "test_seconds"):
            assert run.data.metrics[metric] == pytest.approx(float(rows[model][metric]))
        assert run.data.params["epochs"] == "1"
        assert run.data.tags["dvc.stage"] == f"train@{model}"
    assert by_name["encoder-seed27"].data.tags["decoded.label_1"] == ("Sandal" if REAL else "five")


def test_the_report_is_a_page_that_mlflow_keeps(reproduced: Path) -> None:
    (run,) = [run for run in runs(reproduced) if run.info.run_name == "report"]
    page = (reproduced / "metrics/report.html").read_text(encoding="utf-8")
    assert Path(url2pathname(urlsplit(run.info.artifact_uri).path), "report.html").read_text(encoding="utf-8") == page
    assert run.data.tags["best_model"] == read(reproduced, "metrics/summary.json")["best_model"]
    assert "Quick look" in page


def test_the_winner_is_registered_and_can_be_loaded_by_its_alias(reproduced: Path) -> None:
    promotion, rows = read(reproduced, "metrics/register/promotion.json"), table(reproduced)
    assert promotion["registered"]
    assert promotion["challenger"]["model"] == max(rows, key=lambda name: float(rows[name]["val_mean"]))
    client = MlflowClient(f"sqlite:///{reproduced}/mlflow.db")
    version = client.get_model_version_by_alias(promotion["name"], "champion")
    assert version.tags["weights_sha256"] == promotion["challenger"]["weights_sha256"]
    meanings = read(reproduced, "data/registered_model/artifacts/classifier/labels.json")
    assert {row["garments_are"] for row in meanings} == {"assumed"}


def test_a_second_repro_runs_nothing(reproduced: Path) -> None:
    assert "up to date" in dvc(reproduced, "repro")


@pytest.mark.parametrize("command", [command for command in SHELL if command.startswith(LOOKS)])
def test_what_the_docs_say_shows_something(reproduced: Path, command: str) -> None:
    dvc(reproduced, *shlex.split(command)[1:])


def test_metrics_fit_a_terminal(reproduced: Path) -> None:
    shown = dvc(reproduced, "metrics", "show")
    assert "val_accuracy.encoder" in shown
    assert max(map(len, shown.splitlines())) <= 140
    assert (
        max(map(len, dvc(reproduced, "exp", "show", "--only-changed", "--drop", ".*/.*", "--no-pager").splitlines()))
        <= 140
    )


def test_a_changed_model_reruns_itself_and_what_hangs_on_it_and_the_change_back_no_training(reproduced: Path) -> None:
    before = {run.info.run_id for run in runs(reproduced)}
    change_params(reproduced, lambda params: params["models"]["leaky"].update(learning_rate=0.002))
    assert ran(dvc(reproduced, "repro")) == ["train@leaky", "evaluate@leaky", "compare", "audit", "register", "report"]
    assert len(runs(reproduced)) == len(before) + 3  # of the model, its seed and the report
    git_in(reproduced, "checkout", "--quiet", ".")
    assert not {"train@leaky", "evaluate@leaky", "embed"} & set(ran(dvc(reproduced, "repro")))


def test_an_experiment_in_a_temporary_copy_logs_to_the_main_store(reproduced: Path) -> None:
    before, rows = {run.info.run_id for run in runs(reproduced)}, table(reproduced)
    overrides = ["-S", "models.leaky.learning_rate=5e-5", "-S", "embed.split=all"]
    dvc(reproduced, "exp", "run", "--temp", "--name", "try", *overrides)
    new = {run.info.run_name: run for run in runs(reproduced) if run.info.run_id not in before}
    assert set(new) == {"leaky", "leaky-seed27", "report"}
    assert all(run.data.tags["dvc.exp"] == "try" for run in new.values())
    assert new["leaky-seed27"].data.params["learning_rate"] == "5e-05"
    assert table(reproduced) == rows
    assert "try" in dvc(reproduced, "exp", "show", "--csv")


def test_an_experiment_can_be_applied_branched_and_removed(reproduced: Path) -> None:
    dvc(reproduced, "exp", "apply", "try")
    sizes = read(reproduced, "metrics/cluster/clusters.json")["kmeans"]["sizes"]
    assert sum(sizes) == 400 + TEST_IMAGES  # embed.split: all
    git_in(reproduced, "checkout", "--quiet", ".")
    dvc(reproduced, "checkout")
    dvc(reproduced, "exp", "branch", "try", "tried")
    dvc(reproduced, "exp", "remove", "try")
    assert "try" not in dvc(reproduced, "exp", "list", "--name-only").split()


def test_a_failed_stage_says_why_in_a_line_and_leaves_no_output(reproduced: Path) -> None:
    change_params(reproduced, lambda params: params["embed"].update(layer="dense9"))
    output = dvc(reproduced, "repro", fails=True)
    git_in(reproduced, "checkout", "--quiet", ".")
    missing = not (reproduced / "data/embedding.npz").exists()
    dvc(reproduced, "checkout")
    complaints = [line for line in output.splitlines() if line.startswith("embed: ")]
    assert len(complaints) == 1
    assert "embed.layer: must be" in complaints[0]
    assert "Traceback" not in output
    assert missing


def test_a_removed_model_leaves_the_table(reproduced: Path) -> None:
    change_params(reproduced, lambda params: params["models"].pop("leaky"))
    assert ran(dvc(reproduced, "repro")) == ["compare", "audit", "register", "report"]
    assert list(table(reproduced)) == ["encoder"]
    assert "leaky" not in (reproduced / "metrics/compare/models.md").read_text(encoding="utf-8")
    assert "leaky" not in (reproduced / "metrics/report.html").read_text(encoding="utf-8").split("params.yaml")[0]


def test_a_clone_of_the_commit_without_the_removed_model_finds_nothing_changed(
    reproduced: Path, tmp_path: Path
) -> None:
    for folder in ("models", "data/runs", "data/timings", "data/predictions", "metrics/train/history"):
        assert [path.stem for path in (reproduced / folder).glob("[!.]*")] == ["encoder"]
    git_in(reproduced, "add", "--all")
    git_in(reproduced, "commit", "--quiet", "--message", "without")
    git_in(tmp_path, "clone", "--quiet", str(reproduced), str(tmp_path / "clone"))
    dvc(tmp_path / "clone", "cache", "dir", "--local", str(reproduced / ".dvc/cache"))
    dvc(tmp_path / "clone", "checkout")
    assert "up to date" in dvc(tmp_path / "clone", "repro")
