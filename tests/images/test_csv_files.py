import gzip
import os
import time
from pathlib import Path

import numpy as np
import pytest

from src.images.csv_files import read_csv
from src.images.store import Images
from src.pipeline.files import UserError

RIGHT = {
    "x_train": "a,b,c,d\n0,1,2,3\n4,5,6,7\n8,9,10,11\n",
    "y_train": "label\n3\n7\n3\n",
    "x_test": "a,b,c,d\n255,0,0,254\n",
    "y_test": "label\n7\n",
}


def write(folder: Path, **other: str | bytes | None) -> Path:
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
    images = read_csv(write(tmp_path))
    assert images.x_train.tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]]
    assert images.x_test.tolist() == [[[255, 0], [0, 254]]]
    assert (images.y_train.tolist(), images.y_test.tolist()) == ([3, 7, 3], [7])
    assert (images.x_train.dtype, images.y_train.dtype) == (np.uint8, np.int64)
    assert images.names == ()


def test_labels_may_be_words(tmp_path: Path) -> None:
    images = read_csv(write(tmp_path, y_train="label\ndog\n cat \n7 cats\n", y_test="label\ncat\n"))
    assert images.labels == ("7 cats", "cat", "dog")
    assert (images.y_train.tolist(), images.y_test.tolist()) == ([2, 1, 0], [1])


@pytest.mark.parametrize(
    ("y_train", "must"),
    [
        ("label\ndog\n\ncat\n", r"line 3: must be one label of at most 100 letters\. Got nothing\.$"),
        ("label\ndog\ncat,cat\ncat\n", r"line 3: .* Got 'cat,cat'\.$"),
        (f"label\ndog\n{'x' * 101}\ncat\n", r"line 3: must be one label of at most 100 letters"),
        ("label\n3\ncat\n3\n", r"line 3, column 1: must be a whole number from 0 to 999\. Got 'cat'\.$"),
    ],
)
def test_wrong_words_are_refused(tmp_path: Path, y_train: str, must: str) -> None:
    with pytest.raises(UserError, match=must):
        read_csv(write(tmp_path, y_train=y_train, y_test="label\ndog\n"))


def test_real_images_go_through_csv_unchanged(fashion: Images, tmp_path: Path) -> None:
    few = {name: array[:50] for name, array in zip(RIGHT, fashion[:4], strict=True)}
    write(tmp_path, **{name: rows(array) for name, array in few.items()})
    for came, sent in zip(read_csv(tmp_path)[:4], few.values(), strict=True):
        assert np.array_equal(came, sent)
        assert came.dtype == sent.dtype


def test_side_and_classes_come_from_the_data(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (9, 8, 8), dtype=np.uint8)
    y = np.array([5, 12, 900] * 3)
    write(tmp_path, x_train=rows(x), y_train=rows(y), x_test=rows(x[:2]), y_test=rows(y[:2]))
    images = read_csv(tmp_path)
    assert np.array_equal(images.x_train, x)
    assert np.array_equal(images.y_train, y)


def test_windows_line_ends_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    windows = {name: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() for name, text in RIGHT.items()}
    images = read_csv(write(tmp_path, **windows))
    assert images.x_test.tolist() == [[[255, 0], [0, 254]]]
    assert images.y_train.tolist() == [3, 7, 3]


def test_a_users_csv_files_stay_as_they_are(tmp_path: Path) -> None:
    write(tmp_path)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    read_csv(tmp_path)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()} == before


