"""The graph of the stages: for each, the stages that must be done before, in the order of dvc.yaml."""

import re
from collections.abc import Collection, Mapping
from graphlib import TopologicalSorter

from src.pipeline.files import UserError

Graph = dict[str, set[str]]


def parse_dag(dot: str) -> Graph:
    """The graph that `dvc dag --dot` prints."""
    graph: Graph = {name: set() for name in re.findall(r'^"([^"]+)";$', dot, flags=re.MULTILINE)}
    for before, name in re.findall(r'^"([^"]+)" -> "([^"]+)";$', dot, flags=re.MULTILINE):
        graph[name].add(before)
    return graph


def resolve(graph: Graph, targets: Collection[str]) -> set[str]:
    """The stages that targets name: a stage, or all of a group, `train` for every `train@MODEL`. Raises UserError."""
    names = {target: {name for name in graph if target in (name, name.split("@")[0])} for target in targets}
    if unknown := [target for target, stages in names.items() if not stages]:
        known = ", ".join(dict.fromkeys(part for name in graph for part in (name.split("@")[0], name)))
        raise UserError(f"a target must be a stage: {known}. Got {unknown[0]}.")
    return set().union(*names.values())


def before(graph: Graph, names: Collection[str]) -> set[str]:
    """The stages and all that they need."""
    reached, waiting = set(names), list(names)
    while waiting:
        new = graph[waiting.pop()] - reached
        reached |= new
        waiting += new
    return reached


def outdated(graph: Graph, changed: Collection[str]) -> Graph:
    """The part of the graph that has to run: what has changed, and what hangs on it."""
    names = {name for name in graph if before(graph, [name]) & set(changed)}
    return {name: graph[name] & names for name in graph if name in names}


def chains(graph: Graph, seconds: Mapping[str, float]) -> dict[str, float]:
    """For each stage, the seconds of the longest chain of stages that begins with it; an unknown stage counts 0."""
    longest = dict.fromkeys(graph, 0.0)
    for name in reversed([*TopologicalSorter(graph).static_order()]):
        longest[name] += seconds.get(name, 0)
        for other in graph[name]:
            longest[other] = max(longest[other], longest[name])
    return longest
