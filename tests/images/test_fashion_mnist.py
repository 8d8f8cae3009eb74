import functools
import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from src import data, download
from src.data import Images, parse_idx, read_csv, read_digits, verify
from src.stage import UserError

SMALL = "t10k-labels-idx1-ubyte"


@functools.cache
def _from_apt() -> download.Files | str:
    try:
        return download.from_apt(list(data.FASHION_MNIST))[0]
    except download.Unavailable as reason:
        return str(reason)


def real_files() -> download.Files:
    """Fashion-MNIST's four files, compressed as Debian ships them, fetched once; skips the test without them."""
    files = _from_apt()
    if isinstance(files, str):
        pytest.skip(f"Fashion-MNIST cannot be had here: {files}")
    return files


@pytest.fixture(scope="session")
def packed() -> dict[str, bytes]:
    return {name: raw for name, (raw, _) in real_files().items()}


@pytest.fixture(scope="session")
def fashion(packed: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Images:
    folder = tmp_path_factory.mktemp("fashion")
    for name, raw in packed.items():
        (folder / f"{name}.gz").write_bytes(raw)
    return data.data(source="folder", folder=str(folder), limit=None)[0]


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


@pytest.mark.parametrize("name", data.FASHION_MNIST)
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
    monkeypatch.setitem(data.FASHION_MNIST, SMALL, hashlib.sha256(content).hexdigest())
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
        data.public(source="folder", folder=str(tmp_path))


def test_plain_mnist_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = b"as if these were digits"
    monkeypatch.setattr(data, "PLAIN_MNIST", {hashlib.sha256(digits).hexdigest()})
    with pytest.raises(UserError, match=r"It is plain MNIST \(handwritten digits\)"):
        verify(SMALL, gzip.compress(digits), "here")


def test_the_known_sums_are_eight_different_sha256() -> None:
    sums = {*data.FASHION_MNIST.values(), *data.PLAIN_MNIST}
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


# Digits and the limit


def test_digits_are_scikit_learns_1797_images_scaled_up() -> None:
    images = read_digits()
    x, y = np.concatenate([images.x_train, images.x_test]), np.concatenate([images.y_train, images.y_test])
    assert (images.x_train.shape, images.x_test.shape) == ((1437, 28, 28), (360, 28, 28))
    assert x.dtype == np.uint8
    assert (x.min(), x.max()) == (0, 255)
    assert np.array_equal(y, load_digits().target)
    firsts = [0, 4, 7, 11, 14, 18, 21, 25]  # where each of the eight pixels begins
    small = x[:, firsts][:, :, firsts]
    assert np.array_equal(np.unique(small), np.round(np.arange(17) * 255 / 16))
    assert np.array_equal(np.round(small.astype(float) * 16 / 255), load_digits().images)
    assert np.array_equal(np.repeat(np.repeat(small, 4, 1), 4, 2)[:, :4, :4], x[:, :4, :4])


def test_digits_have_their_ten_names() -> None:
    images, origin = data.data(source="digits", folder=None, limit=None)
    assert images.names == ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    assert images.y_train[:10].tolist() == list(range(10))
    assert "digits" in origin


def test_the_limit_keeps_the_first_images_of_both_sets() -> None:
    whole = read_digits()
    few = data.data(source="digits", folder=None, limit=7)[0]
    for some, every in zip(few[:4], whole[:4], strict=True):
        assert np.array_equal(some, every[:7])
    assert few.names == whole.names


@pytest.mark.parametrize("limit", [None, 400, 10**9])
def test_a_limit_above_the_number_of_images_keeps_all(limit: int | None) -> None:
    images = data.data(source="digits", folder=None, limit=limit)[0]
    assert len(images.x_test) == 360


def test_saved_images_are_read_back_the_same(tmp_path: Path) -> None:
    for images in (read_digits(), read_digits()._replace(names=())):
        images.save(tmp_path / "images.npz")
        again = Images.load(tmp_path / "images.npz")
        assert again.names == images.names
        for one, other in zip(again[:4], images[:4], strict=True):
            assert np.array_equal(one, other)
            assert one.dtype == other.dtype


# CSV

RIGHT = {
    "x_train": "a,b,c,d\n0,1,2,3\n4,5,6,7\n8,9,10,11\n",
    "y_train": "label\n3\n7\n3\n",
    "x_test": "a,b,c,d\n255,0,0,254\n",
    "y_test": "label\n7\n",
}


def write_csv(folder: Path, **other: str | bytes | None) -> Path:
    """RIGHT's four files in a folder, or what stands in their place; None leaves a file out."""
    folder.mkdir(exist_ok=True)
    for name, content in (RIGHT | other).items():
        if content is not None:
            (folder / f"{name}.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def rows(array: np.ndarray) -> str:
    """The array as pandas' to_csv(index=False) writes it: numbered columns in the header line."""
    lines = array.reshape(len(array), -1).tolist()
    return "".join(",".join(map(str, line)) + "\n" for line in [range(len(lines[0])), *lines])


def test_csv_by_hand(tmp_path: Path) -> None:
    images = read_csv(write_csv(tmp_path))
    assert images.x_train.tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]]
    assert images.x_test.tolist() == [[[255, 0], [0, 254]]]
    assert (images.y_train.tolist(), images.y_test.tolist()) == ([3, 7, 3], [7])
    assert (images.x_train.dtype, images.y_train.dtype) == (np.uint8, np.int64)
    assert images.names == ()


