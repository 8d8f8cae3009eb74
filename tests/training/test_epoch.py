import keras
import numpy as np
import pytest

from src.training import epoch
from src.training.epoch import batches


@pytest.mark.parametrize(
    ("device", "shapes"), [("cpu", [(1, 3)] * 5 + [(1, 2)]), ("gpu", [(2, 3)] * 2 + [(1, 3), (1, 2)])]
)
def test_an_order_is_cut_into_batches_as_many_as_suit_the_device(
    device: str, shapes: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: [f"{device}:0", f"{device}:1"])
    monkeypatch.setattr(epoch, "STEPS_PER_CALL", {"cpu": 1, "gpu": 2})
    order = np.random.default_rng(0).permutation(17)
    cut = list(batches(order, 3))
    assert [part.shape for part in cut] == shapes
    np.testing.assert_array_equal(np.concatenate([part.ravel() for part in cut]), order)


def test_fewer_rows_than_a_batch_are_one_short_batch() -> None:
    assert [part.tolist() for part in batches(np.array([2, 0, 1]), 4)] == [[[2, 0, 1]]]
