"""Transforms rows into issues by a mapping. Pure: no I/O, no clock."""

from __future__ import annotations

from importer.mapping.identities import Roster
from importer.mapping.model import MappingModel
from importer.mapping.reads import collect_annexes, collect_refs, collect_tables, narrow
from importer.mapping.texts import Text
from importer.row.issue import IssueMapper
from importer.row.issue_batch import IssueBatch
from importer.row.part_reader import FindKeys
from importer.row.people import FindName, find_no_name
from importer.row.relations import find_no_keys
from importer.sources.source_rows import SourceRows
from importer.transform.aliases import NO_ALIASES, Aliases
from importer.transform.shown_people import ShownPeople


class Transform:
    """A mapping, ready to turn the rows of one source into issues.

    refs     every column and path that it reads: what a source has to read
    tables   the look-up tables beside the records that it reads
    annexes  place in `comments: from` → the objects beside the records that are read there
    dates    the formats of dates that it names
    shown    how people are shown
    """

    def __init__(
        self,
        mapping: MappingModel,
        source_name: str,
        people: Roster | None = None,
        find_name: FindName = find_no_name,
        find_keys: FindKeys = find_no_keys,
        aliases: Aliases = NO_ALIASES,
    ) -> None:
        self.mapping = mapping
        self.refs = collect_refs(mapping)
        self.tables = collect_tables(mapping)
        self.annexes = collect_annexes(mapping)
        self.dates = mapping.input.dates
        self.shown = ShownPeople(mapping.people, people or Roster())
        self._source_name, self._aliases = source_name, aliases
        self._find_name, self._find_keys = find_name, find_keys
        self._filled = frozenset(ref for text in _texts_with_all_cells(mapping) for ref in text.refs)
        self._newest: IssueMapper | None = None

    def __call__(self, source: SourceRows) -> IssueBatch:
        """Transform rows that were read together. Defective ones become empty issues."""
        issues, groups = self._mapper(source).map_rows(source.rows)
        return IssueBatch(source, issues, {rows[0]: rows for rows in groups})

    def group_keys(self, source: SourceRows) -> list[str | None]:
        """The key of each row's group, for which the check asks so that no group is divided."""
        return self._mapper(source).group_keys(source.rows)

    def name_rows(self, source: SourceRows) -> list[str]:
        """The native key of each row, "" where it has none; it needs no more columns than `collect_key_refs` names."""
        return self._mapper(source).name_rows(source.rows)

    def _mapper(self, source: SourceRows) -> IssueMapper:
        """What maps the rows of a file; one file follows another, so that only the newest is kept.

        It leaves out what has had no text so far: a preset names hundreds of columns and paths, and a row has a dozen.
        """
        self._filled |= source.filled
        layout = source.layout.without_empty(self._filled)
        if self._newest is None or self._newest.layout != layout:
            self._newest = IssueMapper(
                narrow(self.mapping, layout.present),
                layout,
                self._source_name,
                self.shown,
                self._find_name,
                self._find_keys,
                self._aliases,
            )
        return self._newest


def _texts_with_all_cells(mapping: MappingModel) -> list[Text]:
    """The texts of which empty columns are read, too: whether a file has no answers, or empty ones, are two things.

    And what an occurrence says is known by a digest of all cells that its answer and its note are made of.
    """
    texts = [mapping.answer, mapping.description if mapping.recurring is not None else None]
    return [text for text in texts if text is not None]
