"""What a check says."""

from collections.abc import Callable
from typing import Literal, NamedTuple

State = Literal["ok", "warning", "broken"]


class Check(NamedTuple):
    """What is so, and where it is not right, how to mend it; `fix` does that where nothing can be lost by it."""

    state: State
    says: str
    mend: str = ""
    fix: Callable[[], object] | None = None
