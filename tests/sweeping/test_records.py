from pathlib import Path

import pytest

from src.pipeline.files import UserError
from src.sweeping.records import Trial, opened, sweep_folder
from tests.sweeping.example import finished, row


@pytest.fixture(autouse=True)
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))


def test_a_score_is_the_mean_of_the_seeds_that_are_finished() -> None:
    trial = Trial("trial-000", "tiny", {}, [27, 28])
    scores = [trial.score(2)]
    for seed, epoch, accuracy in ((27, 1, 0.5), (27, 2, 0.8), (28, 1, 0.1), (28, 2, 0.9)):
        trial.rows.append(row(seed, epoch, accuracy))
        scores.append(trial.score(2))
    assert scores == [None, 0.5, 0.8, 0.8, pytest.approx(0.85)]  # a seed that has just begun pulls nothing down
    assert trial.seconds == 3 + 3


def test_what_was_written_is_there_again_in_the_order_of_the_search() -> None:
    trials = [finished(f"trial-{n:03}", "tiny", {"learning_rate": 0.01}, {27: 0.9}) for n in (10, 2)]
    fresh = finished("current-tiny-28", "tiny", {}, {28: 0.9})
    with opened("key") as records:
        for trial in (*trials, fresh):
            records.write(trial)
    with opened("key") as records:
        assert records.trials[fresh.name] == fresh
        assert records.search == trials[::-1]
    assert not list(sweep_folder("key").glob(".unfinished*"))


def test_a_sweep_is_one_process_alone() -> None:
    refusal = pytest.raises(UserError, match="another process is in the same sweep")
    with opened("key"), opened("another key"), refusal, opened("key"):
        pass
    with opened("key"):
        pass
