"""Fashion-MNIST's files from the official sites, kept in the user's cache folder."""

import sys
from collections.abc import Callable
from pathlib import Path

from src.pipeline.files import UserError

SITES = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
)
TIMEOUT = (5, 30)  # seconds to connect, and between two parts of a file


def download(names: list[str], check: Callable[[str, bytes, str], bytes]) -> tuple[dict[str, bytes], str]:
    """The checked content of the named files from the first site that has them all, and the site's address.

    check: (name, bytes, where they lie) -> the content, or UserError if it is not right. Wrong content counts as no
    answer: a network that wants a login first sends a page of its own for the file. Raises UserError.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")
    reasons = []
    for site in SITES:
        files = pooch.create(pooch.os_cache("mystery-fashion"), site, registry={f"{name}.gz": None for name in names})
        downloader = pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=sys.stderr.isatty())
        content = {}
        try:
            for name in names:
                path = Path(files.fetch(f"{name}.gz", downloader=downloader))
                try:
                    content[name] = check(name, path.read_bytes(), str(path))
                except UserError:
                    path.unlink()  # or the wrong file would be taken from the cache the next time
                    raise
        except (OSError, ValueError, UserError) as error:  # requests' errors are OSErrors
            reasons.append(f"{site.split('/')[2]}: {' '.join(str(error).split())}")
        else:
            return content, site
    raise UserError(
        f"Fashion-MNIST could not be downloaded ({'; '.join(reasons)}). Put its four IDX files into a folder and name "
        "it in fetch.folder, install Debian's package dataset-fashion-mnist, or take fetch.source: digits."
    )