def test_real_images_go_through_csv_unchanged(fashion: Images, tmp_path: Path) -> None:
    few = {name: array[:50] for name, array in zip(RIGHT, fashion[:4], strict=True)}
    write_csv(tmp_path, **{name: rows(array) for name, array in few.items()})
    images, origin = data.data(source="csv", folder=str(tmp_path), limit=None)
    for came, sent in zip(images[:4], few.values(), strict=True):
        assert np.array_equal(came, sent)
        assert came.dtype == sent.dtype
    assert origin == f"the CSV files in {tmp_path}"


def test_side_and_classes_come_from_the_data(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (9, 8, 8), dtype=np.uint8)
    y = np.array([5, 12, 900] * 3)
    write_csv(tmp_path, x_train=rows(x), y_train=rows(y), x_test=rows(x[:2]), y_test=rows(y[:2]))
    images = read_csv(tmp_path)
    assert np.array_equal(images.x_train, x)
    assert np.array_equal(images.y_train, y)


def test_windows_line_ends_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    windows = {name: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() for name, text in RIGHT.items()}
    images = read_csv(write_csv(tmp_path, **windows))
    assert images.x_test.tolist() == [[[255, 0], [0, 254]]]
    assert images.y_train.tolist() == [3, 7, 3]


def test_a_users_csv_files_stay_as_they_are(tmp_path: Path) -> None:
    write_csv(tmp_path)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    data.data(source="csv", folder=str(tmp_path), limit=1)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()} == before


