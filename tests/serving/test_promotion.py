from typing import Any

import pytest
from scipy.stats import binomtest

from src.serving.promotion import Evidence, compare, decide
from tests.serving.example import EVIDENCE

RULE = {"confidence": 0.95, "margin": 0.005}


def evidence(wrong: range | list[int], n: int = 10_000, **changes: Any) -> Evidence:
    own = {"weights_sha256": f"{wrong}", "wrong": list(wrong), "n_images": n}
    return Evidence(**EVIDENCE | own | changes)  # type: ignore[typeddict-item]


CHAMPION = evidence(range(500), weights_sha256="champion")


def test_the_first_becomes_champion() -> None:
    decision = decide(CHAMPION, None, False, **RULE)
    assert (decision.alias, decision.test) == ("champion", None)
    assert "first" in decision.reason


def test_the_champions_network_with_other_labels_is_champion_without_a_test() -> None:
    decision = decide(CHAMPION | {"images_sha256": "other"}, CHAMPION, True, **RULE)
    assert (decision.alias, decision.test) == ("champion", None)
    assert "other labels" in decision.reason


def test_a_champion_without_a_record_stays() -> None:
    decision = decide(CHAMPION, None, True, **RULE)
    assert decision.alias == "challenger"
    assert "by hand" in decision.reason


def test_nothing_is_tested_on_other_images() -> None:
    perfect = evidence([], images_sha256="other")
    decision = decide(perfect, CHAMPION, True, **RULE)
    assert (decision.alias, decision.test) == ("challenger", None)
    assert "other images" in decision.reason


def test_the_numbers_are_those_of_the_exact_test() -> None:
    challenger = evidence([*range(430), 9990, 9991])  # 70 that only it gets right, two that only the champion does
    test = compare(challenger, CHAMPION, **RULE)
    assert (test["n_only_challenger_correct"], test["n_only_champion_correct"]) == (70, 2)
    assert test["mcnemar_p"] == pytest.approx(binomtest(2, 72).pvalue, rel=0.01)
    assert test["difference"] == pytest.approx(68 / 10_000)
    assert test["interval"][0] < test["difference"] < test["interval"][1]
    assert test["interval_confidence"] == pytest.approx(0.9)
    # by hand: half an image more in each cell, 1.645 standard errors
    b, c, n = 70.5, 2.5, 10_002
    half = 1.6449 * ((b + c - (b - c) ** 2 / n) / n**2) ** 0.5
    assert test["interval"] == pytest.approx([(b - c) / n - half, (b - c) / n + half], abs=1e-5)


@pytest.mark.parametrize(
    ("only_challenger", "only_champion", "n_params", "alias", "reason"),
    [
        (20, 4, 999, "champion", "better"),  # p = 0.0015, though larger
        (20, 18, 999, "challenger", "not smaller"),
        (20, 18, 99, "champion", "not worse within the margin"),
        (18, 20, 99, "champion", "not worse within the margin"),
        (20, 60, 99, "challenger", "worse by more than the margin"),  # -0.4 points, bound -0.55
        (5, 60, 99, "challenger", "worse by more than the margin"),
        (5, 0, 99, "champion", "smaller"),  # p = 0.0625: not shown to be better
        (5, 0, 100, "challenger", "not smaller"),  # nor of a size that matters
        (6, 0, 100, "champion", "better"),  # p = 0.031
    ],
)
def test_the_alias_moves_to_the_better_or_the_smaller_one_that_is_not_worse(
    only_challenger: int, only_champion: int, n_params: int, alias: str, reason: str
) -> None:
    wrong = [*range(only_challenger, 500), *range(9000, 9000 + only_champion)]
    decision = decide(evidence(wrong, n_params=n_params), CHAMPION, True, **RULE)
    assert decision.alias == alias
    assert reason in decision.reason
    assert decision.test is not None


def test_a_wider_margin_lets_a_smaller_one_pass() -> None:
    smaller = evidence([*range(20, 500), *range(9000, 9060)], n_params=99)
    assert decide(smaller, CHAMPION, True, confidence=0.95, margin=0.005).alias == "challenger"
    assert decide(smaller, CHAMPION, True, confidence=0.95, margin=0.006).alias == "champion"
