import copy
import inspect
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from src import params as module
from src.inference.answer import infer
from src.params import (
    MODEL,
    STAGES,
    TOP,
    check,
    check_layer,
    read_params,
    signature_schema,
    validate_block,
    validate_model,
)
from src.pipeline.files import UserError
from src.pipeline.schema import Count, Positive
from src.sweeping.plan import make_plan

ROOT = Path(__file__).parents[1]
COMMITTED = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
OF_COMMANDS: dict[str, Callable[..., Any]] = {"sweep": make_plan, "infer": infer}
BLOCKS = [name for name, block in COMMITTED.items() if isinstance(block, dict) and name != "models"]
TRAINING = {"optimizer": "adam", "learning_rate": 0.001, "batch_size": 500, "epochs": 5, "replicas": 1}
PLAIN = {"architecture": "cm1", "activation": "relu"} | TRAINING
RATES = {"dropout_conv1": 0, "dropout_conv2": 0.3, "dropout_dense1": 0.5}
DROPOUT = {"architecture": "dropout_cnn", "activation": "relu"} | RATES | TRAINING
ABSENT = object()


@pytest.fixture
def params(params: dict[str, Any]) -> dict[str, Any]:
    """The real params with two models of this file."""
    params["models"] = {"plain": dict(PLAIN), "dropout": dict(DROPOUT)}
    params["audit"]["model"] = params["embed"]["model"] = "plain"
    return params


def put(params: Any, where: str, value: Any) -> None:
    """Set params["a"]["b"] for the key a.b, or take it away."""
    *blocks, key = where.split(".")
    for block in blocks:
        params = params[block]
    if value is ABSENT:
        del params[key]
    else:
        params[key] = value


def refusal(params: dict[str, Any]) -> str:
    """The line in which params are refused."""
    with pytest.raises(UserError) as error:
        check(params)
    assert "\n" not in str(error.value)
    return str(error.value)


def keyword_only(function: Callable[..., Any]) -> set[str]:
    return {name for name, p in inspect.signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY}


# Blocks and signatures


def test_the_committed_params_pass_and_keep_their_values() -> None:
    assert read_params(str(ROOT / "params.yaml")) == COMMITTED


def test_every_stage_has_a_file_and_every_block_a_stage() -> None:
    assert all((ROOT / f"src/{stage}.py").is_file() for stage in STAGES)
    assert set(BLOCKS) <= {*STAGES, *OF_COMMANDS}


def function_of(block: str) -> Callable[..., Any]:
    """The function whose arguments a block holds: its stage's namesake, but for those of commands."""
    function: Callable[..., Any]
    function = OF_COMMANDS.get(block) or getattr(import_module(f"src.{block}"), block)
    return function


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_holds_the_keyword_only_arguments_of_its_function(block: str) -> None:
    assert set(COMMITTED[block]) == keyword_only(function_of(block))


@pytest.mark.parametrize("name", COMMITTED["models"])
def test_a_model_holds_the_keyword_only_arguments_of_train_and_of_its_body(name: str) -> None:
    block = COMMITTED["models"][name]
    body = import_module(f"src.classifiers.{block['architecture']}").body
    assert set(block) == keyword_only(import_module("src.training.recipe").train) | keyword_only(body) | set(MODEL)


@pytest.mark.parametrize("block", [*BLOCKS, *(f"models.{name}" for name in COMMITTED["models"])])
def test_a_tunable_has_no_second_value_in_the_code(block: str) -> None:
    if block.startswith("models."):
        architecture = COMMITTED["models"][block.removeprefix("models.")]["architecture"]
        functions = [import_module("src.training.recipe").train, import_module(f"src.classifiers.{architecture}").body]
    else:
        functions = [function_of(block)]
    for function in functions:
        defaults = {name: p.default for name, p in inspect.signature(function).parameters.items()}
        assert {defaults[name] for name in keyword_only(function)} == {inspect.Parameter.empty}


