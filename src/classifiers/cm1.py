"""CM1, the course's given network: two convolutions and a wide dense layer."""

from typing import Any

from src.classifiers import conv
from src.pipeline.schema import Activation


def body(x: Any, *, activation: Activation) -> Any:
    """(n, side, side, channels) float32 -> (n, 256) float32."""
    from keras import layers

    x = conv(x, "conv1", 32, activation, padding="same", pool=True)
    x = conv(x, "conv2", 32, activation)
    x = layers.Flatten(name="flatten")(x)
    return layers.Dense(256, activation=activation, name="embedding")(x)
