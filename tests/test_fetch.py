import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from src import data, download, fetch, stage
from src.data import GARMENTS, Images
from src.stage import UserError

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def forget_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that fails removes what was written, so no other test may take these files for its own."""
    monkeypatch.setattr(stage, "_written", [])


@pytest.fixture(autouse=True)
def no_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test here leaves this machine; it runs in an empty folder."""
    monkeypatch.setattr(download, "DEBIAN_FOLDER", tmp_path / "no-debian")
    monkeypatch.setattr(download, "OFFICIAL", ("http://127.0.0.1:1",))
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with 20 + 10 images of 4x4 in place of Fashion-MNIST, which the checks take for it."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "small"
    folder.mkdir()
    for name in data.FASHION_MNIST:
        n = 20 if name.startswith("train") else 10
        array = rng.integers(0, 256, (n, 4, 4)) if "images" in name else np.arange(n) % 10
        content = idx(array.astype(np.uint8))
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        monkeypatch.setitem(data.FASHION_MNIST, name, hashlib.sha256(content).hexdigest())
    return folder


@pytest.fixture
def apt(small: Path, tmp_path: Path) -> None:
    """A machine on which apt has the small files."""
    programs = tmp_path / "no-programs"
    programs.mkdir()
    inside = f"unpacked/{download.DEBIAN_FOLDER.relative_to('/')}"
    for name, script in {
        "apt-get": '[ "$1" = download ] && : > "$2_1_all.deb"',
        "dpkg-deb": f"PATH={os.defpath}; mkdir -p {inside} && cp {small}/* {inside}",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A user's CSV files: three images of 2x2 for training, one for the test."""
    return write_csv(tmp_path / "mine")


def write_csv(folder: Path, x_train: str = "a,b,c,d\n0,1,2,3\n4,5,6,7\n8,9,10,11\n") -> Path:
    folder.mkdir()
    files = {"x_train": x_train, "y_train": "y\n3\n7\n3\n", "x_test": "a,b,c,d\n0,0,0,255\n", "y_test": "y\n7\n"}
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def block(source: str, folder: Path | None = None, limit: int | None = None) -> dict[str, Any]:
    return {"data": {"source": source, "folder": str(folder) if folder else None, "limit": limit}}


def files_here() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file()}


def report() -> dict[str, Any]:
    return json.loads(Path("metrics/fetch.json").read_text())


# What the stage writes


def test_public_images_are_written_with_their_names(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fetch.main(block("folder", small))
    images = Images.load("data/raw/images.npz")
    assert images.names == GARMENTS
    assert (images.x_train.shape, images.x_test.shape) == ((20, 4, 4), (10, 4, 4))
    assert images.y_train.tolist() == [*range(10), *range(10)]
    assert files_here() == {"data/raw/images.npz", "metrics/fetch.json"}
    assert report() == {"source": f"the files in {small}", "train_images": 20, "test_images": 10, "side": 4}
    assert capsys.readouterr() == (f"fetch: 20 training and 10 test images from the files in {small}\n", "")


def test_a_users_images_are_written_beside_the_public_ones(
    small: Path, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "DEBIAN_FOLDER", small)
    fetch.main(block("csv", mine))
    images, public = Images.load("data/raw/images.npz"), Images.load("data/raw/public.npz")
    assert images.x_train.tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]]
    assert images.y_train.tolist() == [3, 7, 3]
    assert (images.names, public.names) == ((), GARMENTS)
    assert len(public.x_train) == 20
    assert report()["source"] == f"the CSV files in {mine}"
    assert report()["public"] == f"the files in {small}"


def test_a_users_images_are_enough_where_no_public_ones_can_be_had(mine: Path) -> None:
    fetch.main(block("csv", mine))
    assert files_here() == {"data/raw/images.npz", "metrics/fetch.json"}
    assert report()["public"].startswith("none: Fashion-MNIST could not be had (debian: no ")
    assert "apt: no apt-get on this machine" in report()["public"]


def test_every_file_lies_where_dvc_yaml_says(small: Path, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "DEBIAN_FOLDER", small)
    fetch.main(block("csv", mine))
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["fetch"]
    outs = [out for kind in ("outs", "metrics", "plots") for out in graph.get(kind, [])]
    declared = {out if isinstance(out, str) else next(iter(out)) for out in outs}
    assert declared == {"data/raw", "metrics/fetch.json"}
    assert files_here() == {"data/raw/images.npz", "data/raw/public.npz", "metrics/fetch.json"}


def test_digits_need_neither_network_nor_programs() -> None:
    fetch.main(block("digits", limit=50))
    assert (report()["train_images"], report()["test_images"], report()["side"]) == (50, 50, 28)
    assert files_here() == {"data/raw/images.npz", "metrics/fetch.json"}


