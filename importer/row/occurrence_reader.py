"""Reads what a row says of an issue that recurs: its occurrence, see `transform.occurrences`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import orjson

from importer.codes import SKIP_PREFIX
from importer.mapping.model import MappingModel, fold
from importer.mapping.texts import Text
from importer.records import Comment, Finding, Occurrence
from importer.row.compiler import Compiler
from importer.row.evidence import leave_said
from importer.row.footer import Label
from importer.row.remembered import Remembered
from importer.sources.source_rows import Layout, SourceRow
from importer.transform.aliases import content_key
from importer.transform.dates import read_date, seconds_of
from importer.transform.markers import short_digest
from importer.transform.occurrences import ANSWER_PREFIX, is_withdrawal
from importer.transform.plain_text import one_line

if TYPE_CHECKING:
    from importer.row.issue import Issue

CleanComments = Callable[[tuple[Comment, ...]], tuple[Comment, ...]]
"""Comments → the same, with their texts, authors and dates as they are sent."""
EMPTY = Finding(
    "occurrence-empty",
    "recurring",
    "the texts under `occurrence` are empty, so its content tells it from others: once edited, it is another one",
    "fill the columns that `recurring: occurrence` names",
    rejects=False,
)


class OccurrenceReader:
    """Reads the occurrences of a mapping with `recurring`."""

    def __init__(self, mapping: MappingModel, compiler: Compiler, layout: Layout) -> None:
        assert mapping.recurring is not None
        self._reopens = mapping.recurring.finished.reopens
        self._names = [compiler.stripped(text) for text in mapping.recurring.occurrence]
        self._shared = [compiler.stripped(text) for text in mapping.group]
        self._note, self._answer = compiler.stripped(mapping.description), compiler.stripped(mapping.answer)
        self._created = compiler.stripped(mapping.created)
        self._plain_dates = Remembered[str, str](lambda text: _plain_date(text, layout.dates))
        self._answer_cells = _compared_cells(mapping.answer, fold, layout)
        self._note_cells = _compared_cells(mapping.description, _normalise, layout)

    def add(self, issue: Issue, labels: Sequence[Label], clean: CleanComments) -> tuple[Comment, ...]:
        """Read what a row says of an issue that recurs; return the notes of flags that it doesn't say itself.

        An occurrence says all that its footer does, and as a rule its note is the flag's.
        """
        occurrence, nameless = self.read(issue.row, issue.skip, labels)
        issue.findings += nameless
        if occurrence is None:
            return issue.notes
        (comment,) = clean((occurrence.comment,))
        occurrence = occurrence._replace(
            comment=comment if comment.text else comment._replace(text="No note."),
            flags=issue.parts.flags,
            at=seconds_of(issue.created),
            dated=seconds_of(issue.newest),
        )
        issue.parts = issue.parts._replace(occurrences=(occurrence,))
        return leave_said(issue.notes, (comment,))

    def read(self, row: SourceRow, skip: str, labels: Sequence[Label]) -> tuple[Occurrence | None, list[Finding]]:
        """Read the occurrence of a row, and warn if it is known by its content alone.

        A row that is skipped for what it lacks has none. The id is a digest of the texts under `occurrence`, with dates
        in one form, as somebody may type one again in another. `labels` are those of the footer: lines that all rows of
        the issue share, or that name the occurrence, aren't repeated.
        """
        if row.defect is not None or (skip and not is_withdrawal(skip)):
            return None, []
        findings: list[Finding] = []
        names = [reader(row) for reader in self._names]
        identity = [self._plain_dates[name] for name in names]
        if not any(names):
            names = identity = [content_key(row.raw)]
            findings.append(EMPTY)
        answer, note, date = self._answer(row), self._note(row), self._created(row)
        mentioned = {"", *names, *(reader(row) for reader in self._shared), date, answer}
        lines = [f"now {_verdict(skip)}"] if skip else []
        if answer:
            lines.append(f"Answer: {one_line(answer)}")
        for label in labels:
            text = label.text.strip()
            if text not in mentioned:
                lines.append(f"{label.name}: {one_line(text)}")
        text = "\n\n".join(filter(None, [note, "\n".join(lines)]))
        id_ = short_digest(orjson.dumps(identity).decode())
        content = short_digest(f"{id_}\x1d{self._answer_cells(row)}\x1d{self._note_cells(row)}")
        worded = short_digest("\n".join((id_, skip, answer, note)))
        comment = Comment(id_, " · ".join(filter(None, names)), date, text, content=content)
        return Occurrence(comment, is_withdrawn=bool(skip), reopens=self._reopens, worded=worded), findings


def _verdict(skip: str) -> str:
    return skip.removeprefix(SKIP_PREFIX).removeprefix(ANSWER_PREFIX).replace("-", " ")


def _plain_date(text: str, formats: tuple[str, ...]) -> str:
    """A date in ISO 8601; any other text, and a mere number, as it is."""
    date = None if text.isdecimal() else read_date(text, formats)
    if date is None:
        return text
    return str(date.date()) if (date.hour, date.minute, date.second) == (0, 0, 0) else date.isoformat()


def _compared_cells(text: Text | None, normalise: Callable[[str], str], layout: Layout) -> Callable[[SourceRow], str]:
    """The cells that a text is made of, joined: what they say before the mapping changes it."""
    refs = [] if text is None else sorted(set(text.refs))
    places = [place for ref in refs for place in layout.places.get(ref, ())]
    return lambda row: "\x1f".join([normalise(row.cells[place]) for place in places])


def _normalise(text: str) -> str:
    text = text if text.isascii() else unicodedata.normalize("NFC", text)
    return "\n".join(text.splitlines()).strip()
