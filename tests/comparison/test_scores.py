import numpy as np
from sklearn.metrics import classification_report

from src.comparison.scores import ClassScores, accuracy, class_scores, confusion_matrix, surest_mistakes

Y = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 1, 0])


def test_scores_by_hand() -> None:
    assert accuracy(PREDICTED, Y) == 4 / 6
    assert confusion_matrix(PREDICTED, Y, 3).tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]  # rows: the true labels
    a, b, c = class_scores(PREDICTED, Y, 3)
    assert a == ClassScores(precision=2 / 3, recall=2 / 3, f1=2 / 3, support=3)
    assert b == ClassScores(precision=2 / 3, recall=1.0, f1=0.8, support=2)
    assert c == ClassScores(precision=0.0, recall=0.0, f1=0.0, support=1)


def test_scores_agree_with_scikit_learn_on_random_predictions() -> None:
    rng = np.random.default_rng(0)
    y, predicted = rng.integers(0, 5, 500), rng.integers(0, 5, 500)
    expected = classification_report(y, predicted, output_dict=True)
    for label, scores in enumerate(class_scores(predicted, y, 5)):
        names = {"precision": "precision", "recall": "recall", "f1": "f1-score", "support": "support"}
        assert scores._asdict() == {name: expected[str(label)][key] for name, key in names.items()}
    assert np.trace(confusion_matrix(predicted, y, 5)) / 500 == accuracy(predicted, y) == expected["accuracy"]


def test_the_surest_mistakes_come_first_and_right_answers_never() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.05, 0.95], [0.3, 0.7]])
    y = np.array([0, 0, 1, 0, 0])
    assert surest_mistakes(probabilities, y, 3).tolist() == [3, 1, 4]
    assert surest_mistakes(probabilities, y, 9).tolist() == [3, 1, 4, 2]
    assert surest_mistakes(probabilities, probabilities.argmax(axis=1), 3).tolist() == []


def test_a_label_without_images_keeps_its_row() -> None:
    assert class_scores(PREDICTED[:5], Y[:5], 3)[2] == ClassScores(0.0, 0.0, 0.0, 0)
    assert confusion_matrix(PREDICTED[:5], Y[:5], 3)[2].tolist() == [0, 0, 0]
