import copy
import inspect
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from src.classifiers import ARCHITECTURES
from src.stage import MODEL, TOP, Positive, UserError, check, model_block, read_params, write_csv, write_json, writing

ROOT = Path(__file__).parents[1]
COMMITTED = yaml.safe_load((ROOT / "params.yaml").read_text())
BLOCKS = [name for name, block in COMMITTED.items() if isinstance(block, dict) and name != "models"]

ABSENT = object()
NOT_A_SEED = "must be an integer in [0, 4294967296). Got"
NOT_A_COUNT = "must be an integer in [1, inf). Got"
NOT_A_COUNT_OR_NULL = "must be an integer in [1, inf) or null. Got"
NOT_POSITIVE = "must be a number in (0, inf). Got"
NOT_A_SHARE = "must be a number in [0, 1). Got"
NOT_A_BLOCK = "must be keys with values. Got"
NOT_A_NAME = "a model's name must be lower-case letters, digits and _, a letter first, and none of train, evaluate. Got"
NOTHING = "must be given. Got nothing."
KNOWN_MODELS = ", ".join(COMMITTED["models"])
MODEL_KEYS = "architecture, optimizer, learning_rate, batch_size, epochs, replicas"


def put(params: dict[str, Any], where: str, value: Any) -> None:
    """Set params["a"]["b"] for the key a.b, or take it away."""
    *blocks, key = where.split(".")
    for block in blocks:
        params = params[block]
    if value is ABSENT:
        del params[key]
    else:
        params[key] = value


def keyword_only(function: Callable[..., Any]) -> set[str]:
    return {name for name, p in inspect.signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY}


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# ---- params.yaml


def test_the_committed_params_pass_and_keep_their_values() -> None:
    assert read_params(str(ROOT / "params.yaml")) == COMMITTED


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_holds_the_keyword_only_arguments_of_its_namesake(block: str) -> None:
    assert set(COMMITTED[block]) == keyword_only(getattr(import_module(f"src.{block}"), block))


