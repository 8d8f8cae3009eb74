from typing import Any

import numpy as np
import pytest

from src.decoding.counts import crosstab
from src.decoding.neighbors import claim_whole, predict_garments, scale, unfold
from src.decoding.records import Names
from src.images.digits import read_digits
from src.images.store import Images
from src.pipeline.files import UserError

DIGITS = read_digits()


def test_unseen_digits_are_told_by_their_nearest_ones(params: dict[str, Any]) -> None:
    before = DIGITS.x_test.copy()
    nearest = predict_garments(DIGITS.x_test, DIGITS, **params["decode"]["neighbors"])
    assert (nearest.garments == DIGITS.y_test).mean() > 0.93
    assert np.array_equal(nearest.confusion, crosstab(DIGITS.y_test, nearest.garments, 10, 10))
    again = predict_garments(DIGITS.x_test, DIGITS, **params["decode"]["neighbors"])
    assert np.array_equal(nearest.garments, again.garments)
    assert np.array_equal(before, DIGITS.x_test)


def test_an_images_own_garment_is_that_of_its_one_nearest() -> None:
    x = np.array([[[0, 0]], [[0, 9]], [[9, 0]], [[90, 90]]], dtype=np.uint8)
    public = Images(x, np.array([3, 1, 4, 1]), x, np.array([0, 0, 0, 0]), tuple("abcde"))
    assert predict_garments(x, public, n_components=2, n_neighbors=1).garments.tolist() == [3, 1, 4, 1]
    assert predict_garments(x[:1] + np.uint8(80), public, n_components=2, n_neighbors=1).garments.tolist() == [1]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"n_components": 785}, "decode.neighbors.n_components: must be at most 784 .* Got 785."),
        ({"n_neighbors": 2000}, "decode.neighbors.n_neighbors: must be at most 1437 .* Got 2000."),
    ],
)
def test_more_than_there_is_is_refused_by_name(wrong: dict[str, int], says: str, params: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=says):
        predict_garments(DIGITS.x_test, DIGITS, **(params["decode"]["neighbors"] | wrong))


@pytest.mark.parametrize("side", [8, 14, 56])
def test_images_of_other_sizes_are_scaled(side: int, params: dict[str, Any]) -> None:
    nearest = predict_garments(scale(DIGITS.x_test, side), DIGITS, **params["decode"]["neighbors"])
    assert (nearest.garments == DIGITS.y_test).mean() > 0.9


def test_scaling_by_hand() -> None:
    x = np.array([[[0, 0], [200, 200]], [[7, 7], [7, 7]]], dtype=np.uint8)
    assert scale(x, 2) is x
    assert scale(x, 4)[0].tolist() == [[0] * 4, [50] * 4, [150] * 4, [200] * 4]
    assert (scale(x, 5)[1] == 7).all()
    assert scale(x, 1).tolist() == [[[100]], [[7]]]


# Tables of what the nearest images show

CONFUSION = np.array([[900, 80, 20], [100, 700, 200], [0, 50, 950]])  # what images show, and what their nearest ones do
NAMES = Names(["x", "y"], ["a", "b", "c"])


def taken(table: np.ndarray) -> np.ndarray:
    """What the nearest images of a table of images show, to whole images."""
    return np.round((CONFUSION / 1000).T @ table).astype(int)


def test_unfolding_undoes_the_confusion() -> None:
    table = np.array([[1000, 0], [500, 500], [100, 900]])
    unfolded = unfold(taken(table), CONFUSION)
    assert unfolded.sum() == pytest.approx(3000)
    assert unfolded == pytest.approx(table, abs=40)
    assert unfold(table, np.diag([1000, 1000, 1000])) == pytest.approx(table, abs=5)


def test_a_garment_that_is_often_taken_for_another_keeps_its_label() -> None:
    table = taken(np.array([[1000, 0], [0, 1000], [1000, 0]]))
    claims, objections = claim_whole(table, CONFUSION, NAMES, 0.2, 0.5, 0.95)
    assert (claims.mapping.tolist(), objections) == ([0, 1, 0], [])


def test_a_garment_that_no_nearest_image_shows_spoils_the_claim() -> None:
    table = np.array([[900, 0], [0, 900], [0, 0]])
    assert "not every garment is shown by nearest images" in claim_whole(table, CONFUSION, NAMES, 0.2, 0.5, 0.95)[1]


@pytest.mark.parametrize(
    ("table", "least_kappa", "objection"),
    [
        ([[1000, 0], [0, 1000], [500, 500]], 0.5, "c has no label (split between labels "),
        ([[400, 0], [0, 1000], [0, 4000]], 0.5, "it does not fit the number of images of each label"),
        ([[900, 100], [150, 850], [900, 100]], 0.7, "a kappa of 0.49 only; decode.min_kappa is 0.7"),
    ],
)
def test_a_single_objection_claims_nothing(table: list[list[int]], least_kappa: float, objection: str) -> None:
    claims, objections = claim_whole(taken(np.array(table)), CONFUSION, NAMES, 0.2, least_kappa, 0.95)
    assert objection in objections[0]
    assert claims.mapping.tolist() == [-1, -1, -1]
    assert len(claims.reasons) == 3
