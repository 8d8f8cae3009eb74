import os
from typing import Any

import pytest
import tensorflow as tf

from src.training.gpu import OWN, prepare_libraries, setup_gpus


def test_tensorflow_computes_in_float32_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a card", "another"])
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda device: {"device_name": f"{device} of ours"}
    )
    assert tf.config.experimental.tensor_float_32_execution_enabled()
    try:
        assert setup_gpus("tensorflow", ["gpu:0", "gpu:1"]) == "GPU, a card of ours, TF32 off"
        assert not tf.config.experimental.tensor_float_32_execution_enabled()
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(True)


def test_jax_computes_in_float32_on_all_gpus_and_says_so(with_jax: dict[str, Any]) -> None:
    assert with_jax["two words"] == "2 GPUs, cpu, TF32 off"
    assert with_jax["precision"] == "float32"


def test_another_backend_has_its_own_ways() -> None:
    assert setup_gpus("torch", ["gpu:0"]) == "GPU, gpu:0"


def test_xla_is_told_to_be_deterministic_and_a_users_own_values_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OWN:
        monkeypatch.delenv(name, raising=False)
    prepare_libraries()
    assert {name: os.environ[name] for name in OWN} == OWN
    monkeypatch.setenv("XLA_FLAGS", "--xla_a=b")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    prepare_libraries()
    prepare_libraries()
    assert os.environ["XLA_FLAGS"] == "--xla_a=b --xla_gpu_deterministic_ops=true"
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_deterministic_ops=false")
    prepare_libraries()
    assert os.environ["XLA_FLAGS"] == "--xla_gpu_deterministic_ops=false"
