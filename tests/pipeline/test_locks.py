from pathlib import Path

from src.pipeline.locks import try_lock


def test_a_file_is_held_by_one_at_a_time_and_free_again_after(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "lock"
    with try_lock(path) as first, try_lock(path) as second, try_lock(path.with_name("other")) as other:
        assert (first, second, other) == (True, False, True)
    with try_lock(path) as again:
        assert again
