import numpy as np
import pytest

from src.training import epoch
from src.training.loop import fit
from tests.training.test_loop import small_model


@pytest.mark.parametrize(("steps_per_call", "reported"), [(1, [1] * 8), (3, [3, 1] * 2), (16, [3, 1] * 2)])
def test_several_steps_per_call_as_on_a_gpu_train_the_same(
    monkeypatch: pytest.MonkeyPatch, steps_per_call: int, reported: list[int]
) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(34, 3)).astype(np.float32), np.eye(2, dtype=np.float32)[rng.integers(0, 2, 34)]

    def train(steps: int) -> tuple[list[np.ndarray], list[int], list[dict[str, float]]]:
        monkeypatch.setattr(epoch, "STEPS_PER_CALL", {"cpu": steps, "gpu": steps})
        model = small_model()
        done: list[int] = []
        logs: list[dict[str, float]] = []
        on_epoch = lambda epoch, values: logs.append({"epoch": epoch} | values)  # noqa: E731
        hooks = {"on_steps": done.append, "on_epoch": on_epoch}
        fit(model, (x, y), (x[:7], y[:7]), first_epoch=1, epochs=2, batch_size=10, seed=5, **hooks)  # type: ignore[arg-type]
        return model.get_weights(), done, logs

    weights, done, logs = train(steps_per_call)
    expected, _, expected_logs = train(1)
    assert done == reported
    for got, wanted in zip(weights, expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)
    assert [pytest.approx(log) for log in expected_logs] == logs
    assert [log["epoch"] for log in logs] == [1, 2]
