"""Predict the images of a CSV, NPY or NPZ file, a picture or a folder of pictures, and write CSV."""

import argparse
import csv
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO, get_args

import numpy as np

from src.pipeline.files import atomic_write
from src.pipeline.runner import run
from src.serving.app import images_of, load_model
from src.serving.batches import Batch, read_batches
from src.serving.client import ask_images, ask_server, rows
from src.serving.folder import FOLDER
from src.serving.pictures import Ground

Row = dict[str, Any]


def main(arguments: list[str]) -> None:
    """Read the options, predict here or ask a server, write a row for each image."""
    parser = argparse.ArgumentParser(
        prog="python -m src predict", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("path", type=Path, help="a .csv, .npy or .npz file, a picture, or a folder of pictures")
    parser.add_argument("--model", default=FOLDER, help="a folder with an MLflow model, or models:/NAME@champion")
    parser.add_argument("--url", help="a server to ask in place of a model, such as http://127.0.0.1:8000")
    parser.add_argument("--ground", choices=get_args(Ground), default="auto", help="the background of the pictures")
    parser.add_argument("--out", type=Path, help="the CSV file to write; without it, it is printed")
    chosen = parser.parse_args(arguments)

    def work() -> None:
        if chosen.url:
            batches = read_batches(chosen.path, ask_images(chosen.url), chosen.ground)
            table = _rows(batches, lambda x: ask_server(chosen.url, x))
        else:
            model = load_model(chosen.model)
            table = _rows(read_batches(chosen.path, images_of(model), chosen.ground), model.predict)
        if chosen.out:
            with atomic_write(chosen.out) as path, path.open("w", newline="", encoding="utf-8") as file:
                _write(table, file)
        else:
            _write(table, sys.stdout)

    run("predict", work)


def _rows(batches: Iterator[Batch], predict: Callable[[np.ndarray], Iterable[dict[str, Any]]]) -> Iterator[Row]:
    """The rows of the table, one batch after the other."""
    for names, x in batches:
        yield from rows(names, predict(x))


def _write(table: Iterator[Row], file: TextIO) -> None:
    """Write the rows as CSV, each as soon as it is there."""
    first = next(table)  # before anything is written, for it may fail
    writer = csv.DictWriter(file, list(first), lineterminator="\n")
    writer.writeheader()
    writer.writerows(itertools.chain([first], table))