@pytest.mark.parametrize("name", COMMITTED["models"])
def test_a_model_holds_the_keyword_only_arguments_of_train_and_of_its_body(name: str) -> None:
    block = COMMITTED["models"][name]
    body = import_module(f"src.classifiers.{block['architecture']}").body
    assert set(block) == keyword_only(import_module("src.train").train) | keyword_only(body) | set(MODEL)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        (
            "epoch",
            5,
            f"unknown key. Known here: seed, epochs, replicas, device, {', '.join(sorted(BLOCKS))}, models.",
        ),
        ("compare.min_seeds", 1, "must be an integer in [2, inf). Got 1."),
        ("compare.confidence", 95, "must be a number in (0, 1). Got 95."),
        ("cluster.kk", 5, "unknown key. Known here: k, n_init, seed, eps, min_samples."),
        ("models.cm1.dropout", 0.5, f"unknown key. Known here: {MODEL_KEYS}, activation."),
        ("models.cnn_vgg.dropout_conv1", 0.5, f"unknown key. Known here: {MODEL_KEYS}, activation, dropout."),
        ("seed", ABSENT, NOTHING),
        ("epochs", ABSENT, NOTHING),
        ("cluster", ABSENT, NOTHING),
        ("models", ABSENT, NOTHING),
        ("cluster.eps", ABSENT, NOTHING),
        ("models.cm1.architecture", ABSENT, NOTHING),
        ("models.cm1.batch_size", ABSENT, NOTHING),
        ("models.cnn2.dropout_dense1", ABSENT, NOTHING),
        ("seed", "27", f"{NOT_A_SEED} '27'."),
        ("seed", None, f"{NOT_A_SEED} None."),
        ("epochs", True, f"{NOT_A_COUNT_OR_NULL} True."),
        ("cluster.n_init", "ten", f"{NOT_A_COUNT} 'ten'."),
        ("cluster.n_init", True, f"{NOT_A_COUNT} True."),
        ("cluster.n_init", 1.5, f"{NOT_A_COUNT} 1.5."),
        ("cluster.n_init", "1e1", f"{NOT_A_COUNT} '1e1'."),
        ("models.cm1.batch_size", 500.0, f"{NOT_A_COUNT} 500.0."),
        ("models.cm1.epochs", None, f"{NOT_A_COUNT} None."),
        ("cluster.eps", None, f"{NOT_POSITIVE} None."),
        ("cluster.eps", [1.6], f"{NOT_POSITIVE} [1.6]."),
        ("models.cnn2.dropout_conv1", True, f"{NOT_A_SHARE} True."),
        ("models.cm1.learning_rate", "abc", f"{NOT_POSITIVE} 'abc'."),
        ("models.cm1.learning_rate", "nan", f"{NOT_POSITIVE} 'nan'."),
        ("models.cm1.learning_rate", "0.001", f"{NOT_POSITIVE} '0.001'."),
        ("prepare.groups", "Bag", "must be a list. Got 'Bag'."),
        ("prepare.groups", None, "must be a list. Got None."),
        ("data.folder", 3, "must be a string or null. Got 3."),
        ("cluster", None, f"{NOT_A_BLOCK} None."),
        ("models.cm1", 3, f"{NOT_A_BLOCK} 3."),
        ("models", [], f"{NOT_A_BLOCK} []."),
        ("models", None, f"{NOT_A_BLOCK} None."),
        ("models", {}, "must have at least one model. Got none."),
        ("seed", -1, f"{NOT_A_SEED} -1."),
        ("seed", 2**32, f"{NOT_A_SEED} 4294967296."),
        ("epochs", 0, f"{NOT_A_COUNT_OR_NULL} 0."),
        ("models.cm1.epochs", 0, f"{NOT_A_COUNT} 0."),
        ("models.cm1.batch_size", 0, f"{NOT_A_COUNT} 0."),
        ("data.limit", 0, f"{NOT_A_COUNT_OR_NULL} 0."),
        ("cluster.k", 0, f"{NOT_A_COUNT_OR_NULL} 0."),
        ("cluster.min_samples", 0, f"{NOT_A_COUNT} 0."),
        ("cluster.eps", 0, f"{NOT_POSITIVE} 0."),
        ("embed.perplexity", 0, f"{NOT_POSITIVE} 0."),
        ("prepare.val_size", 0, "must be a number in (0, 1). Got 0."),
        ("prepare.val_size", 1, "must be a number in (0, 1). Got 1."),
        ("models.cnn2.dropout_conv1", 1, f"{NOT_A_SHARE} 1."),
        ("models.cnn_vgg.dropout", -0.1, f"{NOT_A_SHARE} -0.1."),
        ("models.cm1.learning_rate", 0, f"{NOT_POSITIVE} 0."),
        ("models.cm1.learning_rate", -1, f"{NOT_POSITIVE} -1."),
        ("models.cm1.learning_rate", float("inf"), f"{NOT_POSITIVE} inf."),
        ("models.cm1.learning_rate", float("nan"), f"{NOT_POSITIVE} nan."),
        ("models.cm1.learning_rate", "-5e-05", f"{NOT_POSITIVE} -5e-05."),
        ("models.cm1.architecture", "resnet", f"must be one of {', '.join(ARCHITECTURES)}. Got 'resnet'."),
        ("models.cm1.architecture", None, f"must be one of {', '.join(ARCHITECTURES)}. Got None."),
        ("models.cm1.optimizer", "adamm", "must be one of adam, adamw, nadam, rmsprop, sgd. Got 'adamm'."),
        ("models.cm1.activation", "gelu", "must be one of relu, leaky_relu, elu, tanh. Got 'gelu'."),
        ("device", "tpu", "must be one of auto, cpu, gpu. Got 'tpu'."),
        ("embed.split", "both", "must be one of train, val, test, all. Got 'both'."),
        ("embed.model", "cm9", f"must be one of {KNOWN_MODELS}. Got 'cm9'."),
    ],
)
def test_what_does_not_fit_is_refused_with_its_key_and_what_must_be(
    params: dict[str, Any], key: str, value: Any, says: str
) -> None:
    put(params, key, value)
    with pytest.raises(UserError) as error:
        check(params)
    assert str(error.value) == f"params.yaml: {key}: {says}"


@pytest.mark.parametrize(
    ("key", "misspelt"),
    [
        ("epochs", "epoch"),
        ("cluster.eps", "cluster.epss"),
        ("models.cnn2.learning_rate", "models.cnn2.learnin_rate"),
        ("models.cnn2.dropout_conv1", "models.cnn2.dropout_conv"),
        ("models.cnn2.architecture", "models.cnn2.architectur"),
    ],
)
def test_a_misspelt_key_is_reported_rather_than_the_one_that_is_missing(
    params: dict[str, Any], key: str, misspelt: str
) -> None:
    put(params, key, ABSENT)
    put(params, misspelt, 0)
    with pytest.raises(
        UserError, match=rf"^params\.yaml: {misspelt}: unknown key\. Known here: .*{key.split('.')[-1]}"
    ):
        check(params)


