"""Numbers as the page writes them: one formatter for each kind, used as Jinja filters."""

from src.comparison.pairs import SMALLEST_P

SPACE = "\N{NO-BREAK SPACE}"


def percent(share: float, digits: int = 2) -> str:
    """A share in [0, 1], such as `94.09%`."""
    return f"{100 * share:.{digits}f}%"


def percent_range(low: float, high: float, digits: int = 2) -> str:
    """An interval of shares, such as `93.61 to 94.54%`."""
    return f"{100 * low:.{digits}f} to {percent(high, digits)}"


def points(difference: float) -> str:
    """A difference of shares in percentage points, such as `+1.20`."""
    return f"{100 * difference:+.2f}"


def points_range(low: float, high: float) -> str:
    """An interval of differences in percentage points, such as `-0.42 to +0.36`."""
    return f"{points(low)} to {points(high)}"


def count(number: int) -> str:
    """A whole number, such as `1,190,757`."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """A number with its noun, such as `1 epoch` and `3,000 images`."""
    return f"{number:,}{SPACE}{noun}{'' if number == 1 else 's'}"


def seconds(value: float) -> str:
    """A duration, such as `656 s`, `2.41 s` and `8.3 ms`."""
    if value < 0.1:
        return f"{1000 * value:.1f}{SPACE}ms"
    return f"{value:.2f}{SPACE}s" if value < 10 else f"{value:,.0f}{SPACE}s"


def p_value(p: float) -> str:
    """A p-value with two digits; one that a double cannot hold is `< 1e-300`."""
    return f"{p:.2g}" if p > SMALLEST_P else f"< {SMALLEST_P}"


FILTERS = {
    form.__name__: form for form in (percent, percent_range, points, points_range, count, counted, seconds, p_value)
}
