import argparse
from collections.abc import Callable

import pytest

from src.commands._numbers import gpu_share, seconds, whole


def test_numbers_are_read() -> None:
    assert [whole(text) for text in ("1", "1000000000000")] == [1, 10**12]
    assert whole("0", low=0, high=0) == 0
    assert [seconds(text) for text in ("10", "0.5", "1e3")] == [10, 0.5, 1000]
    assert [gpu_share(text) for text in ("0.5", "1", "2.0")] == [0.5, 1, 2]


@pytest.mark.parametrize(
    ("read", "texts", "must"),
    [
        (whole, ["0", "-1", "1.5", "x", "", "1" * 5000], "a whole number from 1 to 1000000000000"),
        (seconds, ["0", "-1", "nan", "inf", "x", ""], "a number of seconds above 0"),
        (gpu_share, ["0", "-1", "1.5", "nan", "inf", "half"], "a part of a GPU, as 0.5, or a whole number of them"),
    ],
)
def test_what_is_no_such_number_is_refused(read: Callable[[str], float], texts: list[str], must: str) -> None:
    for text in texts:
        with pytest.raises(argparse.ArgumentTypeError) as error:
            read(text)
        assert str(error.value) == f"must be {must}. Got {text[:80]}"