NAMES = ["CM1", "train", "evaluate", "1cm", "_cm", "c-m", "c.d", "cm1\n", "", 1, None, True, float("nan"), float("inf")]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_model_is_named_by_a_word(params: dict[str, Any], name: Any) -> None:
    params["models"][name] = params["models"]["cm1"]
    with pytest.raises(UserError) as error:
        check(params)
    assert str(error.value) == f"params.yaml: models: {NOT_A_NAME} {name!r}."


@pytest.mark.parametrize(
    ("block", "shown"), [((), "7"), (("cluster",), "cluster.7"), (("models", "cm1"), "models.cm1.7")]
)
def test_a_key_that_is_no_word_is_unknown(params: dict[str, Any], block: tuple[str, ...], shown: str) -> None:
    found: dict[Any, Any] = params
    for key in block:
        found = found[key]
    known = ", ".join(found)
    found[7] = 1
    with pytest.raises(UserError) as error:
        check(params)
    said = str(error.value).removeprefix(f"params.yaml: {shown}: unknown key. Known here: ").removesuffix(".")
    assert sorted(said.split(", ")) == sorted(known.split(", "))


def test_an_unknown_source_is_refused_with_the_known_ones(params: dict[str, Any]) -> None:
    params["data"]["source"] = "web"
    with pytest.raises(UserError, match=r"^params.yaml: data.source: must be one of auto, .*, digits\. Got 'web'\.$"):
        check(params)


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        (["Bag"], r"groups\.0: must be a list\. Got 'Bag'\."),
        ([["Bag"], ["Sandal", 3]], r"groups\.1\.1: must be a string\. Got 3\."),
    ],
)
def test_the_element_of_a_list_that_does_not_fit_is_named(params: dict[str, Any], groups: Any, says: str) -> None:
    params["prepare"]["groups"] = groups
    with pytest.raises(UserError, match=rf"^params\.yaml: prepare\.{says}$"):
        check(params)


@pytest.mark.parametrize("key", ["cluster.eps", "models.cm1.learning_rate"])
@pytest.mark.parametrize(
    ("written", "number"),
    [("5e-05", 0.00005), ("5e-5", 0.00005), ("1E-3", 0.001), ("1.5e3", 1500.0), ("+1e2", 100.0), ("2.e1", 20.0)],
)
def test_a_number_with_an_exponent_is_a_float(
    params: dict[str, Any], tmp_path: Path, key: str, written: str, number: float
) -> None:
    put(params, key, "WRITTEN")
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params).replace("WRITTEN", written))
    *blocks, last = key.split(".")
    checked = read_params(str(path))
    for block in blocks:
        checked = checked[block]
    assert type(checked[last]) is float
    assert checked[last] == number


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cluster.eps", 2),
        ("models.cm1.learning_rate", 1),
        ("models.cnn2.dropout_conv1", 0),
        ("models.cnn2.dropout_conv1", 0.999),
        ("seed", 0),
        ("seed", 2**32 - 1),
        ("epochs", 50),
        ("cluster.k", 1),
        ("data.limit", 3000),
        ("data.folder", "/data"),
        ("device", "cpu"),
    ],
)
def test_what_fits_passes(params: dict[str, Any], key: str, value: Any) -> None:
    put(params, key, value)
    assert check(params) == params


def test_a_new_model_is_a_new_block(params: dict[str, Any]) -> None:
    params["models"]["my_2nd"] = {**params["models"]["cnn_vgg"], "dropout": 0.25}
    assert check(params)["models"]["my_2nd"]["dropout"] == 0.25


def test_checking_leaves_its_argument_alone(params: dict[str, Any]) -> None:
    params["cluster"]["eps"] = "5e-05"
    before = copy.deepcopy(params)
    checked = check(params)
    assert checked["cluster"]["eps"] == 0.00005
    assert params == before


def test_values_at_the_top_are_converted_too(params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOP, "seed", Positive)
    assert check(params | {"seed": "5e-05"})["seed"] == 0.00005


def test_the_block_of_a_model_is_found_by_its_name(params: dict[str, Any]) -> None:
    assert model_block(params, "cnn2") == COMMITTED["models"]["cnn2"]
    with pytest.raises(UserError) as error:
        model_block(params, "resnet")
    assert str(error.value) == f"the model must be one of {KNOWN_MODELS}. Got 'resnet'."


