from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.pipeline.files import read_csv
from src.slices import main
from tests.comparison.example import example_run, write_files

SIZES = {"train": 60, "val": 40, "test": 400}
BLOCK = {"n_bins": 2, "min_images": 20, "n_listed": 3, "n_components": 5, "confidence": 0.95, "seed": 1}
PARAMS: Any = {"models": {"a": {}, "b": {}}, "slices": BLOCK}


def bright(y: np.ndarray) -> np.ndarray:
    """The first 80 test images."""
    return np.arange(len(y)) < 80


def some_coats(y: np.ndarray) -> np.ndarray:
    """A third of the test images of labels 1 and 3, which show coats where there are garments."""
    return (y % 2 == 1) & (np.arange(len(y)) % 3 == 0)


def write(garments: list[str], errs_on: Callable[[np.ndarray], np.ndarray]) -> None:
    """Two models, of which `a` errs on such ones of 400 test images."""
    runs = {name: [example_run(name, n=SIZES, errors={"train": 0, "val": 0, "test": 0})] for name in "ab"}
    y = runs["a"][0].y
    wrong = errs_on(y["test"])
    runs["a"][0].probabilities["test"][wrong] = np.eye(5)[(y["test"][wrong] + 1) % 5]
    rng = np.random.default_rng(0)
    images = {split: rng.integers(0, 100, (n, 4, 4), dtype=np.uint8) for split, n in SIZES.items()}
    images["test"][bright(y["test"])] += 100
    write_files(runs, images)
    numbers = {split: part % len(garments) if garments else np.full_like(part, -1) for split, part in y.items()}
    np.savez("data/garments.npz", allow_pickle=False, names=np.array(garments, dtype=str), **numbers)


@pytest.mark.parametrize("garments", [["Bag", "Coat"], []])
def test_a_model_that_errs_on_bright_images_is_shown_to(
    garments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(garments, bright)
    main(PARAMS)
    rows = read_csv("metrics/slices/slices.csv")
    assert {row["model"] for row in rows} == {"a"}  # b makes no errors
    assert "brightness" in rows[0]["slice"]
    assert rows[0]["verdict"] == "worse"
    assert float(rows[0]["accuracy_elsewhere"]) == 1
    assert {kind for row in rows for kind in ("garment", "label") if kind in row["slice"]} <= (
        {"garment", "label"} if garments else {"label"}
    )
    worse = sum(row["verdict"] == "worse" for row in rows)
    expected = f"slices: {len(rows)} listed for 2 models; {worse} of them are shown to be worse than the rest\n"
    assert capsys.readouterr().out == expected


def test_a_model_that_errs_on_a_garment_of_several_labels_is_shown_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(["Bag", "Coat"], some_coats)
    main(PARAMS)
    rows = {row["slice"]: row for row in read_csv("metrics/slices/slices.csv")}
    assert rows["garment Coat"]["verdict"] == "worse"
    assert float(rows["garment Coat"]["accuracy_elsewhere"]) == 1
    assert not any("Bag" in name for name in rows)
