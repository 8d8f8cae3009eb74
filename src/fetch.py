"""Get the images: Fashion-MNIST, scikit-learn's digits or a user's own, checked, into data/raw."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from src.images.csv_files import read_csv
from src.images.digits import read_digits
from src.images.fashion_mnist import fashion_mnist
from src.images.fitting import Fit
from src.images.packed import read_npz, read_parquet
from src.images.picture_folders import read_folder
from src.images.pictures import Color
from src.images.store import Images
from src.pipeline.files import UserError, atomic_write, repository_root, write_json
from src.pipeline.schema import Count, Fraction, Seed

Source = Literal["fashion_mnist", "digits", "csv", "images", "npz", "parquet"]
OWN = {
    "csv": "folder of the CSV files",
    "images": "folder of the pictures",
    "npz": ".npz file",
    "parquet": "folder of the Parquet files",
}


def fetch(
    *,
    source: Source,
    folder: str | None,
    side: Count | None,
    fit: Fit,
    color: Color,
    test_size: Fraction,
    seed: Seed,
    limit: Count | None,
    public: str,
) -> tuple[Images, Images | None, str]:
    """The images to learn, the public ones by which a user's own may be identified, and where the first come from.

    `side`, `fit`, `color`: how pictures become images of one size, grey or RGB. `test_size`, `seed`: of the split of a
    folder without test pictures. `limit`: only so many of the first training images and of the first test images; None
    for all. `public`: where Fashion-MNIST is for a user's own images; `auto`, `none`, or a folder. Raises UserError.
    """
    path = _path(folder)
    if source == "digits":
        images, origin = read_digits(), "scikit-learn's bundled digits, scaled up to 28 x 28"
    elif source == "fashion_mnist":
        images, origin = fashion_mnist(path)
    elif path is None:
        raise UserError(f"params.yaml: fetch.folder: must name the {OWN[source]}. Got null.")
    else:
        readers: dict[str, Callable[[], Images]] = {
            "csv": lambda: read_csv(path),
            "images": lambda: read_folder(path, side=side, fit=fit, color=color, test_size=test_size, seed=seed),
            "npz": lambda: read_npz(path),
            "parquet": lambda: read_parquet(path, side=side, fit=fit, color=color),
        }
        images, origin = readers[source](), str(path)
    images = images.first(limit)
    check_labels(images, limit)
    return images, find_public(images, public), origin


def check_labels(images: Images, limit: int | None) -> None:
    """Raises UserError unless there are two labels or more in training, and in test no other."""
    train, test = (
        {images.labels[number] if images.labels else number for number in y.tolist()}
        for y in (images.y_train, images.y_test)
    )
    cut = f" among the first {limit:,} images (fetch.limit)" if limit else ""
    if len(train) < 2:
        raise UserError(f"the training images must have at least two labels. Got {sorted(train)}{cut}.")
    if unknown := test - train:
        raise UserError(f"every test label must also occur in training. Not in training: {sorted(unknown)}{cut}.")


def find_public(images: Images, public: str) -> Images | None:
    """Fashion-MNIST, where a user's images are grey and their labels numbers, which may hide it.

    Raises UserError where it cannot be had.
    """
    if images.names or images.labels or images.x_train.ndim == 4 or public == "none":
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
        path = Path(f"data/raw/{name}.npz")
        if part is None:
            path.unlink(missing_ok=True)  # of an earlier run by hand; DVC would remove it
            continue
        with atomic_write(path) as file:
            part.save(file)
    train, test = len(images.x_train), len(images.x_test)
    print(f"fetch: {train:,} training and {test:,} test images from {origin}")
    report = {
        "source": params["fetch"]["source"],
        "train_images": train,
        "test_images": test,
        "side": images.x_train.shape[1],
        "color": "grey" if images.x_train.ndim == 3 else "rgb",
        "public": public is not None,
    }
    write_json("metrics/fetch/images.json", report)
