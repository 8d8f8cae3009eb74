"""The files of a small pipeline run as its stages leave them, made without training or clustering anything."""

import copy
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from src import compare
from src.params import read_params
from src.pipeline.figure import figure
from src.pipeline.files import write_csv, write_json
from tests.comparison.example import CLASSES, example_run, write_files

ROOT = Path(__file__).parents[2]
SIZES = {"train": 60, "val": 40, "test": 60}
TEXT = "<b>&\"'</b>"  # what would be markup if it were not escaped
LABELS = [f"label {number}" for number in range(CLASSES)]
GARMENTS = ["Sandal", TEXT, "Bag", "Coat", "Dress"]
SIDE = 28


def example_params() -> dict[str, Any]:
    """The params of the run: models a, b and c, of which b is the encoder."""
    params = read_params(str(ROOT / "params.yaml"))
    model = next(iter(params["models"].values()))
    params["models"] = {name: model | {"epochs": 3, "replicas": 2 if name == "a" else 1} for name in "abc"}
    for stage in ("embed", "audit"):
        params[stage] = params[stage] | {"model": "b"}
    params["report"] = {"max_points": SIZES["test"], "side": SIDE}
    return copy.deepcopy(params)


def write_example(params: dict[str, Any]) -> None:
    """Everything that `report` reads, in the current folder."""
    rng = np.random.default_rng(0)
    images = {split: rng.integers(0, 256, (n, SIDE, SIDE), dtype=np.uint8) for split, n in SIZES.items()}
    runs = {
        "a": [run("a", 27, 6), run("a", 28, 9)],
        "b": [run("b", 27, 12, loss="hinge_loss")],
        "c": [run("c", 27, 40)],
    }
    for path, text in {"params.yaml": "seed: 27\n", "pyproject.toml": (ROOT / "pyproject.toml").read_text()}.items():
        Path(path).write_text(text, encoding="utf-8")
    write_files(runs, images)
    y = {split: runs["a"][0].y[split] for split in SIZES}
    np.savez("data/garments.npz", allow_pickle=False, names=np.array(GARMENTS), **y)
    counts = {split: dict(zip(LABELS, np.bincount(part).tolist(), strict=True)) for split, part in y.items()}
    write_json("metrics/prepare/splits.json", {"subject": "Fashion-MNIST", "labels": LABELS, "counts": counts})
    write_json(
        "metrics/fetch/images.json",
        {
            "source": "fashion_mnist",
            "train_images": 60_000,
            "test_images": 10_000,
            "side": SIDE,
            "color": "grey",
            "public": False,
        },
    )
    published = {
        "test_label_counts": counts["test"],
        "models": {"a": {"test_accuracy": 0.8}},
        "claims": {"larger": CLAIM},
    }
    write_json("data/published.json", published)
    compare.main(params)
    write_audit()
    write_slices()
    write_clusters(rng, y["test"])
    write_decoding()
    write_inference()


CLAIM = {
    "statement": f"A is larger {TEXT}",
    "scope": "as trained",
    "measure": "n_params",
    "models": ["a", "c"],
    "kind": "above",
    "may_differ": [],
}