# What is refused


@pytest.mark.parametrize(
    ("key", "value", "must"),
    [
        ("epoch", 5, "unknown key. Known here: seed, epochs, "),
        ("cluster.kk", 5, "unknown key. Known here: n_clusters, "),
        ("models.plain.dropout", 0.5, "unknown key. Known here: "),
        ("seed", ABSENT, "is missing."),
        ("cluster", ABSENT, "is missing."),
        ("cluster.eps", ABSENT, "is missing."),
        ("models", ABSENT, "is missing."),
        ("models.plain.architecture", ABSENT, "is missing."),
        ("models.dropout.dropout_dense1", ABSENT, "is missing."),
        ("seed", "27", "must be an integer in [0, 4294967296). Got '27'."),
        ("seed", -1, "must be an integer in [0, 4294967296). Got -1."),
        ("seed", 2**32, "must be an integer in [0, 4294967296). Got 4294967296."),
        ("seed", 27.0, "must be an integer "),
        ("sweep.trials", 0, "must be an integer in [1, inf). Got 0."),
        ("sweep.space", [1], "must be keys with values. Got [1]."),
        ("epochs", True, "must be an integer in [1, inf) or null. Got True."),
        ("epochs", 0, "must be an integer in [1, inf) or null. Got 0."),
        ("models.plain.epochs", None, "must be an integer in [1, inf). Got None."),
        ("cluster.n_init", "1e1", "must be an integer in [1, inf). Got '1e1'."),
        ("cluster.eps", [1.6], "must be a number in (0, inf). Got [1.6]."),
        ("models.plain.learning_rate", "0.001", "must be a number in (0, inf). Got '0.001'."),
        ("models.plain.learning_rate", float("inf"), "must be a number in (0, inf). Got inf."),
        ("models.plain.learning_rate", float("nan"), "must be a number in (0, inf). Got nan."),
        ("models.plain.learning_rate", -5e-05, "must be a number in (0, inf). Got -5e-05."),
        ("models.dropout.dropout_conv1", 1, "must be a number in [0, 1). Got 1."),
        ("models.dropout.dropout_conv1", True, "must be a number in [0, 1). Got True."),
        ("prepare.val_size", 0, "must be a number in (0, 1). Got 0."),
        ("prepare.groups", None, "must be a list. Got None."),
        ("infer.models", [], "must be a list that is not empty. Got []."),
        ("infer.tempers", [], "must be a list that is not empty. Got []."),
        ("infer.errors", 0.1, "must be a list that is not empty. Got 0.1."),
        ("fetch.folder", 3, "must be a string or null. Got 3."),
        ("fetch.source", "web", "must be one of fashion_mnist, digits, csv, images, npz, parquet. Got 'web'."),
        ("device", "tpu", "must be one of auto, cpu, gpu. Got 'tpu'."),
        ("models.plain.architecture", "resnet", "must be one of "),
        ("models.plain.architecture", None, "must be one of "),
        ("cluster", None, "must be keys with values. Got None."),
        ("models.plain", 3, "must be keys with values. Got 3."),
        ("models", [], "must be keys with values. Got []."),
        ("models", {}, "must have at least one model. Got none."),
        ("audit.model", "typo", "must be one of plain, dropout. Got 'typo'."),
        ("embed.model", "typo", "must be one of plain, dropout. Got 'typo'."),
        ("decode.neighbors", 5, "must be keys with values. Got 5."),
        ("decode.neighbors.n_neighbors", 0, "must be an integer in [1, inf). Got 0."),
        ("decode.neighbors.n_neighbors", ABSENT, "is missing."),
        ("decode.neighbors.k", 5, "unknown key. Known here: n_components, n_neighbors."),
    ],
)
def test_what_does_not_fit_is_refused_with_its_key_and_what_must_be(
    params: dict[str, Any], key: str, value: Any, must: str
) -> None:
    put(params, key, value)
    assert refusal(params).startswith(f"params.yaml: {key}: {must}")


