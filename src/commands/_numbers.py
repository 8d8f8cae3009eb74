"""Numbers of the command line; no command itself."""

import argparse
import math


def whole(text: str, low: int = 1, high: int = 10**12) -> int:
    """A whole number of this range. Raises argparse.ArgumentTypeError."""
    if not text.isdecimal() or not low <= int(text[:20]) <= high:
        raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}. Got {text[:80]}")
    return int(text)


def seconds(text: str) -> float:
    """A time above 0. Raises argparse.ArgumentTypeError."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0. Got {text[:80]}")
    return value


def gpu_share(text: str) -> float:
    """A number of GPUs: a part of one, or whole ones. Raises argparse.ArgumentTypeError."""
    value = _number(text)
    if not (0 < value < 1 or (value >= 1 and value.is_integer())):
        raise argparse.ArgumentTypeError(f"must be a part of a GPU, as 0.5, or a whole number of them. Got {text[:80]}")
    return value


def _number(text: str) -> float:
    """The number that the text is; NaN, which lies in no range, where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
