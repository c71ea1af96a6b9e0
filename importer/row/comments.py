"""Reads the discussion of a row: from repeated columns, journals in one cell, JSON, and objects beside the records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from importer.mapping.issue_parts import Comments
from importer.mapping.model import UNDECIDED
from importer.records import Comment, Finding
from importer.row.comment_entries import Entry, EntryReader
from importer.row.comment_ids import Identifier
from importer.row.compiler import Compiler
from importer.sources.source_rows import Layout, SourceRow
from importer.transform.dates import read_time


@dataclass(slots=True)
class Discussion:
    """The comments of a row, and what there is to note of them.

    comments      those that are sent, in order
    findings      that a comment could not be read as the mapping says, each once; it is taken as it is
    left_out      how many comments the mapping drops because they are for the team alone
    is_undecided  whether it has such comments, and the mapping doesn't say whether they are sent
    dropped       the parts of markup that a conversion could not keep, and how often
    """

    comments: tuple[Comment, ...] = ()
    findings: list[Finding] = field(default_factory=list)
    left_out: int = 0
    is_undecided: bool = False
    dropped: Counter[str] = field(default_factory=Counter)


SILENCE = Discussion()
"""That of every row without comments: never changed."""


class CommentReader:
    """Reads the comments of a file's rows from all sources that the mapping names.

    reads_anything  whether the file has any of these
    """

    def __init__(self, spec: Comments, compiler: Compiler, layout: Layout) -> None:
        sources = [
            EntryReader(source, compiler, layout, layout.beside.get(number)) for number, source in enumerate(spec.from_)
        ]
        self._sources = [source for source in sources if source.is_present]
        self.reads_anything = bool(self._sources)
        self._dates = layout.dates
        self._is_undecided, self._leaves_out = spec.private == UNDECIDED, spec.private == "drop"
        self._identifier = Identifier()

    def prepare(self, rows: Sequence[SourceRow]) -> None:
        """Fetch what stands beside the records of these rows, before they are read."""
        for source in self._sources:
            source.prepare(rows)

    def read(self, row: SourceRow) -> Discussion:
        """Read the discussion of a row."""
        by_source = [source.read(row) for source in self._sources]
        if not any(by_source):
            return SILENCE
        entries = _put_in_order(by_source, self._dates)
        discussion = Discussion()
        comments: list[Comment] = []
        for entry, (id_, content) in zip(entries, self._identifier.identify(entries), strict=True):
            if entry.problem:
                discussion.findings.append(entry.source.warn(entry.problem))
            is_private = entry.is_private
            # Nobody misses the markup of a comment that isn't sent.
            if is_private and self._leaves_out:
                discussion.left_out += 1
                continue
            if is_private and self._is_undecided:
                discussion.is_undecided = True
            text, dropped = entry.source.convert(entry)
            if dropped:
                discussion.dropped.update(dropped)
            comments.append(Comment(id_, entry.author.strip(), entry.date.strip(), text, is_private, content))
        discussion.comments = tuple(comments)
        if discussion.findings:
            discussion.findings = list(dict.fromkeys(discussion.findings))
        return discussion


def _put_in_order(by_source: Sequence[Sequence[Entry]], date_formats: tuple[str, ...]) -> Sequence[Entry]:
    """Sort comments by date if all dates can be read; otherwise each source's.

    If that fails too, they stay in the order of the file.
    """
    entries = [entry for source_entries in by_source for entry in source_entries]
    by_date = _sort_by_date(entries, date_formats)
    if by_date is not None:
        return by_date
    ordered = list[Entry]()
    for source_entries in by_source:
        ordered += _sort_by_date(source_entries, date_formats) or source_entries
    return ordered


def _sort_by_date(entries: Sequence[Entry], date_formats: tuple[str, ...]) -> Sequence[Entry] | None:
    """Sort comments by date, equal ones as in the file; None if a date can't be read."""
    if len(entries) < 2:
        return entries
    dated: list[tuple[datetime, int]] = []
    for number, entry in enumerate(entries):
        date = read_time(entry.date, date_formats)
        if date is None:
            return None
        dated.append((date, number))
    dated.sort()
    return [entries[number] for _, number in dated]
