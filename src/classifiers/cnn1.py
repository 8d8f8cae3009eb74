"""CNN1: a third convolution, before the pooling, and a second dense layer."""

from typing import Any

from src.classifiers import conv
from src.pipeline.schema import Activation


def body(x: Any, *, activation: Activation) -> Any:
    """(n, side, side, channels) float32 -> (n, 128) float32."""
    from keras import layers

    x = conv(x, "conv1", 32, activation, padding="same")
    x = conv(x, "conv2", 64, activation, pool=True)
    x = conv(x, "conv3", 32, activation)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(256, activation=activation, name="dense1")(x)
    return layers.Dense(128, activation=activation, name="embedding")(x)
