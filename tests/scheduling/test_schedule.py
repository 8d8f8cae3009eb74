import pytest

from src.scheduling.schedule import Schedule

#    a   b   c
#     \ /    |
#      d     e
GRAPH = {"a": set[str](), "b": set[str](), "c": set[str](), "d": {"a", "b"}, "e": {"c"}}
SECONDS = {"a": 1.0, "b": 4.0, "c": 3.0, "d": 2.0, "e": 2.0}


def started(schedule: Schedule) -> list[str]:
    """All that may start now."""
    names = []
    while start := schedule.start():
        names.append(start[0])
    return names


def test_the_longest_chain_starts_first_and_no_more_than_the_jobs() -> None:
    schedule = Schedule(GRAPH, jobs=2, seconds=SECONDS)
    assert started(schedule) == ["b", "c"]
    schedule.finish("c", succeeded=True)
    assert started(schedule) == ["a"]
    schedule.finish("a", succeeded=True)
    assert started(schedule) == ["e"]  # d needs b
    schedule.finish("b", succeeded=True)
    assert started(schedule) == ["d"]


def test_without_times_the_order_is_that_of_the_graph() -> None:
    assert started(Schedule(GRAPH, jobs=9, seconds={})) == ["a", "b", "c"]


def test_what_hangs_on_a_failed_stage_never_starts_and_the_rest_does() -> None:
    schedule = Schedule(GRAPH, jobs=9, seconds={})
    assert started(schedule) == ["a", "b", "c"]
    schedule.finish("a", succeeded=False)
    for name in ("b", "c"):
        schedule.finish(name, succeeded=True)
    assert started(schedule) == ["e"]
    schedule.finish("e", succeeded=True)
    assert started(schedule) == []
    assert list(schedule.unfinished) == ["a", "d"]


def test_a_gpu_has_one_stage_at_a_time_and_others_run_beside() -> None:
    schedule = Schedule(GRAPH, jobs=9, seconds={}, gpus=["0", "3"], on_gpu={"a", "b", "d", "e"})
    assert [schedule.start() for _ in range(3)] == [("a", "0"), ("b", "3"), ("c", None)]
    schedule.finish("c", succeeded=True)
    assert schedule.start() is None  # e waits for a GPU
    schedule.finish("b", succeeded=False)
    assert schedule.start() == ("e", "3")


def test_without_gpus_they_are_not_counted() -> None:
    assert started(Schedule(GRAPH, jobs=9, seconds={}, on_gpu={"a", "b"})) == ["a", "b", "c"]


@pytest.mark.parametrize(("jobs", "left"), [(1, 12), (2, 6), (3, 6), (9, 6)])
def test_the_time_left_is_that_of_the_schedule_to_come(jobs: int, left: float) -> None:
    # two jobs: b until 4 and c until 3, then a until 4, then d and e
    assert Schedule(GRAPH, jobs=jobs, seconds=SECONDS).seconds_left({}) == left


def test_running_stages_have_what_is_left_of_them() -> None:
    schedule = Schedule(GRAPH, jobs=1, seconds=SECONDS)
    assert schedule.start() == ("b", None)
    assert schedule.seconds_left({"b": 3.0}) == 9
    assert schedule.seconds_left({"b": 30.0}) == 8  # longer than the last time
    assert list(schedule.running) == ["b"]  # nothing was changed by asking


def test_a_stage_without_a_time_leaves_the_time_open() -> None:
    assert Schedule(GRAPH, jobs=1, seconds={"a": 1.0}).seconds_left({}) is None
