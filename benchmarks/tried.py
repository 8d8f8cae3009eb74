"""What was tried to make a training step faster, built or not: so that nobody has to try it again.

Times are those of the CPU with one thread: of a part's forward and backward pass, on arrays as a step of 500 images has
them, and of whole steps.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.train import one_run
from src.params import read_params
from src.pipeline.files import write_json, write_text
from src.training.device import setup_device, software
from src.training.dropout import dropout

REPEATS = 5
STEPS = 5  # measured ones of a model
N = 500  # images of a batch
RATE = 0.3
Function = Callable[..., Any]
Part = tuple[str, list[Any], dict[str, Function]]  # its model, its inputs, and what can do it, the usual way first


def dropout_by_8_bits(x: Any) -> Any:
    """Dropout by 8 random bits for each element: a rate of 0.3 becomes 0.3008."""
    draws = tf.random.stateless_uniform([tf.size(x) // 4], (1, 2), None, None, tf.uint32)
    kept = tf.reshape(tf.bitcast(draws, tf.uint8), x.shape) >= tf.constant(round(RATE * 2**8), tf.uint8)
    return x * (tf.cast(kept, x.dtype) * (1 / (1 - RATE)))


@tf.function(jit_compile=True)
def xla_mask(shape: Sequence[int], seed: Any) -> Any:
    """Which elements are kept, by 32 random bits each."""
    return tf.random.stateless_uniform(shape, seed, alg="threefry") >= RATE


@tf.function(jit_compile=True)
def pool_gradient(x: Any, y: Any, dy: Any) -> Any:
    """The gradient of 2x2 max pooling, to every element that equals its maximum: exact where none equal each other."""
    n, height, width, channels = x.shape
    blocks = tf.reshape(x, (n, height // 2, 2, width // 2, 2, channels))
    hit = tf.equal(blocks, y[:, :, None, :, None])
    return tf.reshape(tf.where(hit, dy[:, :, None, :, None], tf.zeros((), x.dtype)), x.shape)


@tf.custom_gradient
def fused_pool(x: Any) -> tuple[Any, Function]:
    """Max pooling with that gradient."""
    y = tf.nn.max_pool2d(x, 2, 2, "VALID")
    return y, lambda dy: pool_gradient(x, y, dy)


@tf.custom_gradient
def add_bias(y: Any, bias: Any) -> tuple[Any, Function]:
    """A bias whose gradient is a product with ones."""

    def gradient(dy: Any) -> tuple[Any, Any]:
        rows = tf.reshape(dy, (-1, dy.shape[-1]))
        return dy, tf.reshape(tf.matmul(tf.ones((1, rows.shape[0]), dy.dtype), rows), (-1,))

    return tf.nn.bias_add(y, bias), gradient


def parts(images: np.ndarray) -> dict[str, Part]:
    """The parts of a step; images: (N, 28, 28) float32."""
    rng, seed = np.random.default_rng(0), tf.Variable([1, 2], trainable=False)  # a constant would be folded
    layer, rows = keras.layers.LSTM(128), tf.constant(images.reshape(-1, 28, 1))
    pixels = tf.constant(images[..., None])  # and these rows: no gradient goes to them

    def normal(*shape: int) -> Any:
        return tf.constant(rng.normal(size=shape).astype(np.float32))

    def different_rows() -> Any:
        different, places = tf.raw_ops.UniqueV2(x=rows, axis=[0])
        return tf.gather(layer(tf.ensure_shape(different, (None, 28, 1))), places)

    return {
        "dropout after conv1": (
            "cnn2",
            [normal(N, 14, 14, 32)],
            {
                "by a float32 (Keras)": lambda x: tf.nn.experimental.stateless_dropout(x, RATE, seed),
                "by 16 bits (built)": lambda x: dropout(x, RATE, seed=1),
                "by 8 bits": dropout_by_8_bits,
                "by 32 bits, compiled by XLA": lambda x: x * (tf.cast(xla_mask(x.shape, seed), x.dtype) / (1 - RATE)),
            },
        ),
        "pooling after conv1": (
            "cm4",
            [normal(N, 28, 28, 32)],
            {
                "by oneDNN (Keras)": lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"),
                "gradient fused by XLA": fused_pool,
            },
        ),
        "bias of conv1": (
            "cm4",
            [normal(3, 3, 1, 32), normal(32)],
            {
                "in the convolution (Keras)": lambda w, b: tf.nn.bias_add(tf.nn.conv2d(pixels, w, 1, "SAME"), b),
                "gradient as a product": lambda w, b: add_bias(tf.nn.conv2d(pixels, w, 1, "SAME"), b),
                "left out: a bound for adding it after the pooling": lambda w, _: tf.nn.conv2d(pixels, w, 1, "SAME"),
            },
        ),
        "LSTM over the pixels": (
            "cnn_lstm",
            [],
            {"of all rows": lambda: layer(rows), "of different rows only": different_rows},
        ),
    }


def part_ms(function: Function, inputs: list[Any]) -> float:
    """The least CPU time of a forward and a backward pass, in ms."""
    dy = tf.constant(np.random.default_rng(1).normal(size=function(*inputs).shape).astype(np.float32))

    @tf.function
    def step() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = function(*inputs)
        return tape.gradient(y, [*inputs, *tape.watched_variables()], dy)

    seconds = []
    for _ in range(2 + REPEATS):  # the first ones compile
        start = time.process_time()
        step()
        seconds.append(time.process_time() - start)
    return 1000 * min(seconds[2:])


def step_ms(recipe: dict[str, Any], batch_size: int) -> float:
    """The CPU time of a model's step on N images, in ms, in batches of that size."""
    run = one_run("pipeline", recipe | {"batch_size": batch_size}, STEPS * N // batch_size)
    return run["step_cpu_ms"] * N / batch_size


def markdown(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A table of the rows; a gain is against the first way of the part, in percent of a step of the model."""
    lines = ["| Part of a step | Way | CPU | Gain, of the model's step |", "|---|---|---:|---:|"]
    usual = {row["part"]: row["ms"] for row in reversed(rows)}
    for row in rows:
        gain = (usual[row["part"]] - row["ms"]) / row["step_ms"]
        share = f"{gain:+.0%} of {row['model']}" if row["ms"] != usual[row["part"]] else ""
        lines.append(f"| {row['part']} | {row['way']} | {row['ms']:.1f} ms | {share} |")
    return lines


def main() -> None:
    """Measure all -> benchmarks/tried.json and .md."""
    on = f"{setup_device(seed=0, device='cpu', threads=1)}; {software()}; load average {os.getloadavg()[0]:.1f}"
    recipes = read_params()["models"]
    for recipe in recipes.values():
        del recipe["epochs"], recipe["replicas"]
    images = np.load("data/train.npz")["x"][:N].astype(np.float32) / 255
    steps = {model: step_ms(recipes[model], N) for model in ("cm4", "cnn2", "cnn_lstm")}
    rows = [
        {"part": part, "way": way, "ms": part_ms(function, inputs), "model": model, "step_ms": steps[model]}
        for part, (model, inputs, ways) in parts(images).items()
        for way, function in ways.items()
    ]
    for size in (N, 250, 100):
        ms = steps["cm4"] if size == N else step_ms(recipes["cm4"], size)
        whole = {"part": "whole step of cm4", "way": f"in batches of {size}", "ms": ms}
        rows.append(whole | {"model": "cm4", "step_ms": steps["cm4"]})
    write_json("benchmarks/tried.json", {"on": on, "steps_ms": steps, "rows": rows})
    heading = ["# Tried to make a step faster", "", f"CPU time in float32. On {on}.", ""]
    write_text("benchmarks/tried.md", "\n".join([*heading, *markdown(rows), ""]))


if __name__ == "__main__":
    main()
