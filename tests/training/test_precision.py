from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from src import classifiers
from src.training import checkpoint, precision
from src.training.checkpoint import Record
from src.training.loop import fit
from src.training.precision import matrix_rate, set_precision
from src.training.predictor import predictor

pytestmark = pytest.mark.usefixtures("usual_precision")
SIDE, CLASSES = 24, 3
X = np.random.default_rng(0).integers(0, 80, (12, SIDE, SIDE), dtype=np.uint8)
for number in range(len(X)):  # another third is bright in each class
    X[number, :, 8 * (number % CLASSES) :][:, :8] += 150
Y = np.eye(CLASSES, dtype=np.float32)[np.arange(len(X)) % CLASSES]
DROPOUT = {"dropout_conv1": 0.3, "dropout_conv2": 0.3, "dropout_dense1": 0.5}
BODIES: dict[str, dict[str, Any]] = {"cm1": {}, "cnn1": {}, "dropout_cnn": DROPOUT, "vgg": {"dropout": 0.5}, "lstm": {}}


def network(name: str, architecture: str = "dropout_cnn") -> keras.Model:
    """An untrained classifier of an architecture in a precision, compiled."""
    set_precision(name, "GPU, a card")  # type: ignore[arg-type]
    keras.utils.set_random_seed(0)
    block = BODIES[architecture] | {"activation": "relu" if architecture != "lstm" else "tanh"}
    model = classifiers.build(shape=(SIDE, SIDE), classes=CLASSES, architecture=architecture, **block)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model


def loss_and_gradient(model: keras.Model) -> tuple[float, np.ndarray]:
    """The loss, and its gradient by all weights, without dropout."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = model.compute_loss(y=Y, y_pred=model(X, training=False))
    return float(loss), flat(tape.gradient(loss, model.trainable_variables))


def flat(arrays: list[Any]) -> np.ndarray:
    """All elements in one row."""
    return np.concatenate([np.ravel(array) for array in arrays])


@pytest.mark.parametrize("architecture", BODIES)
def test_a_gradient_in_bfloat16_is_near_that_in_float32_and_leads_to_a_lower_loss(architecture: str) -> None:
    _, expected = loss_and_gradient(network("float32", architecture))
    model = network("bfloat16", architecture)
    assert {variable.dtype for variable in model.weights} == {"float32"}
    loss, gradient = loss_and_gradient(model)
    assert np.linalg.norm(gradient - expected) < 0.3 * np.linalg.norm(expected)
    weights = flat(model.get_weights()) - 0.03 * gradient / np.linalg.norm(gradient)
    places = np.cumsum([np.prod(weight.shape) for weight in model.weights])[:-1]
    parts = zip(np.split(weights, places), model.weights, strict=True)
    model.set_weights([part.reshape(weight.shape) for part, weight in parts])
    assert loss_and_gradient(model)[0] < loss


def test_a_training_in_bfloat16_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    def train(model: keras.Model, first_epoch: int) -> list[dict[str, float]]:
        epochs: list[dict[str, float]] = []

        def on_epoch(epoch: int, logs: dict[str, float]) -> None:
            checkpoint.write(tmp_path / str(epoch), Record(), checkpoint.state(model, finished=False))
            epochs.append(logs)

        hooks: Any = {"on_steps": lambda steps: None, "on_epoch": on_epoch}
        fit(model, (X, Y), (X, Y), first_epoch=first_epoch, epochs=3, batch_size=6, seed=5, **hooks)
        return epochs

    expected = train(network("bfloat16"), 1)
    last = (tmp_path / "3").read_bytes()
    resumed, kept = network("bfloat16"), checkpoint.load(tmp_path / "1")
    assert kept
    assert checkpoint.assign(kept, checkpoint.state(resumed, finished=False))
    assert train(resumed, 2) == expected[1:]
    assert (tmp_path / "3").read_bytes() == last


def test_a_saved_model_gives_the_same_float32_probabilities_where_the_policy_is_another(tmp_path: Path) -> None:
    model = network("bfloat16")
    classifiers.save(model, str(tmp_path / "a.keras"))
    set_precision("float32", "GPU, a card")
    loaded = classifiers.load(str(tmp_path / "a.keras"))
    probabilities = predictor(loaded, batch_size=6)(X)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(probabilities, predictor(model, batch_size=6)(X))


@pytest.mark.parametrize(
    ("bfloat16", "device", "line"),
    [
        (70.2, "CPU, a processor, 2 threads", "70 GFLOP/s in bfloat16 and 135 in float32: bfloat16 is slower.\n"),
        (140, "CPU, a processor, 2 threads", ""),
        (70.2, "GPU, a card", ""),
    ],
)
def test_where_bfloat16_is_slower_a_line_says_so(
    bfloat16: float,
    device: str,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(precision, "matrix_rate", {"bfloat16": bfloat16, "float32": 135.4}.get)
    set_precision("float32", device)
    assert capsys.readouterr().out == ""
    set_precision("bfloat16", device)
    assert capsys.readouterr().out == (line and f"train: a core here multiplies matrices at {line}")


def test_a_rate_is_that_of_the_products(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0, 9, 10, 13, 20, 22, 30, 34])  # starts and ends of four products, the first of which compiles
    monkeypatch.setattr(precision.time, "process_time", lambda: next(clock))
    assert matrix_rate("bfloat16") == 2 * 1024**3 / 2 / 1e9
