from src.stage import *


def decode(x, *, sheet: Count, per_label: Count) -> None: ...
