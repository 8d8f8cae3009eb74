from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.params import check
from src.pipeline.files import UserError, read_json
from src.stability import main, stability

HEAPS = np.array([[0.0, 0], [10, 0], [0, 10]])
TRUTH = np.repeat([0, 1, 2], 30)
POINTS = HEAPS[TRUTH] + np.random.default_rng(0).normal(size=(90, 2)) * 0.5
BLOCK: dict[str, Any] = {
    "eps_range": 0.5,
    "n_eps": 3,
    "max_clusters": 4,
    "silhouette_sample": 90,
    "n_seeds": 3,
    "n_init": 3,
    "n_bootstrap": 20,
    "confidence": 0.95,
    "min_cluster_size": 5,
    "n_components": 2,
    "seed": 1,
}


CLUSTER: dict[str, Any] = {"n_clusters": None, "n_init": 3, "seed": 1, "eps": 2.0, "min_samples": 4}


@pytest.fixture
def features() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {"trained": POINTS, "untrained": rng.random((90, 2)), "pixels": rng.random((90, 16))}


def test_the_report_has_every_choice(features: dict[str, np.ndarray]) -> None:
    clusters = {"kmeans": TRUTH, "dbscan": TRUTH}
    report = stability(features, [POINTS[::-1], features["untrained"]], clusters, {"labels": TRUTH}, CLUSTER, **BLOCK)
    assert [row["eps"] for row in report["eps_sweep"]] == [1, 2, 3]
    assert report["features"]["trained"]["labels"]["ami"] > report["features"]["untrained"]["labels"]["ami"]
    assert report["intervals"]["kmeans"]["labels"]["ari"] == [1, 1]
    assert report["hdbscan"]["clusters"] == 3
    first, same_heaps, noise = report["encoders"]
    assert first["kmeans"]["labels"]["ari"] == first["dbscan"]["labels"]["ari"] == 1
    assert same_heaps["kmeans"]["labels"]["ari"] == 1  # in the other order the heaps are those of other labels
    assert noise["kmeans"]["labels"]["ari"] < 0.2
    assert noise["dbscan"]["clusters"] == 1  # all within eps


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("n_components", 17, "pixels or images, 16. Got 17"),
        ("max_clusters", 91, "images, 90. Got 91"),
        ("min_cluster_size", 91, "images, 90. Got 91"),
    ],
)
def test_more_than_there_is_is_refused_by_name(
    key: str, value: int, says: str, features: dict[str, np.ndarray]
) -> None:
    with pytest.raises(UserError, match=f"params.yaml: stability.{key}: must be at most the number of {says}"):
        stability(features, [], {"kmeans": TRUTH, "dbscan": TRUTH}, {}, CLUSTER, **BLOCK | {key: value})


@pytest.mark.parametrize("key", ["n_seeds", "n_eps", "n_bootstrap", "min_cluster_size", "silhouette_sample"])
def test_one_of_what_has_a_spread_is_refused_before_any_work(key: str, params: dict[str, Any]) -> None:
    params["stability"][key] = 1
    with pytest.raises(UserError, match=rf"params.yaml: stability.{key}: must be an integer in \[2, inf\). Got 1"):
        check(params)


def test_the_stage_leaves_report_and_picture(
    features: dict[str, np.ndarray], params: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    x = np.random.default_rng(0).integers(0, 256, (90, 4, 4), dtype=np.uint8)
    parts = {"train": np.arange(50), "val": np.arange(50, 60), "test": np.arange(60, 90)}
    for name, rows in parts.items():
        np.savez(f"data/{name}.npz", x=x[rows], y=TRUTH[rows])
    np.savez("data/garments.npz", allow_pickle=False, **{name: TRUTH[rows] for name, rows in parts.items()})
    np.savez("data/embedding.npz", features=POINTS, untrained=features["untrained"], other_seeds=POINTS[None])
    np.savez("data/clusters.npz", kmeans=TRUTH, dbscan=TRUTH)
    chosen = {"embed": {"split": "all"}, "stability": BLOCK}
    main(params | chosen | {"cluster": params["cluster"] | {"eps": 2.0, "min_samples": 4}})
    report = read_json("metrics/stability/stability.json")
    assert set(report["features"]["pixels"]) == {"labels", "garments"}
    assert report["features"]["trained"]["garments"]["ari"] == 1
    assert [encoder["kmeans"]["garments"]["ari"] for encoder in report["encoders"]] == [1, 1]
    assert Path("metrics/stability/stability.svg").read_text(encoding="utf-8").count("<svg") == 1


def test_as_many_clusters_as_images_and_a_cluster_of_all_can_be_asked_for() -> None:
    few = {"trained": POINTS[:6], "untrained": POINTS[:6], "pixels": POINTS[:6]}
    truth = np.array([0, 0, 0, 1, 1, 1])
    block = BLOCK | {"max_clusters": 6, "min_cluster_size": 6, "n_bootstrap": 2}
    report = stability(
        few, [], {"kmeans": truth, "dbscan": truth}, {"labels": truth}, CLUSTER | {"min_samples": 6}, **block
    )
    assert report["by_n_clusters"][-1]["silhouette"] is None
    assert report["hdbscan"]["clusters"] <= 1
