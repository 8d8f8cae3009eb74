from pathlib import Path

import numpy as np
import pytest

from src.images.splits import Labelled
from src.inference.groupings import groupings
from src.inference.trainings import Garments, direct_curves, kept, surrogate_curves

RECIPE = {
    **{"architecture": "dropout_cnn", "activation": "relu", "dropout_conv1": 0, "dropout_conv2": 0.3},
    **{"dropout_dense1": 0.5, "optimizer": "adam", "learning_rate": 0.001, "batch_size": 32, "epochs": 2},
}


@pytest.fixture(scope="module")
def data() -> Garments:
    """Images of four kinds, a bright quarter each, with noise."""
    rng = np.random.default_rng(0)

    def draw(n: int) -> Labelled:
        kinds = rng.integers(4, size=n)
        x = rng.integers(0, 200, (n, 28, 28), dtype=np.uint8)
        for image, kind in zip(x, kinds, strict=True):
            image[7 * kind : 7 * kind + 7] //= 2
        return Labelled(x, kinds)

    return Garments(draw(100), draw(50), 4)


def test_a_surrogate_predicts_of_the_garments_themselves_what_a_training_on_them_shows(data: Garments) -> None:
    """Each garment a label of its own: then both are the same training, with dropout and in running means."""
    garments = np.arange(4)
    curves = surrogate_curves(data, garments[None], 5, RECIPE)
    result = direct_curves(data, garments, 5, RECIPE, data.val.x)
    assert curves.shape == (2, 1, 4)
    assert curves[:, 0] == pytest.approx(result["curves"], abs=1e-5)
    assert result["features"].shape[0] == 50


def test_labels_of_several_garments_have_a_lower_loss(data: Garments) -> None:
    alone, pairs = (surrogate_curves(data, labels, 5, RECIPE) for labels in (np.arange(4)[None], groupings([2, 2])))
    assert pairs.shape == (2, 3, 4)
    assert (pairs[..., [1, 3]] < alone[..., [1, 3]]).all()


def test_a_training_is_kept_by_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    calls = []

    def compute() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"curves": np.array([len(calls)])}

    assert [kept({"seed": seed}, compute)["curves"].item() for seed in (1, 1, 2, 1)] == [1, 1, 2, 1]
    assert len(calls) == 2
