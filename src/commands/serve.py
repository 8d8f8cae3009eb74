"""Serve the registered model by MLflow's protocol, with limits, and a page at / to try pictures.

It stops at SIGTERM or Ctrl-C, when the requests that run are answered.
"""

import argparse
from functools import partial

from src.commands._numbers import seconds, whole
from src.pipeline.runner import run
from src.serving.app import build_app, images_of, load_model
from src.serving.checks import Limits
from src.serving.folder import FOLDER
from src.serving.server import bind, run_server


def main(arguments: list[str]) -> None:
    """Read the options, load the model, serve it."""
    parser = argparse.ArgumentParser(
        prog="python -m src serve",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--model", default=FOLDER, help="a folder with an MLflow model, or models:/NAME@champion")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at; 0.0.0.0: all of this machine's")
    parser.add_argument(
        "--port", type=partial(whole, low=0, high=65535), default=8000, help="the port to listen at; 0: a free one"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further host name by which clients may call the server",
    )
    parser.add_argument("--max-body", type=whole, default=8_000_000, metavar="BYTES", help="longest body of a request")
    parser.add_argument("--max-images", type=whole, default=1000, metavar="N", help="most images of a request")
    parser.add_argument(
        "--max-requests", type=whole, default=16, metavar="N", help="most requests at once; further ones get a 503"
    )
    parser.add_argument(
        "--read-seconds", type=seconds, default=10, metavar="S", help="time within which a request must come"
    )
    chosen = parser.parse_args(arguments)

    def work() -> None:
        place = bind(chosen.host, chosen.port)
        model = load_model(chosen.model)
        limits = Limits(
            images=images_of(model),
            max_body=chosen.max_body,
            max_images=chosen.max_images,
            max_requests=chosen.max_requests,
            read_seconds=chosen.read_seconds,
            hosts=frozenset({"localhost", chosen.host.lower(), *(name.lower() for name in chosen.allow_host)}),
        )
        run_server(build_app(model, limits), place, chosen.read_seconds)

    run("serve", work)
