import pytest

from src.reporting import formats

SPACE = formats.SPACE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (formats.percent(0.585), "58.50%"),
        (formats.percent(0.95, 0), "95%"),
        (formats.percent_range(0.9361, 0.9454), "93.61 to 94.54%"),
        (formats.points(0.143), "+14.30"),
        (formats.points(-0.0042), "-0.42"),
        (formats.points_range(-0.0042, 0.0036), "-0.42 to +0.36"),
        (formats.count(1190757), "1,190,757"),
        (formats.counted(1, "epoch"), f"1{SPACE}epoch"),
        (formats.counted(3000, "image"), f"3,000{SPACE}images"),
        (formats.seconds(656.4), f"656{SPACE}s"),
        (formats.seconds(2.414), f"2.41{SPACE}s"),
        (formats.seconds(0.0083), f"8.3{SPACE}ms"),
        (formats.p_value(0.01234), "0.012"),
        (formats.p_value(5e-17), "5e-17"),
        (formats.p_value(1e-300), "< 1e-300"),
        (formats.p_value(0.0), "< 1e-300"),
    ],
)
def test_numbers_are_written_in_one_way(text: str, expected: str) -> None:
    assert text == expected
