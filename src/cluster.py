from src.stage import *


def cluster(x, *, k: Count | None, n_init: Count, seed: Seed, eps: Positive, min_samples: Count) -> None: ...