def test_the_limit_holds_for_a_users_images_but_not_for_the_public_ones(
    small: Path, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "DEBIAN_FOLDER", small)
    fetch.main(block("csv", mine, limit=2))
    assert report()["train_images"] == 2
    assert len(Images.load("data/raw/public.npz").x_train) == 20


@pytest.mark.usefixtures("apt")
@pytest.mark.parametrize("portal", [False, True], ids=["no network", "a login page for each file"])
def test_auto_falls_back_on_apt(portal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if portal:
        monkeypatch.setattr(download, "_download", lambda url, deadline: b"<html>Please log in</html>")
    fetch.main(block("auto"))
    assert report()["source"] == "Debian's package dataset-fashion-mnist_1_all.deb"
    assert report()["train_images"] == 20


@pytest.mark.parametrize("source", ["auto", "folder", "debian", "official", "apt"])
def test_without_a_source_nothing_is_written(source: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Fashion-MNIST could not be had"):
        fetch.main(block(source, tmp_path / "nowhere"))
    assert files_here() == set()


def test_a_wrong_file_in_a_users_folder_is_named_and_nothing_else_is_tried(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "t10k-labels-idx1-ubyte"
    (small / f"{name}.gz").write_bytes((small / "train-labels-idx1-ubyte.gz").read_bytes())
    with pytest.raises(UserError, match=rf"{small}/{name}.gz: must be Fashion-MNIST's {name}. It holds train-labels"):
        fetch.main(block("auto", small))
    assert files_here() == set()
    assert capsys.readouterr() == ("", "")


# The command


def command(folder: Path, source: str, where: Path, *, shell: str = "") -> subprocess.CompletedProcess[str]:
    """`python -m src.fetch` in a folder with a copy of the project, as a user or DVC runs it."""
    shutil.copytree(ROOT / "src", folder / "src")
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    (folder / "params.yaml").write_text(yaml.safe_dump(params | block(source, where)))
    line = f'{shell} exec "$0" -m src.fetch'
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PATH"))}
    shell_line = ["/bin/sh", "-c", line, sys.executable]
    return subprocess.run(shell_line, cwd=folder, env=kept, capture_output=True, text=True, timeout=120)


def check_failure(ended: subprocess.CompletedProcess[str], folder: Path, message: str) -> None:
    """One line that ends so, a status of 1 and no files."""
    assert ended.stderr.splitlines() == [f"fetch: {message}"]
    assert (ended.stdout, ended.returncode) == ("", 1)
    assert [path for path in (folder / "data").rglob("*") if path.is_file()] == []
    assert not (folder / "metrics/fetch.json").exists()


@pytest.mark.parametrize(
    ("x_train", "message"),
    [
        ("a,b,c,d\n0,1,2,3\n4,5,6,7,8\n", "must be CSV with equally long rows. Expected 4 fields in line 3, saw 5."),
        ("a,b,c,d\n0,1,2,3\n4,5,6,256\n", "line 3, column 4: must be a whole number from 0 to 255. Got 256."),
    ],
)
def test_a_bad_csv_file_ends_the_command_with_one_line(x_train: str, message: str, tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "mine", x_train)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    check_failure(command(tmp_path / "work", "csv", folder), tmp_path / "work", f"{folder}/x_train.csv: {message}")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_cut_file_ends_the_command_with_one_line(small: Path, tmp_path: Path) -> None:
    cut = small / "train-images-idx3-ubyte.gz"
    cut.write_bytes(cut.read_bytes()[:100])
    message = f"{cut}: must be a whole gzip file. It is cut short or damaged; fetch it again."
    check_failure(command(tmp_path / "work", "folder", small), tmp_path / "work", message)


def test_images_are_removed_again_when_the_report_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "work/metrics").write_text("a file, where a folder must be")
    ended = command(tmp_path / "work", "digits", tmp_path)
    kept = "Nothing that this stage had written was kept; put it right and run again."
    assert ended.stderr.splitlines() == [f"fetch: File exists: metrics. {kept}"]
    assert ended.returncode == 1
    assert [path for path in (tmp_path / "work/data").rglob("*") if path.is_file()] == []


def test_a_full_disk_ends_the_command_with_one_line(tmp_path: Path) -> None:
    ended = command(tmp_path / "work", "digits", tmp_path, shell="ulimit -f 100;")  # no file may grow beyond 100 blocks
    (line,) = ended.stderr.splitlines()
    assert line.startswith("fetch: ")
    assert "File too large. Nothing that this stage had written was kept" in line
    assert (ended.stdout, ended.returncode) == ("", 1)
    assert [path for path in (tmp_path / "work/data").rglob("*") if path.is_file()] == []
