"""Whether a challenger takes the champion's place: decided on the validation images of both, never on the test set."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypedDict

import numpy as np

from src.comparison.pairs import compare_pairs

Alias = Literal["champion", "challenger"]


class Evidence(TypedDict):
    """What speaks for a trained network, and travels with it.

    images_sha256: of the validation images and their labels. wrong: the rows, from 0, of those
    that it gets wrong. val_accuracy in [0, 1].
    """

    model: str
    seed: int
    weights_sha256: str
    n_params: int
    val_accuracy: float
    n_images: int
    images_sha256: str
    wrong: list[int]


class Test(TypedDict):
    """Challenger minus champion on the same validation images.

    interval: of the difference in accuracy, at `interval_confidence`; its lower end is the one-sided bound at
    `confidence`.
    """

    n_images: int
    n_only_challenger_correct: int
    n_only_champion_correct: int
    mcnemar_p: float
    difference: float
    interval: list[float]
    interval_confidence: float
    confidence: float
    margin: float


class Decision(NamedTuple):
    """The alias that a challenger gets (None: it is the champion already), why, and the test if there was one."""

    alias: Alias | None
    reason: str
    test: Test | None = None


def decide(
    challenger: Evidence, champion: Evidence | None, has_champion: bool, *, confidence: float, margin: float
) -> Decision:
    """What becomes of a challenger that is not the champion itself.

    `champion` is None where there is none or nothing is known of its predictions.
    """
    if not has_champion:
        return Decision("champion", "It is the first: there was no champion.")
    if champion is None:
        reason = "The champion has no record of its predictions, so nothing can be tested; move the alias by hand."
        return Decision("challenger", reason)
    if challenger["weights_sha256"] == champion["weights_sha256"]:
        return Decision("champion", "It is the champion's network, with other labels, pictures or code.")
    if challenger["images_sha256"] != champion["images_sha256"]:
        reason = (
            "The champion was validated on other images, so nothing can be tested. If the data were changed for good, "
            "take another register.name or move the alias by hand."
        )
        return Decision("challenger", reason)
    test = compare(challenger, champion, confidence=confidence, margin=margin)
    points, low, p = f"{test['difference'] * 100:+.2f} points", test["interval"][0], test["mcnemar_p"]
    if test["difference"] > 0 and p < 1 - confidence:
        return Decision("champion", f"It is better: {points} on validation images, McNemar's p = {p:.2g}.", test)
    smaller = challenger["n_params"] < champion["n_params"]
    within = f"at worst {low * 100:+.2f} points at {confidence:.0%} confidence, the margin is {margin * 100:.2f}"
    sizes = f"{challenger['n_params']:,} against {champion['n_params']:,} parameters"
    if low > -margin and smaller:
        return Decision("champion", f"It is not worse within the margin ({within}) and smaller ({sizes}).", test)
    why = "It is not smaller" if low > -margin else "It may be worse by more than the margin"
    return Decision(
        "challenger", f"It is not shown to be better ({points}, p = {p:.2g}). {why} ({within}; {sizes}).", test
    )


def compare(challenger: Evidence, champion: Evidence, *, confidence: float, margin: float) -> Test:
    """McNemar's exact test, two-sided, and the interval of Agresti and Min, of two networks on the same images."""
    n = challenger["n_images"]
    correct = {"challenger": _correct(challenger["wrong"], n), "champion": _correct(champion["wrong"], n)}
    both_tails = 2 * confidence - 1  # so that each end of the interval is a one-sided bound at `confidence`
    (pair,) = compare_pairs(correct, confidence=both_tails, min_seeds=2, margin=margin)
    return {
        "n_images": n,
        "n_only_challenger_correct": pair["n_only_a_correct"],
        "n_only_champion_correct": pair["n_only_b_correct"],
        "mcnemar_p": pair["mcnemar_p"],
        "difference": pair["difference"],
        "interval": [pair["ci_low"], pair["ci_high"]],
        "interval_confidence": round(both_tails, 6),
        "confidence": confidence,
        "margin": margin,
    }


def _correct(wrong: Sequence[int], n: int) -> np.ndarray:
    """(1, n) bool, as of one seed: False at the given rows."""
    correct = np.ones((1, n), bool)
    correct[0, list(wrong)] = False
    return correct
