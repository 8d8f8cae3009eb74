from typing import Any

import numpy as np
import pytest
from sklearn.metrics import classification_report

from src.evaluate import accuracy, evaluate, main
from src.stage import UserError

Y = np.array([0, 0, 0, 1, 1, 2])
PROBABILITIES = np.eye(3)[[0, 0, 1, 1, 1, 0]] * 0.8 + 0.1  # predicts 0 0 1 1 1 0


def test_accuracy_is_the_share_of_right_predictions() -> None:
    assert accuracy(PROBABILITIES, Y) == 4 / 6


def test_scores_and_confusion_by_hand() -> None:
    report = evaluate(PROBABILITIES, Y, ["a", "b", "c"])
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
    report = evaluate(probabilities, y, list("01234"))
    for label, row in report["per_class"].items():
        assert (row["precision"], row["recall"]) == (expected[label]["precision"], expected[label]["recall"])
    assert np.trace(report["confusion"]) / 500 == expected["accuracy"] == accuracy(probabilities, y)


def test_a_label_without_test_images_keeps_its_row() -> None:
    report = evaluate(PROBABILITIES[:5], Y[:5], ["a", "b", "c"])
    assert report["per_class"]["c"] == {"precision": 0.0, "recall": 0.0, "images": 0}
    assert report["confusion"][2] == [0, 0, 0]


def test_an_unknown_model_is_answered_with_the_known_ones(params: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="one of cm1, cnn1, .* Got 'resnet'"):
        main(params, "resnet")
