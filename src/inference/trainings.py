"""The trainings that the inference needs; each is kept in a file, so that an interrupted inference goes on."""

import gc
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from src.images.splits import Labelled
from src.inference.groupings import curve_points
from src.pipeline.files import durable_write
from src.pipeline.untrusted import read_arrays
from src.training.predictor import predictor
from src.training.recipe import LOSS, train

if TYPE_CHECKING:
    import keras

FOLDER = Path(".inference")
CURVES = ("accuracy", "loss", "val_accuracy", "val_loss")


class Garments(NamedTuple):
    """Training and validation images with what they show as labels, and the number of garments."""

    train: Labelled
    val: Labelled
    n_garments: int


def kept(key: Mapping[str, Any], compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays that belong to a key, computed unless an earlier process kept them."""
    path = FOLDER / f"{hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()}.npz"
    if not path.exists():
        arrays = compute()
        path.parent.mkdir(exist_ok=True)
        with durable_write(path) as stream:
            np.savez(stream, allow_pickle=False, **arrays)
    return read_arrays(str(path))


def surrogate_curves(data: Garments, labels: np.ndarray, seed: int, recipe: Mapping[str, Any]) -> np.ndarray:
    """The learning curves of all groupings by one training of a network that knows the garments.

    labels: (n, garments) groupings. Returns (epochs, n, 4) float32, in the order of CURVES: those of the running mean
    over the training's own batches, with dropout, and those of the validation images, as Keras reports them.
    """
    n_train = len(data.train.y)
    curves: list[np.ndarray] = []
    record = recorder(n_train + len(data.val.y), data.n_garments)

    def start(network: "keras.Model") -> int:
        network.compile(network.optimizer, loss=LOSS, metrics=["accuracy", record])
        return 1

    def score(epoch: int, logs: dict[str, float]) -> None:
        probabilities, garments = record.take()
        parts = slice(None, n_train), slice(n_train, None)
        points = [curve_points(probabilities[part], garments[part], labels) for part in parts]
        curves.append(np.concatenate(points, axis=1).astype(np.float32))

    train(data.train, data.val, data.n_garments, seed, start, lambda steps: None, score, **recipe)
    gc.collect()  # Keras's layers refer to each other: the model and its copy of the data would stay for good
    return np.stack(curves)


def direct_curves(
    data: Garments, labels: np.ndarray, seed: int, recipe: Mapping[str, Any], x: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """One training on hidden labels: {"curves": (epochs, 4)}, and with x the features of these images as "features".

    labels: (garments,) the label of each garment.
    """
    curves: list[list[float]] = []

    def keep(epoch: int, logs: dict[str, float]) -> None:
        curves.append([logs[name] for name in CURVES])

    train_set, val_set = (Labelled(x, labels[garments].astype(np.int64)) for x, garments in (data.train, data.val))
    classes = int(labels.max()) + 1
    network = train(train_set, val_set, classes, seed, lambda network: 1, lambda steps: None, keep, **recipe)
    result = {"curves": np.array(curves)}
    if x is not None:
        result["features"] = features(network, x, recipe["batch_size"])
    del network
    gc.collect()
    return result


def features(network: "keras.Model", x: np.ndarray, batch_size: int) -> np.ndarray:
    """The output of the last hidden layer for images x: (n, d) float32."""
    import keras

    encoder = keras.Model(network.inputs, network.get_layer("embedding").output)
    return predictor(encoder, batch_size=batch_size)(x).astype(np.float32)


def recorder(n_images: int, n_classes: int) -> Any:
    """A Keras metric that keeps what a network predicts in an epoch, of training batches and then of validation."""
    import keras

    class Recorder(keras.metrics.Metric):
        """Predictions and labels of the images since the last `take`, in the order of the batches."""

        def __init__(self) -> None:
            super().__init__(name="recorder")
            self.rows = self.add_variable((n_images, 2, n_classes), "zeros", name="rows")
            self.n_rows = self.add_variable((), "zeros", dtype="int32", name="n_rows")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            rows = keras.ops.stack([y_pred, keras.ops.cast(y_true, y_pred.dtype)], axis=1)
            numbers = self.n_rows + keras.ops.arange(keras.ops.shape(rows)[0], dtype="int32")
            self.rows.assign(keras.ops.scatter_update(self.rows, numbers[:, None], rows))
            self.n_rows.assign_add(keras.ops.shape(rows)[0])

        def result(self) -> Any:
            return self.n_rows

        def reset_state(self) -> None:
            """Keep the training's rows while the validation's come; `take` starts over."""

        def take(self) -> tuple[np.ndarray, np.ndarray]:
            """(n_images, classes) predictions, and (n_images,) the numbers of the labels."""
            rows = np.array(self.rows)
            self.n_rows.assign(0)
            return rows[:, 0], rows[:, 1].argmax(axis=1)

    return Recorder()
