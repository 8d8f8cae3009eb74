"""CNN_VGG, after VGG16: convolutions that grow wider while the picture shrinks, then three dense layers."""

from typing import Any

from src.classifiers import conv
from src.pipeline.schema import Activation, Share


def body(x: Any, *, activation: Activation, dropout: Share) -> Any:
    """(n, side, side, channels) float32 -> (n, 256) float32; side at least 24."""
    from keras import layers

    x = conv(x, "conv1", 32, activation, padding="same", pool=True)
    x = conv(x, "conv2", 64, activation)
    x = conv(x, "conv3", 128, activation)
    x = conv(x, "conv4", 128, activation)
    x = conv(x, "conv5", 256, activation)
    x = conv(x, "conv6", 256, activation, pool=True)
    x = layers.Flatten(name="flatten")(x)
    for name, units in {"dense1": 1024, "dense2": 512, "embedding": 256}.items():
        x = layers.Dense(units, activation=activation, name=name)(x)
        x = layers.Dropout(dropout, name=f"dropout_{name}")(x)
    return x
