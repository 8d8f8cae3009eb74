"""The recipes in PyTorch, channels last: the peer of the benchmark, and no dependency of the project."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "leaky_relu": lambda: nn.LeakyReLU(0.2), "elu": nn.ELU, "tanh": nn.Tanh}


class Rows(nn.Module):
    """One LSTM over the pixels of each row, one over the rows: (n, 1, side, side) -> (n, 128)."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels, self.rows = nn.LSTM(1, 128, batch_first=True), nn.LSTM(128, 128, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The second LSTM's last output."""
        n, _, side, _ = x.shape
        rows = self.pixels(x.reshape(n * side, side, 1))[0][:, -1]
        return self.rows(rows.reshape(n, side, -1))[0][:, -1]


def build(*, classes: int, architecture: str, activation: str, **rates: float) -> nn.Module:
    """An untrained classifier: (n, 1, 28, 28) float32 images in [0, 1] -> (n, classes) logits."""
    act = ACTIVATIONS[activation]

    def conv(filters: int, padding: str = "valid", pool: bool = False) -> list[nn.Module]:
        return [nn.LazyConv2d(filters, 3, padding=padding), act(), *([nn.MaxPool2d(2)] if pool else [])]

    def dense(units: int, rate: float = 0) -> list[nn.Module]:
        return [nn.LazyLinear(units), act(), nn.Dropout(rate)]

    def drop(name: str) -> nn.Module:
        return nn.Dropout(rates[name])

    bodies: dict[str, Callable[[], list[nn.Module]]] = {
        "cm1": lambda: [*conv(32, "same", pool=True), *conv(32), nn.Flatten(), *dense(256)],
        "cnn1": lambda: [
            *[*conv(32, "same"), *conv(64, pool=True), *conv(32)],
            *[nn.Flatten(), *dense(256), *dense(128)],
        ],
        "dropout_cnn": lambda: [
            *[*conv(32, "same", pool=True), drop("dropout_conv1"), *conv(32, pool=True), drop("dropout_conv2")],
            *[nn.Flatten(), *dense(256, rates["dropout_dense1"]), *dense(64)],
        ],
        "vgg": lambda: [
            *[*conv(32, "same", pool=True), *conv(64), *conv(128), *conv(128), *conv(256), *conv(256, pool=True)],
            *[nn.Flatten(), *(layer for units in (1024, 512, 256) for layer in dense(units, rates["dropout"]))],
        ],
        "lstm": lambda: [Rows()],
    }
    model = nn.Sequential(*bodies[architecture](), nn.LazyLinear(classes))
    model(torch.zeros(2, 1, 28, 28))  # gives the lazy layers their shapes
    return model.to(memory_format=torch.channels_last)


def fit(
    x: np.ndarray,
    y: np.ndarray,
    *,
    optimizer: str,
    learning_rate: float,
    batch_size: int,
    on_step: Callable[[], None],
    **network: Any,
) -> None:
    """One epoch on images (n, 28, 28) uint8 and labels (n,) int64, shuffled."""
    torch.manual_seed(0)
    images = (torch.from_numpy(x)[:, None] / 255).to(memory_format=torch.channels_last)
    labels = torch.from_numpy(y)
    model = build(classes=int(y.max()) + 1, **network)
    rules = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop}
    rule = rules[optimizer](model.parameters(), lr=learning_rate)
    loss = nn.CrossEntropyLoss()
    for rows in torch.randperm(len(x)).split(batch_size):
        rule.zero_grad()
        loss(model(images[rows]), labels[rows]).backward()
        rule.step()
        on_step()