WRONG: dict[str, tuple[str, str | bytes | None, str]] = {
    "missing": ("x_test", None, "not found. fetch.folder must hold x_train.csv, y_train.csv, x_test.csv, y_test.csv"),
    "missing labels": ("y_train", None, "not found"),
    "empty": ("x_train", "", "must begin with a header line. It is empty"),
    "blank": ("x_train", "\n\n", "must begin with a header line. It is empty"),
    "empty labels": ("y_test", "", "must begin with a header line. It is empty"),
    "header only": ("x_train", "a,b,c,d\n", "must have rows below the header line. Got none"),
    "header only in labels": ("y_test", "label\n", "must have rows below the header line. Got none"),
    "one longer row": (
        "x_train",
        "a,b,c,d\n0,1,2,3\n4,5,6,7,8\n0,0,0,0\n",
        "line 3: must be as long as the header",
    ),
    "first row longer": (
        "x_train",
        "a,b,c,d\n0,1,2,3,4\n4,5,6,7\n0,0,0,0\n",
        r"line 2: .* header line \(4 names",
    ),
    "all rows longer": (
        "x_train",
        "a,b,c,d\n0,1,2,3,4\n0,1,2,3,4\n0,1,2,3,4\n",
        r"line 2: .* as the header line \(4 names",
    ),
    "a shorter row": ("x_train", "a,b,c,d\n0,1,2,3\n4,5,6\n0,0,0,0\n", "line 3, column 4: .* Got nothing .a short row"),
    "letters": ("x_train", "a,b,c,d\n0,1,2,3\n4,five,6,7\n0,0,0,0\n", "line 3, column 2: must be .* 255. Got 'five'"),
    "letters as label": ("y_train", "label\n3\n7\nshirt\n", "line 4, column 1: must be a whole number .* Got 'shirt'"),
    "NaN": ("x_train", "a,b,c,d\n0,1,2,NaN\n4,5,6,7\n0,0,0,0\n", "line 2, column 4: .* Got 'NaN'"),
    "an empty cell": ("x_train", "a,b,c,d\n0,1,2,3\n4,,6,7\n0,0,0,0\n", "line 3, column 2: .* or an empty cell"),
    "infinity": ("x_train", "a,b,c,d\n0,1,inf,3\n4,5,6,7\n0,0,0,0\n", "line 2, column 3: .* Got 'inf'"),
    "-1": ("x_train", "a,b,c,d\n0,1,2,3\n-1,5,6,7\n0,0,0,0\n", "line 3, column 1: .* from 0 to 255. Got '-1'"),
    "256": ("x_test", "a,b,c,d\n0,1,2,256\n", "line 2, column 4: must be a whole number from 0 to 255. Got '256'"),
    "1.5": ("x_test", "a,b,c,d\n0,1,2,1.5\n", "line 2, column 4: must be a whole number from 0 to 255. Got '1.5'"),
    "a huge number": ("x_test", "a,b,c,d\n0,1,2,99999999999999999999999\n", "to 255. Got '99999999999999999999999'"),
    "label -1": ("y_train", "label\n3\n-1\n3\n", "line 3, column 1: must be a whole number .* Got '-1'"),
    "label 1.5": ("y_train", "label\n3\n1.5\n3\n", "line 3, column 1: must be a whole number .* Got '1.5'"),
    "not square": ("x_train", "a,b,c\n0,1,2\n4,5,6\n0,0,0\n", "side x side pixel columns, such as 784.* Got 3"),
    "an index column": (
        "x_train",
        ",a,b,c,d\n0,0,1,2,3\n1,4,5,6,7\n2,8,9,0,1\n",
        "such as 784. Got 5; leave out an index column",
    ),
    "labels in two columns": (
        "y_train",
        "id,label\n0,3\n1,7\n2,3\n",
        "labels in one column. Got 2 columns; leave out an index column",
    ),
    "fewer labels": ("y_train", "label\n3\n7\n", "must have one label for each of 3 images. Got 2"),
    "more labels": ("y_train", "label\n3\n7\n3\n7\n", "must have one label for each of 3 images. Got 4"),
    "more test labels": ("y_test", "label\n3\n7\n", "must have one label for each of 1 images. Got 2"),
    "another side": ("x_test", "a\n0\n", "must have 4 columns, as x_train.csv. Got 1"),
    "no header line": ("x_train", "0,0,2,3\n4,5,6,7\n8,9,10,11\n0,0,0,0\n", "with a header line of .* Got '0,0,2,3'"),
    "a name twice": ("x_test", "a,b,c,a\n0,1,2,3\n", "must begin with a header line of different names. Got 'a,b,c,a'"),
    "semicolons": ("x_train", "a;b;c;d\n0;1;2;3\n4;5;6;7\n0;0;0;0\n", "must have a comma as separator"),
    "a picture": ("x_train", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\2\3\xff", "must be CSV in UTF-8. It holds other"),
    "gzip": ("x_train", gzip.compress(b"0,1,2,3\n"), "must be CSV in UTF-8. It holds other"),
    "every byte": ("x_train", bytes(range(256)) * 9, "must be CSV in UTF-8"),
    "UTF-16": ("x_train", RIGHT["x_train"].encode("utf-16"), "must be CSV in UTF-8. It holds other"),
    "400 nines": ("x_test", f"a,b,c,d\n0,1,2,{'9' * 400}\n", "line 2, column 4: .* Got '9{79}"),
    "5,000 nines": ("y_test", f"label\n{'9' * 5000}\n", "line 2, column 1: .* Got '9{79}"),
    "an underscore": ("x_test", "a,b,c,d\n0,1,2,1_0\n", "line 2, column 4: .* Got '1_0'"),
    "other digits": ("x_test", "a,b,c,d\n0,1,2,\u0661\n", "line 2, column 4: .* Got '\u0661'"),
    "a line end in a value": ("x_test", 'a,b,c,d\n0,1,2,"3\n"\n', r"line 3, column 4: .* Got '3\\n'"),
    "a line end in a name": ("x_test", 'a,b,c,"d\n"\n0,1,2,3\n', r"must begin with a header line .* Got 'a,b,c,d\\n'"),
    "a terminal's commands": ("x_test", "a,b,c,d\n0,1,2,\x1b]0;x\x07\n", r"line 2, column 4: .* Got '\\x1b\]0;x\\x07'"),
    "an open quote": ("x_test", 'a,b,c,d\n0,1,2,"3\n', "line 2: must be CSV. Unexpected end of data"),
    "a long name": ("x_test", "a" * 200_000, "line 1: must be CSV. Field larger than field limit"),
    "a long line": ("x_test", "a,b,c,d\n" + "1," * 2_000_000, "line 2: must be as long as the header line"),
    "90,000 columns": ("x_train", ",".join(map(str, range(90_000))), "at most 256 x 256 pixels. Got 300 x 300"),
    "a disk's zeros": ("x_train", bytes(512), "must have rows below the header line"),
}


@pytest.mark.parametrize(("name", "content", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_csv_file_is_refused_in_a_line_that_says_why(
    name: str, content: str | bytes | None, message: str, tmp_path: Path
) -> None:
    folder = write(tmp_path, **{name: content})
    start = time.process_time()
    with pytest.raises(UserError, match=message) as refusal:
        read_csv(folder)
    assert time.process_time() - start < 5
    assert len(str(refusal.value)) < 300 + len(str(folder))
    assert str(refusal.value).isprintable()
    assert str(refusal.value).startswith(f"{folder}/{name}.csv: ")
    assert "\n" not in str(refusal.value)


def test_a_blank_line_does_not_shift_the_line_that_is_named(tmp_path: Path) -> None:
    write(tmp_path, x_train="a,b,c,d\n0,1,2,3\n\n4,five,6,7\n0,0,0,0\n")
    with pytest.raises(UserError, match="line 3, column 1: .* Got nothing"):
        read_csv(tmp_path)


def test_words_for_truth_are_letters_too(tmp_path: Path) -> None:
    write(tmp_path, x_test="a,b,c,d\nTrue,False,False,True\n")
    with pytest.raises(UserError, match="line 2, column 1: .* Got 'True'"):
        read_csv(tmp_path)


def test_a_missing_header_line_is_noticed(tmp_path: Path) -> None:
    without = {name: text.split("\n", 1)[1] for name, text in RIGHT.items()}
    two_images = {"x_test": "255,0,0,254\n255,0,0,253\n", "y_test": "7\n7\n"}
    x_train = "0,0,2,3\n0,0,6,7\n0,0,10,11\n"
    write(tmp_path, **(without | two_images | {"x_train": x_train, "y_train": "3\n7\n3\n"}))
    with pytest.raises(UserError, match="x_train.csv: must begin with a header line of different names. Got '0,0,2,3'"):
        read_csv(tmp_path)


def test_quoted_names_may_have_commas(tmp_path: Path) -> None:
    header = '"0,0","0,1","1,0","1,1"\n'
    write(tmp_path, x_train=RIGHT["x_train"].replace("a,b,c,d\n", header))
    assert read_csv(tmp_path).x_train.tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere/x_train.csv: not found"):
        read_csv(tmp_path / "nowhere")


def test_blank_lines_at_the_end_are_no_images(tmp_path: Path) -> None:
    write(tmp_path, x_train=RIGHT["x_train"] + "\n\n", y_train=RIGHT["y_train"] + "\n")
    assert len(read_csv(tmp_path).x_train) == len(read_csv(tmp_path).y_train) == 3
    write(tmp_path, y_train="label\ndog\ncat\ndog\n\n\n", y_test="label\ncat\n\n")
    assert read_csv(tmp_path).y_train.tolist() == [1, 0, 1]


def test_another_separator_is_named(tmp_path: Path) -> None:
    header, row = ";".join(map(str, range(784))), ";".join(["0"] * 784)
    write(tmp_path, x_train=f"{header}\n{row}\n")
    with pytest.raises(UserError, match="x_train.csv: must have a comma as separator") as error:
        read_csv(tmp_path)
    assert len(str(error.value)) < 220 + len(str(tmp_path))
    write(tmp_path, y_test="id;label\n0;3\n")
    with pytest.raises(
        UserError, match="y_test.csv: must have a comma as separator. Its first line has none: 'id;label'"
    ):
        read_csv(tmp_path)


def test_the_number_of_columns_is_told_before_the_values(tmp_path: Path) -> None:
    write(tmp_path, x_test="name,a,b,c,d\nshirt.png,1,2,3,4\n")
    with pytest.raises(UserError, match="x_test.csv: must have 4 columns, as x_train.csv. Got 5; leave out an index"):
        read_csv(tmp_path)


def test_a_long_value_is_cut_in_the_message(tmp_path: Path) -> None:
    write(tmp_path, x_test=f"a,b,c,d\n0,1,2,{'x' * 5000}\n")
    with pytest.raises(UserError, match=r"line 2, column 4: .* Got 'x{79}\.\.\.\.$"):
        read_csv(tmp_path)


def test_labels_above_those_of_a_byte_are_kept_and_above_999_refused(tmp_path: Path) -> None:
    assert read_csv(write(tmp_path, y_test="label\n999\n")).y_test.tolist() == [999]
    with pytest.raises(UserError, match="must be a whole number from 0 to 999. Got '1000'"):
        read_csv(write(tmp_path, y_test="label\n1000\n"))


def test_numbers_may_stand_in_quotes_or_have_a_point(tmp_path: Path) -> None:
    write(tmp_path, x_train='a,b,c,d\n0.0,"1",2.,3e0\n4,5,6,7\n 8,9,10,+11\n', y_train='label\n"3"\n"7"\n"3"\n')
    images = read_csv(tmp_path)
    assert images.x_train.tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]]
    assert images.y_train.tolist() == [3, 7, 3]


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    folder = write(tmp_path, x_train=None)
    os.mkfifo(folder / "pipe")
    for target in ("pipe", "/dev/zero", "."):
        (folder / "x_train.csv").symlink_to(target)
        with pytest.raises(UserError, match="x_train.csv: must be a file. It is a folder, a pipe or a device"):
            read_csv(folder)
        (folder / "x_train.csv").unlink()
    (folder / "x_train.csv").symlink_to("x_train.csv")
    with pytest.raises(OSError, match="symbolic links"):
        read_csv(folder)


def test_a_file_larger_than_any_is_refused_unread(tmp_path: Path) -> None:
    folder = write(tmp_path)
    with (folder / "x_train.csv").open("r+b") as file:
        file.truncate(2**40)  # takes no room
    with pytest.raises(UserError, match="x_train.csv: must have at most 1,073,741,824 bytes. It has 1,099,511,627,776"):
        read_csv(folder)
