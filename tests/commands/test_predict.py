import csv
import gc
import io
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from src.commands.predict import main
from src.pipeline.files import read_csv
from src.serving import batches
from src.serving.app import load_model
from tests.serving.example import LABELS, SIDE, images
from tests.serving.test_client import Answer, scoring

X = images(7, seed=6)


@pytest.fixture(scope="module")
def records(model_folder: Path) -> list[dict[str, Any]]:
    return load_model(str(model_folder)).predict(X)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images as a CSV file, an array, an archive and pictures."""
    folder = tmp_path_factory.mktemp("images of mine")
    header = ",".join(f"pixel{number}" for number in range(SIDE * SIDE))
    np.savetxt(folder / "x.csv", X.reshape(len(X), -1), "%d", delimiter=",", header=header, comments="")
    np.save(folder / "x.npy", X)
    np.savez(folder / "x.npz", x=X)
    (folder / "pictures").mkdir()
    for number, image in enumerate(X):
        Image.fromarray(image).save(folder / "pictures" / f"{number}.png")
    return folder


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    """What the runner sets for its process is set back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    threshold = gc.get_threshold()
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    gc.set_threshold(*threshold)
    gc.unfreeze()


def expected(records: list[dict[str, Any]], names: list[str]) -> list[dict[str, str]]:
    return [
        {"image": name, "label": record["label"], "garments": "; ".join(record["garments"])}
        | {"garments_are": record["garments_are"]}
        | {f"probability_{label.label}": str(record["probabilities"][label.label]) for label in LABELS}
        for name, record in zip(names, records, strict=True)
    ]


@pytest.mark.parametrize("name", ["x.csv", "x.npy", "x.npz", "pictures"])
def test_every_kind_of_file_gets_a_row_for_each_image(
    name: str, folder: Path, model_folder: Path, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    main([str(folder / name), "--model", str(model_folder), "--ground", "black", "--out", str(tmp_path / "out.csv")])
    rows = read_csv(tmp_path / "out.csv")
    names = [f"{number}.png" if name == "pictures" else str(number) for number in range(len(X))]
    probabilities = [key for key in rows[0] if key.startswith("probability_")]
    wanted = expected(records, names)
    for row, right in zip(rows, wanted, strict=True):
        got = [float(row.pop(key)) for key in probabilities]
        assert got == pytest.approx([float(right.pop(key)) for key in probabilities], abs=2e-6)
        assert row == right


def test_without_a_file_the_rows_are_printed(
    folder: Path, model_folder: Path, records: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(folder / "x.npy"), "--model", str(model_folder)])
    printed = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["label"] for row in printed] == [record["label"] for record in records]


def test_a_server_gives_the_same_rows(
    folder: Path, records: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(inputs: list[Any]) -> Answer:
        assert np.array_equal(inputs, X)
        return 200, json.dumps({"predictions": records})

    with scoring(answer) as (url, _):
        main([str(folder / "x.npz"), "--url", url])
    names = [str(number) for number in range(len(X))]
    assert list(csv.DictReader(io.StringIO(capsys.readouterr().out))) == expected(records, names)


def test_pictures_are_sent_as_the_servers_model_takes_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sent: list[Any] = []

    def answer(inputs: list[Any]) -> Answer:
        sent.extend(inputs)
        record = {"label": "cat", "garments": [], "garments_are": "unknown", "probabilities": {"cat": 1.0}}
        return 200, json.dumps({"predictions": [record] * len(inputs)})

    with scoring(answer, (200, '{"shape": [9, 9, 3], "fit": "stretch"}')) as (url, _):
        main([str(folder / "pictures"), "--url", url])
    assert np.shape(sent) == (len(X), 9, 9, 3)
    stretched = Image.fromarray(X[0]).convert("RGB").resize((9, 9), Image.Resampling.BILINEAR)
    assert np.array_equal(sent[0], np.asarray(stretched))
    assert capsys.readouterr().out.count("cat") == len(X) + 1


@pytest.mark.parametrize(
    ("arguments", "must"),
    [
        (["nothing.csv"], "There is none"),
        (["x.npy", "--model", "nowhere"], "must be a folder with an MLflow model"),
        (["x.npy", "--url", "http://127.0.0.1:1"], "must answer. It does not"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(arguments: list[str], must: str, folder: Path, model_folder: Path) -> None:
    path, *options = arguments
    with pytest.raises(SystemExit) as error:
        main([str(folder / path), "--model", str(model_folder), *options])
    assert str(error.value).startswith("predict: ")
    assert must in str(error.value)
    assert "\n" not in str(error.value)


def test_a_picture_that_cannot_be_read_leaves_no_output(model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    Image.fromarray(X[0]).save(tmp_path / "pictures/good.png")
    (tmp_path / "pictures/bad.png").write_bytes(b"x")
    out = tmp_path / "out.csv"
    with pytest.raises(SystemExit, match="1 of 2 are not: .*bad.png"):
        main([str(tmp_path / "pictures"), "--model", str(model_folder), "--out", str(out)])
    assert not out.exists()


def test_an_array_that_goes_wrong_after_a_batch_leaves_no_output(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PIXELS", SIDE * SIDE)
    wrong = X.astype(int)
    wrong[-1] = 256
    np.save(tmp_path / "x.npy", wrong)
    out = tmp_path / "out.csv"
    with pytest.raises(SystemExit, match="must have values from 0 to 255"):
        main([str(tmp_path / "x.npy"), "--model", str(model_folder), "--out", str(out)])
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]
