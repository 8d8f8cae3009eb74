import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from src.clustering.dbscan import NOISE
from src.clustering.density import density
from src.clustering.partitions import partitions

HEAPS = np.array([[0.0, 0], [10, 0], [0, 10]])
TRUTH = np.repeat([0, 1, 2], 30)
POINTS = HEAPS[TRUTH] + np.random.default_rng(0).normal(size=(90, 2)) * 0.5


def test_kmeans_finds_the_heaps_and_dbscan_is_scikit_learns() -> None:
    points = np.vstack([POINTS, [[50, 50]]])
    clusters = partitions(points, density(points, 4), 4, n_init=5, seed=1, eps=2.0)
    assert list(clusters) == ["kmeans", "dbscan"]
    heaps = [set(clusters["kmeans"][:-1][heap == TRUTH].tolist()) for heap in range(3)]
    assert [len(numbers) for numbers in heaps] == [1, 1, 1]
    assert len(set.union(*heaps, {int(clusters["kmeans"][-1])})) == 4
    assert clusters["dbscan"].tolist() == DBSCAN(eps=2.0, min_samples=4).fit_predict(points).tolist()
    assert clusters["dbscan"][-1] == NOISE


@pytest.mark.parametrize("key", ["kmeans", "dbscan"])
def test_the_same_seed_gives_the_same_clusters(key: str) -> None:
    first, second = (partitions(POINTS, density(POINTS, 4), 5, n_init=1, seed=3, eps=0.4) for _ in range(2))
    assert np.array_equal(first[key], second[key])
