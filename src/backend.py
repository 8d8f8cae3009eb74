"""The device and the loops on it: the only file that calls TensorFlow; other backends get Keras's own loops.

What is fast here and why, measured: benchmarks/train.md.
"""

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from src.stage import Device, Seed, UserError

if TYPE_CHECKING:
    import keras

STEPS_A_CALL = {"CPU": 1, "GPU": 16}  # a GPU's steps are short beside the time that it takes to launch one


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
            keras.src.backend.lstm = _lstm
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
    on_steps: Callable[[int], None],
    on_epoch: Callable[[int, dict[str, float]], None],
) -> None:
    """Train a compiled model as its own `fit` would, shuffled, with validation after each epoch.

    train, val: images and one-hot labels. `on_steps` gets the number of batches since its last call; `on_epoch` the
    epoch, from 1, and its loss, accuracy, val_loss, val_accuracy.
    With TensorFlow the arrays lie on the device and a plain loop steps over them: no batch is copied from the host.
    On some CPUs Keras's own `fit` runs a step's operations one after the other, and takes up to twice as long.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        calls = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: on_epoch(epoch + 1, logs),
            on_train_batch_end=lambda batch, logs: on_steps(1),
        )
        model.fit(*train, batch_size=batch_size, epochs=epochs, validation_data=val, verbose=0, callbacks=[calls])
        return

    model.optimizer.build(model.trainable_variables)
    train_steps, test_steps = _steps(model.train_step, train), _steps(model.test_step, val)
    order = np.random.default_rng(seed)
    for epoch in range(1, epochs + 1):
        model.reset_metrics()
        for batches in _batches(order.permutation(len(train[0])), batch_size):
            train_steps(batches)
            on_steps(len(batches))
        logs = model.get_metrics_result()
        model.reset_metrics()
        for batches in _batches(np.arange(len(val[0])), batch_size):
            test_steps(batches)
        logs |= {f"val_{name}": value for name, value in model.get_metrics_result().items()}
        on_epoch(epoch, {name: float(value) for name, value in logs.items()})


def _steps(step: Callable[[Any], Any], data: tuple[np.ndarray, np.ndarray]) -> Callable[[np.ndarray], None]:
    """A function from (steps, batch) row numbers that takes `step` with each batch of those rows of the data."""
    import tensorflow as tf

    x, y = (tf.constant(array) for array in data)

    @tf.function
    def steps(batches: Any) -> None:
        for rows in batches:
            step((tf.gather(x, rows), tf.gather(y, rows)))

    return lambda batches: steps(tf.constant(batches))


def _batches(rows: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Cut (n,) row numbers into (steps, batch_size), as many steps as the device takes in a call; (1, rest) at last."""
    import tensorflow as tf

    steps = STEPS_A_CALL["GPU" if tf.config.list_logical_devices("GPU") else "CPU"]
    whole = len(rows) // batch_size * batch_size
    batches = rows[:whole].reshape(-1, batch_size)
    yield from (batches[first : first + steps] for first in range(0, len(batches), steps))
    if whole < len(rows):
        yield rows[None, whole:]


def _lstm(
    inputs: Any,
    h: Any,
    c: Any,
    mask: Any,
    *,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    activation: Callable[[Any], Any],
    recurrent_activation: Callable[[Any], Any],
    return_sequences: bool,
    go_backwards: bool,
    unroll: bool,
) -> tuple[Any, Any, list[Any]]:
    """An LSTM's whole loop over time, which Keras's layer asks its backend for; TensorFlow has one for GPUs only.

    inputs: (n, steps, features); h, c: (n, units). Returns the last output, all outputs and the state.
    Keras's own loop takes one product for all gates and cuts it up. Here each gate has its product, with the input
    beside the state, and the loop is unrolled: no cutting, no stacks for the gradient.
    """
    import tensorflow as tf

    if mask is not None or go_backwards or bias is None or inputs.shape[1] is None:
        raise NotImplementedError  # Keras then takes its own loop
    weights = tf.split(tf.concat([recurrent_kernel, kernel], 0), 4, axis=1)
    biases = tf.split(tf.convert_to_tensor(bias), 4)
    outputs = []
    for x in tf.unstack(inputs, axis=1):
        state = tf.concat([h, x], 1)
        i, f, g, o = (tf.nn.bias_add(state @ w, b) for w, b in zip(weights, biases, strict=True))
        c = recurrent_activation(f) * c + recurrent_activation(i) * activation(g)
        h = recurrent_activation(o) * activation(c)
        outputs.append(h)
    return h, tf.stack(outputs if return_sequences else [h], axis=1), [h, c]


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
