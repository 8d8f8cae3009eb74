import numpy as np
import pytest
from scipy import stats

from src.inference.result import candidates, direct, judge_order, sensitivity
from src.inference.study import Evidence

LABELS = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]])
NAMES = ["Bag", "Coat", "Dress"]
LOGS = np.log([0.5, 0.2, 0.3])
PRIORS = {"flat": np.full(3, 1 / 3), "author": np.array([0.1, 0.8, 0.1])}
EVIDENCE = Evidence(LABELS)


def test_candidates_come_by_likelihood_with_both_probabilities() -> None:
    rows = candidates(EVIDENCE, LOGS, PRIORS, np.array([0, 1, 2]), NAMES, n_listed=1)
    assert [(row["rank"], row["grouping"], row["n_moves"]) for row in rows] == [
        (1, "Bag + Coat, Dress", 0),
        (3, "Bag + Dress, Coat", 1),  # the most probable one by the author's table
    ]
    assert [row["flat"] for row in rows] == pytest.approx([0.5, 0.2])
    assert [row["author"] for row in rows] == pytest.approx([0.05 / 0.24, 0.16 / 0.24], abs=1e-6)


def test_sensitivity_has_a_row_for_each_prior_and_power() -> None:
    rows = sensitivity(EVIDENCE, LOGS, PRIORS, [1, 0.5], 0.75, NAMES)
    assert [(row["prior"], row["temper"]) for row in rows] == [
        *(("flat", 1), ("flat", 0.5), ("author", 1), ("author", 0.5))
    ]
    assert [row["set_size"] for row in rows] == [2, 3, 2, 2]
    assert rows[0] | {"p_best": 0.5, "p_second": 0.3, "best": "Bag + Coat, Dress"} == rows[0]


def test_direct_trainings_are_compared_by_their_pooled_spread() -> None:
    """With one grouping it is the t statistic of one more value."""
    ours, published = [0.5, 0.6, 0.4], 0.9
    rows = direct({"g": [np.full(4, value) for value in ours]}, np.full(4, published))
    t = (published - 0.5) / (np.std(ours, ddof=1) * np.sqrt(1 + 1 / 3))
    assert [row["t"] for row in rows] == pytest.approx([t] * 4, abs=1e-4)
    assert 2 * stats.t.sf(t, 2) == pytest.approx(stats.ttest_ind(ours, [published]).pvalue)
    assert [row["measure"] for row in rows] == ["accuracy", "loss", "val_accuracy", "val_loss"]
    two = direct({"g": [np.full(4, value) for value in ours], "h": [np.zeros(4)] * 3}, np.full(4, published))
    assert two[0]["t"] == pytest.approx(rows[0]["t"] * np.sqrt(2), abs=1e-3)  # half of the pooled variance


def test_encoders_that_print_the_same_are_counted() -> None:
    def encoder(*clusters: int) -> dict[str, np.ndarray]:
        return {"clusters": np.array(clusters), "core": np.array(clusters) >= 0}

    evidence = Evidence(LABELS, encoders=[encoder(0, 1, 1, 0, 1), encoder(0, 1, 1, 0, -1), encoder(0, 0, 1, -1, 0)])
    order = judge_order(evidence, [0, 1, 0, 1], shuffles=500, seed=0)
    assert (order["n_encoders"], order["n_equal"], order["n_close"]) == (3, 1, 2)
    assert order["n_random"] == 1500
    assert 0 < order["n_random_equal"] < 1500
    assert 0 < order["bayes_factor_low"] < order["bayes_factor"]
