"""Send the MLflow runs that wait in .spool; stages do it by themselves while the store can be reached."""

import argparse

from src.pipeline import sender
from src.pipeline.runner import run


def main(arguments: list[str]) -> None:
    """Send what waits and say what was sent; one line and a non-zero status where the store cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m src sync", description=__doc__)
    parser.add_argument("--follow", action="store_true", help="as a stage starts it: silent, until its runs are sent")
    if parser.parse_args(arguments).follow:
        run("sync", sender.follow)
    else:
        run("sync", lambda: print(f"sync: {sender.send_by_hand()}"))
