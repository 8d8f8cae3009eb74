import hashlib
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import yaml
from mlflow import MlflowClient

from src import register
from src.comparison.runs import Run
from src.pipeline.files import read_json, write_json
from src.register import best_seed, build_evidence, label_meanings
from src.serving.folder import FOLDER, LabelMeaning
from src.training.device import software
from tests.comparison.example import CLASSES, example_run, write_files
from tests.serving.example import write_network

N = {"train": 50, "val": 200, "test": 40}


def runs_of(**errors: list[int]) -> dict[str, list[Run]]:
    """Runs of models a, b, ... with so many errors on the validation images from each seed; a has 100 parameters more
    than b, and so on, and the fewer mistakes on test images the later the model.
    """
    return {
        model: [
            replace(
                example_run(
                    model,
                    27 + number,
                    n=N,
                    errors={"train": 0, "val": wrong, "test": 9 - 3 * place},
                    n_params=1000 - 100 * place,
                ),
                software=software(),
            )
            for number, wrong in enumerate(seeds)
        ]
        for place, (model, seeds) in enumerate(errors.items())
    }


def test_the_seed_with_the_fewest_mistakes_is_taken() -> None:
    assert best_seed(runs_of(a=[20, 8, 12, 8])["a"]).seed == 28


@pytest.fixture
def workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any], empty_store: Path
) -> Iterator[dict[str, Any]]:
    """A folder with the files of two models, b the better; gives the params. The store is a file in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    images = {split: np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8) for split, n in N.items()}
    write_files(runs_of(a=[20], b=[15, 10]), images)
    write_network(Path("models/b/28.keras"))
    garments = {f"label {number}": {"garments": ["Bag", "Coat"][: number % 3]} for number in range(CLASSES)}
    write_json("metrics/decode/decoding.json", {"certified": False, "decoding": garments})
    write_json("metrics/summary.json", {"best_model": "b"})
    params["models"] = {"a": {}, "b": {}}
    params["register"] |= {"name": "best", "n_pictures": 30}
    yield params
    mlflow.set_tracking_uri("")


def test_the_stage_writes_the_folder_registers_it_and_says_why(
    workspace: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    register.main(workspace)
    promotion = read_json("metrics/register/promotion.json")
    assert (promotion["registered"], promotion["alias"], promotion["version"]) == (True, "champion", "1")
    challenger = promotion["challenger"]
    assert (challenger["model"], challenger["seed"], challenger["run_id"]) == ("b", 28, "b28")
    assert challenger["val_accuracy"] == pytest.approx(1 - 10 / 200)
    sums = {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in ("models/b/28.keras",)}
    assert challenger["weights_sha256"] == sums["models/b/28.keras"]
    assert "b, seed 28, 95.00% of the validation images. It is the first" in capsys.readouterr().out
    with np.load(f"{FOLDER}/artifacts/classifier/pictures.npz") as pictures:
        assert np.array_equal(pictures["x"], np.load("data/train.npz")["x"][:30])
    client = MlflowClient(f"sqlite:///{Path.cwd()}/mlflow.db")
    assert client.get_model_version_by_alias("best", "champion").tags["run_id"] == "b28"

    register.main(workspace)
    again = read_json("metrics/register/promotion.json")
    assert (again["alias"], again["version"], again["champion_version"]) == (None, "1", "1")
    assert "all files are the same" in again["reason"]


def test_a_quick_look_is_registered_beside_the_model_of_all_images(workspace: dict[str, Any]) -> None:
    workspace["fetch"]["limit"] = 230
    register.main(workspace)
    assert read_json("metrics/register/promotion.json")["name"] == "best-quick-look"


@pytest.mark.parametrize(("source", "fit"), [("fashion_mnist", "garment"), ("csv", "garment"), ("images", "crop")])
def test_the_model_says_how_pictures_become_images_as_those_it_was_trained_on(
    source: str, fit: str, workspace: dict[str, Any]
) -> None:
    workspace["fetch"] |= {"source": source, "fit": "crop"}
    register.main(workspace)
    assert yaml.safe_load(Path(FOLDER, "MLmodel").read_text(encoding="utf-8"))["metadata"]["fit"] == fit


def test_a_second_winner_is_tested_against_the_first(workspace: dict[str, Any]) -> None:
    register.main(workspace)
    shutil.rmtree("data")
    images = {split: np.zeros((n, 28, 28), np.uint8) for split, n in N.items()}
    write_files(runs_of(a=[5], b=[15]), images)
    write_network(Path("models/a/27.keras"), seed=2)
    write_json("metrics/summary.json", {"best_model": "a"})
    register.main(workspace)
    promotion = read_json("metrics/register/promotion.json")
    assert (promotion["alias"], promotion["test"]) == ("challenger", None)  # the validation images are others
    assert promotion["champion"]["model"] == "b"
    assert "wrong" not in promotion["champion"]


def test_the_wrong_images_are_those_of_the_run(workspace: dict[str, Any]) -> None:
    run = runs_of(a=[20], b=[15, 10])["b"][1]
    evidence = build_evidence(run, Path("models/b/28.keras"), register.splits.read("val"))
    assert len(evidence["wrong"]) == 10
    assert evidence["wrong"] == np.flatnonzero(run.predicted["val"] != run.y["val"]).tolist()


@pytest.mark.parametrize("kind", ["refuses", "hangs", "is no folder"])
def test_without_a_store_the_folder_is_there_and_what_to_do_is_told(
    kind: str, workspace: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        if kind == "hangs":
            place.listen()
        uri = "sqlite:////nowhere/mlflow.db" if kind == "is no folder" else f"http://127.0.0.1:{place.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        start = time.monotonic()
        register.main(workspace)
        assert time.monotonic() - start < 15
    promotion = read_json("metrics/register/promotion.json")
    assert promotion["registered"] is False
    assert promotion["reason"].startswith("Nothing was registered. ")
    assert uri.removeprefix("sqlite:///") in promotion["reason"]
    assert promotion["reason"].endswith("run `dvc repro --force --single-item register`.")
    assert capsys.readouterr().err.splitlines() == [f"register: {promotion['reason']}"]
    assert Path(FOLDER, "MLmodel").is_file()


@pytest.mark.parametrize(
    ("certified", "made_here", "surety"),
    [
        (True, True, "assumed"),
        (False, True, "assumed"),
        (True, False, "decoded"),
        (False, False, "decoded, not certified"),
    ],
)
def test_garments_are_called_what_they_are(certified: bool, made_here: bool, surety: str) -> None:
    decoding = {"certified": certified, "decoding": {"0": {"garments": ["Bag"]}, "1": {"garments": []}}}
    assert label_meanings(decoding, made_here) == [LabelMeaning("0", ["Bag"], surety), LabelMeaning("1", [], "unknown")]


def test_a_name_that_mlflow_would_not_find_again_is_refused(workspace: dict[str, Any]) -> None:
    workspace["register"]["name"] = "a/b"
    with pytest.raises(register.UserError, match="register.name: must be letters"):
        register.main(workspace)