@pytest.mark.parametrize("key", ["epochs", "cluster.eps", "models.dropout.dropout_conv1", "models.plain.architecture"])
def test_a_misspelt_key_is_reported_rather_than_the_one_that_is_missing(params: dict[str, Any], key: str) -> None:
    put(params, key, ABSENT)
    put(params, key[:-1], 0)
    message = refusal(params)
    assert message.startswith(f"params.yaml: {key[:-1]}: unknown key. Known here: ")
    assert key.split(".")[-1] in message.split("Known here: ")[1].rstrip(".").split(", ")


@pytest.mark.parametrize(
    "name", ["CM1", "1cm", "_cm", "c-m", "c.d", "cm1\n", "c" * 51, "", 1, None, True, float("nan")], ids=repr
)
def test_a_models_name_is_a_word(params: dict[str, Any], name: Any) -> None:
    params["models"][name] = PLAIN
    assert refusal(params).startswith("params.yaml: models: a model's name must be at most 50 lower-case letters, ")


@pytest.mark.parametrize("block", ["", "cluster", "models.plain", "decode.neighbors"])
def test_a_key_that_is_no_word_is_unknown(params: dict[str, Any], block: str) -> None:
    put(params, f"{block}.key" if block else "key", 1)
    inner: Any = params
    for key in filter(None, block.split(".")):
        inner = inner[key]
    inner[7] = inner.pop("key")
    assert refusal(params).startswith(f"params.yaml: {f'{block}.7' if block else '7'}: unknown key. Known here: ")


@pytest.mark.parametrize("key", [5, None, True, 0.5])
def test_a_key_that_is_no_word_is_refused_where_any_word_may_stand(params: dict[str, Any], key: Any) -> None:
    params["sweep"]["space"][key] = {}
    assert refusal(params) == f"params.yaml: sweep.space: must have words as keys. Got {key}."


def test_the_element_of_a_list_that_does_not_fit_is_named(params: dict[str, Any]) -> None:
    params["prepare"]["groups"] = [["Bag"], ["Sandal", 3]]
    assert refusal(params) == "params.yaml: prepare.groups.1.1: must be a string. Got 3."


# What passes


@pytest.mark.parametrize("key", ["cluster.eps", "models.plain.learning_rate"])
@pytest.mark.parametrize(
    ("text", "number"), [("5e-05", 0.00005), ("5e-5", 0.00005), ("1E-3", 0.001), ("1.5e3", 1500.0), ("+1e2", 100.0)]
)
def test_a_number_with_an_exponent_is_a_float(
    params: dict[str, Any], tmp_path: Path, key: str, text: str, number: float
) -> None:
    put(params, key, "NUMBER")
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params).replace("NUMBER", text), encoding="utf-8")
    value: Any = read_params(str(path))
    for part in key.split("."):
        value = value[part]
    assert (type(value), value) == (float, number)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cluster.eps", 2),
        ("models.dropout.dropout_conv1", 0.999),
        ("seed", 2**32 - 1),
        ("epochs", 50),
        ("cluster.n_clusters", None),
        ("fetch.folder", "~/data"),
    ],
)
def test_what_fits_passes(params: dict[str, Any], key: str, value: Any) -> None:
    put(params, key, value)
    assert check(params) == params


def test_checking_leaves_its_argument_alone(params: dict[str, Any]) -> None:
    params["cluster"]["eps"] = 2
    before = copy.deepcopy(params)
    assert repr(check(params)["cluster"]["eps"]) == "2.0"
    assert params == before


def test_values_at_the_top_are_converted_too(params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOP, "seed", Positive)
    assert repr(check(params | {"seed": 2})["seed"]) == "2.0"


# The encoder's layer


def test_the_layer_that_every_model_has_takes_no_keras(params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "build", None)
    check_layer(check(params))