def test_params_that_are_not_there_are_looked_for_at_the_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        read_params()
    assert str(error.value) == f"params.yaml: not found in {tmp_path}. Run from the top of the repository."


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "params.yaml: must be keys with values. Got NoneType."),
        ("- seed\n- 27\n", "params.yaml: must be keys with values. Got list."),
        ("seed", "params.yaml: must be keys with values. Got str."),
        ("seed: [27\nepochs: 1\n", "params.yaml: must be YAML in UTF-8. .* line 2"),
        ("seed: 27\n\tepochs: 1\n", "params.yaml: must be YAML in UTF-8. .* line 2"),
        ("seed: !!python/name:os.getcwd\n", "params.yaml: must be YAML in UTF-8. .*not determine a constructor"),
        ("seed: 2024-02-30\n", "params.yaml: must be YAML in UTF-8. day .*"),
        (b"# Gr\xf6\xdfe\nseed: 27\n", "params.yaml: must be YAML in UTF-8. 'utf-8' codec can't decode byte 0xf6"),
    ],
)
def test_a_file_that_holds_no_params_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | bytes, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=f"^{says}") as error:
        read_params()
    assert "\n" not in str(error.value)


def test_params_are_read_as_utf_8_whatever_the_locale(params: dict[str, Any], tmp_path: Path) -> None:
    params["data"]["folder"] = "/Größe"
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    shown = "import sys; from src.stage import read_params; print(ascii(read_params(sys.argv[1])['data']['folder']))"
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", shown, str(path)]
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == "'/Gr\\xf6\\xdfe'\n"


# ---- Files


def test_what_is_written_takes_its_place_only_when_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "model.npz"
    with writing(path) as unfinished:
        unfinished.write_text("half")
        assert unfinished.parent == path.parent  # a rename is atomic only within a file system
        assert unfinished.suffix == ".npz"
        assert not path.exists()
    assert files(tmp_path) == ["new/folder/model.npz"]
    assert path.read_text() == "half"


def test_a_newer_file_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("older")
    with path.open() as reader:
        with writing(path) as unfinished:
            unfinished.write_text("newer")
            assert path.read_text() == "older"
        assert reader.read() == "older"  # replaced, not overwritten: who reads it meanwhile gets one whole file
    assert path.read_text() == "newer"
    assert files(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("older", [None, "older"])
def test_a_failure_leaves_what_was_there_before(tmp_path: Path, error: type[BaseException], older: str | None) -> None:
    path = tmp_path / "a.txt"
    if older:
        path.write_text(older)
    with pytest.raises(error), writing(path) as unfinished:
        unfinished.write_text("half")
        raise error
    assert files(tmp_path) == (["a.txt"] if older else [])
    assert not older or path.read_text() == older


def test_a_metrics_file_is_json_with_two_spaces_in_the_given_order(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"test_accuracy": 0.5, "label": "Größe", "counts": [1]})
    assert (tmp_path / "a.json").read_text() == (
        '{\n  "test_accuracy": 0.5,\n  "label": "Größe",\n  "counts": [\n    1\n  ]\n}\n'
    )


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_metrics_file_never_holds_what_json_does_not_know(tmp_path: Path, number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"loss": number})
    assert files(tmp_path) == []


def test_a_csv_file_has_a_header_line_and_a_row_each(tmp_path: Path) -> None:
    rows = [{"label": 'Größe, "L"', "images": 3, "share": None}, {"label": "0", "images": 1e-05, "share": 0.5}]
    write_csv(tmp_path / "new/a.csv", rows)
    written = 'label,images,share\n"Größe, ""L""",3,\n0,1e-05,0.5\n'
    assert (tmp_path / "new/a.csv").read_bytes() == written.encode()


def test_rows_of_other_keys_leave_no_csv_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fields not in fieldnames: 'b'"):
        write_csv(tmp_path / "a.csv", [{"a": 1}, {"b": 2}])
    assert files(tmp_path) == []


# ---- A stage's process

STAGE = """
import resource, signal, sys, time
from pathlib import Path
from src.stage import UserError, run, write_json, writing

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs pytest with `&` has it ignored
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and nohup this one

def main(params, *arguments):
    Path("ran.txt").write_text(f"{params['seed']} {arguments}")
    write_json("metrics/first.json", {"a": 1})
"""


