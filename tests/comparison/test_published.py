from pathlib import Path
from typing import Any

from src.comparison.published import Prepared, Published, data_differs, recipe_differs
from src.pipeline.files import read_json
from tests.comparison.example import example_run

PUBLISHED: Published = {
    "test_label_counts": {"0": 2, "1": 1},
    "models": {"a": {"epochs": 2, "batch_size": 500, "test_accuracy": 0.9}},
    "claims": {},
}


def prepared(subject: str = "Fashion-MNIST", counts: dict[str, int] | None = None) -> Prepared:
    return {"subject": subject, "labels": ["0", "1"], "counts": {"test": counts or {"0": 2, "1": 1}}}


def test_published_numbers_stand_only_beside_the_same_data() -> None:
    assert data_differs(PUBLISHED, prepared(), None) is None
    assert "not Fashion-MNIST (digits)" in str(data_differs(PUBLISHED, prepared("digits"), None))
    assert "fetch.limit leaves only 3000 images" in str(data_differs(PUBLISHED, prepared(), 3000))
    assert "(0: 3) than the notebook's (0: 2, 1: 1)" in str(data_differs(PUBLISHED, prepared(counts={"0": 3}), None))


def test_published_numbers_stand_only_beside_the_same_recipe() -> None:
    assert recipe_differs(PUBLISHED, example_run("a")) is None
    assert recipe_differs(PUBLISHED, example_run("not published", val_loss=[1.0])) is None
    run = example_run("a", val_loss=[1.0], val_accuracy=[0.5], recipe={"batch_size": 400})
    assert recipe_differs(PUBLISHED, run) == "a has epochs 1, in the notebook 2; batch_size 400, in the notebook 500"


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
    assert all(len(model["history"]) == model["epochs"] for model in published["models"].values())
    assert sum(published["test_label_counts"].values()) == 10_000
