"""The page's headline: the best model and its ties, the decoded labels, and what the numbers cannot carry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from src.comparison.published import FASHION_MNIST_TRAIN, is_cut
from src.reporting.formats import counted
from src.reporting.results import Results

TITLES = {"Fashion-MNIST": "Mystery Fashion", "digits": "Mystery Digits"}
FEW_TEST_IMAGES = 500  # the interval of an accuracy is wider than 5 points


@dataclass(frozen=True)
class Verdict:
    """What the results amount to.

    best: the best model; tied: those not shown to differ from it. decoded: {label: its
    garments, or "" where they are undecided}, empty where nothing is known of what the images show. warning: a sentence
    where the numbers are not to be quoted, else "".
    """

    title: str
    best: str
    tied: list[str]
    decoded: dict[str, str]
    warning: str
    quick_look: bool

    @property
    def headline(self) -> str:
        """The title with the best model and its ties."""
        ties = f", tied with {' and '.join(self.tied)}" if self.tied else ""
        return f"{self.title}: {self.best} is best{ties}"

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the report's MLflow run."""
        decoded = {f"decoded.label_{label}": garments for label, garments in self.decoded.items()}
        return {"best_model": self.best, "tied_with": " ".join(self.tied), "quick_look": str(self.quick_look)} | decoded


def build_verdict(results: Results, params: Mapping[str, Any]) -> Verdict:
    """The verdict on the results of these params."""
    subject = results.prepared["subject"]
    decoded = {label: ", ".join(row["garments"]) for label, row in results.decoding["decoding"].items()}
    quick_look = quick_look_warning(results, params)
    return Verdict(
        title=TITLES.get(subject, "Image classifiers"),
        best=results.best,
        tied=results.models[results.best]["tied_with"].split(),
        decoded=decoded if subject in TITLES or any(decoded.values()) else {},
        warning=quick_look or few_images_warning(results),
        quick_look=bool(quick_look),
    )


def quick_look_warning(results: Results, params: Mapping[str, Any]) -> str:
    """Which images and epochs the models were trained with, if they are fewer than there are; else ""."""
    parts, images, epochs = [], results.fetched["train_images"], params["epochs"]
    if is_cut(params["fetch"]["limit"], images, results.fetched["test_images"]):
        all_images = f" of {FASHION_MNIST_TRAIN:,}" if params["fetch"]["source"] == "fashion_mnist" else ""
        parts.append(f"the first {images:,}{all_images} training images")
    if epochs and any(epochs < block["epochs"] for block in params["models"].values()):
        parts.append(counted(epochs, "epoch"))
    return f"Quick look: {', '.join(parts)}. Do not quote these numbers." if parts else ""


def few_images_warning(results: Results) -> str:
    """A warning where there are few test images, else ""."""
    images = results.fetched["test_images"]
    if images >= FEW_TEST_IMAGES:
        return ""
    return f"Only {counted(images, 'test image')}: models that differ by several points may differ by chance."
