"""What the benchmarks compute."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import yaml
from keras import layers

from benchmarks import (
    checkpoints,
    cluster,
    controls,
    gpu,
    kills,
    million,
    parallel,
    precision,
    run_python,
    scale,
    scaling,
    serve,
    stock,
    tried,
)
from benchmarks.train import flop, markdown, one_run, speedups, summarise
from src.images.splits import Labelled, read
from src.params import validate_model
from src.pipeline.files import read_json
from src.pipeline.yaml_files import read_yaml
from tests.serving.test_client import scoring

ROOT = Path(__file__).parents[1]


def run(step_ms: float) -> dict[str, float]:
    return {"step_ms": step_ms, "step_cpu_ms": 2 * step_ms, "first_step_s": 1, "peak_gb": 0.5, "gflop": 3}


MODELS: dict[str, Any] = {  # steps, then per round: stock, pipeline
    "a": {
        "steps": 10,
        "rounds": [{"stock": run(s), "pipeline": run(p)} for s, p in ((200, 100), (400, 100), (300, 50))],
    },
    "b": {
        "steps": 30,
        "rounds": [{"stock": run(s), "pipeline": run(p)} for s, p in ((100, 100), (100, 100), (10, 10))],
    },
}


def test_paths_are_compared_round_by_round() -> None:
    assert speedups(MODELS["a"]["rounds"], "pipeline") == [2, 4, 6]


def test_the_summary_has_the_geometric_mean_and_the_sum_over_the_recipes() -> None:
    assert summarise(MODELS) == {"pipeline": {"geometric_mean": 2, "recipes": pytest.approx((3 + 3) / (1 + 3))}}


def test_the_floor_is_arithmetic_over_the_matrix_rate() -> None:
    lines = markdown(MODELS, rate=60)
    assert lines[2].startswith("| a (10 steps) | floor | 50 ms |")
    assert lines[3] == "| | stock | 300 ms | 600 ms |  | 1.0 s | 0.50 GB |"
    assert lines[4] == "| | pipeline | 100 ms | 200 ms | 4.00 (2.00–6.00) | 1.0 s | 0.50 GB |"


def test_flop_counts_products_and_sums_forward_and_backward() -> None:
    images = keras.Input((6, 6, 1))
    first = layers.Conv2D(2, 3)
    second = layers.Conv2D(4, 3)
    last = layers.Dense(5)
    flat = layers.Flatten()
    last(flat(second(first(images))))
    assert flop(first) == 2 * 2 * (9 * 1 * 2) * 16  # no gradient of the image
    assert flop(second) == 3 * 2 * (9 * 2 * 4) * 4
    assert flop(last) == 3 * 2 * 16 * 5
    rows = layers.LSTM(3)
    rows(keras.Input((7, 2)))
    assert flop(rows) == 3 * 2 * 7 * (2 * 12 + 3 * 12)
    assert flop(flat) == 0


RECIPES = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["models"]


@pytest.mark.parametrize("name", [name for name in RECIPES if RECIPES[name]["architecture"] in vars(stock)])
def test_the_peer_has_the_parameters_of_the_stock_network(name: str) -> None:
    torch = pytest.importorskip("torch")
    from benchmarks import peer

    network = stock.network(RECIPES[name])
    ours = sum(weight.numel() for weight in peer.build(classes=5, **network).parameters())
    second_biases = 2 * 4 * 128 if network["architecture"] == "lstm" else 0  # PyTorch's LSTM has two
    assert ours - second_biases == stock.build(side=28, classes=5, **network).count_params()
    assert torch.__version__


@pytest.mark.usefixtures("usual_precision")
@pytest.mark.parametrize("path", ["stock", "pipeline", "bfloat16"])
def test_a_run_measures_every_step_after_the_first_ones(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    rng = np.random.default_rng(0)
    np.savez("data/train.npz", x=rng.integers(0, 256, (80, 28, 28), dtype=np.uint8), y=np.arange(80) % 5)
    recipe = {"architecture": "cm1", "activation": "relu", "optimizer": "adam", "learning_rate": 0.001}
    start = time.perf_counter()
    run = one_run(path, recipe | {"batch_size": 8}, 7)
    passed = time.perf_counter() - start
    assert 0 < 7 * run["step_ms"] / 1000 < passed - run["first_step_s"] < passed  # ten steps, three of them unmeasured
    assert 0.1 < run["peak_gb"] < 50
    if path == "pipeline":
        assert run["gflop"] == pytest.approx(8 * 7.97568 / 500)


def test_make_bench_runs_every_benchmark_but_those_that_its_help_names() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", "")
    files = (ROOT / "benchmarks").glob("*.py")
    runnable = {path.stem for path in files if '__name__ == "__main__"' in path.read_text(encoding="utf-8")}
    (listed,) = re.findall(r"^BENCHMARKS := (.*)", makefile, flags=re.MULTILINE)
    assert sorted(listed.split()) == sorted(runnable - {"gpu", "fuzz"})


def test_a_process_that_fails_fails_the_benchmark_and_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_python("-c", "print('done')") == "done\n"
    with pytest.raises(subprocess.CalledProcessError):
        run_python("-c", "raise ValueError('no such model')")
    assert "ValueError: no such model" in capfd.readouterr().err


def trainings(model: str, float32: list[float], bfloat16: list[float]) -> list[dict[str, Any]]:
    """What benchmarks/precision.py keeps of a model's trainings."""
    return [
        {"model": model, "precision": name, "seed": seed, "test_accuracy": value, "seconds": 1}
        for name, values in (("float32", float32), ("bfloat16", bfloat16))
        for seed, value in enumerate(values)
    ]


