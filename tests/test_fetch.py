import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pooch
import pyarrow
import pytest
import yaml
from PIL import Image
from pyarrow import parquet

from src import fetch
from src.images import download, fashion_mnist
from src.images.store import GARMENTS, Images
from src.pipeline import files
from src.pipeline.files import UserError, read_json

ROOT = Path(__file__).parents[1]
OUTPUTS = {"data/raw/images.npz", "metrics/fetch/images.json"}


@pytest.fixture(autouse=True)
def no_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test here leaves this machine; it runs in an empty folder, and the repository's top is beside it."""
    monkeypatch.setattr(files, "written", [])
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", tmp_path / "no-debian")
    monkeypatch.setattr(download, "SITES", ("http://127.0.0.1:1/",))
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with 20 + 10 images of 4 x 4 in place of Fashion-MNIST, which the checks take for it."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "small"
    folder.mkdir()
    for name in fashion_mnist.FILES:
        n = 20 if name.startswith("train") else 10
        array = rng.integers(0, 256, (n, 4, 4)) if "images" in name else np.arange(n) % 10
        content = idx(array.astype(np.uint8))
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        monkeypatch.setitem(fashion_mnist.FILES, name, hashlib.sha256(content).hexdigest())
    return folder


CSV = {
    "x_train": "a,b,c,d\n0,1,2,3\n4,5,6,7\n8,9,10,11\n",
    "y_train": "y\n3\n7\n3\n",
    "x_test": "a,b,c,d\n0,0,0,255\n1,1,1,1\n",
    "y_test": "y\n7\n3\n",
}


def write_csv(folder: Path, **others: str) -> Path:
    """A user's CSV files: three images of 2 x 2 for training, two for the test; or others."""
    folder.mkdir()
    for name, text in (CSV | others).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def write_own(folder: Path, images: Images) -> Path:
    """CSV files of images, with labels of a user's own: 0 or 1."""
    tables = {"x_train": images.x_train, "x_test": images.x_test}
    labels = {"y_train": images.y_train % 2, "y_test": images.y_test % 2}
    rows = {name: x.reshape(len(x), -1) for name, x in tables.items()} | {n: y[:, None] for n, y in labels.items()}
    texts = {name: [range(x.shape[1]), *x.tolist()] for name, x in rows.items()}
    return write_csv(folder, **{n: "".join(",".join(map(str, line)) + "\n" for line in t) for n, t in texts.items()})


def block(source: str, folder: Path | str | None = None, limit: int | None = None, public: str = "none") -> Any:
    own = {"side": 5, "fit": "stretch", "color": "grey", "test_size": 0.5, "seed": 1}
    return {"fetch": {"source": source, "folder": folder and str(folder), "limit": limit, "public": public} | own}


def files_here() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file()}


def report() -> Any:
    return read_json("metrics/fetch/images.json")


# What the stage writes


def test_fashion_mnist_is_written_with_its_names(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fetch.main(block("fashion_mnist", small))
    images = Images.load("data/raw/images.npz")
    assert images.names == GARMENTS
    assert (images.x_train.shape, images.x_test.shape) == ((20, 4, 4), (10, 4, 4))
    assert images.y_train.tolist() == [*range(10), *range(10)]
    assert files_here() == OUTPUTS
    assert report() == {
        "source": "fashion_mnist",
        "train_images": 20,
        "test_images": 10,
        "side": 4,
        "color": "grey",
        "public": False,
    }
    assert capsys.readouterr() == (f"fetch: 20 training and 10 test images from {small}\n", "")


def test_the_users_paths_are_not_in_the_committed_files(small: Path) -> None:
    fetch.main(block("fashion_mnist", small))
    assert str(small) not in Path("metrics/fetch/images.json").read_text(encoding="utf-8")


def test_a_users_images_are_written_without_names(tmp_path: Path) -> None:
    fetch.main(block("csv", write_csv(tmp_path / "mine")))
    images = Images.load("data/raw/images.npz")
    assert images.x_train.tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]]
    assert (images.y_train.tolist(), images.names) == ([3, 7, 3], ())
    assert files_here() == OUTPUTS


def write_pictures(folder: Path) -> Path:
    """Eight pictures of two classes."""
    for number in range(8):
        path = folder / ("cat", "dog")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 6), number).save(path)
    return folder


