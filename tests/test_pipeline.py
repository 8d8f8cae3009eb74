"""The real `dvc repro` with the real MLflow, in a repository of its own, on scikit-learn's bundled digits."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient

ROOT = Path(__file__).parents[1]
SMALL = {"source": "digits", "limit": 400}
Run = Callable[..., str]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A commit of this working tree with the real params, shrunk: digits, two models, one epoch."""
    top = tmp_path_factory.mktemp("repository")
    git = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    tracked = subprocess.run(git, capture_output=True, check=True, text=True).stdout.split("\0")
    for name in tracked:
        if name and (ROOT / name).is_file() and not name.startswith(("metrics/", "dvc.lock", "tests/")):
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, top / name)
    params = yaml.safe_load((top / "params.yaml").read_text())
    params["data"] |= SMALL
    params["models"] = {name: params["models"][name] | {"batch_size": 50} for name in ("cm4", "cnn4")}
    params["epochs"] = 1
    params["replicas"] = 1
    params["cluster"]["min_samples"] = 5
    params["audit"]["model"] = "cm4"
    params["stability"] |= {"k_max": 4, "seeds": 2, "resamples": 5, "min_cluster_size": 5}
    write_params(top, params)
    for command in ("init", "add --all", "commit --quiet --message start"):
        subprocess.run(["git", "-C", str(top), *command.split()], check=True, capture_output=True, env=environment())
    return top


