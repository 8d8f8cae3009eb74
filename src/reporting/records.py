"""Records of the CSV files that the page reads."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelRow:
    """A row of compare/models.csv: accuracies in [0, 1] of the first seed with their intervals, times in seconds.

    *_mean and *_std are over the seeds; None where there is one seed, or nothing comparable was published.
    """

    model: str
    train_accuracy: float
    test_accuracy: float
    test_ci_low: float
    test_ci_high: float
    val_mean: float
    test_mean: float
    replicas: int
    ece: float
    ece_floor: float
    brier: float
    train_seconds: float
    test_seconds: float
    epochs: int
    best_epoch: int
    optimizer: str
    loss: str
    activation: str
    n_params: int
    device: str
    timed_on: str
    software: str
    tied_with: str = ""
    test_std: float | None = None
    published_test_accuracy: float | None = None
    diff_vs_published: float | None = None

    @property
    def tied(self) -> list[str]:
        """The models that are not shown to differ from this one."""
        return self.tied_with.split()


@dataclass(frozen=True)
class PairRow:
    """A row of compare/pairs.csv: two models on the same test images, and over their common seeds."""

    model_a: str
    model_b: str
    difference: float
    ci_low: float
    ci_high: float
    n_only_a_correct: int
    n_only_b_correct: int
    mcnemar_p_holm: float
    n_seeds: int
    verdict: str
    seeds_difference: float | None = None
    seeds_ci_low: float | None = None
    seeds_ci_high: float | None = None
    ttest_p_holm: float | None = None


@dataclass(frozen=True)
class Mistake:
    """A row of compare/mistakes.csv: a wrong prediction of high confidence."""

    model: str
    test_index: int
    image: str
    label: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class CurvePoint:
    """A row of compare/learning_curves.csv."""

    model: str
    seed: int
    epoch: int
    split: str
    loss: float
    accuracy: float


@dataclass(frozen=True)
class LabelScores:
    """A row of compare/per_class.csv."""

    model: str
    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class ConfusionCell:
    """A row of compare/confusion.csv: how many test images of a label are predicted as another."""

    model: str
    true: str
    predicted: str
    count: int


@dataclass(frozen=True)
class LabelIssue:
    """A row of audit/label_issues.csv; index is the image's row in its split."""

    split: str
    index: int
    image: str
    label: str
    suggested: str
    self_confidence: float
