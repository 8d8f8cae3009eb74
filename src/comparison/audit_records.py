"""What the audit writes and the page reads."""

from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from src.images.duplicates import DuplicatePairs


class AccuracyPair(TypedDict):
    """A model's accuracy on all test images and without those that are also for training, None if none is left."""

    all: float
    without_leaked: float | None


class LabelIssueCount(TypedDict):
    """Likely label errors among the images that a model has not learned from."""

    model: str
    n_examined: int
    n_issues: int


class ImagesReport(TypedDict):
    """metrics/audit/images.json; note: a sentence where the leak leaves nothing to compute."""

    images: dict[str, int]
    blank_images: int
    duplicate_pairs: DuplicatePairs
    leaked_test_images: int
    test_accuracy: dict[str, AccuracyPair]
    note: str | None
    label_issues: LabelIssueCount


class LabelIssue(TypedDict):
    """A row of metrics/audit/label_issues.csv; index: the image's row in its split."""

    split: str
    index: int
    image: str
    label: str
    suggested: str
    self_confidence: float
