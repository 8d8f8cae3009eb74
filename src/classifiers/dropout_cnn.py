"""CNN2, CNN3, CNN4 and CM4: two pooled convolutions with dropout between the layers."""

from typing import Any

from src.classifiers import conv
from src.pipeline.schema import Activation, Share


def body(x: Any, *, activation: Activation, dropout_conv1: Share, dropout_conv2: Share, dropout_dense1: Share) -> Any:
    """(n, side, side, channels) float32 -> (n, 64) float32."""
    from keras import layers

    x = conv(x, "conv1", 32, activation, padding="same", pool=True)
    x = layers.Dropout(dropout_conv1, name="dropout_conv1")(x)
    x = conv(x, "conv2", 32, activation, pool=True)
    x = layers.Dropout(dropout_conv2, name="dropout_conv2")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(256, activation=activation, name="dense1")(x)
    x = layers.Dropout(dropout_dense1, name="dropout_dense1")(x)
    return layers.Dense(64, activation=activation, name="embedding")(x)
