import numpy as np

from src.comparison.calibration import reliability_bins
from src.comparison.model_rows import ModelRow, model_rows
from src.comparison.pairs import Pair, compare_pairs
from src.comparison.table import markdown, plain_text, verdict_sentence
from tests.comparison.example import example_run


def compared(models: dict[str, list[int]]) -> tuple[list[ModelRow], list[Pair]]:
    """Rows and pairs of models with so many errors on 400 test images by seed, and fewer on validation images."""
    runs = {
        name: [
            example_run(name, seed, errors={"train": 4, "val": n // 2, "test": n}, train_seconds=61.4, n_params=1234)
            for seed, n in enumerate(seeds)
        ]
        for name, seeds in models.items()
    }
    correct = {name: np.stack([run.correct["test"] for run in seeds]) for name, seeds in runs.items()}
    pairs = compare_pairs(correct, confidence=0.95, min_seeds=5, margin=0.05)
    bins = {
        name: reliability_bins(seeds[0].probabilities["test"], seeds[0].y["test"], 10) for name, seeds in runs.items()
    }
    return model_rows(runs, pairs, bins, dict.fromkeys(runs), n_bins=10, confidence=0.95), pairs


ROWS, PAIRS = compared({"mine": [40, 32], "twin": [40], "other": [200]})


def test_the_written_table_reads_as_the_numbers() -> None:
    lines = [line for line in markdown(ROWS, PAIRS, [], 0.95).splitlines() if line.startswith("|")]
    assert lines[0] == "| Model | Test accuracy (95% CI) | Over seeds | Training time | Parameters | Tied with |"
    assert lines[2:] == [
        "| mine | 90.00% (86.67–92.57) | 91.00% ± 1.41 (2) | 61 s | 1,234 | twin (equivalent) |",
        "| twin | 90.00% (86.67–92.57) |  | 61 s | 1,234 | mine (equivalent) |",
        "| other | 50.00% (45.12–54.88) |  | 61 s | 1,234 |  |",
    ]


def test_the_best_model_is_named_with_its_ties() -> None:
    assert verdict_sentence(ROWS, PAIRS) == "Best by validation accuracy: mine; tied with twin (equivalent)."
    assert (
        verdict_sentence(*compared({"a": [4], "b": [200]}))
        == "Best by validation accuracy: a; no model is tied with it."
    )
    assert verdict_sentence(*compared({"a": [4]})) == "Only model: a."


def test_notes_stand_below_the_table() -> None:
    assert markdown(ROWS, PAIRS, ["Nothing was published."], 0.95).endswith("\n\nNothing was published.\n")


def test_the_table_of_the_terminal_has_columns() -> None:
    assert plain_text(ROWS, PAIRS, 0.95).splitlines()[:3] == [
        "Model  Validation  Test (95% CI)         Tied with",
        "mine   91.00%      90.00% (86.67–92.57)  twin (equivalent)",
        "twin   90.00%      90.00% (86.67–92.57)  mine (equivalent)",
    ]
