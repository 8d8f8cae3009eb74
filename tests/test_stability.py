import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score, silhouette_score

from src.dbscan import NOISE
from src.stability import (
    by_features,
    eps_band,
    hdbscan,
    intervals,
    knee,
    largest_share,
    main,
    red_flags,
    seed_agreement,
    silhouettes,
    stability,
)
from src.stage import UserError

HEAPS = np.array([[0.0, 0], [10, 0], [0, 10]])
TRUTH = np.repeat([0, 1, 2], 30)
POINTS = HEAPS[TRUTH] + np.random.default_rng(0).normal(size=(90, 2)) * 0.5
BLOCK: dict[str, Any] = {
    "band": 0.5,
    "steps": 3,
    "k_max": 4,
    "sample": 90,
    "seeds": 3,
    "resamples": 20,
    "min_cluster_size": 5,
    "components": 2,
    "seed": 1,
}


def test_the_knee_is_where_the_distances_turn() -> None:
    assert knee(np.array([1.0] * 50 + [1 + step for step in range(10)])) == pytest.approx(1, abs=0.5)


def test_distances_without_a_knee_have_none() -> None:
    assert knee(np.linspace(0, 1, 50)) is None


def test_the_band_is_what_dbscan_finds_with_each_eps() -> None:
    rows = eps_band(POINTS, np.array([0.05, 2.0, 50.0]), 4, {"labels": TRUTH})
    assert [row["clusters"] for row in rows] == [0, 3, 1]
    assert [row["noise_share"] for row in rows] == [1, 0, 0]
    assert [row["largest_share"] for row in rows] == [0, pytest.approx(1 / 3), 1]
    expected = adjusted_rand_score(TRUTH, DBSCAN(eps=2.0, min_samples=4).fit_predict(POINTS))
    assert rows[1]["ari_labels"] == expected == 1


def test_the_largest_share_leaves_noise_out() -> None:
    assert largest_share(np.array([0, 0, 0, 1, NOISE, NOISE])) == 0.75
    assert largest_share(np.array([NOISE])) == 0


def test_the_silhouette_is_scikit_learns_and_highest_for_the_true_number_of_heaps() -> None:
    rows = silhouettes(POINTS, range(2, 5), 1000, seed=1)
    assert [row["k"] for row in rows] == [2, 3, 4]
    assert max(rows, key=lambda row: row["silhouette"])["k"] == 3
    assert rows[1]["silhouette"] == pytest.approx(silhouette_score(POINTS, TRUTH))
    assert rows[0]["inertia"] > rows[1]["inertia"] > rows[2]["inertia"]


def test_seeds_agree_on_heaps_and_not_on_fog() -> None:
    fog = np.random.default_rng(0).random((300, 2))
    assert seed_agreement(fog, 7, range(4))["mean_ari"] < 0.9
    one = seed_agreement(np.repeat(HEAPS, 5, axis=0), 3, range(4))
    assert one["seeds"] == 4
    assert 0 <= one["least_ari"] <= one["mean_ari"] <= 1


def test_hdbscan_finds_the_heaps_without_an_eps() -> None:
    clusters = hdbscan(POINTS, 5)
    assert adjusted_rand_score(TRUTH[clusters != NOISE], clusters[clusters != NOISE]) == 1
    assert (clusters != NOISE).mean() > 0.7


def test_intervals_hold_the_value_and_leave_the_unknown_out() -> None:
    clusters = TRUTH.copy()
    clusters[::10] = (clusters[::10] + 1) % 3
    value = adjusted_rand_score(TRUTH, clusters)
    low, high = intervals(clusters, {"labels": TRUTH}, 100, np.random.default_rng(0))["labels"]["ari"]
    assert low < value < high < 1
    half = np.where(np.arange(90) % 2, TRUTH, -1)
    assert intervals(TRUTH, {"half": half}, 5, np.random.default_rng(0))["half"]["ari"] == [1, 1]
    assert intervals(TRUTH, {"none": np.full(90, -1)}, 5, np.random.default_rng(0)) == {}


def test_features_that_part_the_heaps_agree_with_the_truth_and_noise_does_not() -> None:
    assert by_features(POINTS, 3, {"labels": TRUTH}, 1)["labels"]["ari"] == 1
    noise = np.random.default_rng(0).random((90, 2))
    assert by_features(noise, 3, {"labels": TRUTH}, 1)["labels"]["ari"] < 0.2


@pytest.mark.parametrize(
    ("clusters", "flags"),
    [
        ([0, 0, 1, 1, 2, 2, 2, 3, 3, NOISE], 0),
        ([0] * 3 + [1] * 3 + [NOISE] * 4, 1),
        ([0] * 3 + [1] * 3 + [2] * 3, 1),
        ([0] * 6 + [1] * 3 + [NOISE], 1),
        ([0] * 100, 2),
    ],
)
def test_red_flags_are_too_much_or_no_noise_and_one_giant_cluster(clusters: list[int], flags: int) -> None:
    assert len(red_flags("dbscan", np.array(clusters))) == flags


def test_kmeans_is_not_blamed_for_having_no_noise() -> None:
    assert red_flags("kmeans", TRUTH) == []


@pytest.fixture
def features() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {"trained": POINTS, "untrained": rng.random((90, 2)), "pixels": rng.random((90, 16))}


def test_the_report_has_every_choice(features: dict[str, np.ndarray]) -> None:
    found = {"kmeans": TRUTH, "dbscan": TRUTH}
    report = stability(features, found, {"labels": TRUTH}, 2.0, 4, **BLOCK)
    assert [row["eps"] for row in report["eps"]["band"]] == [1, 2, 3]
    assert report["features"]["trained"]["labels"]["ami"] > report["features"]["untrained"]["labels"]["ami"]
    assert report["intervals"]["kmeans"]["labels"]["ari"] == [1, 1]
    assert report["hdbscan"]["clusters"] == 3


def test_more_components_than_pixels_are_refused(features: dict[str, np.ndarray]) -> None:
    with pytest.raises(UserError, match="stability.components: must be at most 16. Got 17"):
        stability(features, {"kmeans": TRUTH}, {}, 2.0, 4, **BLOCK | {"components": 17})


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
    np.savez("data/embedding.npz", features=POINTS, untrained=features["untrained"])
    np.savez("data/clusters.npz", kmeans=TRUTH, dbscan=TRUTH)
    chosen = {"embed": {"split": "all"}, "stability": BLOCK}
    main(params | chosen | {"cluster": params["cluster"] | {"eps": 2.0, "min_samples": 4}})
    report = json.loads(Path("metrics/stability.json").read_text())
    assert set(report["features"]["pixels"]) == {"labels", "garments"}
    assert report["features"]["trained"]["garments"]["ari"] == 1
    assert Path("metrics/stability.png").stat().st_size > 5000