@pytest.fixture
def stage(tmp_path: Path, params: dict[str, Any]) -> Callable[..., subprocess.Popen[str]]:
    """Starts a stage `toy` in a folder with the real params; its main writes two files and then does `body`."""
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))

    def start(body: str, *arguments: str) -> subprocess.Popen[str]:
        (tmp_path / "toy.py").write_text(f"{STAGE}    {body}\n\nrun(main)\n")
        return subprocess.Popen(
            [sys.executable, "toy.py", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


Stage = Callable[..., subprocess.Popen[str]]
LEFT = ["params.yaml", "ran.txt", "toy.py"]


def test_a_stage_gets_the_checked_params_and_the_arguments(stage: Stage, tmp_path: Path) -> None:
    process = stage("print('done')", "cm1")
    assert process.communicate(timeout=60) == ("done\n", "")
    assert process.returncode == 0
    assert (tmp_path / "ran.txt").read_text() == f"{COMMITTED['seed']} ('cm1',)"
    assert json.loads((tmp_path / "metrics/first.json").read_text()) == {"a": 1}
    assert files(tmp_path) == ["metrics/first.json", *LEFT]


def test_bad_params_are_refused_before_any_work(stage: Stage, tmp_path: Path, params: dict[str, Any]) -> None:
    params["cluster"]["eps"] = -1
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    process = stage("pass")
    assert process.communicate(timeout=60) == (
        "",
        "toy: params.yaml: cluster.eps: must be a number in (0, inf). Got -1.\n",
    )
    assert process.returncode == 1
    assert files(tmp_path) == ["params.yaml", "toy.py"]


@pytest.mark.parametrize(
    ("arguments", "came"), [((), "no argument"), (("cm1", "cm2"), "cm1 cm2")], ids=["none", "too many"]
)
def test_wrong_arguments_are_answered_with_the_usage(
    stage: Stage, tmp_path: Path, arguments: tuple[str, ...], came: str
) -> None:
    process = stage("pass\n\ndef main(params, name): Path('ran.txt').touch()", *arguments)
    says = f"toy: the command must be `python -m src.toy NAME`. Got {came}.\n"
    assert process.communicate(timeout=60) == ("", says)
    assert process.returncode == 1
    assert files(tmp_path) == ["params.yaml", "toy.py"]


def test_a_type_error_inside_a_stage_is_no_question_of_usage(stage: Stage) -> None:
    _, err = stage("len()").communicate(timeout=60)
    assert err.startswith("Traceback")


KEPT = "Nothing that this stage had written was kept; put it right and run again."


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise UserError('k: must be 1. Got 2.')", "k: must be 1. Got 2."),
        ("open('data/train.npz')", f"No such file or directory: data/train.npz. {KEPT}"),
        ("write_json('/sys/a.json', 1)", "(Permission denied|Read-only .*): /sys/.unfinished.a.json. " + KEPT),
        (
            "Path('.unfinished.a.json').symlink_to('/dev/full'); write_json('a.json', 1)",  # as on a full disk
            rf"No space left on device. {KEPT}",
        ),
        (
            "resource.setrlimit(resource.RLIMIT_FSIZE, (99, 99)); write_json('a.json', 'x' * 9999)",
            rf"File too large. {KEPT}",
        ),
    ],
    ids=["a user's error", "no file", "no permission", "a full disk", "a file cut off"],
)
def test_what_a_user_can_put_right_is_said_in_a_line_and_leaves_nothing(
    stage: Stage, tmp_path: Path, body: str, says: str
) -> None:
    process = stage(body)
    out, err = process.communicate(timeout=60)
    assert out == ""
    assert err.count("\n") == 1
    assert re.fullmatch(f"toy: {says}\n", err), err
    assert process.returncode == 1
    assert files(tmp_path) == LEFT


def test_an_error_of_the_code_keeps_its_traceback_and_leaves_nothing(stage: Stage, tmp_path: Path) -> None:
    process = stage("1 / 0")
    _, err = process.communicate(timeout=60)
    assert err.startswith("Traceback")
    assert err.endswith("ZeroDivisionError: division by zero\n")
    assert 'toy.py", line' in err
    assert process.returncode == 1
    assert files(tmp_path) == LEFT


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_stage_that_is_stopped_says_so_by_its_status_and_leaves_nothing(
    stage: Stage, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    half = "with writing('half.npz') as file: file.touch(); print('half', flush=True); time.sleep(60)"
    process = stage(half)
    assert process.stdout
    assert process.stdout.readline() == "half\n"
    assert files(tmp_path) == [".unfinished.half.npz", "metrics/first.json", *LEFT]
    process.send_signal(number)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == status
    assert files(tmp_path) == LEFT


def test_a_signal_that_nohup_ignores_stays_ignored(stage: Stage) -> None:
    nohup = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    process = stage(f"signal.raise_signal(signal.SIGHUP); print('done')\n\n{nohup}")
    assert process.communicate(timeout=60) == ("done\n", "")
    assert process.returncode == 0
