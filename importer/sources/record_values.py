"""The values that a mapping's columns and paths have in JSON records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from jmespath.exceptions import JMESPathError

from importer.mapping.json_paths import Search, compile_path, read_chains
from importer.records import Finding, Ref
from importer.sources.json_values import to_cells

KINDS_KEPT = 256
"""Kinds of records whose paths are remembered: to choose them for each record takes 4 to 9 µs."""

_Keys = frozenset[str]
_NO_KEYS: _Keys = frozenset()


class _Path(NamedTuple):
    """A path: the place of its reference, its function, and the first two keys of each of its chains.

    is_constant  whether it has a value, or fails, where a record has none of these keys
    """

    place: int
    search: Search
    chains: frozenset[tuple[str, ...]]
    is_constant: bool


class RecordValues:
    """Finds the values of references in records: columns by a top-level key's exact name, paths by JMESPath.

    A preset names hundreds, of all forms and languages of an export, and a record has a dozen. So each record is asked
    only for those that it may have by its own keys and by those of its objects.
    """

    def __init__(self, refs: Sequence[Ref]) -> None:
        self._refs = refs
        self._columns = {ref.name: place for place, ref in enumerate(refs) if ref.kind == "column"}
        self._paths = [_read_path(place, ref.name) for place, ref in enumerate(refs) if ref.kind == "path"]
        chains = frozenset[tuple[str, ...]]().union(*(path.chains for path in self._paths))
        self._keys = frozenset(keys[0] for keys in chains if keys)
        inner = ((key, frozenset(keys[1] for keys in chains if keys[:1] == (key,) != keys)) for key in self._keys)
        self._inner = {key: names for key, names in inner if names}
        self._paths_of = lru_cache(KINDS_KEPT)(self._choose)

    def __call__(self, record: Mapping[str, Any]) -> dict[int, Any] | Finding:
        """Return place of a reference → its value unless that is null, or the finding for a path that fails."""
        columns, place = self._columns, 0
        found = {columns[key]: value for key, value in record.items() if key in columns and value is not None}
        try:
            for place, search in self._paths_of(*self._kind_of(record)):
                if (value := search(record)) is not None:
                    found[place] = value
        except JMESPathError as error:
            return _path_failed(self._refs[place], error)
        return found

    def _kind_of(self, record: Mapping[str, Any]) -> tuple[_Keys, ...]:
        """The keys of a record that paths ask for, and those of each of its objects."""
        keys = self._keys.intersection(record)
        inner = self._inner.items() if keys else ()
        return keys, *(
            names.intersection(value) if isinstance(value := record.get(key), dict) else _NO_KEYS
            for key, names in inner
        )

    def _choose(self, keys: _Keys, *inner: _Keys) -> list[tuple[int, Search]]:
        """The paths that may have a value in records of a kind."""
        there: set[tuple[str, ...]] = {(), *((key,) for key in keys)}
        there |= {(key, name) for key, names in zip(self._inner, inner, strict=False) for name in names}
        return [
            (path.place, path.search) for path in self._paths if path.is_constant or not path.chains.isdisjoint(there)
        ]


def _read_path(place: int, expression: str) -> _Path:
    search = compile_path(expression)
    try:
        is_constant = to_cells(search({})) not in ([], [""])
    except JMESPathError:
        is_constant = True
    return _Path(place, search, frozenset(keys[:2] for keys in read_chains(expression)), is_constant)


def _path_failed(ref: Ref, error: JMESPathError) -> Finding:
    return Finding(
        "row-path-failed",
        "",
        f"The {ref} can't be applied to this record: {error}",
        hint="Give it a default for records without the value, for example: labels || `[]`",
        value=ref.name,
    )
