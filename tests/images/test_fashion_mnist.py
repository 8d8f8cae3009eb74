import gzip
import hashlib
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from src.images import fashion_mnist as module
from src.images.fashion_mnist import FILES, PLAIN_MNIST, fashion_mnist, parse_idx, verify
from src.images.store import GARMENTS, Images
from src.pipeline.files import UserError

SMALL = "t10k-labels-idx1-ubyte"


@pytest.fixture(scope="session")
def packed(fashion_folder: Path) -> dict[str, bytes]:
    """The content of Fashion-MNIST's four files, compressed."""
    return {name: (fashion_folder / f"{name}.gz").read_bytes() for name in FILES}


# The real files


def test_fashion_mnist_is_60000_and_10000_images_of_28_by_28_bytes(fashion: Images) -> None:
    assert (fashion.x_train.shape, fashion.x_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert (fashion.y_train.shape, fashion.y_test.shape) == ((60_000,), (10_000,))
    assert {fashion.x_train.dtype, fashion.x_test.dtype} == {np.dtype(np.uint8)}
    assert {fashion.y_train.dtype, fashion.y_test.dtype} == {np.dtype(np.int64)}


def test_each_garment_has_6000_training_and_1000_test_images(fashion: Images) -> None:
    assert np.bincount(fashion.y_train).tolist() == [6_000] * 10
    assert np.bincount(fashion.y_test).tolist() == [1_000] * 10


def test_images_and_labels_are_the_published_ones_in_the_published_order(fashion: Images) -> None:
    assert fashion.y_train[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert fashion.y_test[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
    assert fashion.x_train.mean() / 255 == pytest.approx(0.2860, abs=1e-4)  # as every tutorial has it
    assert fashion.x_test.mean() / 255 == pytest.approx(0.2868, abs=1e-4)
    assert fashion.names[9] == "Ankle boot"
    assert fashion.names[0] == "T-shirt/top"


@pytest.mark.parametrize("name", FILES)
def test_a_right_file_is_taken_compressed_or_not(name: str, packed: dict[str, bytes]) -> None:
    content = gzip.decompress(packed[name])
    assert verify(name, packed[name], "here") == content
    assert verify(name, content, "here") == content


def test_the_way_of_compressing_does_not_matter(packed: dict[str, bytes]) -> None:
    content = gzip.decompress(packed[SMALL])
    again = gzip.compress(content, compresslevel=1)
    assert again != packed[SMALL]
    assert verify(SMALL, again, "here") == content


@pytest.mark.parametrize("left", [3, 9, 12, 2_000, -9, -8, -1])
def test_a_cut_gzip_file_is_named_as_such(left: int, packed: dict[str, bytes]) -> None:
    with pytest.raises(UserError, match=r"^my/file\.gz: must be a whole gzip file\. It is cut short or damaged"):
        verify(SMALL, packed[SMALL][:left], "my/file.gz")


@pytest.mark.parametrize("at", [2, 2_500, -6, -2], ids=["method", "middle", "check sum", "length"])
def test_a_damaged_gzip_file_is_named_as_such(at: int, packed: dict[str, bytes]) -> None:
    raw = bytearray(packed[SMALL])
    raw[at] ^= 0xFF
    with pytest.raises(UserError, match="must be a whole gzip file. It is cut short or damaged"):
        verify(SMALL, bytes(raw), "here")


def test_no_damage_to_any_byte_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(range(64))
    monkeypatch.setitem(FILES, SMALL, hashlib.sha256(content).hexdigest())
    raw = gzip.compress(content)
    for at in range(len(raw)):
        for flip in (0x01, 0x80, 0xFF):
            damaged = raw[:at] + bytes([raw[at] ^ flip]) + raw[at + 1 :]
            try:
                assert verify(SMALL, damaged, "here") == content  # such as the time stamp in the header
            except UserError as refusal:
                assert str(refusal).startswith("here: must be")


@pytest.mark.parametrize("raw", [b"", gzip.compress(b"")], ids=["empty", "gzip of nothing"])
def test_an_empty_file_is_named_as_such(raw: bytes) -> None:
    with pytest.raises(UserError, match=f"^here: must be Fashion-MNIST's {SMALL}. It is empty; fetch it again"):
        verify(SMALL, raw, "here")


def test_swapped_files_are_named_as_such(packed: dict[str, bytes]) -> None:
    with pytest.raises(UserError, match="train-labels-idx1-ubyte. It holds t10k-labels-idx1-ubyte: .* swapped"):
        verify("train-labels-idx1-ubyte", packed[SMALL], "here")


def test_swapped_files_in_a_folder_are_named_as_such(packed: dict[str, bytes], tmp_path: Path) -> None:
    swapped = {"train-images-idx3-ubyte": "t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte": "train-images-idx3-ubyte"}
    for name, raw in packed.items():
        (tmp_path / f"{swapped.get(name, name)}.gz").write_bytes(raw)
    with pytest.raises(UserError, match="train-images-idx3-ubyte.gz: must be .* It holds t10k-images-idx3-ubyte"):
        fashion_mnist(tmp_path)


def test_plain_mnist_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = b"as if these were digits"
    monkeypatch.setattr(module, "PLAIN_MNIST", {hashlib.sha256(digits).hexdigest()})
    with pytest.raises(UserError, match=r"It is plain MNIST \(handwritten digits\)"):
        verify(SMALL, gzip.compress(digits), "here")


def test_the_known_sums_are_eight_different_sha256() -> None:
    sums = {*FILES.values(), *PLAIN_MNIST}
    assert len(sums) == 8
    assert all(len(bytes.fromhex(known)) == 32 for known in sums)


def test_one_changed_byte_is_noticed(packed: dict[str, bytes]) -> None:
    content = bytearray(gzip.decompress(packed[SMALL]))
    content[5_000] ^= 1
    with pytest.raises(UserError, match=r"SHA-256 [0-9a-f]{64} \(10008 bytes\), not 0402a9.*cut, changed or another"):
        verify(SMALL, bytes(content), "here")


def test_a_web_page_in_place_of_the_file_is_noticed() -> None:
    with pytest.raises(UserError, match="must be Fashion-MNIST's .* another file"):
        verify(SMALL, b"<html>Please log in</html>", "here")


def test_a_file_that_unpacks_to_gigabytes_is_refused_after_the_first_megabytes() -> None:
    part = gzip.compress(bytes(2**27))
    tracemalloc.start()
    with pytest.raises(UserError, match="must be Fashion-MNIST's .* It has more than 50,000,000 bytes; fetch it again"):
        verify(SMALL, part * 20, "here")  # 2.7 GB: a gzip file may have several parts
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 250_000_000


# IDX


def test_idx_vector() -> None:
    array = parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 255]))
    assert array.tolist() == [7, 0, 255]
    assert array.dtype == np.uint8


