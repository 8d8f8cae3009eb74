"""What the inference reads of the notebook, and the rows of what it writes."""

from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from src.comparison.published import Published


class Notebook(Published):
    """data/published.json, as far as the inference reads it.

    dbscan_print: DBSCAN's clusters of the first three and the last three test images. written_decoding: the author's
    garments of each label.
    """

    dbscan_print: list[int]
    written_decoding: dict[str, list[str]]


class Hidden(TypedDict):
    """A row of selftest.csv: a grouping that was hidden, and what its trainings told of it.

    rank: its place by likelihood, 1 for the most likely of all. The sets are credible sets with a flat prior, by the
    power to which the likelihood counted; in_set: whether the grouping is in it.
    """

    grouping: str
    models: str
    rank: int
    temper: float
    set_size: int
    in_set: bool


class Candidate(TypedDict):
    """A row of posterior.csv: a grouping, its place by likelihood, and its probability.

    n_moves: how many garments have another label than the author wrote. flat, author: the probability with a flat
    prior, and with the author's table as prior where each garment is wrong with the middle one of `infer.errors`.
    """

    rank: int
    grouping: str
    n_moves: int
    log_likelihood: float
    flat: float
    author: float


class Sensitivity(TypedDict):
    """A row of sensitivity.csv: how the answer hangs on the prior and on the power of the likelihood.

    best: the most probable grouping, with its probability and that of the next. set_size: groupings in the credible
    set.
    """

    prior: str
    temper: float
    set_size: int
    best: str
    p_best: float
    p_second: float


class Direct(TypedDict):
    """A row of direct.csv: one of the best groupings trained directly, and the published training beside it.

    ours: the mean over the seeds. t: published minus ours, in standard deviations of one training more; the deviations
    are pooled over the groupings.
    """

    grouping: str
    n_seeds: int
    measure: str
    published: float
    ours: float
    difference: float
    t: float


class RowOrder(TypedDict):
    """Whether the notebook's print fits the public order of the test images.

    n_equal: of n_encoders, those that print the same in public order. n_close: those that differ in one place at most.
    n_random_equal: of n_random random orders, shared out to the encoders, those that print the same.
    """

    printed: list[int]
    n_encoders: int
    n_equal: int
    n_close: int
    n_random: int
    n_random_equal: int
    bayes_factor: float
    bayes_factor_low: float
