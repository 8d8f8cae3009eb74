"""What the README says is so."""

import json
import re
from pathlib import Path

import keras
import numpy as np
import yaml

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def test_its_table_is_the_committed_comparison() -> None:
    table = [line for line in (ROOT / "metrics/comparison.md").read_text().splitlines() if line.startswith("|")]
    assert "\n".join(table) in README


def test_the_committed_comparison_has_the_models_of_the_committed_params() -> None:
    models = yaml.safe_load((ROOT / "params.yaml").read_text())["models"]
    assert list(json.loads((ROOT / "metrics/comparison.json").read_text())) == list(models)


def test_every_picture_and_link_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_stage_is_in_its_table_and_its_graph() -> None:
    graph = README[README.index("```mermaid") :]
    for stage, definition in STAGES.items():
        name = f"{stage}@NAME" if "foreach" in definition else stage
        assert f"| `{name}` |" in README
        assert name in graph[: graph.index("```", 3)]


def test_its_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^make (\w+)", README, flags=re.MULTILINE)
    assert set(targets) == {"repro", "test", "demo", "bench"}
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets)


def test_its_example_of_an_architecture_works() -> None:
    code = re.search(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert code
    names: dict[str, object] = {}
    exec(code[1], names)
    images = keras.Input((28, 28, 1))
    model = keras.Model(images, names["body"](images, activation="relu"))  # type: ignore[operator]
    assert np.asarray(model(np.zeros((2, 28, 28, 1), np.float32))).shape == (2, 64)
    assert model.layers[-1].name == "embedding"
