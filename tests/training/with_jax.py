"""What JAX makes of small networks, as JSON; run as a process of its own, in which Keras has JAX and two devices."""

import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np

os.environ |= {"KERAS_BACKEND": "jax", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
import jax
import keras

from src.training import epoch, gpu, loop
from src.training.device import setup_device
from src.training.jax_epoch import jax_epoch
from src.training.predictor import predictor

RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 256, (45, 6, 6), dtype=np.uint8), np.eye(2, dtype=np.float32)[RNG.integers(0, 2, 45)]
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
    model, steps, logs, compiled = network(), [], [], []
    traced.clear()

    def on_epoch(number: int, values: dict[str, float]) -> None:
        logs.append(values)
        compiled.append(len(traced))

    settings: dict[str, Any] = {"first_epoch": 1, "epochs": 2, "batch_size": 10, "seed": 5}
    loop.fit(model, (X, Y), (X[:16], Y[:16]), on_steps=steps.append, on_epoch=on_epoch, **settings)
    values = [np.asarray(variable).tolist() for variable in (*model.variables, *model.optimizer.variables)]
    return model, {"values": values, "logs": logs, "steps": steps, "compiled": compiled}


def pooled(pool: Callable[..., Any], side: int, stride: int) -> list[Any]:
    """Max pooling of random numbers by windows of two by two, and its gradient."""
    x = np.random.default_rng(1).normal(size=(2, side, side, 3)).astype(np.float32)
    outputs, pull = jax.vjp(lambda x: pool(x, (2, 2), (stride, stride)), x)
    return [outputs.tolist(), pull(outputs)[0].tolist()]


def main() -> None:
    result: dict[str, Any] = {"words": setup_device(seed=0, device="cpu", threads=None)}
    result["fit"], result["one"] = train(loop._keras_epoch)[1], train(jax_epoch)[1]
    epoch.STEPS_PER_CALL["cpu"] = 3
    result["three steps"] = train(jax_epoch)[1]
    epoch.STEPS_PER_CALL["cpu"] = 1

    own = keras.src.backend.nn.max_pool
    result["pools"] = [[pooled(pool, 7, stride) for pool in (own, own.args[0])] for stride in (2, 1)]

    result["two words"] = gpu.setup_gpus("jax", keras.distribution.list_devices())
    result["precision"] = jax.config.jax_default_matmul_precision
    model, result["two"] = train(jax_epoch)
    result["devices of a weight"] = len(model.trainable_variables[0].value.sharding.device_set)
    predict = predictor(model, batch_size=4)
    traced.clear()
    result["predicted"] = [predict(X[:n]).tolist() for n in (10, 3)]
    result["predicted one by one"] = predictor(model, batch_size=1)(X[:3]).tolist()
    result["compiled for predicting"] = traced
    keras.distribution.set_distribution(None)
    result["called"] = np.asarray(model(X[:10])).tolist()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