def write_npz(folder: Path) -> Path:
    """Four images of words."""
    folder.mkdir()
    x, y = np.zeros((2, 5, 5), np.uint8), np.array(["cat", "dog"])
    np.savez(folder / "a.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    return folder / "a.npz"


def write_parquet(folder: Path) -> Path:
    """The pictures as two Parquet files."""
    pictures = sorted(write_pictures(folder / "pictures").rglob("*.png"))
    columns = {"image": [path.read_bytes() for path in pictures], "label": [path.parent.name for path in pictures]}
    for part in ("train", "test"):
        parquet.write_table(pyarrow.table(columns), folder / f"{part}.parquet")
    return folder


@pytest.mark.parametrize(
    ("source", "write", "images"),
    [("images", write_pictures, 8), ("npz", write_npz, 4), ("parquet", write_parquet, 16)],
)
def test_words_hide_nothing_and_need_no_network(
    source: str, write: Callable[[Path], Path], images: int, tmp_path: Path
) -> None:
    fetch.main(block(source, write(tmp_path / "mine"), public="auto"))
    read = Images.load("data/raw/images.npz")
    assert (read.labels, read.names, read.x_train.shape[1:]) == (("cat", "dog"), (), (5, 5))
    assert len(read.x_train) + len(read.x_test) == images
    assert files_here() == OUTPUTS


@pytest.mark.parametrize(
    ("source", "what"),
    [
        *(("csv", "folder of the CSV files"), ("images", "folder of the pictures")),
        *(("npz", ".npz file"), ("parquet", "folder of the Parquet files")),
    ],
)
def test_ones_own_images_need_a_folder(source: str, what: str) -> None:
    with pytest.raises(UserError, match=rf"^params\.yaml: fetch\.folder: must name the {what}\. Got null\.$"):
        fetch.main(block(source))


def test_every_file_lies_where_dvc_yaml_says(small: Path, tmp_path: Path) -> None:
    own = write_own(tmp_path / "mine", fashion_mnist.fashion_mnist(small)[0])
    fetch.main(block("csv", own, public=str(small)))
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["fetch"]
    outputs = [out for kind in ("outs", "metrics", "plots") for out in graph.get(kind, [])]
    declared = [out if isinstance(out, str) else next(iter(out)) for out in outputs]
    assert files_here() == OUTPUTS | {"data/raw/public.npz"}
    assert all(any(Path(file).is_relative_to(out) for out in declared) for file in files_here())


def test_digits_need_no_network() -> None:
    fetch.main(block("digits", limit=50))
    assert (report()["train_images"], report()["test_images"], report()["side"]) == (50, 50, 28)
    assert files_here() == OUTPUTS


# The folder


def test_a_home_folder_is_expanded(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    fetch.main(block("fashion_mnist", "~/small"))
    assert report()["train_images"] == 20


def test_a_relative_folder_begins_at_the_repositorys_top(small: Path) -> None:
    fetch.main(block("fashion_mnist", "small"))  # not in work/, where a stage of an experiment runs
    assert report()["train_images"] == 20


def test_fashion_mnist_that_cannot_be_had_leaves_nothing() -> None:
    with pytest.raises(UserError, match="Fashion-MNIST could not be downloaded"):
        fetch.main(block("fashion_mnist"))
    assert files_here() == set()


# The limit, and labels


@pytest.mark.parametrize(("limit", "kept"), [(None, (20, 10)), (7, (7, 7)), (15, (15, 10)), (10**9, (20, 10))])
def test_the_limit_keeps_the_first_images_of_both_sets(limit: int | None, kept: tuple[int, int], small: Path) -> None:
    whole, _, _ = fetch.fetch(**block("fashion_mnist", small)["fetch"])
    some, _, _ = fetch.fetch(**block("fashion_mnist", small, limit)["fetch"])
    assert (len(some.x_train), len(some.x_test)) == kept
    for cut, every in zip(some[:4], whole[:4], strict=True):
        assert np.array_equal(cut, every[: len(cut)])
    assert some.names == whole.names


def test_a_test_label_that_the_cut_leaves_without_training_images_is_refused(tmp_path: Path) -> None:
    four = {"x_train": CSV["x_train"] + "0,0,0,0\n", "y_train": "y\n0\n2\n0\n1\n"}
    folder = write_csv(tmp_path / "mine", **four, y_test="y\n0\n1\n")
    fetch.main(block("csv", folder))
    with pytest.raises(
        UserError, match=r"also occur in training. Not in training: \[1\] among the first 3 images \(fetch.l"
    ):
        fetch.main(block("csv", folder, limit=3))


def test_sorted_labels_of_which_the_cut_leaves_one_are_refused(tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "mine", y_train="y\n3\n3\n7\n", y_test="y\n3\n3\n")
    with pytest.raises(UserError, match=r"at least two labels. Got \[3\] among the first 2 images \(fetch.limit\)"):
        fetch.main(block("csv", folder, limit=2))


def test_labels_are_checked_without_a_limit_too(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"also occur in training. Not in training: \[4\]\.$"):
        fetch.main(block("csv", write_csv(tmp_path / "mine", y_test="y\n4\n3\n")))


# The public images


def test_the_public_images_come_whole_whatever_the_limit(small: Path, tmp_path: Path) -> None:
    whole = fashion_mnist.fashion_mnist(small)[0]
    fetch.main(block("csv", write_own(tmp_path / "mine", whole), limit=9, public="small"))
    images, public = Images.load("data/raw/images.npz"), Images.load("data/raw/public.npz")
    assert (len(images.x_train), len(public.x_train)) == (9, 20)
    assert (images.names, public.names) == ((), GARMENTS)
    assert report()["public"] is True


def test_auto_takes_them_from_where_fashion_mnist_would_come(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = write_own(tmp_path / "mine", fashion_mnist.fashion_mnist(small)[0])
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", small)
    fetch.main(block("csv", own, public="auto"))
    assert len(Images.load("data/raw/public.npz").x_train) == 20


def test_images_of_another_size_have_them_too(small: Path, tmp_path: Path) -> None:
    fetch.main(block("csv", write_csv(tmp_path / "mine"), public="small"))
    assert Images.load("data/raw/images.npz").x_train.shape[1:] == (2, 2)
    assert Images.load("data/raw/public.npz").x_train.shape[1:] == (4, 4)


def test_none_goes_on_without_and_asks_nobody(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = write_own(tmp_path / "mine", fashion_mnist.fashion_mnist(small)[0])
    monkeypatch.setattr(fetch, "fashion_mnist", None)
    fetch.main(block("csv", own, public="none"))
    assert files_here() == OUTPUTS
    assert report()["public"] is False


def test_those_of_an_earlier_run_do_not_stay(small: Path, tmp_path: Path) -> None:
    own = write_own(tmp_path / "mine", fashion_mnist.fashion_mnist(small)[0])
    fetch.main(block("csv", own, public="small"))
    fetch.main(block("csv", own, public="none"))
    assert files_here() == OUTPUTS


@pytest.mark.parametrize("public", ["auto", "nowhere"])
def test_a_failed_look_for_them_fails_and_so_is_tried_again(public: str, small: Path, tmp_path: Path) -> None:
    own = write_own(tmp_path / "mine", fashion_mnist.fashion_mnist(small)[0])
    with pytest.raises(UserError, match=f"^params.yaml: fetch.public: {public}: .* Set fetch.public: none ") as error:
        fetch.main(block("csv", own, public=public))
    assert "\n" not in str(error.value)
    assert files_here() == set()  # nothing that DVC could take for a result


@pytest.mark.parametrize("source", ["fashion_mnist", "digits"])
def test_images_whose_names_are_known_are_not_looked_up(source: str, small: Path) -> None:
    fetch.main(block(source, small if source == "fashion_mnist" else None, public="nowhere"))
    assert files_here() == OUTPUTS


# The command


def command(folder: Path, source: str, where: Path, *, shell: str = "") -> subprocess.CompletedProcess[str]:
    """`python -m src fetch` in a folder with a copy of the project, as a user or DVC runs it."""
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    (folder / "params.yaml").write_text(yaml.safe_dump(params | block(source, where)), encoding="utf-8")
    line = ["/bin/sh", "-c", f'{shell} exec "$0" -m src fetch', sys.executable]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(line, cwd=folder, env=kept, capture_output=True, text=True, timeout=120)


def data_files(folder: Path) -> list[Path]:
    return [path for path in (folder / "data").rglob("*") if path.is_file()]


def test_a_bad_csv_file_ends_the_command_with_one_line(tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "mine", x_train="a,b,c,d\n0,1,2,3\n4,5,6,256\n")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = command(tmp_path / "work", "csv", folder)
    message = "line 3, column 4: must be a whole number from 0 to 255. Got '256'."
    assert done.stderr.splitlines() == [f"fetch: {folder}/x_train.csv: {message}"]
    assert (done.stdout, done.returncode) == ("", 1)
    assert data_files(tmp_path / "work") == []
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_images_are_removed_again_when_the_report_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "work/metrics").write_bytes(b"a file, where a folder must be")
    done = command(tmp_path / "work", "digits", tmp_path)
    (line,) = done.stderr.splitlines()
    assert line.startswith("fetch: ")
    assert ": metrics" in line
    assert "The stage's output files were removed" in line
    assert done.returncode == 1
    assert data_files(tmp_path / "work") == []


def test_a_full_disk_ends_the_command_with_one_line(tmp_path: Path) -> None:
    done = command(tmp_path / "work", "digits", tmp_path, shell="ulimit -f 100;")  # no file may grow beyond 100 blocks
    (line,) = done.stderr.splitlines()
    assert line.startswith("fetch: ")
    assert "File too large: data/raw/images.npz. Fix the cause and run it again" in line
    assert (done.stdout, done.returncode) == ("", 1)
    assert data_files(tmp_path / "work") == []