def test_idx_images_in_row_order() -> None:
    header = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3])
    assert parse_idx(header + bytes(range(12))).tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]


def test_idx_sizes_are_big_endian() -> None:
    assert parse_idx(bytes([0, 0, 8, 1, 0, 0, 1, 2]) + bytes(258)).shape == (258,)


# A folder, Debian's, or a download


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.astype(np.uint8).tobytes()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, bytes]:
    """Four files with 4 + 2 images of 2 x 2, which the checks take for Fashion-MNIST; no Debian, no network."""
    files = {
        "train-images-idx3-ubyte": idx(np.arange(16).reshape(4, 2, 2)),
        "train-labels-idx1-ubyte": idx(np.array([9, 0, 3, 3])),
        "t10k-images-idx3-ubyte": idx(np.arange(8).reshape(2, 2, 2) + 100),
        "t10k-labels-idx1-ubyte": idx(np.array([9, 2])),
    }
    for name, content in files.items():
        monkeypatch.setitem(FILES, name, hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(module, "DEBIAN_FOLDER", tmp_path / "no-debian")
    monkeypatch.setattr(module, "download", None)
    return files


def put(folder: Path, files: dict[str, bytes], *, packed: bool) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)
    return folder


def check_small(images: Images) -> None:
    assert images.x_train.tolist() == np.arange(16).reshape(4, 2, 2).tolist()
    assert images.x_test.tolist() == (np.arange(8).reshape(2, 2, 2) + 100).tolist()
    assert (images.y_train.tolist(), images.y_test.tolist()) == ([9, 0, 3, 3], [9, 2])
    assert (images.y_train.dtype, images.names) == (np.int64, GARMENTS)


@pytest.mark.parametrize("packed", [True, False])
def test_the_files_of_a_folder_may_be_compressed_and_stay_as_they_are(
    packed: bool, small: dict[str, bytes], tmp_path: Path
) -> None:
    folder = put(tmp_path / "mine", small, packed=packed)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.iterdir()}
    images, origin = fashion_mnist(folder)
    check_small(images)
    assert origin == str(folder)
    assert before == {p: (p.read_bytes(), p.stat().st_mtime_ns, p.stat().st_ino) for p in folder.iterdir()}


def test_a_folder_without_one_of_the_files_is_refused(small: dict[str, bytes], tmp_path: Path) -> None:
    folder = put(tmp_path / "mine", small, packed=True)
    (folder / f"{SMALL}.gz").unlink()
    (folder / SMALL).mkdir()  # a folder of that name is no file
    with pytest.raises(UserError, match=rf"^{folder}: must have Fashion-MNIST's four files. Got no {SMALL}\[.gz\]"):
        fashion_mnist(folder)


def test_a_file_larger_than_any_of_the_four_is_not_read(small: dict[str, bytes], tmp_path: Path) -> None:
    folder = put(tmp_path / "mine", small, packed=False)
    with (folder / SMALL).open("r+b") as file:
        file.truncate(2**40)  # takes no room
    with pytest.raises(UserError, match=f"{SMALL}: must have at most 50,000,000 bytes"):
        fashion_mnist(folder)


def test_debians_folder_comes_before_a_download(
    small: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(tmp_path / "debian", small, packed=True)
    monkeypatch.setattr(module, "DEBIAN_FOLDER", folder)
    images, origin = fashion_mnist(None)
    check_small(images)
    assert origin == str(folder)


def test_what_is_downloaded_is_checked(small: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    def download(names: list[str], check: Callable[[str, bytes, str], bytes]) -> tuple[dict[str, bytes], str]:
        return {name: check(name, gzip.compress(small[name]), "there") for name in names}, "https://site/"

    monkeypatch.setattr(module, "download", download)
    images, origin = fashion_mnist(None)
    check_small(images)
    assert origin == "https://site/"
    small[SMALL] = b"<html>Please log in</html>"
    with pytest.raises(UserError, match=f"^there: must be Fashion-MNIST's {SMALL}"):
        fashion_mnist(None)
