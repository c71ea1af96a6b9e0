"""Cycles in a graph of any size, found in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

NODES_SHOWN = 8
"""Nodes of a cycle that are given."""


def find_cycles(
    starts: Iterable[int], successors: Callable[[int], Iterable[int]], shown: int = NODES_SHOWN
) -> Iterator[tuple[list[int], int]]:
    """Find cycles by depth-first search: the first `shown` nodes of each, and how many nodes it has.

    Each back edge gives one cycle, so that the graph without these edges has none; of several cycles that share a back
    edge only one is found. Memory is one path and the nodes that are done, time is linear.
    """
    done: set[int] = set()
    for start in starts:
        path: list[int] = []  # no recursion: a chain of blocks may be longer than Python's stack
        depth: dict[int, int] = {}
        branches: list[Iterator[int]] = [iter((start,))]
        while branches:
            for node in branches[-1]:
                if node in depth:
                    yield path[depth[node] : depth[node] + shown], len(path) - depth[node]
                elif node not in done:
                    depth[node] = len(path)
                    path.append(node)
                    branches.append(iter(successors(node)))
                    break
            else:
                branches.pop()
                if path:
                    node = path.pop()
                    del depth[node]
                    done.add(node)