def test_precisions_are_equivalent_where_the_interval_of_the_seeds_differences_is_within_the_margin() -> None:
    near = trainings("near", [90, 80, 70], [90.1, 80.2, 70.3])
    wide = trainings("wide", [90, 80, 70], [90.1, 79.2, 70.3])
    summary = precision.summarise(near + wide)
    half = 2.919986 * 0.1 / 3**0.5  # Student's t at 95 % with two degrees of freedom, of 0.1, 0.2, 0.3
    assert summary["near"] == {
        "float32": 80,
        "bfloat16": pytest.approx(80.2),
        "difference": pytest.approx(0.2),
        "low": pytest.approx(0.2 - half, abs=1e-5),
        "high": pytest.approx(0.2 + half, abs=1e-5),
        "equivalent": True,
    }
    assert not summary["wide"]["equivalent"]
    lines = precision.markdown(summary)
    assert lines[2] == "| near | 80.00% | 80.20% | +0.20 (+0.03 to +0.37) | yes |"
    assert lines[3].endswith("| not shown |")


def test_a_model_is_in_the_table_when_all_its_seeds_are_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(precision, "N_SEEDS", 3)
    runs = trainings("whole", [90, 80, 70], [90, 80, 71]) + trainings("begun", [90, 80, 70], [90, 80])
    precision.save("a machine", runs)
    known = read_json("benchmarks/precision.json")
    assert (known["on"], known["runs"], list(known["summary"])) == ("a machine", runs, ["whole"])
    assert "begun" not in Path("benchmarks/precision.md").read_text(encoding="utf-8")


def test_controls_are_chosen_by_validation_and_compared_on_the_test_images() -> None:
    blocks = {
        "adam": {"optimizer": "adam", "learning_rate": 0.001, "epochs": 3},
        "slow": {"optimizer": "sgd", "learning_rate": 0.01, "epochs": 3},
        "fast": {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 3},
        "longer": {"optimizer": "adam", "learning_rate": 0.001, "epochs": 10},
    }
    accuracies = {"adam": (0.9, 0.9), "slow": (0.6, 0.99), "fast": (0.8, 0.8), "longer": (0.95, 0.95)}
    runs = [
        {"control": name, "seed": seed, "val_accuracy": val + seed / 1000, "test_accuracy": test + seed / 1000}
        for name, (val, test) in accuracies.items()
        for seed in range(controls.N_SEEDS)
    ]
    summary = controls.summarise(blocks, runs)
    assert [name for name, row in summary.items() if "tuned" in row] == ["adam", "fast", "longer"]
    assert summary["slow"]["test_mean"] == pytest.approx(0.992)
    assert {name: row["difference"] for name, row in summary.items() if "difference" in row} == {
        "fast": pytest.approx(-0.1)
    }
    table = controls.markdown(blocks, summary)
    assert "| sgd | 0.1 | 3 | 80.20% ± 0.16 | 80.20% ± 0.16 | yes | -10.00 (-10.00 to -10.00) |" in table
    assert set(controls.summarise(blocks, runs[:-1])) == {"adam", "slow", "fast"}  # all seeds or none


