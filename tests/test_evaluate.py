import time
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import classification_report

from src.evaluate import accuracy, evaluate, latency, main, scores
from src.stage import UserError

Y = np.array([0, 0, 0, 1, 1, 2])
PROBABILITIES = np.eye(3)[[0, 0, 1, 1, 1, 0]] * 0.8 + 0.1  # predicts 0 0 1 1 1 0


def test_accuracy_is_the_share_of_right_predictions() -> None:
    assert accuracy(PROBABILITIES, Y) == 4 / 6


def test_scores_and_confusion_by_hand() -> None:
    report = scores(PROBABILITIES, Y, ["a", "b", "c"])
    assert report["confusion"] == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert report["per_class"] == {
        "a": {"precision": 2 / 3, "recall": 2 / 3, "images": 3},
        "b": {"precision": 2 / 3, "recall": 1.0, "images": 2},
        "c": {"precision": 0.0, "recall": 0.0, "images": 1},
    }


def test_scores_agree_with_scikit_learn_on_random_predictions() -> None:
    rng = np.random.default_rng(0)
    y, probabilities = rng.integers(0, 5, 500), rng.random((500, 5))
    expected = classification_report(y, probabilities.argmax(axis=1), output_dict=True)
    report = scores(probabilities, y, list("01234"))
    for label, row in report["per_class"].items():
        assert (row["precision"], row["recall"]) == (expected[label]["precision"], expected[label]["recall"])
    assert np.trace(report["confusion"]) / 500 == expected["accuracy"] == accuracy(probabilities, y)


def test_a_label_without_test_images_keeps_its_row() -> None:
    report = scores(PROBABILITIES[:5], Y[:5], ["a", "b", "c"])
    assert report["per_class"]["c"] == {"precision": 0.0, "recall": 0.0, "images": 0}
    assert report["confusion"][2] == [0, 0, 0]


class Clock:
    """A clock that each prediction moves by the next of the given seconds, and predictors that keep their batches."""

    def __init__(self, *waits: float) -> None:
        self.now, self.waits, self.sizes = 0.0, iter(waits), list[tuple[int, int]]()

    def predictor(self, *, batch_size: int) -> Any:
        def predict(x: np.ndarray) -> np.ndarray:
            self.now += next(self.waits)
            self.sizes.append((batch_size, len(x)))
            return np.eye(3)[x[:, 0, 0]]  # the class is the first pixel

        return predict


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    def start(*waits: float) -> Clock:
        clock = Clock(*waits)
        monkeypatch.setattr(time, "perf_counter", lambda: clock.now)
        return clock

    return start


def test_latency_sets_the_first_call_apart_from_the_percentiles(clock: Any) -> None:
    ticking = clock(9, *range(1, 22))
    found = latency(ticking.predictor(batch_size=1), np.zeros((1, 2, 2), int), 21)
    assert found == {"first": 9, "p50": 11, "p95": 20}


def test_evaluating_predicts_single_batches_then_each_split_then_the_test_set_again(clock: Any) -> None:
    x = np.array([0, 1, 2, 1]).reshape(-1, 1, 1)
    sets = {
        split: {"x": x[:n], "y": np.array([0, 1, 2, 2])[:n]} for split, n in (("train", 3), ("val", 2), ("test", 4))
    }
    ticking = clock(5, 1, 7, 2, 0, 0, 0, 3)
    probabilities, numbers = evaluate(ticking.predictor, 2, sets, latency_batches=[1, 6], latency_repeats=1)
    assert ticking.sizes == [(1, 1)] * 2 + [(6, 6)] * 2 + [(2, 3), (2, 2), (2, 4), (2, 4)]
    assert numbers == {
        "train_accuracy": 1.0,
        "val_accuracy": 1.0,
        "test_accuracy": 0.75,
        "test_seconds": 3,
        "latency_1_first": 5,
        "latency_1_p50": 1,
        "latency_1_p95": 1,
        "latency_6_first": 7,
        "latency_6_p50": 2,
        "latency_6_p95": 2,
    }
    assert {split: len(each) for split, each in probabilities.items()} == {"train": 3, "val": 2, "test": 4}


def test_an_unknown_model_is_answered_with_the_known_ones(params: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="one of cm1, cnn1, .* Got 'resnet'"):
        main(params, "resnet")
