"""Cycles in a graph."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from hypothesis import given
from hypothesis import strategies as st

from importer.check.relation_targets import NODES_SHOWN, find_cycles

NODES = st.integers(0, 7)
GRAPHS = st.dictionaries(NODES, st.lists(NODES, unique=True, max_size=4))


def is_acyclic(graph: dict[int, list[int]]) -> bool:
    """Whether a graph has no cycle, by the standard library."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return False
    return True


@given(GRAPHS)
def test_cycles_are_cycles(graph: dict[int, list[int]]) -> None:
    """Each cycle is one and comes once; without the steps that close them the graph has none."""
    cycles = [nodes for nodes, _ in find_cycles(graph, lambda node: graph.get(node, ()), shown=99)]
    closing = {(nodes[-1], nodes[0]) for nodes in cycles}
    assert len(closing) == len(cycles)
    for nodes in cycles:
        assert len(set(nodes)) == len(nodes)
        assert all(after in graph[node] for node, after in zip(nodes, [*nodes[1:], nodes[0]], strict=True))
    left = {node: [after for after in afters if (node, after) not in closing] for node, afters in graph.items()}
    assert is_acyclic(left)
    assert bool(cycles) is not is_acyclic(graph)


def test_long_cycles_are_not_written_out() -> None:
    """Of a long cycle the beginning and the length are given, so that many of them cost little."""
    chain = {node: [node + 1, 0] for node in range(1_000)}
    cycles = list(find_cycles([0], lambda node: chain.get(node, ())))
    assert cycles[0] == (list(range(NODES_SHOWN)), 1_000)
    assert len(cycles) == 1_000