@pytest.mark.parametrize("name", read_yaml(controls.BLOCKS))
def test_the_blocks_of_the_controls_are_valid(name: str) -> None:
    block = read_yaml(controls.BLOCKS)[name]
    assert validate_model("cm4", block | {"replicas": 1}) == block | {"replicas": 1}


def test_a_gain_is_a_share_of_the_models_step() -> None:
    rows = [
        {"part": part, "way": way, "ms": ms, "model": "cm4", "step_ms": 200}
        for part, way, ms in (("a", "usual", 30), ("a", "quick", 20), ("b", "usual", 5), ("b", "slow", 11))
    ]
    assert tried.markdown(rows)[2:] == [
        "| a | usual | 30.0 ms |  |",
        "| a | quick | 20.0 ms | +5% of cm4 |",
        "| b | usual | 5.0 ms |  |",
        "| b | slow | 11.0 ms | -3% of cm4 |",
    ]


@pytest.mark.parametrize("part", ["pooling after conv1", "bias of conv1", "LSTM over the pixels"])
def test_what_was_tried_computes_what_the_usual_way_does(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    monkeypatch.setattr(tried, "N", 3)
    images = np.random.default_rng(0).integers(0, 2, (3, 28, 28)).astype(np.float32)
    images[:, :20] = 0  # rows that are equal
    _, inputs, ways = tried.parts(images)[part]
    results = []
    for function in list(ways.values())[:2]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = function(*inputs)
        results.append([y, *tape.gradient(y, inputs or tape.watched_variables())])
    for ours, usual in zip(*results, strict=True):
        np.testing.assert_allclose(ours, usual, rtol=1e-4, atol=1e-4)


@pytest.fixture
def encoder(params: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an encoder, beside ninety images of noise in three splits."""
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    x = np.random.default_rng(0).integers(0, 256, (90, 4, 4), dtype=np.uint8)
    parts = {"train": np.arange(40), "val": np.arange(40, 60), "test": np.arange(60, 90)}
    for name, rows in parts.items():
        np.savez(f"data/{name}.npz", x=x[rows], y=rows % 5, labels=np.array(list("01234")))
    garments = {name: rows % 10 for name, rows in parts.items()}
    np.savez("data/garments.npz", allow_pickle=False, names=np.array(list("abcdefghij")), **garments)
    path = Path(f"models/{params['embed']['model']}/{params['seed']}.keras")
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_a_stage_runs_on_the_last_images(
    params: dict[str, Any], encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "of 70"
    folder.mkdir()
    params["cluster"]["min_samples"] = 5
    scale.lay_out(folder, 70, params)
    assert (folder / encoder).exists()
    points = np.random.default_rng(0).random((70, 3), dtype=np.float32)
    maps = {"pca": points[:, :2], "tsne": points[:, :2], "explained": np.array([0.5, 0.2])}
    np.savez(folder / "data/embedding.npz", features=points, allow_pickle=False, **maps)
    run = scale.measure(["src", "cluster"], folder)
    assert 0.1 < run["cpu_seconds"] < 1000
    assert 0.1 < run["peak_gb"] < 10
    monkeypatch.chdir(folder)
    assert read("all").y.tolist() == [row % 5 for row in range(20, 90)]
    with np.load("data/clusters.npz") as clusters:
        assert {len(values) for values in clusters.values() if values.ndim} == {70}


@pytest.mark.usefixtures("encoder")
def test_a_stage_that_fails_fails_the_benchmark(params: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "of 90"
    folder.mkdir()
    scale.lay_out(folder, 90, params)
    with pytest.raises(subprocess.CalledProcessError):
        scale.measure(["src", "cluster"], folder)


def test_the_table_of_scale_has_a_row_for_each_stage_and_size() -> None:
    cost = {"seconds": 61.4, "cpu_seconds": 100, "peak_gb": 1.234}
    lines = scale.markdown({"10000": {"embed": cost, "cluster": cost}})
    assert lines[2:] == [
        "| 10,000 | embed | 61 s | 100 s | 1.23 GB |",
        "| 10,000 | cluster | 61 s | 100 s | 1.23 GB |",
    ]


# A million images


def test_generated_images_are_those_that_were_given_moved_and_dimmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(million, "CHUNK", 4)
    x = np.zeros((3, 9, 9), np.uint8)
    x[:, 4, 4] = [100, 150, 200]
    million.generate(tmp_path / "x.npy", 10, x)
    images = np.load(tmp_path / "x.npy")
    assert images.shape == (10, 9, 9)
    assert (np.count_nonzero(images, axis=(1, 2)) == 1).all()
    assert 50 <= images.max(axis=(1, 2)).min() <= images.max() <= 200
    assert images[:, 2:7, 2:7].any(axis=(1, 2)).all()


# Kills and checkpoints


def start(killed_after: float | None, stage: str, epochs: list[str], *mended: str) -> dict[str, Any]:
    return {"killed_after": killed_after, "stage": stage, "epochs": epochs, "mended": list(mended)}


def test_kills_are_counted() -> None:
    first = [
        start(1.5, "none yet", []),
        start(1.5, "train@dropout", ["a epoch 1", "a epoch 2"], "dvc.lock by doctor"),
        start(1.5, "train@dropout", ["a epoch 2"]),
        start(None, "compare", ["a epoch 3"]),
    ]
    second = [start(None, "compare", ["a epoch 1"])]
    summary = kills.summarise(
        [
            {"attempts": first, "n_resumed": 2, "equal": True},
            {"attempts": second, "n_resumed": 0, "equal": False},
        ]
    )
    assert summary == {
        "kills": 3,
        "runs": 2,
        "fell": {"none yet": 1, "train@dropout": 2},
        "fell_after_an_epoch": 2,
        "finished_epochs_trained_again": 1,
        "mended": {"dvc.lock by doctor": 1},
        "resumed": 2,
        "equal": 1,
    }
    lines = kills.markdown(summary)
    assert "| by the stage that ran | none yet: 1, train@dropout: 2 |" in lines
    assert "| files of DVC's own that were cut, and what mended them | dvc.lock by doctor: 1 |" in lines


def test_what_dvc_left_half_written_is_mended_and_nothing_else(tmp_path: Path) -> None:
    lock, rwlock = tmp_path / "dvc.lock", tmp_path / ".dvc/tmp/rwlock"
    rwlock.parent.mkdir(parents=True)
    whole = "schema: '2.0'\nstages:\n  fetch:\n    cmd: x\n"
    lock.write_text(whole, encoding="utf-8")
    for command in ("init --quiet", "add dvc.lock", "commit --quiet --message x"):
        kills.run(tmp_path, "git", *command.split())
    rwlock.write_text("{}", encoding="utf-8")
    assert kills.mend(tmp_path) == []
    for cut in ("", "schema: '2.0'\n", "schema: '2.0'\nstages:\n  fetch: [", "schema"):
        lock.write_text(cut, encoding="utf-8")
        rwlock.write_text("", encoding="utf-8")
        assert kills.broken(tmp_path) == ["dvc.lock", "rwlock"]
        assert kills.mend(tmp_path) == ["dvc.lock by hand", "rwlock by hand"]  # no doctor is in this folder
        assert lock.read_text(encoding="utf-8") == whole
        assert not rwlock.exists()


def test_tables_are_compared_but_for_what_differs_from_run_to_run(tmp_path: Path) -> None:
    (tmp_path / "metrics/compare").mkdir(parents=True)
    rows = "model,run_id,train_seconds,n_resumed,bs1_p50_s,test_accuracy\na,{},{},{},{},{}\n"
    table = tmp_path / "metrics/compare/runs.csv"
    table.write_text(rows.format("x", 1, 0, 0.1, 0.9), encoding="utf-8")
    before = kills.results(tmp_path)
    table.write_text(rows.format("y", 2, 3, 0.2, 0.9), encoding="utf-8")
    assert kills.results(tmp_path) == before
    table.write_text(rows.format("x", 1, 0, 0.1, 0.8), encoding="utf-8")
    assert kills.results(tmp_path) != before


def test_the_cost_of_a_checkpoint_is_a_share_of_the_epoch() -> None:
    run = {"epoch_s": 10.0, "write_s": 0.05, "slowest_s": 0.1, "mb": 14.3}
    assert checkpoints.markdown({"a": run})[2] == "| a | 10.0 s | 0.050 s | 0.100 s | 14.3 MB | 0.50% |"


def test_a_checkpoint_is_measured_and_leaves_nothing(
    params: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "data").mkdir()
    x = np.random.default_rng(0).integers(0, 256, (90, 28, 28), dtype=np.uint8)
    np.savez("data/train.npz", x=x, y=np.arange(90) % 5)
    params["models"]["cm1"]["batch_size"] = 10
    monkeypatch.setattr(checkpoints, "read_params", lambda: params)
    run = checkpoints.measure("cm1")
    assert run["mb"] == pytest.approx(3 * 4 * 1_190_757 / 1e6, rel=0.01)  # the weights and Adam's two moments
    assert 0 < run["write_s"] <= run["slowest_s"] < 10
    assert 0 < run["epoch_s"] < 100
    assert list((tmp_path / ".checkpoints").iterdir()) == []


# Side by side


def test_hits_and_what_they_left_are_counted() -> None:
    quiet: dict[str, Any] = {"hit": None, "left": 0, "mended": []}
    hit = {"hit": "Ctrl-C", "left": 1, "mended": ["dvc.lock by doctor"]}
    good = {"attempts": [quiet], "lock": True, "files": True, "clean": True, "same_bytes": True}
    bad = {"attempts": [hit, hit, quiet], "lock": False, "files": True, "clean": True, "same_bytes": False}
    lines = parallel.markdown({"toy": [good, bad], "digits": [good]})
    assert lines[0] == "| | toy | digits |"
    rows = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in lines[2:]}
    assert rows["Ctrl-C"] == ["2", "0 |"]
    assert rows["SIGKILL of the driver"] == ["0", "0 |"]
    assert rows["processes left after Ctrl-C"] == ["2", "0 |"]
    assert rows["`dvc.lock` that of the serial run"] == ["1", "1 |"]


def test_locks_are_compared_in_their_order_but_for_sums_that_differ_from_run_to_run(tmp_path: Path) -> None:
    def lock(*stages: str) -> Any:
        (tmp_path / "dvc.lock").write_text("stages:\n" + "".join(stages), encoding="utf-8")
        return parallel.lock(tmp_path)

    stage = "  {}: {{outs: [{{path: data/runs/a.json, md5: {}, size: 1}}, {{path: b, md5: {}, size: 1}}]}}\n"
    before = lock(stage.format("x", 1, 2), stage.format("y", 3, 4))
    assert lock(stage.format("x", 9, 2), stage.format("y", 3, 4)) == before
    assert lock(stage.format("x", 1, 9), stage.format("y", 3, 4)) != before
    assert lock(stage.format("y", 3, 4), stage.format("x", 1, 2)) != before


def test_the_gain_of_jobs_is_that_over_one() -> None:
    runs = {"1": {"seconds": 200.0, "cpu_seconds": 300.0}, "2": {"seconds": 125.0, "cpu_seconds": 240.0}}
    assert scaling.markdown({"digits": runs})[2:] == [
        "| all stages, the digits | 1 | 200 s | 300 s | 1.00 | 100% |",
        "| all stages, the digits | 2 | 125 s | 240 s | 1.60 | 80% |",
    ]


def test_runs_that_mlflow_lost_or_doubled_are_counted() -> None:
    row = {"trouble": "none", "status": 0, "resumed": 1, "lock": True, "files": True, "clean": True}
    runs = [
        row | {"mlflow": ["a FAILED", "a FINISHED", "a FINISHED"]},
        row | {"mlflow": ["a FINISHED", "b FINISHED"], "lock": False},
    ]
    lines = cluster.markdown(runs, ["a FINISHED", "b FINISHED"])
    assert lines[2] == "| none | 2 | 2 | 1 | 2 | 2 | 2 | 1 | 1 | 1 |"


# Serving


def test_the_table_of_serving_has_medians_of_the_rounds() -> None:
    def row(rate: float) -> dict[str, float]:
        return {"images_per_s": rate, "p50_ms": 2.04, "p99_ms": 9, "cpu_s_per_1000": 0.5}

    lines = serve.markdown({"64": {"plain": [row(1000), row(3000), row(1200)], "ours": [row(1)]}})
    assert lines[2:] == [
        "| 64 | plain | 1,200 | 2.0 ms | 9.0 ms | 0.50 s |",
        "| 64 | ours | 1 | 2.0 ms | 9.0 ms | 0.50 s |",
    ]


def test_the_load_is_that_of_clients_that_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "SECONDS", 0.3)
    sizes = []

    def answer(inputs: list[Any]) -> tuple[int, str]:
        sizes.append(np.shape(inputs))
        time.sleep(0.02)
        return 200, "{}"

    with scoring(answer) as (url, _):
        taken = serve.load(int(url.rstrip("/").split(":")[-1]), 3)
    assert set(sizes) == {(3, 28, 28)}
    assert len(taken) == len(sizes) > serve.CLIENTS
    assert min(taken) >= 0.02


def test_a_gpu_is_asked_for_in_one_line() -> None:
    own = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}  # as a user starts it
    command = [sys.executable, "-m", "benchmarks.gpu", "cm4"]
    without_cards = own | {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, cwd=ROOT, env=without_cards, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr.strip().startswith("gpu: params.yaml: device: gpu needs a GPU that tensorflow can use.")
    assert done.stderr.strip().count("\n") == 0


def test_a_step_is_timed_where_nothing_is_compiled_and_equal_runs_have_equal_weights() -> None:
    rng = np.random.default_rng(0)
    few = Labelled(rng.integers(0, 256, (12, 16, 16), dtype=np.uint8), np.arange(12) % 2)
    recipe = {key: value for key, value in RECIPES["cm4"].items() if key != "replicas"} | {"batch_size": 6}
    one, other = (gpu.one_run(recipe, (few, few)) for _ in range(2))
    assert one["weights"] == other["weights"]
    assert 0 < one["step_ms"] < 1000 * one["first_epoch_s"]
    models: dict[str, dict[str, Sequence[dict[str, Any] | None]]] = {
        "cm4": {"float32": [one, other], "bfloat16": [one, other | {"weights": ""}]},
        "cnn2": {"float32": [one, None]},
    }
    lines = gpu.markdown(models)
    assert [line.split(" | ")[-1] for line in lines[2:-1]] == ["equal |", "different |"]
    assert lines[-1] == "| cnn2 | float32 | training failed | | | |"


def test_times_of_another_gpu_are_not_carried_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "REPORT", tmp_path / "gpu.json")
    nothing: dict[str, Any] = {"models": {}, "pipeline_s": None}
    assert gpu.read_results("H100") == nothing | {"on": "H100"}
    measured = {"on": "H100", "models": {}, "pipeline_s": 185}
    gpu.report(measured)
    assert gpu.read_results("H100") == measured
    assert gpu.read_results("H200") == nothing | {"on": "H200"}


def test_a_training_that_fails_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "REPORT", tmp_path / "gpu.json")
    trainings = []

    def train_apart(name: str, precision: str) -> dict[str, Any] | None:
        trainings.append(precision)
        run = {"step_ms": 1.0, "first_epoch_s": 2.0, "weights": "a", "val_accuracy": 0.5}
        return run if precision == "float32" else None

    monkeypatch.setattr(gpu, "train_apart", train_apart)
    gpu.measure_models(["cnn2"], gpu.read_results("H100"))
    assert sorted(trainings) == ["bfloat16", "float32", "float32"]