WRONG: dict[str, tuple[str, str | bytes | None, str]] = {
    "missing": ("x_test", None, "not found. data.folder must hold x_train.csv, y_train.csv, x_test.csv, y_test.csv"),
    "missing labels": ("y_train", None, "not found"),
    "empty": ("x_train", "", "must have a header line and rows. It is empty"),
    "blank": ("x_train", "\n\n", "must have a header line and rows. It is empty"),
    "empty labels": ("y_test", "", "must have a header line and rows. It is empty"),
    "header only": ("x_train", "a,b,c,d\n", "must have rows below the header line. Got none"),
    "header only in labels": ("y_test", "label\n", "must have rows below the header line. Got none"),
    "one longer row": ("x_train", "a,b,c,d\n0,1,2,3\n4,5,6,7,8\n0,0,0,0\n", "Expected 4 fields in line 3, saw 5"),
    "first row longer": ("x_train", "a,b,c,d\n0,1,2,3,4\n4,5,6,7\n0,0,0,0\n", r"as long as the header line \(4 names"),
    "all rows longer": ("x_train", "a,b,c,d\n0,1,2,3,4\n0,1,2,3,4\n0,1,2,3,4\n", r"as the header line \(4 names"),
    "a shorter row": ("x_train", "a,b,c,d\n0,1,2,3\n4,5,6\n0,0,0,0\n", "line 3, column 4: .* Got nothing .a short row"),
    "letters": ("x_train", "a,b,c,d\n0,1,2,3\n4,five,6,7\n0,0,0,0\n", "line 3, column 2: must be .* 255. Got five"),
    "letters as label": ("y_train", "label\n3\n7\nshirt\n", "line 4, column 1: must be a whole number .* Got shirt"),
    "NaN": ("x_train", "a,b,c,d\n0,1,2,NaN\n4,5,6,7\n0,0,0,0\n", "line 2, column 4: .* Got nothing"),
    "an empty cell": ("x_train", "a,b,c,d\n0,1,2,3\n4,,6,7\n0,0,0,0\n", "line 3, column 2: .* or an empty cell"),
    "infinity": ("x_train", "a,b,c,d\n0,1,inf,3\n4,5,6,7\n0,0,0,0\n", "line 2, column 3: .* Got inf"),
    "-1": ("x_train", "a,b,c,d\n0,1,2,3\n-1,5,6,7\n0,0,0,0\n", "line 3, column 1: .* from 0 to 255. Got -1"),
    "256": ("x_test", "a,b,c,d\n0,1,2,256\n", "line 2, column 4: must be a whole number from 0 to 255. Got 256"),
    "1.5": ("x_test", "a,b,c,d\n0,1,2,1.5\n", "line 2, column 4: must be a whole number from 0 to 255. Got 1.5"),
    "a huge number": ("x_test", "a,b,c,d\n0,1,2,99999999999999999999999\n", "to 255. Got 99999999999999999999999"),
    "label -1": ("y_train", "label\n3\n-1\n3\n", "line 3, column 1: must be a whole number .* Got -1"),
    "label 1.5": ("y_train", "label\n3\n1.5\n3\n", "line 3, column 1: must be a whole number .* Got 1.5"),
    "not square": ("x_train", "a,b,c\n0,1,2\n4,5,6\n0,0,0\n", "side x side pixel columns, such as 784.* Got 3"),
    "an index column": ("x_train", ",a,b,c,d\n0,0,1,2,3\n1,4,5,6,7\n2,8,9,0,1\n", "and no other. Got 5"),
    "labels in two columns": ("y_train", "id,label\n0,3\n1,7\n2,3\n", "labels in one column. Got 2 columns"),
    "fewer labels": ("y_train", "label\n3\n7\n", "must have one label for each of 3 images. Got 2"),
    "more labels": ("y_train", "label\n3\n7\n3\n7\n", "must have one label for each of 3 images. Got 4"),
    "more test labels": ("y_test", "label\n3\n7\n", "must have one label for each of 1 images. Got 2"),
    "another side": ("x_test", "a\n0\n", "must have 4 columns, as x_train.csv. Got 1"),
    "an unknown test label": ("y_test", "label\n4\n", r"only labels that y_train.csv has. Got \[4\]"),
    "no header line": ("x_train", "0,0,2,3\n4,5,6,7\n8,9,10,11\n0,0,0,0\n", "with a header line of .* Got 0,0,2,3"),
    "a name twice": ("x_test", "a,b,c,a\n0,1,2,3\n", "must begin with a header line of different names. Got a,b,c,a"),
    "semicolons": ("x_train", "a;b;c;d\n0;1;2;3\n4;5;6;7\n0;0;0;0\n", "line 2, column 1: .* Got 0;1;2;3"),
    "a picture": ("x_train", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\2\3\xff", "must be CSV in UTF-8. It holds other"),
    "gzip": ("x_train", gzip.compress(b"0,1,2,3\n"), "must be CSV in UTF-8. It holds other"),
    "every byte": ("x_train", bytes(range(256)) * 9, "must be CSV with equally long rows"),
    "UTF-16": ("x_train", RIGHT["x_train"].encode("utf-16"), "must be CSV in UTF-8. It holds other"),
    "a disk's zeros": ("x_train", bytes(512), "must have rows below the header line"),
}


@pytest.mark.parametrize(("name", "content", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_csv_file_is_refused_in_a_line_that_says_why(
    name: str, content: str | bytes | None, message: str, tmp_path: Path
) -> None:
    folder = write_csv(tmp_path, **{name: content})
    with pytest.raises(UserError, match=message) as refusal:
        data.data(source="csv", folder=str(folder), limit=None)
    assert str(refusal.value).startswith(f"{folder}/{name}.csv: ")
    assert "\n" not in str(refusal.value)


def test_a_single_label_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path, y_train="label\n3\n3\n3\n", y_test="label\n3\n")
    with pytest.raises(UserError, match=r"y_train.csv: must have at least two labels. Got \[3\]"):
        read_csv(tmp_path)


def test_a_blank_line_does_not_shift_the_line_that_is_named(tmp_path: Path) -> None:
    write_csv(tmp_path, x_train="a,b,c,d\n0,1,2,3\n\n4,five,6,7\n0,0,0,0\n")
    with pytest.raises(UserError, match="line 3, column 1: .* Got nothing"):
        read_csv(tmp_path)


def test_words_for_truth_are_letters_too(tmp_path: Path) -> None:
    write_csv(tmp_path, x_test="a,b,c,d\nTrue,False,False,True\n")
    with pytest.raises(UserError, match="line 2, column 1: .* Got True"):
        read_csv(tmp_path)


def test_a_missing_header_line_is_noticed(tmp_path: Path) -> None:
    without = {name: text.split("\n", 1)[1] for name, text in RIGHT.items()}
    two_images = {"x_test": "255,0,0,254\n255,0,0,253\n", "y_test": "7\n7\n"}
    x_train = "0,0,2,3\n0,0,6,7\n0,0,10,11\n"
    write_csv(tmp_path, **(without | two_images | {"x_train": x_train, "y_train": "3\n7\n3\n"}))
    with pytest.raises(UserError, match="x_train.csv: must begin with a header line of different names. Got 0,0,2,3"):
        read_csv(tmp_path)


def test_quoted_names_may_have_commas(tmp_path: Path) -> None:
    header = '"0,0","0,1","1,0","1,1"\n'
    write_csv(tmp_path, x_train=RIGHT["x_train"].replace("a,b,c,d\n", header))
    assert read_csv(tmp_path).x_train.tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]]


def test_csv_without_a_folder_is_refused() -> None:
    with pytest.raises(UserError, match="data.folder: must name the folder of the CSV files .* Got null"):
        data.data(source="csv", folder=None, limit=None)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere/x_train.csv: not found"):
        data.data(source="csv", folder=str(tmp_path / "nowhere"), limit=None)


def test_blank_lines_at_the_end_are_no_images(tmp_path: Path) -> None:
    write_csv(tmp_path, x_train=RIGHT["x_train"] + "\n\n", y_train=RIGHT["y_train"] + "\n")
    assert len(read_csv(tmp_path).x_train) == len(read_csv(tmp_path).y_train) == 3
