import re
from pathlib import Path

import numpy as np

from src.inference import charts


def test_each_pair_of_garments_has_its_probability_once(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    probabilities = np.array([[1, 0.25, 0.004], [0.25, 1, 0.75], [0.004, 0.75, 1]])
    charts.shared(str(path), {"one": probabilities, "other": np.eye(3)}, ["Bag", "Coat", "Dress"])
    texts = re.findall(r">([^<>]+)</text>", path.read_text(encoding="utf-8"))
    assert [text for text in texts if text.startswith("0.")] == ["0.25", "0.75"]
    assert {"one", "other", "Bag", "Coat", "Dress"} <= set(texts)
