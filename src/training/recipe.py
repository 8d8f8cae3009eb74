"""A recipe, a model's block of params.yaml, and the training that follows it."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from src import classifiers
from src.images.splits import Labelled
from src.pipeline.schema import Count, Positive, Seed
from src.training.loop import fit

LOSS = "categorical_crossentropy"
MOMENTUM = 0.9  # of `sgd_momentum`


def train(
    train_set: Labelled,
    val_set: Labelled,
    classes: int,
    seed: Seed,
    on_start: Callable[[Any], int],
    on_steps: Callable[[int], None],
    on_epoch: Callable[[int, dict[str, float]], None],
    *,
    architecture: str,
    optimizer: Literal["adam", "adamw", "nadam", "rmsprop", "sgd", "sgd_momentum"],
    learning_rate: Positive,
    batch_size: Count,
    epochs: Count,
    **body: Any,
) -> Any:
    """A keras.Model trained from a seed; `body` is the architecture's part of the model's block.

    `on_start` gets the untrained model, may change its state, and returns the first epoch to train, from 1. `on_steps`
    gets the number of batches since its last call, `on_epoch` the epoch and its loss, accuracy, val_loss and
    val_accuracy. Raises UserError where the images are too small.
    """
    import keras

    keras.utils.set_random_seed(seed)
    model = classifiers.build(shape=train_set.x.shape[1:], classes=classes, architecture=architecture, **body)
    momentum = {"momentum": MOMENTUM} if optimizer == "sgd_momentum" else {}
    name, config = optimizer.removesuffix("_momentum"), {"learning_rate": learning_rate} | momentum
    rule = keras.optimizers.get({"class_name": name, "config": config})
    model.compile(optimizer=rule, loss=LOSS, metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    one_hot = np.eye(classes, dtype=np.float32)
    fit(
        model,
        *((images.x, one_hot[images.y]) for images in (train_set, val_set)),
        first_epoch=on_start(model),
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        on_steps=on_steps,
        on_epoch=on_epoch,
    )
    return model


def resolve_recipe(block: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """A model's block, with the `epochs` and `replicas` of all models where params.yaml gives them."""
    return block | {key: params[key] for key in ("epochs", "replicas") if params[key]}
