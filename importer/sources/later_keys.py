"""Keys that only later records of a JSON file have: found in a reading of their own, where something depends on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from importer.sources.sampling import NAME_DEPTH
from importer.sources.source import Source

LIMIT = 500
"""Keys that are given: where JSON has data as keys, ids above all, there is no end to them."""
PATHS_LIMIT = 10_000
"""Paths that are told apart."""


def find_later_keys(source: Source, files: Collection[int], known: Collection[str]) -> list[str]:
    """List the keys of all records of some files beside those that are known, those within objects dotted.

    Raises SourceNotReady or SourceError if a file can't be read to its end.
    """
    tree: dict[str, Any] = {}
    names = dict[str, None]()
    paths = 0
    for number in files:
        for record in source.records(number):
            for name in _new_names(record, tree, "", NAME_DEPTH):
                paths += 1
                if name not in known:
                    names[name] = None
            if paths > PATHS_LIMIT or len(names) > LIMIT:
                return list(names)[:LIMIT]
    return list(names)


def _new_names(record: dict[str, Any], tree: dict[str, Any], before: str, depth: int) -> Iterator[str]:
    """Yield the keys of a record that the tree doesn't have yet, and put them there."""
    for key, value in record.items():  # the hot loop: nearly all keys are there
        below = tree.get(key)
        if below is None:
            below = tree[key] = {}
            yield before + key
        if depth > 1 and type(value) is dict:
            yield from _new_names(value, below, f"{before}{key}.", depth - 1)
