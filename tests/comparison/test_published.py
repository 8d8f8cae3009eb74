from pathlib import Path
from typing import Any

import pytest

from src.comparison.published import Prepared, Published, data_differs, is_cut, recipe_differs
from src.params import validate_model
from src.pipeline.files import read_json
from tests.comparison.example import RECIPE, example_run

PUBLISHED: Published = {
    "test_label_counts": {"0": 2, "1": 1},
    "models": {"a": {"recipe": RECIPE | {"epochs": 2}, "test_accuracy": 0.9}},
    "claims": {},
}


def prepared(subject: str = "Fashion-MNIST", counts: dict[str, int] | None = None) -> Prepared:
    test = counts or {"0": 2, "1": 1}
    return {"subject": subject, "labels": ["0", "1"], "counts": {"train": {"0": 8}, "val": {"0": 2}, "test": test}}


def test_published_numbers_stand_only_beside_the_same_data() -> None:
    assert data_differs(PUBLISHED, prepared(), None) is None
    assert "not Fashion-MNIST (digits)" in str(data_differs(PUBLISHED, prepared("digits"), None))
    assert "fetch.limit leaves only 10 images" in str(data_differs(PUBLISHED, prepared(), 10))
    assert data_differs(PUBLISHED, prepared(), 11) is None  # no image is left out
    assert "(0: 3) than the notebook's (0: 2, 1: 1)" in str(data_differs(PUBLISHED, prepared(counts={"0": 3}), None))


def test_published_numbers_stand_only_beside_the_same_recipe() -> None:
    assert recipe_differs(PUBLISHED, example_run("a")) is None
    assert recipe_differs(PUBLISHED, example_run("not published", val_loss=[1.0])) is None
    run = example_run("a", val_loss=[1.0], val_accuracy=[0.5], recipe={"batch_size": 400})
    assert recipe_differs(PUBLISHED, run) == ("a has batch_size 400, in the notebook 500; epochs 1, in the notebook 2")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"learning_rate": 5e-4}, "learning_rate 0.0005, in the notebook 0.001"),
        ({"dropout": 0.5}, "dropout 0.5, in the notebook not set"),
    ],
)
def test_a_recipe_is_compared_in_every_key(change: dict[str, Any], reason: str) -> None:
    assert recipe_differs(PUBLISHED, example_run("a", recipe=change)) == f"a has {reason}"


@pytest.mark.parametrize(
    ("limit", "n_training", "n_test", "cut"),
    [
        (None, 1437, 360, False),
        (3000, 1437, 360, False),  # scikit-learn's digits are fewer
        (1000, 1000, 360, True),
        (300, 300, 300, True),
        (10_000, 10_000, 10_000, True),
        (60_000, 60_000, 10_000, False),  # all of Fashion-MNIST
    ],
)
def test_a_limit_cuts_only_where_there_are_more_images(
    limit: int | None, n_training: int, n_test: int, cut: bool
) -> None:
    assert is_cut(limit, n_training, n_test) == cut


def test_the_notebooks_recipes_are_recipes_of_this_pipeline() -> None:
    published = read_json(Path(__file__).parents[2] / "data/published.json")
    for name, model in published["models"].items():
        assert validate_model(name, model["recipe"] | {"replicas": 1})["epochs"] == len(model["history"])


def test_the_published_values_are_the_notebooks() -> None:
    published: Any = read_json(Path(__file__).parents[2] / "data/published.json")
    accuracies = {
        name: model["test_accuracy"] for name, model in published["models"].items() if "test_accuracy" in model
    }
    assert accuracies == {
        "cm1": 0.9396,
        "cnn1": 0.9382,
        "cnn2": 0.9242,
        "cnn3": 0.7521,
        "cnn4": 0.9296,
        "cnn_vgg": 0.8804,
        "cnn_lstm": 0.8513,
    }
    assert all(len(model["history"]) == model["recipe"]["epochs"] for model in published["models"].values())
    assert sum(published["test_label_counts"].values()) == 10_000
