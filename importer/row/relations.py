"""Reads the relations of a row's issue to other issues of the source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from importer.codes import RELATION_AMBIGUOUS
from importer.mapping.issue_parts import Relation as RelationSpec
from importer.mapping.patterns import compile_pattern
from importer.records import Finding, IssueParts, Relation
from importer.row.compiler import Compiler, no_cells
from importer.row.part_reader import NOTHING_READ, CleanTexts, FindKeys, PartReader, RowParts
from importer.sources.source_rows import SourceRow
from importer.transform.aliases import NO_ALIASES, Aliases
from importer.transform.cell_parts import names_in, read_ids

ReadNames = Callable[[SourceRow], list[str]]


def find_no_keys(place: int, texts: Collection[str]) -> Mapping[str, str]:
    """Find no row: for a mapping whose relations name other issues by their keys."""
    return {}


class _CompiledRelation(NamedTuple):
    """A relation of a mapping that the file may have, its index there, and what reads the texts that name issues."""

    place: int
    spec: RelationSpec
    names: ReadNames


class RelationReader(PartReader):
    """Reads the relations of a file's rows. Rows are prepared before they are read: see `prepare`."""

    def __init__(
        self,
        specs: Sequence[RelationSpec],
        compiler: Compiler,
        source_name: str,
        find_keys: FindKeys = find_no_keys,
        aliases: Aliases = NO_ALIASES,
    ) -> None:
        self._source_name, self._find_keys, self._aliases = source_name, find_keys, aliases
        self._relations = list[_CompiledRelation]()
        for place, spec in enumerate(specs):
            names = compile_names(spec, compiler)
            if names is not read_no_names:
                self._relations.append(_CompiledRelation(place, spec, names))
        self._natives: dict[int, Mapping[str, str]] = {place: {} for place in range(len(specs))}

    @property
    def reads_anything(self) -> bool:
        """Whether the file has any column of them."""
        return bool(self._relations)

    def prepare(self, rows: Sequence[SourceRow]) -> None:
        """Look up whom these rows name otherwise than by a key, at once: one search for each row takes its time."""
        for place, spec, read_names in self._relations:
            if spec.by is not None:
                names = {name for row in rows for name in read_names(row)}
                self._natives[place] = self._find_keys(place, names)

    def read(self, row: SourceRow, key: str, clean: CleanTexts) -> RowParts:
        """The relations of a row with this full key, and findings where one names the row itself or several rows.

        Each relation comes once and in order. A row without a key has none. A text that no row has is taken for a key.
        Whether the other issue exists is checked in `check.relation_targets`.
        """
        relations = dict[Relation, None]()
        findings = dict[Finding, None]()
        for place, spec, read_names in self._relations:
            for name in read_names(row):
                native = self._natives[place].get(name, name)
                target = f"{self._source_name}:{native}"
                target = self._aliases.get(target, target)
                if not native:
                    findings[_ambiguous(name)] = None
                elif target == key:
                    # Where cells name both ends, one of these is the row.
                    if not spec.pairs:
                        findings[_to_itself(native)] = None
                elif key and spec.inverse:
                    relations[relate(target, spec.type, key)] = None
                elif key:
                    relations[relate(key, spec.type, target)] = None
        if not relations and not findings:
            return NOTHING_READ
        return RowParts(IssueParts(relations=_without_implied(relations)), findings=tuple(findings))


def read_no_names(row: SourceRow) -> list[str]:
    """The texts that name other issues in a row where the file has none."""
    return []


def compile_names(spec: RelationSpec, compiler: Compiler) -> ReadNames:
    """What reads every text of a row that names another issue."""
    cells = compiler.cells(spec)
    if cells is no_cells:
        return read_no_names
    find = None if spec.find is None else compile_pattern(spec.find)

    def read_names(row: SourceRow) -> list[str]:
        names = list[str]()
        texts = cells(row)
        if not any(texts):  # as in most rows
            return names
        for part in read_ids(texts, spec.split):
            names += names_in(part, find)
        return names

    return read_names


def relate(first: str, kind: str, second: str) -> Relation:
    """The relation of `first` to `second` (full keys) in one form, whichever of the two rows states it.

    The API's relations point one way (post/triage-issues-id-relations), and `related_to` means the same in both.
    """
    if kind == "related_to":
        first, second = sorted((first, second))
    return Relation(first, kind, second)


def _without_implied(relations: Iterable[Relation]) -> tuple[Relation, ...]:
    """Drop `related_to` where the same two issues have a more specific relation: trackers often export both."""
    relations = tuple(relations)
    if len(relations) < 2:
        return relations
    closer = {frozenset((relation.owner, relation.other)) for relation in relations if relation.type != "related_to"}
    specific = list[Relation]()
    for relation in relations:
        if relation.type != "related_to" or frozenset((relation.owner, relation.other)) not in closer:
            specific.append(relation)
    return tuple(specific)


def _to_itself(native: str) -> Finding:
    message = f"the row has a relation to itself, {native!r}; it isn't sent"
    hint = "empty the cell, or point `relations` in the mapping at another column"
    return Finding("relation-to-itself", "relations", message, hint, native, rejects=False)


def _ambiguous(text: str) -> Finding:
    message = f"the row names another issue by {text!r}, which several rows have; it isn't sent"
    hint = "in the mapping's `relations`, name other issues by a column that is unique"
    return Finding(RELATION_AMBIGUOUS, "relations", message, hint, text, rejects=False)
