"""The recipes as one would write them in stock Keras: activations inside the layers, TimeDistributed over the rows."""

from typing import Any

import keras
from keras import layers

TRAINING = ("optimizer", "learning_rate", "batch_size", "epochs", "replicas")


def network(recipe: dict[str, Any]) -> dict[str, Any]:
    """The part of a model's block that describes the network, without that of its training."""
    return {key: value for key, value in recipe.items() if key not in TRAINING}


def build(*, side: int, classes: int, architecture: str, activation: str, **rates: float) -> keras.Model:
    """An untrained classifier: (n, side, side, 1) float32 images in [0, 1] -> (n, classes) float32 probabilities."""
    body = globals()[architecture](activation, **rates)
    return keras.Sequential([keras.Input((side, side, 1)), *body, layers.Dense(classes, activation="softmax")])


def cm1(activation: str) -> list[keras.Layer]:
    """Two convolutions and a wide dense layer."""
    return [
        layers.Conv2D(32, 3, padding="same", activation=activation),
        layers.MaxPooling2D(2),
        layers.Conv2D(32, 3, activation=activation),
        layers.Flatten(),
        layers.Dense(256, activation=activation),
    ]


def cnn1(activation: str) -> list[keras.Layer]:
    """Three convolutions and two dense layers."""
    return [
        layers.Conv2D(32, 3, padding="same", activation=activation),
        layers.Conv2D(64, 3, activation=activation),
        layers.MaxPooling2D(2),
        layers.Conv2D(32, 3, activation=activation),
        layers.Flatten(),
        layers.Dense(256, activation=activation),
        layers.Dense(128, activation=activation),
    ]


def dropout_cnn(
    activation: str, dropout_conv1: float, dropout_conv2: float, dropout_dense1: float
) -> list[keras.Layer]:
    """Two pooled convolutions with dropout between the layers; none where the rate is 0."""
    network = [
        layers.Conv2D(32, 3, padding="same", activation=activation),
        layers.MaxPooling2D(2),
        layers.Dropout(dropout_conv1),
        layers.Conv2D(32, 3, activation=activation),
        layers.MaxPooling2D(2),
        layers.Dropout(dropout_conv2),
        layers.Flatten(),
        layers.Dense(256, activation=activation),
        layers.Dropout(dropout_dense1),
        layers.Dense(64, activation=activation),
    ]
    return [layer for layer in network if not isinstance(layer, layers.Dropout) or layer.rate]


def vgg(activation: str, dropout: float) -> list[keras.Layer]:
    """Six convolutions and three dense layers with dropout."""
    widths = (64, 128, 128, 256, 256)
    return [
        layers.Conv2D(32, 3, padding="same", activation=activation),
        layers.MaxPooling2D(2),
        *(layers.Conv2D(filters, 3, activation=activation) for filters in widths),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        *(layer for units in (1024, 512, 256) for layer in (layers.Dense(units, activation), layers.Dropout(dropout))),
    ]


def lstm(activation: str) -> list[keras.Layer]:
    """One LSTM over the pixels of each row, one over the rows."""
    return [layers.TimeDistributed(layers.LSTM(128, activation=activation)), layers.LSTM(128, activation=activation)]
