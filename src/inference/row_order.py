"""Whether the notebook's test images were in the public order: the labels that it printed of DBSCAN's clusters."""

from collections.abc import Sequence

import numpy as np

from src.clustering.dbscan import NOISE


def printed(clusters: np.ndarray, n: int) -> np.ndarray:
    """The clusters of the first and last n images, as `print` shows of a long array; clusters are numbered as found."""
    return np.concatenate([clusters[:n], clusters[-n:]])


def count_random(clusters: np.ndarray, core: np.ndarray, labels: Sequence[int], repeats: int, seed: int) -> int:
    """How many of so many random orders are printed with these labels; the first labels, then as many last ones.

    clusters: (images,) DBSCAN's clusters; core: (images,) bool, core points. DBSCAN numbers a cluster when it meets its
    first core point.
    """
    rng, wanted, n = np.random.default_rng(seed), np.array(labels), len(labels) // 2
    hits = 0
    for _ in range(repeats):
        order = rng.permutation(len(clusters))
        drawn = printed(clusters[order], n)
        if ((drawn == NOISE) == (wanted == NOISE)).all():  # rarely, and numbering takes long
            _, first = np.unique(clusters[order][core[order]], return_index=True)
            numbers = np.append(first.argsort().argsort(), NOISE)
            hits += bool((numbers[drawn] == wanted).all())
    return hits


def bayes_factor(hits: int, n: int, random_hits: int, n_random: int) -> tuple[float, float]:
    """How many times as probable the print is in public order as in a random one, and what it is at least.

    hits: of n encoders, those whose clusters print the same in public order; random_hits: of n_random random orders,
    those that do. The shares have half a hit and half a miss more, as by Jeffreys' prior; the bound has the lower end
    of the first one's 95% interval over the upper end of the second one's (Clopper-Pearson).
    """
    from statsmodels.stats.proportion import proportion_confint

    low, _ = proportion_confint(hits, n, method="beta")
    _, high = proportion_confint(random_hits, n_random, method="beta")
    return (hits + 0.5) / (n + 1) / ((random_hits + 0.5) / (n_random + 1)), float(low / high)
