"""What JAX makes of small networks, as JSON; tests/training/conftest.py runs it, with two devices, as a process."""

import json
from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np

from src.training import epoch, gpu, loop
from src.training.device import setup_device
from src.training.jax_epoch import jax_epoch
from src.training.predictor import predictor

RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 256, (35, 6, 6), dtype=np.uint8), np.eye(2, dtype=np.float32)[RNG.integers(0, 2, 35)]
traced: list[tuple[int, ...]] = []


class Counting(keras.layers.Layer):
    """Notes when it is compiled."""

    def call(self, x: Any) -> Any:
        traced.append(x.shape)
        return x


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    images = keras.Input((6, 6), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(keras.layers.Reshape((6, 6, 1))(images))
    x = keras.layers.MaxPooling2D(2)(keras.layers.Conv2D(3, 3)(x))
    x = Counting()(keras.layers.Dropout(0.5)(keras.layers.Flatten()(x)))
    model = keras.Model(images, keras.layers.Dense(2, "softmax")(x))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model


def train(epoch_of: Callable[..., Any]) -> tuple[keras.Model, dict[str, Any]]:
    """A network after two epochs in batches of 10, and what is known of its training."""
    loop.jax_epoch = epoch_of
    model = network()
    steps: list[int] = []
    logs: list[dict[str, float]] = []
    compiled: list[int] = []
    traced.clear()

    def on_epoch(number: int, values: dict[str, float]) -> None:
        logs.append(values)
        compiled.append(len(traced))

    settings: dict[str, Any] = {"first_epoch": 1, "epochs": 2, "batch_size": 10, "seed": 5}
    loop.fit(model, (X, Y), (X[:10], Y[:10]), on_steps=steps.append, on_epoch=on_epoch, **settings)
    values = [np.asarray(variable).tolist() for variable in (*model.variables, *model.optimizer.variables)]
    return model, {"values": values, "logs": logs, "steps": steps, "compiled": compiled}


def pooled(pool: Callable[..., Any], stride: int) -> list[Any]:
    """Max pooling of random numbers by windows of two by two, and its gradient."""
    x = np.random.default_rng(1).normal(size=(2, 7, 7, 3)).astype(np.float32)

    def sum_of_squares(x: Any) -> tuple[Any, Any]:
        outputs = pool(x, (2, 2), (stride, stride))
        return (outputs**2).sum(), outputs

    gradient, outputs = jax.jit(jax.grad(sum_of_squares, has_aux=True))(x)
    return [outputs.tolist(), gradient.tolist()]


def main() -> None:
    result: dict[str, Any] = {"words": setup_device(seed=0, device="cpu", threads=None)}
    epoch.STEPS_PER_CALL["cpu"] = 3
    result["fit"], result["own"] = train(loop._keras_epoch)[1], train(jax_epoch)[1]
    pool = keras.src.backend.nn.max_pool
    result["pooled"] = [pooled(pool, 2), pooled(pool.args[0], 2), pooled(pool, 1)]

    result["two words"] = gpu.setup_gpus("jax", keras.distribution.list_devices())
    config: Any = jax.config
    result["precision"] = config.jax_default_matmul_precision
    model, result["two"] = train(jax_epoch)
    result["devices of a weight"] = len(model.trainable_variables[0].value.sharding.device_set)
    result["by Keras"] = [model.predict_on_batch(X[:n]).tolist() for n in (10, 1)]
    predict = predictor(model, batch_size=4)
    traced.clear()
    result["predicted"] = [predict(X[:n]).tolist() for n in (10, 3)]
    result["predicted one by one"] = predictor(model, batch_size=1)(X[:3]).tolist()
    print(json.dumps(result | {"compiled for predicting": traced}))


if __name__ == "__main__":
    main()
