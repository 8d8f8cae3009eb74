from typing import Any

import numpy as np
import pytest

from src.inference.answer import Answer, infer, written_labels
from src.inference.study import in_words
from src.inference.trainings import CURVES
from tests.inference.test_study import LABELS, NAMES, simulated

SIZES = [2, 2, 3]
TRUTH = 40
SETTINGS: dict[str, Any] = {
    **{"encoder": "e", "models": ["m", "n"], "n_seeds": 2, "n_mappings": 30, "n_best": 2, "first_epoch": 2},
    **{"tempers": [1, 0.5], "errors": [0.05, 0.1, 0.2], "credibility": 0.95, "n_listed": 3, "shuffles": 10, "seed": 5},
}


def answer_with(**changes: Any) -> Answer:
    """Published are trainings on a grouping of which the author wrote one garment down wrongly."""
    train = simulated(0.3)
    models = {}
    for model in ("e", "m", "n"):
        curves = train(model, 0, LABELS[TRUTH])["curves"]
        models[model] = {"history": [dict(zip(CURVES, row, strict=True)) for row in curves]}
    written = LABELS[TRUTH].copy()
    written[0] = (written[0] + 1) % len(SIZES)
    decoding = {str(label): [NAMES[i] for i in np.flatnonzero(written == label)] for label in range(len(SIZES))}
    published: Any = {"models": models, "written_decoding": decoding, "dbscan_print": [0, 0]}
    return infer(train, LABELS, SIZES, NAMES, published, **SETTINGS | changes)


@pytest.fixture(scope="module")
def answer() -> Answer:
    return answer_with()


def test_the_published_grouping_is_found(answer: Answer) -> None:
    truth = in_words(LABELS[TRUTH], NAMES)
    row = next(row for row in answer.posterior if row["grouping"] == truth)
    assert row["rank"] <= 3
    assert (row["n_moves"], row["author"] > 0.8) == (1, True)
    assert {row["best"] for row in answer.sensitivity if row["prior"].startswith("author")} == {truth}
    assert {row["prior"] for row in answer.sensitivity} == {
        *("flat", "author, 5% wrong", "author, 10% wrong", "author, 20% wrong")
    }


def test_the_best_ones_are_trained_and_the_right_one_is_nearest(answer: Answer) -> None:
    largest = dict.fromkeys(dict.fromkeys(row["grouping"] for row in answer.direct), 0.0)
    for row in answer.direct:
        largest[row["grouping"]] = max(largest[row["grouping"]], abs(row["difference"]))
    assert len(largest) == 2
    assert min(largest, key=lambda grouping: largest[grouping]) == in_words(LABELS[TRUTH], NAMES)


def test_the_pairs_are_those_of_a_posterior(answer: Answer) -> None:
    assert list(answer.shared) == ["Prior: flat", "Prior: author, 10% wrong"]
    for shares in answer.shared.values():
        # Groups of 2, 2 and 3 garments have 1 + 1 + 3 pairs, whichever garments they are.
        assert np.triu(shares, 1).sum() == pytest.approx(5)


@pytest.mark.parametrize("errors", [[0.051, 0.052], [0.1, 0.1]])
def test_chances_of_an_error_that_are_nearly_equal_have_priors_of_their_own(errors: list[float]) -> None:
    answer = answer_with(errors=errors)
    names = [f"author, {100 * error:.3g}% wrong" for error in dict.fromkeys(errors)]
    assert list(dict.fromkeys(row["prior"] for row in answer.sensitivity)) == ["flat", *names]
    assert list(answer.shared) == ["Prior: flat", f"Prior: {names[-1]}"]


def test_written_labels_are_in_the_order_of_the_garments() -> None:
    assert written_labels({"0": ["Coat"], "1": ["Bag", "Dress"]}, ["Bag", "Coat", "Dress"]).tolist() == [1, 0, 1]
