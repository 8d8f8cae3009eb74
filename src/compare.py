"""Compare the models: one table from the reports of train and evaluate, beside the values published in 2022."""

import csv
import json
from pathlib import Path
from typing import Any

from src.stage import run, write_csv, write_json, writing

SPLITS = ("train", "val", "test")


def compare(
    models: dict[str, dict[str, Any]],
    trained: dict[str, dict[str, Any]],
    evaluated: dict[str, dict[str, Any]],
    published: dict[str, dict[str, Any]],
) -> dict[str, dict[str, Any]]:
    """One row of the table per model, in the order of params.yaml: {model: {column: value}}.

    Accuracies in [0, 1], times in seconds; `difference` is the test accuracy less the published one, and both are None
    where none was published.
    """
    table = {}
    for name, block in models.items():
        train, test = trained[name], evaluated[name]
        known = published.get(name, {}).get("test_accuracy")
        table[name] = {
            **{f"{split}_accuracy": test[f"{split}_accuracy"] for split in SPLITS},
            "train_seconds": train["train_seconds"],
            "test_seconds": test["test_seconds"],
            "epochs": train["epochs"],
            "optimizer": block["optimizer"],
            "loss": train["loss"],
            "activation": block["activation"],
            "parameters": train["parameters"],
            "device": train["device"],
            "published_test_accuracy": known,
            "difference": None if known is None else round(test["test_accuracy"] - known, 6),
        }
    return table


def markdown(table: dict[str, dict[str, Any]]) -> str:
    """The table for people: accuracies in per cent, the device below it."""
    header = (
        "| Model | Training accuracy | Validation accuracy | Test accuracy | Published | Difference | Training time "
        "| Testing time | Epochs | Optimizer | Loss | Activation | Parameters |"
    )
    lines = [header, "|---" + "|---:" * 8 + "|---" * 3 + "|---:|"]
    for name, row in table.items():
        known = row["published_test_accuracy"]
        cells = [
            name,
            *(f"{row[f'{split}_accuracy']:.2%}" for split in SPLITS),
            "" if known is None else f"{known:.2%}",
            "" if known is None else f"{100 * row['difference']:+.2f}",
            f"{row['train_seconds']:.0f} s",
            f"{row['test_seconds']:.2f} s",
            str(row["epochs"]),
            row["optimizer"],
            row["loss"].replace("_", " "),
            row["activation"],
            f"{row['parameters']:,}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    best = max(table, key=lambda name: table[name]["val_accuracy"])
    devices = ", ".join(sorted({row["device"] for row in table.values()}))
    return "\n".join(
        [
            *lines,
            "",
            f"Best by validation accuracy: {best}. Device: {devices}.",
            "Training time: compiling, all epochs and the validation after each. Testing time: predicting the test set "
            "once more after a first pass, from the host's memory and back. Difference: percentage points.",
            "",
        ]
    )


def learning_curves(histories: dict[str, str]) -> list[dict[str, Any]]:
    """The histories, {model: CSV text}, as one list of {model, seed, epoch, split, loss, accuracy}, for plots."""
    return [
        {"model": name, "seed": row["seed"], "epoch": row["epoch"], "split": split}
        | {measure: row[f"{prefix}{measure}"] for measure in ("loss", "accuracy")}
        for name, history in histories.items()
        for row in csv.DictReader(history.splitlines())
        for split, prefix in (("training", ""), ("validation", "val_"))
    ]


def per_class(evaluated: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Precision and recall of each model and label: one list of {model, label, precision, recall, images}."""
    return [
        {"model": name, "label": label} | scores
        for name, report in evaluated.items()
        for label, scores in report["per_class"].items()
    ]


def confusion(evaluated: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The confusion matrices as one list of {model, label, predicted, images}."""
    return [
        {"model": name, "label": label, "predicted": predicted, "images": images}
        for name, report in evaluated.items()
        for label, row in zip(report["per_class"], report["confusion"], strict=True)
        for predicted, images in zip(report["per_class"], row, strict=True)
    ]


def main(params: dict[str, Any]) -> None:
    """models/{train,evaluate}/*.json -> metrics/comparison.{json,csv,md}, and curves, scores and confusions."""
    models = params["models"]
    reports = (
        {name: json.loads(Path(f"models/{stage}/{name}.json").read_text()) for name in models}
        for stage in ("train", "evaluate")
    )
    trained, evaluated = ({name: report | report["replicas"][0] for name, report in of.items()} for of in reports)
    fashion = json.loads(Path("metrics/prepare.json").read_text())["shows"] == "Fashion-MNIST"
    published = json.loads(Path("data/published.json").read_text())["models"] if fashion else {}
    table = compare(models, trained, evaluated, published)
    write_csv("metrics/comparison.csv", [{"model": name} | row for name, row in table.items()])
    with writing("metrics/comparison.md") as file:
        file.write_text(markdown(table))
    histories = {name: Path(f"metrics/history/{name}.csv").read_text() for name in models}
    write_csv("metrics/learning_curves.csv", learning_curves(histories))
    write_csv("metrics/per_class.csv", per_class(evaluated))
    write_csv("metrics/confusion.csv", confusion(evaluated))
    write_json("metrics/comparison.json", table)


if __name__ == "__main__":
    run(main)