def run(model: str, seed: int, errors: int, loss: str = "categorical_crossentropy") -> Any:
    """A run of three epochs with so many errors on the test images."""
    made = example_run(
        model,
        seed,
        n=SIZES,
        errors={"train": 2, "val": errors // 2, "test": errors},
        val_loss=(0.9, 0.6, 0.5),
        val_accuracy=(0.5, 0.7, 1 - errors / 60),
        n_params={"a": 3000, "b": 2000, "c": 1000}[model],
        train_seconds=60.0 + errors,
    )
    return dataclasses.replace(made, loss=loss)


def write_audit() -> None:
    """Two likely label errors, among them one of the validation images."""
    write_json(
        "metrics/audit/images.json",
        {
            "blank_images": 1,
            "duplicate_pairs": {"within_training": 2, "within_test": 0, "across": 0, "with_different_labels": 1},
            "leaked_test_images": 0,
            "label_issues": {"model": "b", "n_examined": 100, "n_issues": 2},
        },
    )
    rows = [
        {"split": split, "index": 3, "image": image, "label": "label 3", "suggested": "label 4"}
        | {"self_confidence": 0.01}
        for split, image in (("val", "train 3"), ("test", "test 3"))
    ]
    write_csv("metrics/audit/label_issues.csv", rows)


def write_slices() -> None:
    """A slice on which model a is worse, and one of b."""
    row = {"n_found": 12, "accuracy_found": 0.5, "n": 14, "accuracy": 0.64, "ci_low": 0.4, "ci_high": 0.8}
    row |= {"accuracy_elsewhere": 0.95, "p": 0.001, "p_holm": 0.002}
    rows = [
        {"model": "a", "slice": f"garment {TEXT}, brightness 0 to 0.2", **row, "verdict": "worse"},
        {"model": "b", "slice": "label label 1", **row, "verdict": "not shown"},
    ]
    write_csv("metrics/slices/slices.csv", rows)


def write_clusters(rng: np.random.Generator, y: np.ndarray) -> None:
    """Places in the corners of a square and around its middle, and clusters: one with all, one with half and noise."""
    n = len(y)
    places = rng.uniform(0.3, 0.7, (n, 2)).astype(np.float32)
    places[:4] = [[0, 0], [1, 0], [0, 1], [1, 1]]
    np.savez("data/embedding.npz", tsne=places, pca=places[:, ::-1], features=np.zeros((n, 64)), explained=[0.5, 0.1])
    np.savez("data/clusters.npz", kmeans=np.zeros(n, int), dbscan=np.arange(n) % 2 - 1)
    scores = {"ari": 0.25, "ami": 0.5, "matched_accuracy": 0.75}
    clusters = {"clusters": 1, "sizes": [n], "noise_share": 0.0, "labels": scores, "garments": scores}
    about = {
        "model": "b",
        "layer": "embedding",
        "split": "test",
        "images": n,
        "dimensions": 64,
        "explained_by_map": 0.6,
    }
    write_json("metrics/cluster/clusters.json", {"features": about, "kmeans": clusters, "dbscan": clusters})
    interval = {truth: {"ari": [0.2, 0.3], "ami": [0.4, 0.6]} for truth in ("labels", "garments")}
    other = {"clusters": 3, "sizes": [n], "noise_share": 0.5, "labels": scores, "garments": scores | {"ari": 0.75}}
    stability = {
        "seeds": {"n_seeds": 10, "mean_ari": 0.9, "min_ari": 0.8},
        "hdbscan": clusters,
        "encoders": [{"kmeans": clusters, "dbscan": clusters}, {"kmeans": other, "dbscan": other}],
        "intervals": {"kmeans": interval, "dbscan": interval},
        "red_flags": ["DBSCAN: this is a flag."],
    }
    write_json("metrics/stability/stability.json", stability)
    with figure("metrics/stability/stability.svg", 1, 1, (4, 3), title="Stability of the clusters") as axes:
        axes[0, 0].plot([0, 1])


def write_decoding() -> None:
    """Each label has one garment; one image bears another label."""
    proportion = {"images": 12, "share": 1.0, "interval": [0.7, 1.0]}
    next_label = {"next_label": LABELS[0], "next_share": 0.0, "log10_ratio": 5.0}
    check = {"images": 12, "expected": 12.0, "low": 12, "high": 12, "agrees": True}
    decoding = {
        label: {"garments": [garment], "purity": proportion, "evidence": {garment: proportion | next_label}}
        for label, garment in zip(LABELS, GARMENTS, strict=True)
    }
    counts = {part: dict.fromkeys(LABELS, check) for part in ("training", "test")}
    write_json(
        "metrics/decode/decoding.json",
        {
            "conclusion": "Every label is decoded.",
            "by": "look-up",
            "certified": True,
            "doubts": [],
            "decoding": decoding,
            "undecided": {},
            "kappa": 0.99,
            "hints": [],
            "known": {},
            "count_check": counts,
            "exceptions": {"total": 1, "listed": []},
            "mappings_that_fit_the_counts": None,
        },
    )
    Path("metrics/decode/exceptions.csv").write_text("image,split,garment,label,expected\n", encoding="utf-8")


def write_inference() -> None:
    """Two groupings, of which the second one is held to be the author's."""
    rows = [
        {
            "rank": rank,
            "grouping": grouping,
            "n_moves": rank,
            "log_likelihood": -3.5 * rank,
            "flat": flat,
            "author": author,
        }
        for rank, grouping, flat, author in ((1, "Coat + Bag, Dress", 0.75, 0.1), (2, "Coat, Bag + Dress", 0.25, 0.9))
    ]
    write_csv("metrics/infer/posterior.csv", rows)
    direct = {"grouping": "Coat + Bag, Dress", "n_seeds": 3, "measure": "accuracy"}
    write_csv("metrics/infer/direct.csv", [direct | {"published": 0.9, "ours": 0.8, "difference": 0.1, "t": 2.5}])
    about = {"temper": 1.0, "set_size": 2}
    answers = {"best": "Coat + Bag, Dress", "p_best": 0.75, "p_second": 0.25}
    write_csv("metrics/infer/sensitivity.csv", [{"prior": "flat"} | about | answers])
    hidden = {"grouping": "Coat, Bag + Dress", "models": "b", "rank": 1} | about
    write_csv("metrics/infer/selftest.csv", [hidden | {"in_set": True}, hidden | {"in_set": False}])
    order = {"printed": [0, 1], "n_encoders": 2, "n_equal": 1, "n_close": 2, "n_random": 2000, "n_random_equal": 3}
    write_json("metrics/infer/row_order.json", order | {"bayes_factor": 123.4, "bayes_factor_low": 5.6})
    with figure("metrics/infer/shared.svg", 1, 1, (4, 3), title="Which garments share a label") as axes:
        axes[0, 0].plot([0, 1])
