"""An epoch with JAX: the data is on the device, and a call takes as many steps as suit the device.

JAX's functions have no side effects: a step takes the values of all variables and gives the new ones. They are brought
back into the model's variables at the end of the epoch, where checkpoints find them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from src.training.distribution import place
from src.training.epoch import Data, Epoch, batches

State = tuple[list[Any], ...]  # values of groups of variables, as Keras's steps take and give them
Steps = Callable[[State, np.ndarray], State]


def jax_epoch(model: Any, train: Data, val: Data, batch_size: int, on_steps: Callable[[int], None]) -> Epoch:
    """An epoch of a compiled model as its own `fit` would train it."""
    one_hot = train[1][:1]
    model.compute_loss(y=one_hot, y_pred=one_hot)  # the loss and the metrics make their variables at their first call
    model.compute_metrics(None, one_hot, one_hot)
    weights, metrics = (model.trainable_variables, model.non_trainable_variables), model.metrics_variables
    train_steps, test_steps = _steps(model.train_step, train), _steps(model.test_step, val)
    trained, tested = (*weights, model.optimizer.variables, metrics), (*weights, metrics)

    def train_epoch(order: np.ndarray) -> dict[str, Any]:
        logs = _run(model, train_steps, trained, order, batch_size, on_steps)
        val_logs = _run(model, test_steps, tested, np.arange(len(val[0])), batch_size, lambda steps: None)
        return logs | {f"val_{name}": value for name, value in val_logs.items()}

    return train_epoch


def _run(
    model: Any,
    steps: Steps,
    variables: Sequence[Sequence[Any]],
    order: np.ndarray,
    batch_size: int,
    on_steps: Callable[[int], None],
) -> dict[str, Any]:
    """Take the steps over the rows in that order, from and into the variables. Returns the metrics."""
    import jax

    model.reset_metrics()
    state = tuple([variable.value for variable in group] for group in variables)
    for rows in batches(order, batch_size):
        state = jax.block_until_ready(steps(state, rows))  # else it would be told of steps that are only queued
        on_steps(len(rows))
    for group, values in zip(variables, state, strict=True):
        for variable, value in zip(group, values, strict=True):
            variable.assign(value)
    metrics: dict[str, Any] = model.get_metrics_result()
    return metrics


def _steps(step: Callable[[Any, Any], tuple[Any, Any]], data: Data) -> Steps:
    """A function from a state and (steps, batch) row numbers to the state after `step` with each batch of those rows.

    The state that it takes is given up: its memory is used for the new one.
    """
    import jax

    @jax.jit(donate_argnums=0)
    def steps(state: Any, batches: Any, x: Any, y: Any) -> Any:
        return jax.lax.scan(lambda state, rows: (step(state, (x[rows], y[rows]))[1], None), state, batches)[0]

    x, y = (place(array) for array in data)
    return lambda state, batches: steps(state, place(batches, axis=1), x, y)
