from typing import Any

import keras
import numpy as np
import pytest

from src.images.splits import Labelled
from src.pipeline.files import UserError
from src.training.recipe import LOSS, resolve_recipe, train
from tests.training.example import NO_HOOKS, TINY, one_hot, separable, sets


def trained(**changes: Any) -> tuple[Any, list[dict[str, float]], int]:
    """The trained model, its epochs' logs, and how many steps it took."""
    logs: list[dict[str, float]] = []
    steps: list[int] = []
    on_epoch = lambda epoch, values: logs.append({"epoch": epoch} | values)  # noqa: E731
    model = train(*sets(), 2, 3, lambda model: 1, steps.append, on_epoch, **TINY | changes)
    return model, logs, len(steps)


def test_a_separable_problem_is_learned() -> None:
    _, logs, _ = trained(epochs=4)
    assert logs[-1]["val_accuracy"] == 1
    assert logs[-1]["loss"] < logs[0]["loss"]


def test_every_epoch_and_every_batch_is_reported_the_short_last_one_too() -> None:
    _, logs, steps = trained(batch_size=30)
    assert [log["epoch"] for log in logs] == [1, 2]
    assert set(logs[0]) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"}
    assert steps == 2 * 3


def test_validation_logs_are_those_of_the_returned_model() -> None:
    model, logs, _ = trained()
    val = separable(40, seed=1)
    loss, accuracy = model.evaluate(val.x, one_hot(val.y), batch_size=16, verbose=0)
    assert logs[-1]["val_loss"] == pytest.approx(loss, rel=1e-4)
    assert logs[-1]["val_accuracy"] == pytest.approx(accuracy)


def test_one_step_on_all_images_is_the_step_that_keras_takes() -> None:
    ours, logs, _ = trained(batch_size=80, epochs=1, optimizer="sgd", learning_rate=0.1)
    stock, _, _ = trained(batch_size=80, epochs=1, optimizer="sgd", learning_rate=1e-30)  # as good as untrained
    stock.compile(keras.optimizers.SGD(0.1), LOSS)
    data = separable(80)
    stock_logs = stock.train_on_batch(data.x, one_hot(data.y), return_dict=True)
    assert logs[0]["loss"] == pytest.approx(float(stock_logs["loss"]), rel=1e-5)
    for mine, theirs in zip(ours.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_sgd_with_momentum_is_that_of_keras() -> None:
    ours, _, _ = trained(batch_size=80, epochs=2, optimizer="sgd_momentum", learning_rate=0.1)
    stock, _, _ = trained(batch_size=80, epochs=1, optimizer="sgd", learning_rate=1e-30)
    stock.compile(keras.optimizers.SGD(0.1, momentum=0.9), LOSS)
    data = separable(80)
    for _ in range(2):
        stock.train_on_batch(data.x, one_hot(data.y))
    for mine, theirs in zip(ours.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_the_same_seed_gives_the_same_weights() -> None:
    first, again = trained()[0].get_weights(), trained()[0].get_weights()
    assert all((a == b).all() for a, b in zip(first, again, strict=True))


def test_the_classes_are_those_of_the_data_and_not_of_the_labels_that_occur() -> None:
    model = train(*sets(), 7, 3, *NO_HOOKS, **TINY)
    assert model.output_shape == (None, 7)


def test_images_too_small_are_refused_in_words() -> None:
    small = Labelled(np.zeros((8, 8, 8), np.uint8), np.arange(8) % 2)
    recipe = TINY | {"architecture": "vgg", "dropout": 0.5}
    with pytest.raises(UserError, match="vgg must have larger images. Got 8 x 8"):
        train(small, small, 2, 3, *NO_HOOKS, **recipe)


def test_epochs_and_replicas_for_all_replace_the_models_own() -> None:
    block = TINY | {"replicas": 5}
    assert resolve_recipe(block, {"epochs": None, "replicas": None}) == block
    assert resolve_recipe(block, {"epochs": 50, "replicas": None}) == block | {"epochs": 50}
    assert resolve_recipe(block, {"epochs": None, "replicas": 2}) == block | {"replicas": 2}
