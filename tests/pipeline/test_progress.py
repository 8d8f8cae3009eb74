import io

import pytest
from rich.console import Console

from src.pipeline import progress as module
from src.pipeline.progress import TrainingProgress, track

LOGS = {"loss": 0.5, "accuracy": 0.75, "val_loss": 0.25, "val_accuracy": 0.875}


def test_a_log_gets_a_line_for_each_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingProgress("cm1-seed27", epochs=2, steps=3) as progress:
        for epoch in (1, 2):
            progress.advance(3)
            progress.epoch(epoch, LOGS)
    out, err = capsys.readouterr()
    measures = "loss 0.5000, accuracy 0.7500, val_loss 0.2500, val_accuracy 0.8750"
    assert out.splitlines() == [f"cm1-seed27 epoch {epoch}/2: {measures}" for epoch in (1, 2)]
    assert err == ""


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120)
    monkeypatch.setattr(module, "Console", lambda: terminal)
    with TrainingProgress("cm1-seed27", epochs=2, steps=3) as progress:
        progress.advance(3)
        progress.epoch(1, LOGS)
        assert progress.bar.tasks[0].completed == 3
        assert progress.bar.tasks[0].total == 6
        assert progress.bar.tasks[0].description == "cm1-seed27 epoch 1/2: val_accuracy 0.8750"
    assert "val_loss" not in capsys.readouterr().out


@pytest.mark.parametrize("on_terminal", [True, False])
def test_items_are_counted_on_a_terminal_only(on_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Console(file=io.StringIO(), force_terminal=on_terminal, width=120)
    monkeypatch.setattr(module, "Console", lambda: terminal)
    assert list(track(["a", "b", "c"], "fetch: pictures")) == ["a", "b", "c"]
    shown = terminal.file.getvalue()  # type: ignore[attr-defined]
    assert ("fetch: pictures" in shown, "100%" in shown) == (on_terminal, on_terminal)
