"""Predict the images of a CSV, NPY or NPZ file, a picture or a folder of pictures, and write CSV."""

import argparse
import csv
import sys
from pathlib import Path
from typing import get_args

from src.images.store import SIDE
from src.pipeline.files import write_csv
from src.pipeline.runner import run
from src.serving.app import load_model, side_of
from src.serving.batches import read_batch
from src.serving.client import ask_server, rows
from src.serving.folder import FOLDER
from src.serving.pictures import Ground


def main(arguments: list[str]) -> None:
    """Read the options, predict here or ask a server, write a row for each image."""
    parser = argparse.ArgumentParser(
        prog="python -m src predict", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("path", type=Path, help="a .csv, .npy or .npz file, a picture, or a folder of pictures")
    parser.add_argument("--model", default=FOLDER, help="a folder with an MLflow model, or models:/NAME@champion")
    parser.add_argument("--url", help="of a server to ask, such as http://127.0.0.1:8000, in place of a model")
    parser.add_argument("--side", type=int, default=SIDE, help="with --url: the pixels that the server's model takes")
    parser.add_argument(
        "--ground", choices=get_args(Ground), default="auto", help="what is behind the pictures' things"
    )
    parser.add_argument("--out", type=Path, help="the CSV file to write; without it, it is printed")
    chosen = parser.parse_args(arguments)

    def work() -> None:
        if chosen.url:
            batch = read_batch(chosen.path, chosen.side, chosen.ground)
            records = list(ask_server(chosen.url, batch.x))
        else:
            model = load_model(chosen.model)
            batch = read_batch(chosen.path, side_of(model), chosen.ground)
            records = model.predict(batch.x)
        table = list(rows(batch.names, records))
        if chosen.out:
            write_csv(chosen.out, table)
        else:
            writer = csv.DictWriter(sys.stdout, list(table[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)

    run("predict", work)
