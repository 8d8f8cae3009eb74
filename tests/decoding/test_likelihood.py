import numpy as np
import pytest
from scipy.stats import multinomial

from src.decoding.likelihood import explain

TRUE = np.array([0, 2, 2, 4, 4, 1, 0, 3, 3, 4])  # the label of each garment
BAG = 8


def chances(noise: float, halved: int | None = None) -> np.ndarray:
    """The probability of each label by garment, some labels drawn evenly; one garment may be half label 0."""
    own = np.eye(5)[TRUE]
    if halved is not None:
        own[halved] = (own[halved] + np.eye(5)[0]) / 2
    return (1 - noise) * own + noise / 5


def claimed(table: np.ndarray) -> np.ndarray:
    """The garments' labels where their likelihood ratio passes the level of 95%, else -1."""
    explanation = explain(table, 0.2)
    return np.where(explanation.margin >= np.log(table.size / 0.05), explanation.labels[:, 0], -1)


def test_likelihood_ratios_are_those_of_multinomials() -> None:
    table = np.array([[90, 6, 4], [45, 50, 5], [30, 20, 50], [34, 22, 44]])
    frequency = (table.sum(axis=0) + 1) / (table.sum() + 3)
    explanation = explain(table, 0.7)  # more noise than the table has: the rate is the least

    def log_likelihood(garment: int, own: tuple[float, ...]) -> float:
        return float(multinomial.logpmf(table[garment], 100, 0.3 * np.array(own) + 0.7 * frequency))

    none = float(multinomial.logpmf(table[0], 100, frequency))
    one, next_one, two = (log_likelihood(0, own) for own in ((1, 0, 0), (0, 1, 0), (0.5, 0.5, 0)))
    assert explanation.labels[0].tolist() == [0, 1]
    assert explanation.one[0] == pytest.approx(one - none)
    assert explanation.two[0] == pytest.approx(two - none)
    assert explanation.margin[0] == pytest.approx(one - max(none, next_one, two))


def test_the_noise_is_the_most_likely_of_all_rates() -> None:
    table = np.round(1000 * chances(0.5)).astype(int)
    assert explain(table, 0.2).one.sum() == pytest.approx(
        max(explain(table, rate).one.sum() for rate in np.linspace(0.3, 0.7, 41)), rel=1e-3
    )


# False positives and power: benchmarks/decode.py has more of both


@pytest.mark.parametrize(
    ("noise", "images", "power"), [(0.0, 20, 1), (0.25, 100, 0.95), (0.5, 1000, 1), (0.8, 1000, 0.9)]
)
def test_under_noise_labels_are_claimed_and_none_wrong(noise: float, images: int, power: float) -> None:
    rng, right = np.random.default_rng(0), []
    for _ in range(40):
        mapping = claimed(rng.multinomial(images, chances(noise)))
        assert ((mapping == TRUE) | (mapping == -1)).all()
        right.append(mapping == TRUE)
    assert np.mean(right) >= power


@pytest.mark.parametrize("noise", [0.0, 0.25, 0.5])
def test_a_garment_that_two_labels_share_is_claimed_for_neither_and_hides_no_other(noise: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        mapping = claimed(rng.multinomial(1000, chances(noise, halved=BAG)))
        assert mapping.tolist() == np.where(np.arange(10) == BAG, -1, TRUE).tolist()


@pytest.mark.parametrize("images", [10, 100, 7000])
def test_labels_at_random_claim_nothing(images: int) -> None:
    rng, frequency = np.random.default_rng(0), np.array([0.2, 0.1, 0.2, 0.2, 0.3])
    for _ in range(100):
        assert (claimed(rng.multinomial(images, frequency, size=10)) == -1).all()


@pytest.mark.parametrize(("share", "label"), [(0.1, 3), (0.15, 3), (0.3, -1), (0.45, -1), (0.55, -1)])
def test_exceptions_of_one_garment_are_one_label_up_to_the_least_noise(share: float, label: int) -> None:
    table = np.round(7000 * chances(0)).astype(int)
    table[BAG] = [round(7000 * share), 0, 0, round(7000 * (1 - share)), 0]
    assert claimed(table)[BAG] == label


def test_a_garment_without_images_and_a_label_without_any_are_no_trouble() -> None:
    explanation = explain(np.array([[50, 0, 0], [0, 50, 0], [0, 0, 0]]), 0.2)
    assert explanation.labels[:2, 0].tolist() == [0, 1]
    assert explanation.margin[2] == 0
