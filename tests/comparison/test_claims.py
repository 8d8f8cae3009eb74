from typing import Any

import pytest
from scipy import stats

from src.claims import CLAIMS, check, common_epoch, fall, first_epoch, gap, rise, seconds, turning_epoch, verdict

RULE: Any = {"confidence": 0.95, "min_seeds": 5, "margin": 0.005}


def run(val_accuracy: list[float], val_loss: list[float], **numbers: float) -> dict[str, Any]:
    history = {"val_accuracy": val_accuracy, "val_loss": val_loss}
    about = {"train_accuracy": 0.95, "val_accuracy": val_accuracy[-1], "parameters": 10, "train_seconds": 6.0}
    return {"history": history, "epochs": len(val_loss)} | about | numbers


SHORT = run([0.6, 0.8], [0.9, 0.5])
LONG = run([0.3, 0.5, 0.7], [0.8, 0.4, 0.6], train_accuracy=0.72, train_seconds=12.0)


def test_the_numbers_by_hand() -> None:
    assert common_epoch(SHORT, LONG) == pytest.approx(0.8 - 0.5)
    assert first_epoch(SHORT, LONG) == pytest.approx(0.6 - 0.7)
    assert gap(SHORT, LONG) == pytest.approx(0.15 - 0.02)
    assert (rise(LONG), rise(SHORT)) == (pytest.approx(0.2), pytest.approx(-0.4))
    assert fall(LONG) == -rise(LONG)
    assert seconds(SHORT, LONG) == 3 - 4
    assert (turning_epoch(LONG), turning_epoch(SHORT)) == (2, 2)


def test_one_epoch_neither_rises_nor_falls() -> None:
    assert rise(run([0.5], [0.7])) == 0


@pytest.mark.parametrize(
    ("low", "high", "bound", "said"),
    [
        (0.1, 0.3, None, "confirmed"),
        (-0.3, -0.1, None, "not confirmed"),
        (-0.1, 0.3, None, "undecided"),
        (0.0, 0.0, None, "undecided"),
        (-0.2, 0.4, 0.5, "confirmed"),
        (0.1, 0.6, 0.5, "undecided"),
        (0.6, 0.7, 0.5, "not confirmed"),
        (-0.9, -0.6, 0.5, "not confirmed"),
        (-0.9, 0.9, 0.5, "undecided"),
    ],
)
def test_the_interval_decides(low: float, high: float, bound: float | None, said: str) -> None:
    assert verdict(low, high, bound) == said


def test_five_seeds_decide_by_the_t_interval_of_scipy() -> None:
    ends = [0.5, 0.4, 0.45, 0.6, 0.52]
    claim = check({"cnn3": [run([0.5, 0.6], [0.7, end]) for end in ends]}, **RULE)["sgd_not_converged"]
    expected = stats.ttest_1samp([0.7 - end for end in ends], 0).confidence_interval(0.95)
    assert (claim["low"], claim["high"]) == pytest.approx(tuple(expected), abs=1e-6)
    assert claim["values"] == [0.2, 0.3, 0.25, 0.1, 0.18]
    assert (claim["mean"], claim["verdict"], claim["turned"]) == (0.206, "confirmed", {"cnn3": [2] * 5})


def test_one_seed_decides_nothing_but_a_count() -> None:
    claims = check({"cm1": [run([0.9], [0.2], parameters=12)], "cnn_lstm": [SHORT]}, **RULE)
    assert set(claims) == {"cm1_over_fits", "lstm_not_converged", "lstm_larger", "lstm_slower"}
    assert claims["lstm_not_converged"]["verdict"] == "undecided"
    assert claims["lstm_not_converged"]["mean"] == 0.4
    assert claims["lstm_larger"]["verdict"] == "not confirmed"


def test_models_are_alike_only_within_the_margin() -> None:
    for shift, said in ((0.0, "confirmed"), (0.005, "undecided"), (0.02, "not confirmed")):
        ours = [run([0.9 + shift + noise], [0.2]) for noise in (0.001, -0.001, 0.0, 0.0005, -0.0005)]
        claims = check({"cnn4": ours, "cm4": [run([0.9], [0.2])] * 5}, **RULE)
        assert claims["leaky_relu_alike"]["verdict"] == said


def test_claims_are_about_models_of_the_params_and_say_their_number(params: dict[str, Any]) -> None:
    for claim in CLAIMS.values():
        assert set(claim.models) <= set(params["models"])
        assert claim.number.__doc__


def test_the_optimizer_and_the_activation_are_compared_with_all_else_equal(params: dict[str, Any]) -> None:
    """Epochs apart: the accuracies compared are those of the same epoch."""
    for name, allowed in (("adam_more_accurate", {"optimizer", "learning_rate"}), ("leaky_relu_alike", {"activation"})):
        one, other = (params["models"][model] for model in CLAIMS[name].models)
        assert {key for key in one | other if one.get(key) != other.get(key)} - {"epochs"} == allowed
