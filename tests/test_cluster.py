from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from src.cluster import cluster, main
from src.clustering.dbscan import NOISE
from src.pipeline.files import UserError, read_json

BLOCK: dict[str, Any] = {"n_clusters": None, "n_init": 3, "seed": 22, "eps": 1.5, "min_samples": 3}
TWO_HEAPS = np.array([[0.0, 0], [1, 0], [0, 1], [10, 10], [11, 10], [10, 11], [100, 100]])


def test_both_methods_find_the_heaps_and_dbscan_the_noise() -> None:
    clusters, _ = cluster(TWO_HEAPS, 3, **BLOCK)
    assert metrics.adjusted_rand_score(clusters["kmeans"], [0, 0, 0, 1, 1, 1, 2]) == 1
    assert clusters["dbscan"].tolist() == [0, 0, 0, 1, 1, 1, NOISE]


def test_there_are_as_many_clusters_as_labels_unless_their_number_is_given() -> None:
    assert len(set(cluster(TWO_HEAPS, 3, **BLOCK)[0]["kmeans"])) == 3
    assert len(set(cluster(TWO_HEAPS, 3, **BLOCK | {"n_clusters": 2})[0]["kmeans"])) == 2


@pytest.mark.parametrize("key", ["n_clusters", "min_samples"])
def test_more_than_there_are_images_is_refused_by_name(key: str) -> None:
    with pytest.raises(UserError, match=f"params.yaml: cluster.{key}: must be at most the number of images, 7. Got 8"):
        cluster(TWO_HEAPS, 3, **BLOCK | {key: 8})


def test_features_are_not_modified() -> None:
    features = TWO_HEAPS.copy()
    cluster(features, 3, **BLOCK)
    np.testing.assert_array_equal(features, TWO_HEAPS)


def test_the_stage_writes_clusters_scores_and_charts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    y, x = np.repeat([0, 1], [30, 60]), np.zeros((90, 4, 4), np.uint8)
    features = np.random.default_rng(0).normal(size=(90, 2)) + 20 * y[:, None]
    for split in ("train", "test"):
        np.savez(f"data/{split}.npz", x=x, y=y, labels=np.array(["a", "b"]))
    np.savez("data/garments.npz", names=np.array(["Bag", "Coat"]), test=1 - y)
    explained = np.array([0.5, 0.25])
    np.savez("data/embedding.npz", features=features, pca=features, tsne=-features, explained=explained)
    embed = {"model": "toy", "layer": "embedding", "split": "test"}
    main({"embed": embed, "cluster": BLOCK | {"eps": 3.0}})
    report = read_json("metrics/cluster/clusters.json")
    assert report["features"] == embed | {"images": 90, "dimensions": 2, "explained_by_map": 0.75}
    assert report["kmeans"]["sizes"] == report["dbscan"]["sizes"] == [60, 30]
    assert report["kmeans"]["labels"]["matched_accuracy"] == report["kmeans"]["garments"]["ari"] == 1
    clusters = np.load("data/clusters.npz")
    assert metrics.adjusted_rand_score(y, clusters["kmeans"]) == metrics.adjusted_rand_score(y, clusters["dbscan"]) == 1
    written = {path.name for path in Path("metrics/cluster").iterdir()}
    assert written == {"clusters.json", "maps.png", "k_distance.svg"}
    assert "KMeans has 2 clusters; matched with labels, 100.0% are right" in capsys.readouterr().out
