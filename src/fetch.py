"""Get the images: from the files and sites that the params block `data` allows, checked, into data/raw."""

from typing import Any

from src import data
from src.stage import UserError, run, write_json, writing


def main(params: dict[str, Any]) -> None:
    """Write the images that will be learned; beside a user's own images, the public ones they may be known from."""
    images, origin = data.data(**params["data"])
    report = {
        "source": origin,
        "train_images": len(images.x_train),
        "test_images": len(images.x_test),
        "side": images.x_train.shape[1],
    }
    with writing("data/raw/images.npz") as file:
        images.save(file)
    if not images.names:
        report["public"] = fetch_public()
    print(f"fetch: {len(images.x_train)} training and {len(images.x_test)} test images from {origin}")
    write_json("metrics/fetch.json", report)


def fetch_public() -> str:
    """Fetch Fashion-MNIST too, by which a user's images can be told, and say where from, or why it could not be had."""
    try:
        public, origin = data.public(source="auto", folder=None)
    except UserError as reason:
        return f"none: {reason}"
    with writing("data/raw/public.npz") as file:
        public.save(file)
    return origin


if __name__ == "__main__":
    run(main)
