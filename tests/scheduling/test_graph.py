import pytest

from src.pipeline.files import UserError
from src.scheduling.graph import before, chains, outdated, parse_dag, resolve

DOT = """strict digraph {
"fetch";
"train@a";
"train@b";
"compare";
"report";
"fetch" -> "train@a";
"fetch" -> "train@b";
"train@a" -> "compare";
"train@b" -> "compare";
"fetch" -> "report";
"compare" -> "report";
}
"""
GRAPH = parse_dag(DOT)


def test_the_graph_is_read_in_the_order_of_dvc() -> None:
    assert list(GRAPH) == ["fetch", "train@a", "train@b", "compare", "report"]
    assert GRAPH["fetch"] == set()
    assert GRAPH["compare"] == {"train@a", "train@b"}
    assert GRAPH["report"] == {"fetch", "compare"}


def test_a_target_is_a_stage_or_a_group() -> None:
    assert resolve(GRAPH, ["train"]) == {"train@a", "train@b"}
    assert resolve(GRAPH, ["train@b", "fetch"]) == {"train@b", "fetch"}
    with pytest.raises(UserError, match=r"must be a stage: fetch, train, train@a, .*report\. Got trai\."):
        resolve(GRAPH, ["fetch", "trai"])


def test_what_stages_need() -> None:
    assert before(GRAPH, ["train@a"]) == {"fetch", "train@a"}
    assert before(GRAPH, ["report"]) == set(GRAPH)
    assert before(GRAPH, []) == set()


def test_what_has_changed_runs_and_what_hangs_on_it() -> None:
    assert outdated(GRAPH, {"train@b"}) == {"train@b": set(), "compare": {"train@b"}, "report": {"compare"}}
    assert outdated(GRAPH, {"fetch"}) == GRAPH
    assert outdated(GRAPH, set()) == {}


def test_the_longest_chains() -> None:
    seconds = {"fetch": 1.0, "train@a": 10.0, "train@b": 20.0, "report": 5.0}
    assert chains(GRAPH, seconds) == {"fetch": 26, "train@a": 15, "train@b": 25, "compare": 5, "report": 5}