def test_a_layer_is_one_of_the_encoders(params: dict[str, Any]) -> None:
    params["embed"] |= {"model": "dropout", "layer": "dense1"}
    check_layer(check(params))
    params["embed"]["model"] = "plain"  # which has no second dense layer
    with pytest.raises(UserError, match=r"^params.yaml: embed.layer: \(of plain\) must be one of .*conv1.*'dense1'.$"):
        check_layer(check(params))


# An architecture's file, signatures


@pytest.fixture
def architecture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Puts a file with the given text into src/classifiers, as it were, by the name of `mine`."""
    import src.classifiers

    def write(text: str) -> None:
        (tmp_path / "mine.py").write_text(text, encoding="utf-8")
        monkeypatch.setattr(src.classifiers, "__path__", [*src.classifiers.__path__, str(tmp_path)])
        monkeypatch.setattr(module, "ARCHITECTURES", ["mine"])
        monkeypatch.delitem(sys.modules, "src.classifiers.mine", raising=False)

    return write


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def network(x): return x\n", "src/classifiers/mine.py: must have a function `body`, "),
        ("def body(x, *, width): return x\n", "the arguments of `body` must have type hints. Got none for width."),
    ],
)
def test_a_file_that_is_no_architecture_is_told_in_a_line(
    architecture: Callable[[str], None], text: str, message: str
) -> None:
    architecture(text)
    with pytest.raises(UserError) as error:
        validate_model("new", {"architecture": "mine"} | TRAINING)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_architecture_says_in_its_signature_what_its_block_holds(architecture: Callable[[str], None]) -> None:
    architecture("from src.pipeline.schema import Count\ndef body(x, *, width: Count): return x\n")
    block = {"architecture": "mine", "width": 3} | TRAINING
    assert validate_model("new", block) == block
    with pytest.raises(UserError, match=r"^params.yaml: models.new.width: must be an integer in \[1, inf\). Got 0.$"):
        validate_model("new", block | {"width": 0})


def test_a_module_without_the_function_has_no_schema() -> None:
    assert signature_schema("src.train", "nothing") == {}
    assert signature_schema("src.train", "train").keys() >= {"optimizer", "learning_rate"}


def test_a_block_is_checked_by_the_types_of_its_schema() -> None:
    assert validate_block("b", {"n": Count}, {"n": 3}) == {"n": 3}
    with pytest.raises(UserError, match=r"^params.yaml: b.n: must be an integer in \[1, inf\). Got 0.$"):
        validate_block("b", {"n": Count}, {"n": 0})


# The file


def test_params_that_are_not_there_are_looked_for_at_the_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"^params.yaml: not found in {tmp_path}. Run from the top of the repository.$"):
        read_params()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "params.yaml: must be keys with values. Got NoneType."),
        (b"- seed\n- 27\n", "params.yaml: must be keys with values. Got list."),
        (b"seed: [27\nepochs: 1\n", "params.yaml: must be YAML in UTF-8. Line 2: .*"),
        (b"seed: !!python/name:os.getcwd\n", "params.yaml: line 1: must have no tag. Got .*python/name:os.getcwd"),
        (b"seed: 1\nseed: 2\n", 'params.yaml: must be YAML in UTF-8. Line 2: found duplicate key "seed"'),
        (b"seed: 2024-02-30\n", "params.yaml: must be YAML in UTF-8. day .*"),
        (b"# Gr\xf6\xdfe\nseed: 27\n", "params.yaml: must be YAML in UTF-8. 'utf-8' codec can't decode byte 0xf6"),
    ],
)
def test_a_file_that_holds_no_params_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_bytes(content)
    with pytest.raises(UserError, match=f"^{message}") as error:
        read_params()
    assert "\n" not in str(error.value)


def test_checking_takes_no_heavy_library() -> None:
    heavy = ("tensorflow", "keras", "mlflow", "matplotlib", "pandas", "sklearn", "scipy", "statsmodels")
    code = "import sys; from src.params import read_params; read_params();"
    code += f"print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