def environment() -> dict[str, str]:
    """This environment with a git identity and this Python first, without what a surrounding DVC or MLflow set."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_"))}
    identity = {f"GIT_{who}_{what}": "t@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return own | identity | {"PATH": f"{Path(sys.executable).parent}:{own['PATH']}"}


def write_params(top: Path, params: dict[str, Any]) -> None:
    (top / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def change_params(top: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    params = yaml.safe_load((top / "params.yaml").read_text())
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
    client = MlflowClient(f"sqlite:///{top}/mlflow.db")
    return client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])


def read(top: Path, name: str) -> Any:
    return json.loads((top / name).read_text())


@pytest.fixture(scope="module")
def reproduced(repository: Path) -> Path:
    """The repository after `dvc repro`, its results committed."""
    output = dvc(repository, "repro")
    names = ["train@cm4", "train@cnn4", "evaluate@cm4", "evaluate@cnn4"]
    assert sorted(ran(output)) == sorted(
        ["fetch", "prepare", *names, "compare", "audit", "embed", "cluster", "stability", "decode", "report"]
    )
    for command in ("add --all", "commit --quiet --message results"):
        subprocess.run(["git", "-C", str(repository), *command.split()], check=True, env=environment())
    return repository


def test_the_comparison_has_a_row_per_model_that_agrees_with_the_reports(reproduced: Path) -> None:
    table = read(reproduced, "metrics/comparison.json")
    assert list(table) == ["cm4", "cnn4"]
    for name, row in table.items():
        report = read(reproduced, f"models/evaluate/{name}.json")
        (first,) = report["replicas"]
        assert row["test_accuracy"] == first["test_accuracy"] > 0.2
        confusion = first["confusion"]
        assert row["test_accuracy"] == pytest.approx(sum(confusion[i][i] for i in range(5)) / 360)
        assert row["published_test_accuracy"] is None  # digits are not Fashion-MNIST
    with (reproduced / "metrics/comparison.csv").open() as file:
        assert [row["model"] for row in csv.DictReader(file)] == list(table)
    assert "| cnn4 |" in (reproduced / "metrics/comparison.md").read_text()


def test_the_labels_are_decoded_and_certified(reproduced: Path) -> None:
    assert read(reproduced, "metrics/decode.json")["certified"]
    report = read(reproduced, "metrics/decoding.json")
    groups = yaml.safe_load((reproduced / "params.yaml").read_text())["prepare"]["digit_groups"]
    assert [sorted(found["garments"]) for found in report["decoding"].values()] == [sorted(group) for group in groups]


def test_mlflow_has_one_finished_run_per_model_with_all_numbers(reproduced: Path) -> None:
    found = {run.data.tags["model"]: run for run in runs(reproduced) if "model" in run.data.tags}
    assert set(found) == {"cm4", "cnn4"}
    table = read(reproduced, "metrics/comparison.json")
    for name, run in found.items():
        assert run.info.status == "FINISHED"
        assert run.info.run_id == read(reproduced, f"models/train/{name}.json")["replicas"][0]["run_id"]
        for metric in ("train_accuracy", "val_accuracy", "test_accuracy", "train_seconds", "test_seconds"):
            assert run.data.metrics[metric] == table[name][metric]
        assert run.data.params["epochs"] == "1"
        assert run.data.tags["dvc_stage"] == f"train@{name}"
    assert found["cm4"].data.tags["label_1"] == "five"
    assert found["cm4"].data.tags["decoding_certified"] == "True"


def test_the_report_is_a_page_that_mlflow_keeps_with_its_verdict(reproduced: Path) -> None:
    (run,) = [run for run in runs(reproduced) if run.info.run_name == "report"]
    page = (reproduced / "metrics/report.html").read_text()
    assert Path(run.info.artifact_uri.removeprefix("file://"), "report.html").read_text() == page
    best = run.data.tags["best"]
    assert f"<title>Mystery Fashion: {best} is best</title>" in page
    table = read(reproduced, "metrics/comparison.json")
    assert table[best]["val_accuracy"] == max(row["val_accuracy"] for row in table.values())
    assert run.data.tags["label_1"] == "five"
    head = subprocess.run(["git", "-C", str(reproduced), "rev-parse", "HEAD~1"], capture_output=True, text=True)
    assert f"<td>{head.stdout.strip()}</td>" in page  # committed, and nothing but results differed


def test_a_second_repro_runs_nothing(reproduced: Path) -> None:
    assert "up to date" in dvc(reproduced, "repro")


def test_metrics_plots_and_dag_can_be_shown(reproduced: Path) -> None:
    assert "cnn4.test_accuracy" in dvc(reproduced, "metrics", "show", "--md")
    dvc(reproduced, "plots", "show")
    page = (reproduced / "dvc_plots/index.html").read_text()
    for title in ("Test accuracy", "Accuracy by epoch", "Images per label", "clusters.png", "confusion"):
        assert title in page


def test_a_changed_model_reruns_itself_and_what_hangs_on_it_and_the_change_back_nothing(reproduced: Path) -> None:
    before = {run.info.run_id for run in runs(reproduced)}
    change_params(reproduced, lambda params: params["models"]["cnn4"].update(learning_rate=0.002))
    assert ran(dvc(reproduced, "repro")) == ["train@cnn4", "evaluate@cnn4", "compare", "audit", "report"]
    assert len(runs(reproduced)) == len(before) + 2
    subprocess.run(["git", "-C", str(reproduced), "checkout", "--quiet", "."], check=True)
    assert ran(dvc(reproduced, "repro")) == []


def test_all_images_can_be_embedded_clustered_and_decoded(reproduced: Path) -> None:
    change_params(reproduced, lambda params: params["embed"].update(split="all"))
    assert ran(dvc(reproduced, "repro")) == ["embed", "cluster", "stability", "decode", "report"]
    images = 400 + 360
    assert read(reproduced, "metrics/embed.json")["images"] == images
    assert sum(read(reproduced, "metrics/cluster.json")["kmeans"]["sizes"]) == images
    assert set(read(reproduced, "metrics/stability.json")["features"]["pixels"]) == {"labels", "garments"}
    assert read(reproduced, "metrics/decode.json")["certified"]
    subprocess.run(["git", "-C", str(reproduced), "checkout", "--quiet", "."], check=True)
    assert ran(dvc(reproduced, "repro")) == []


def test_an_experiment_in_a_temporary_copy_logs_to_the_main_store(reproduced: Path) -> None:
    before = {run.info.run_id for run in runs(reproduced)}
    table = read(reproduced, "metrics/comparison.json")
    dvc(reproduced, "exp", "run", "--temp", "--name", "try", "-S", "models.cnn4.learning_rate=5e-5", "-S", "epochs=2")
    new = [run for run in runs(reproduced) if run.info.run_id not in before]
    assert all(run.data.tags["dvc_exp"] == "try" for run in new)
    assert [run.info.run_name for run in new].count("report") == 1
    new = [run for run in new if run.info.run_name != "report"]
    assert {run.data.tags["model"]: run.data.params["epochs"] for run in new} == {"cm4": "2", "cnn4": "2"}
    assert {run.data.params["learning_rate"] for run in new} == {"0.001", "5e-05"}
    assert read(reproduced, "metrics/comparison.json") == table
    assert "try" in dvc(reproduced, "exp", "show", "--csv")


def test_a_failed_stage_says_why_in_a_line_and_leaves_no_output(reproduced: Path) -> None:
    change_params(reproduced, lambda params: params["embed"].update(layer="dense9"))
    output = dvc(reproduced, "repro", fails=True)
    complaints = [line for line in output.splitlines() if line.startswith("embed: ")]
    assert len(complaints) == 1
    assert "embed.layer: must be a layer of cm4: images, " in complaints[0]
    assert "Traceback" not in output
    assert not (reproduced / "data/embedding.npz").exists()
    subprocess.run(["git", "-C", str(reproduced), "checkout", "--quiet", "."], check=True)
    dvc(reproduced, "checkout")


def test_a_removed_model_leaves_the_table(reproduced: Path) -> None:
    change_params(reproduced, lambda params: params["models"].pop("cnn4"))
    assert ran(dvc(reproduced, "repro")) == ["compare", "audit", "report"]
    assert list(read(reproduced, "metrics/comparison.json")) == ["cm4"]
    assert "cnn4" not in (reproduced / "metrics/comparison.md").read_text()
