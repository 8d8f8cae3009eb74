"""Get the images: Fashion-MNIST, a user's CSV files or scikit-learn's digits, checked, into data/raw."""

from pathlib import Path
from typing import Any, Literal

from src.images.csv_files import read_csv
from src.images.digits import read_digits
from src.images.fashion_mnist import fashion_mnist
from src.images.store import Images
from src.pipeline.files import UserError, atomic_write, repository_root, write_json
from src.pipeline.schema import Count

Source = Literal["fashion_mnist", "csv", "digits"]


def fetch(*, source: Source, folder: str | None, limit: Count | None, public: str) -> tuple[Images, Images | None, str]:
    """The images to learn, the public ones by which a user's own may be identified, and where the first come from.

    `limit`: only so many of the first training images and of the first test images; None for all. `public`: where
    Fashion-MNIST is for a user's own images; `auto`, `none`, or a folder. Raises UserError.
    """
    path = _path(folder)
    if source == "digits":
        images, origin = read_digits(), "scikit-learn's bundled digits, scaled up to 28 x 28"
    elif source == "fashion_mnist":
        images, origin = fashion_mnist(path)
    elif path is None:
        raise UserError("params.yaml: fetch.folder: must name the folder of the CSV files. Got null.")
    else:
        images, origin = read_csv(path), str(path)
    x_train, y_train, x_test, y_test = (array[:limit] for array in images[:4])
    images = Images(x_train, y_train, x_test, y_test, images.names)
    check_labels(images, limit)
    return images, find_public(images, public), origin


def check_labels(images: Images, limit: int | None) -> None:
    """Raises UserError unless there are two labels or more in training, and in test no other."""
    train, test = set(images.y_train.tolist()), set(images.y_test.tolist())
    cut = f" among the first {limit:,} images (fetch.limit)" if limit else ""
    if len(train) < 2:
        raise UserError(f"the training images must have at least two labels. Got {sorted(train)}{cut}.")
    if unknown := test - train:
        raise UserError(f"every test label must also occur in training. Not in training: {sorted(unknown)}{cut}.")


def find_public(images: Images, public: str) -> Images | None:
    """Fashion-MNIST, where the images are a user's own, and may be of it. Raises UserError where it cannot be had."""
    if images.names or public == "none":
        return None
    try:
        return fashion_mnist(None if public == "auto" else _path(public))[0]
    except UserError as reason:
        advice = "Set fetch.public: none to go on without: then nothing tells what your images show."
        raise UserError(f"params.yaml: fetch.public: {public}: {reason} {advice}") from None


def _path(folder: str | None) -> Path | None:
    """A folder of params.yaml; `~` is the user's home, and a relative one begins at the repository's top."""
    return None if folder is None else repository_root() / Path(folder).expanduser()


def main(params: dict[str, Any]) -> None:
    """Write the images to learn, and beside a user's own the public ones, to data/raw."""
    images, public, origin = fetch(**params["fetch"])
    for name, part in {"images": images, "public": public}.items():
        if part:
            with atomic_write(f"data/raw/{name}.npz") as file:
                part.save(file)
    train, test = len(images.x_train), len(images.x_test)
    print(f"fetch: {train:,} training and {test:,} test images from {origin}")
    report = {"source": params["fetch"]["source"], "train_images": train, "test_images": test}
    write_json("metrics/fetch/images.json", report | {"side": images.x_train.shape[1], "public": public is not None})
