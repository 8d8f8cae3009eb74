"""The device and the loops on it: the only file that calls TensorFlow; other backends get Keras's own loops."""

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from src.stage import Device, Seed, UserError

if TYPE_CHECKING:
    import keras


def start(*, seed: Seed, device: Device) -> str:
    """Choose the device, seed every generator, make operations deterministic. Returns the device in words.

    To be called before anything imports Keras. Raises UserError where `gpu` is asked for and there is none.
    """
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    with _held_back_stderr():
        import keras

        name = keras.backend.backend()
        gpus = [found for found in keras.distribution.list_devices() if found.startswith("gpu")]
        if device == "gpu" and not gpus:
            raise UserError(f"params.yaml: device: gpu needs a GPU that {name} can use. Got none; take cpu or auto.")
        keras.utils.set_random_seed(seed)
        if name == "tensorflow":
            import tensorflow as tf

            tf.config.experimental.enable_op_determinism()
            if gpus:
                details = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])
                return f"GPU, {details.get('device_name', gpus[0])}"
    return f"GPU, {gpus[0]}" if gpus else f"CPU, {_processor()}, {len(os.sched_getaffinity(0))} cores"


@contextmanager
def _held_back_stderr() -> Iterator[None]:
    """Keep to themselves the dozen lines that TensorFlow's libraries write while they load, unless the block fails."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def software() -> str:
    """Keras and its backend, with versions."""
    import keras

    name = keras.backend.backend()
    return f"keras {keras.__version__}, {name} {version(name)}"


def _processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.machine())


def fit(
    model: "keras.Model",
    train: tuple[np.ndarray, np.ndarray],
    val: tuple[np.ndarray, np.ndarray],
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    on_step: Callable[[], None],
    on_epoch: Callable[[int, dict[str, float]], None],
) -> None:
    """Train a compiled model as its own `fit` would, shuffled, with validation after each epoch.

    train, val: images and one-hot labels. `on_epoch` gets the epoch, from 1, and its loss, accuracy, val_loss, ...
    With TensorFlow the arrays lie on the device and a plain loop steps over slices of them: the steps of `fit`
    run up to twice as slowly on a CPU, their operations one after the other.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        calls = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: on_epoch(epoch + 1, logs), on_train_batch_end=lambda batch, logs: on_step()
        )
        model.fit(*train, batch_size=batch_size, epochs=epochs, validation_data=val, verbose=0, callbacks=[calls])
        return
    import tensorflow as tf

    x, y = (tf.constant(array) for array in train)
    x_val, y_val = (tf.constant(array) for array in val)
    train_step = tf.function(lambda rows: model.train_step((tf.gather(x, rows), tf.gather(y, rows))))
    test_step = tf.function(lambda images, labels: model.test_step((images, labels)))
    model.optimizer.build(model.trainable_variables)
    order = np.random.default_rng(seed)
    for epoch in range(1, epochs + 1):
        model.reset_metrics()
        rows = tf.constant(order.permutation(len(x)))
        for first in range(0, len(x), batch_size):
            train_step(rows[first : first + batch_size])
            on_step()
        logs = model.get_metrics_result()
        model.reset_metrics()
        for first in range(0, len(x_val), batch_size):
            test_step(x_val[first : first + batch_size], y_val[first : first + batch_size])
        logs |= {f"val_{name}": value for name, value in model.get_metrics_result().items()}
        on_epoch(epoch, {name: float(value) for name, value in logs.items()})


def predictor(model: "keras.Model", *, batch_size: int) -> Callable[[np.ndarray], np.ndarray]:
    """A function from (n, side, side) uint8 images to a model's (n, ...) float32 output; its first call compiles."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return lambda x: np.asarray(model.predict(x, batch_size=batch_size, verbose=0))
    import tensorflow as tf

    forward = tf.function(lambda images: model(images, training=False))

    def predict(x: np.ndarray) -> np.ndarray:
        on_device = tf.constant(x)
        return np.concatenate(
            [forward(on_device[first : first + batch_size]) for first in range(0, len(x), batch_size)]
        )

    return predict
