from typing import Any

import keras
import numpy as np
import pytest

from src.training import loop as module
from src.training.loop import fit


def small_model() -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(2, "softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
@pytest.mark.parametrize("first_epoch", [2, 3])
def test_later_epochs_are_those_of_a_whole_training(
    monkeypatch: pytest.MonkeyPatch, backend: str, first_epoch: int
) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(34, 3)).astype(np.float32), np.eye(2, dtype=np.float32)[rng.integers(0, 2, 34)]

    def train(model: keras.Model, first: int, last: int) -> list[tuple[int, dict[str, float]]]:
        epochs: list[tuple[int, dict[str, float]]] = []
        fit(
            model,
            (x, y),
            (x[:7], y[:7]),
            first_epoch=first,
            epochs=last,
            batch_size=10,
            seed=5,
            on_steps=lambda steps: None,
            on_epoch=lambda epoch, logs: epochs.append((epoch, logs)),
        )
        return epochs

    whole, parts = small_model(), small_model()
    expected = train(whole, 1, 3)
    assert train(parts, 1, first_epoch - 1) + train(parts, first_epoch, 3) == expected
    assert [epoch for epoch, _ in expected] == [1, 2, 3]
    for got, wanted in zip(parts.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert train(whole, 4, 3) == []


def orders(monkeypatch: pytest.MonkeyPatch, seed: int) -> list[list[int]]:
    """The order of 200 images in each of three epochs."""
    read: list[list[int]] = []

    def epoch(order: np.ndarray) -> dict[str, float]:
        read.append(order.tolist())
        return {}

    monkeypatch.setattr(module, "tensorflow_epoch", lambda *arguments: epoch)
    images: Any = (np.zeros((200, 3), np.float32), np.zeros((200, 2), np.float32))
    hooks: Any = {"on_steps": lambda steps: None, "on_epoch": lambda epoch, logs: None}
    fit(small_model(), images, images, first_epoch=1, epochs=3, batch_size=10, seed=seed, **hooks)
    return read


def test_each_epoch_has_every_image_once_in_another_order_that_the_seed_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    read = orders(monkeypatch, seed=5)
    in_place = list(range(200))
    assert [sorted(order) for order in read] == [in_place] * 3
    assert all(order != in_place for order in read)
    assert read[0] != read[1] != read[2] != read[0]
    assert orders(monkeypatch, seed=5) == read
    assert orders(monkeypatch, seed=6)[0] != read[0]


def test_another_backend_compiles_a_step_once_and_not_in_each_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    traced: list[int] = []

    class Counting(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            traced.append(1)
            return x

    model = keras.Sequential([keras.Input((3,)), Counting(), keras.layers.Dense(2, "softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    x, y = np.zeros((20, 3), np.float32), np.eye(2, dtype=np.float32)[np.arange(20) % 2]
    after: list[int] = []
    hooks: Any = {"on_steps": lambda steps: None, "on_epoch": lambda epoch, logs: after.append(len(traced))}
    fit(model, (x, y), (x, y), first_epoch=1, epochs=3, batch_size=10, seed=5, **hooks)
    assert after[0] == after[1] == after[2]


def test_another_backend_trains_by_kerass_own_fit_and_is_heard_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    x, y = np.zeros((25, 3), np.float32), np.eye(2, dtype=np.float32)[np.arange(25) % 2]
    done: list[int] = []
    epochs: list[int] = []
    fit(
        small_model(),
        (x, y),
        (x, y),
        first_epoch=1,
        epochs=2,
        batch_size=10,
        seed=5,
        on_steps=done.append,
        on_epoch=lambda epoch, logs: epochs.append(epoch) if "val_loss" in logs else None,
    )
    assert (done, epochs) == ([1] * 6, [1, 2])
