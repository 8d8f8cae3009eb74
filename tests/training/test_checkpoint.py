from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from src.training import checkpoint
from src.training.checkpoint import Record, assign, load, state, write

RECORD = Record("a1", "b2", [{"seed": 7, "epoch": 1, "loss": 0.1 + 0.2}], 1.5, 2)


def network(seed: int = 7, units: int = 4, dtype: str = "float32") -> keras.Model:
    """A compiled model with every kind of state: weights, moving averages, a seed generator, an optimizer."""
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Dense(units, name="dense1", dtype=dtype), keras.layers.BatchNormalization(name="norm")]
    layers += [keras.layers.Dropout(0.5, name="dropout"), keras.layers.Dense(2, "softmax", name="label")]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile("adam", "categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


def step(model: keras.Model) -> None:
    """A training step, which changes every kind of state."""
    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    model.train_on_batch(x, np.eye(2, dtype=np.float32)[np.arange(8) % 2])


def numbers(model: keras.Model) -> list[list[Any]]:
    return [keras.ops.convert_to_numpy(variable).tolist() for variable in state(model, finished=False)]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, keras.Model]:
    """A checkpoint, and the model that it is of."""
    path = tmp_path_factory.mktemp("checkpoints") / "a.checkpoint"
    model = network()
    step(model)
    write(path, RECORD, state(model, finished=False))
    return path, model


def test_a_network_goes_on_from_a_checkpoint_as_the_one_that_wrote_it(saved: tuple[Path, keras.Model]) -> None:
    path, model = saved
    found, other = load(path), network(seed=8)
    assert found
    assert found.record == RECORD
    before = numbers(model)
    assert numbers(other) != before
    assert assign(found, state(other, finished=False))
    assert numbers(other) == before
    step(model)
    step(other)
    assert numbers(other) == numbers(model) != before


def test_all_kinds_of_state_are_kept(saved: tuple[Path, keras.Model]) -> None:
    found = load(saved[0])
    assert found
    kinds = ("kernel", "moving_mean", "seed_generator_state", "iteration", "velocity", "momentum", "learning_rate")
    assert [kind for kind in kinds if not any(kind in name for name in found.names)] == []


def test_a_finished_training_is_kept_without_its_optimizer(tmp_path: Path) -> None:
    model, other = network(), network(seed=8)
    write(tmp_path / "a", RECORD, state(model, finished=True))
    found = load(tmp_path / "a")
    assert found
    assert not any("adam" in name for name in found.names)
    assert assign(found, state(other, finished=True))
    assert all((a == b).all() for a, b in zip(other.get_weights(), model.get_weights(), strict=True))


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "a.checkpoint") is None


@pytest.mark.parametrize("part", [0, 0.001, 0.5, 0.999])
def test_a_file_that_is_cut_is_told_and_not_used(
    part: float, saved: tuple[Path, keras.Model], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = saved[0].read_bytes()
    (tmp_path / "a").write_bytes(content[: int(part * len(content))])
    assert load(tmp_path / "a") is None
    assert capsys.readouterr().out == f"train: {tmp_path}/a is damaged: the training starts over.\n"


def test_a_flipped_bit_anywhere_is_told_and_not_used(
    saved: tuple[Path, keras.Model], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = saved[0].read_bytes()
    for place in [*range(0, 64), *np.random.default_rng(0).integers(0, len(content), 200).tolist(), len(content) - 1]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        (tmp_path / "a").write_bytes(damaged)
        assert load(tmp_path / "a") is None, place
    assert capsys.readouterr().out.count("is damaged") == 265


CHANGES: dict[str, Callable[[], keras.Model]] = {
    "shape": lambda: network(units=5),
    "type": lambda: network(dtype="float64"),
    "number": lambda: network_with(keras.layers.Dense(4, use_bias=False, name="dense1")),
    "name": lambda: network_with(keras.layers.Dense(4, name="dense2")),
}


def network_with(first: keras.Layer) -> keras.Model:
    """The network with another first layer."""
    model = keras.Sequential([keras.Input((3,)), first, *network().layers[1:]])
    model.compile("adam", "categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.mark.parametrize("change", CHANGES)
def test_another_network_takes_nothing_of_it(change: str, saved: tuple[Path, keras.Model]) -> None:
    found, other = load(saved[0]), CHANGES[change]()
    assert found
    before = numbers(other)
    assert not assign(found, state(other, finished=False))
    assert numbers(other) == before


def test_what_keras_numbers_within_a_process_does_not_matter() -> None:
    first, second = network(), network()
    assert [variable.path for variable in first.variables] != [variable.path for variable in second.variables]
    assert checkpoint._names(first.variables) == checkpoint._names(second.variables)
