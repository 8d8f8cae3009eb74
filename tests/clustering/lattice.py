"""Points on a lattice, where many distances are equal."""

import numpy as np
from hypothesis import strategies as st


@st.composite
def lattices(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Points (n, d), on a plane in 2 or 20 dimensions, and `min_samples`, at most n."""
    points = draw(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=40))
    dimensions = draw(st.sampled_from([2, 20]))  # neighbours are found by a tree, and by products of matrices
    features = np.zeros((len(points), dimensions), dtype=draw(st.sampled_from(["float32", "float64"])))
    features[:, :2] = points
    return features, draw(st.integers(1, min(6, len(points))))
