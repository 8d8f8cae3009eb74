from pathlib import Path

import yaml

from src.pipeline.files import read_json, sha256
from src.serving.folder import EVIDENCE, requirements, signature
from tests.serving.example import LABELS, SIDE, write_example


def test_the_same_network_gives_the_same_bytes_wherever_it_is_written(model_folder: Path, tmp_path: Path) -> None:
    other = write_example(tmp_path)
    files = sorted(str(path.relative_to(other)) for path in other.rglob("*") if path.is_file())
    assert len(files) == 9  # none of them compiled code, which the folder of the other tests has from being loaded
    assert [name for name in files if (model_folder / name).read_bytes() != (other / name).read_bytes()] == []


def test_the_folder_tells_no_place_of_this_machine(model_folder: Path) -> None:
    for name in ("MLmodel", "requirements.txt", "conda.yaml", "python_env.yaml"):
        text = (model_folder / name).read_text(encoding="utf-8")
        assert str(model_folder.parent) not in text
        assert "/src/" not in text


def test_an_earlier_folder_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "stray").touch()
    assert not (write_example(tmp_path) / "stray").exists()


def test_the_description_has_signature_requirements_and_no_pickle(model_folder: Path) -> None:
    content = yaml.safe_load((model_folder / "MLmodel").read_text(encoding="utf-8"))
    assert content["metadata"]["weights_sha256"] == sha256(model_folder / "artifacts/classifier/network.keras")
    assert '"dtype": "uint8", "shape": [-1, 28,' in content["signature"]["inputs"]
    assert not list(model_folder.rglob("*.pkl"))
    lines = (model_folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split("==")[0] for line in lines] == ["mlflow", "numpy", "keras", "tensorflow"]
    assert read_json(model_folder / EVIDENCE)["wrong"] == [3, 7]


def test_the_requirements_are_those_of_the_training() -> None:
    assert requirements("keras 3.1, jax 0.9")[2:] == ["keras==3.1", "jax==0.9"]


def test_the_signature_takes_any_number_of_images() -> None:
    assert signature((SIDE, SIDE)).inputs.inputs[0].shape == (-1, SIDE, SIDE)
    assert signature((SIDE, SIDE)).outputs.input_names() == [*LABELS[0]._fields, "probabilities"]
