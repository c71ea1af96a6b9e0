"""Reads the relations of a chunk's issues to other issues of the source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from importer.codes import RELATION_AMBIGUOUS
from importer.mapping.issue_parts import Relation as RelationSpec
from importer.mapping.patterns import compile_pattern
from importer.records import Finding, Relation
from importer.transform.aliases import NO_ALIASES, Aliases
from importer.transform.cell_parts import each_id, find_ids
from importer.transform.columns import Columns

FindKeys = Callable[[int, Collection[str]], Mapping[str, str]]
"""(index of a relation in the mapping, texts that name other rows) → the native key of the row that each text names.

The key is "" if several rows have the text; texts that no row has are absent.
"""


def find_no_keys(place: int, texts: Collection[str]) -> Mapping[str, str]:
    """Find no row: for a mapping whose relations name other issues by their keys."""
    return {}


def read_relations(
    specs: Sequence[RelationSpec],
    columns: Columns,
    keys: Sequence[str],
    source_name: str,
    find_keys: FindKeys = find_no_keys,
    aliases: Aliases = NO_ALIASES,
) -> tuple[dict[int, tuple[Relation, ...]], list[tuple[int, Finding]]]:
    """Row → its relations, each once and in order; and (row, finding) where one names the row itself or several rows.

    `keys` are the rows' full keys; a row without one has no relations. A text that no row has is taken for a key.
    Whether the other issue exists is checked in `check.relation_targets`.
    """
    relations: dict[int, dict[Relation, None]] = {}
    findings: dict[tuple[int, Finding], None] = {}
    for place, spec in enumerate(specs):
        named = list(each_name(spec, columns))
        known = {} if spec.by is None else find_keys(place, {text for _, text in named})
        for row, text in named:
            native = known.get(text, text)
            key, other = keys[row], f"{source_name}:{native}"
            other = aliases.get(other, other)
            if not native:
                findings[row, _ambiguous(text)] = None
            elif key == other:
                if not spec.pairs:
                    findings[row, _to_itself(native)] = None
            elif key:
                relation = relate(other, spec.type, key) if spec.inverse else relate(key, spec.type, other)
                relations.setdefault(row, {})[relation] = None
    return {row: _without_implied(said) for row, said in relations.items()}, list(findings)


def each_name(spec: RelationSpec, columns: Columns) -> Iterator[tuple[int, str]]:
    """(row, text) of every text that names another issue."""
    find = None if spec.find is None else compile_pattern(spec.find)
    for row, part in each_id(columns, spec, spec.split):
        yield from ((row, name) for name in ((part,) if find is None else find_ids(find, part)))


def relate(one: str, kind: str, other: str) -> Relation:
    """The relation of `one` to `other` (full keys) in one form, whichever of the two rows states it.

    The API's relations point one way (post/triage-issues-id-relations), and `related_to` means the same in both.
    """
    if kind == "related_to":
        one, other = sorted((one, other))
    return Relation(one, kind, other)


def _without_implied(relations: Iterable[Relation]) -> tuple[Relation, ...]:
    """Drop `related_to` where the same two issues have a more specific relation: trackers often export both."""
    relations = tuple(relations)
    closer = {frozenset((said.owner, said.other)) for said in relations if said.type != "related_to"}
    return tuple(
        said for said in relations if said.type != "related_to" or frozenset((said.owner, said.other)) not in closer
    )


def _to_itself(native: str) -> Finding:
    message = f"the row has a relation to itself, {native!r}; it isn't sent"
    hint = "empty the cell, or point `relations` in the mapping at another column"
    return Finding("relation-to-itself", "relations", message, hint, native, rejects=False)


def _ambiguous(text: str) -> Finding:
    message = f"the row names another issue by {text!r}, which several rows have; it isn't sent"
    hint = "in the mapping's `relations`, name other issues by a column that is unique"
    return Finding(RELATION_AMBIGUOUS, "relations", message, hint, text, rejects=False)
