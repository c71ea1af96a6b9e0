"""Column coverage: how many of the filled cells of each column are lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from importer.check.coverage.attachments import Attachment, AttachmentSpool, read_texts
from importer.check.coverage.cells import CellCounter
from importer.check.coverage.leaves import Leaves
from importer.check.coverage.lines import CoverageLine, CoverageLines
from importer.check.coverage.uses import ATTACHMENTS, FOOTER, list_uses
from importer.check.examine import RowRun
from importer.mapping.model import MappingModel
from importer.phrases import counted, listed
from importer.records import Finding
from importer.sources.json import embedded_record
from importer.sources.json_values import lenient_decoder
from importer.sources.wrappers import open_envelope
from importer.transform.file_addresses import FileAddresses
from importer.transform.shown_people import ShownPeople

if TYPE_CHECKING:
    from importer.sources.source import SourceFile

COLUMNS_SHOWN = 8
COLUMNS_NAMED = 100
"""Dropped columns that summary.json names; losses.csv has all."""

Reader = Callable[[Any], Mapping[str, Any] | None]
"""Reads a record as the mapping saw it, from its raw text or cells; None where it can't be read."""

_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?!\d)|\d{1,2}[-/. ](?:\d{1,2}|[^\W\d]{3,9})[-/. ,]+\d{2,4}(?!\d)")
_AUTHOR = re.compile(r"(?i)\b(?:reporter|author|creator|created by|requester|submitter|opened by|reported by)\b")


class Coverage:
    """Counts the filled cells of all rows, column by column, and those that are lost; memory stays flat.

    A CSV column is known by its header, columns with the same one together; a JSON leaf by its path, with `[]` for the
    items of an array. White space, null, a program's word for nothing and empty lists and objects are not filled. The
    envelope around a record is not counted, and neither is what stands beside the records in a document.
    """

    def __init__(self, mapping: MappingModel, files: Sequence[SourceFile], shown_people: ShownPeople) -> None:
        self._readers = list(map(_find_reader, files))
        self._hides = mapping.people.hides
        self._shown_people = shown_people
        self._lines = CoverageLines(mapping.drop, shown_people.clean if self._hides else None)
        self._uses = list_uses(mapping)
        self._cells = CellCounter(self._lines, self._uses, files)
        self._addresses = FileAddresses(mapping.attachments)
        self.named_attachments = self._issues_with_attachments = 0  # of the rows that are sent
        self.attachments = AttachmentSpool()

    def add(self, run: RowRun) -> None:
        read_record = self._readers[run.source.file]
        in_cells = self._cells.count(run) if read_record is None else self._add_leaves(run, read_record)
        attachments = [*in_cells, *read_texts(self._addresses, run.rows)]
        self.named_attachments += len(attachments)
        self._issues_with_attachments += len({attachment.key for attachment in attachments})
        if self._hides:
            names = self._shown_people.clean([attachment.name for attachment in attachments])
            named = zip(attachments, names, strict=True)
            attachments = [attachment._replace(name=name) for attachment, name in named]
        self.attachments.add(attachments)

    @cached_property
    def _leaves(self) -> Leaves:
        return Leaves(self._lines, self._uses)

    def _add_leaves(self, run: RowRun, read_record: Reader) -> Iterator[Attachment]:
        self._leaves.turn_to(run)
        for row in run.rows:
            record = read_record(row.issue.row.raw)
            if record is not None:
                yield from self._leaves.add(record, row)

    def lines(self) -> list[CoverageLine]:
        """Return the lines of all columns with filled cells, those that lose most first, and of these the undecided."""
        return sorted(self._lines, key=lambda line: (not line.lost, line.may_drop, -line.lost, line.column))

    def losses(self) -> list[CoverageLine]:
        """Return the lines of the columns that lose cells; those that the mapping names under `drop` come last."""
        return [line for line in self.lines() if line.lost]

    def table(self) -> list[tuple[str, ...]]:
        """Return the rows of losses.csv."""
        return [
            (
                line.column,
                str(line.lost),
                str(line.filled),
                "yes" if line.may_drop else "",
                ", ".join(line.keys),
                "" if self._hides else line.example,
            )
            for line in self.losses()
        ]

    def dropped(self) -> list[CoverageLine]:
        """Return the lines of the columns that lose cells, and that the mapping doesn't name under `drop`."""
        return [line for line in self.losses() if not line.may_drop]

    def as_json(self) -> dict[str, Any]:
        dropped = self.dropped()
        return {
            "dropped_cells": sum(line.lost for line in dropped),
            "dropped_columns": [line.column for line in dropped[:COLUMNS_NAMED]],
            "more_columns": max(0, len(dropped) - COLUMNS_NAMED),
            "attachments": self.named_attachments,
        }

    def show(self) -> list[str]:
        """Return the lines that the check prints: the columns that are lost, widest first."""
        dropped = self.dropped()
        if not dropped:
            return []
        lines = [f"lost columns ({counted(sum(line.lost for line in dropped), 'cell')}):"]
        lines += [f"  {_describe(line, hides=self._hides)}" for line in dropped[:COLUMNS_SHOWN]]
        if len(dropped) > COLUMNS_SHOWN:
            lines.append(f"  and {len(dropped) - COLUMNS_SHOWN:,} more: losses.csv")
        return lines

    def warnings(self) -> list[str]:
        """Return a sentence for each kind of data that Triage has no field for: dates, authors, attachments."""
        dates, authors = list[str](), list[str]()
        for line in self._lines:
            labels = [name for name in line.uses if name.startswith(FOOTER)]
            # The line of attachments may begin with a date.
            if set(labels) - {ATTACHMENTS} and line.samples and all(map(_DATE.match, line.samples)):
                dates.append(line.column)
            if any(map(_AUTHOR.search, labels)):
                authors.append(line.column)
        sentences = []
        if dates:
            sentences.append(
                "dates are kept as text in the footer, because Triage dates an issue by its import: "
                f"{listed(dates, COLUMNS_SHOWN)}"
            )
        if authors:
            sentences.append(f"authors are kept as text in the footer: {listed(authors, COLUMNS_SHOWN)}")
        if self.named_attachments:
            files = counted(self.named_attachments, "attachment")
            issues = counted(self._issues_with_attachments, "issue")
            sentences.append(
                f"{files} of {issues} can't be sent, and their addresses stop working once the old tracker is gone: "
                "see attachments.csv"
            )
        return sentences

    @property
    def refusal(self) -> str:
        """Why `--strict` sends nothing; `""` if all columns that are lost are named under `drop`."""
        dropped = self.dropped()
        if not dropped:
            return ""
        names = listed([line.column for line in dropped], COLUMNS_SHOWN)
        return (
            f"--strict: {counted(len(dropped), 'column')} would be lost, and the mapping has neither `drop` nor `rest` "
            f"for: {names}"
        )


def _find_reader(file: SourceFile) -> Reader | None:
    if file.format != "csv":
        return partial(_read_json, file.row_envelope)
    return None if file.json_column is None else partial(_read_embedded, file.header, file.json_column)


def _read_json(envelope: str, raw: str) -> Mapping[str, Any] | None:
    """Read a record as the mapping saw it, envelope opened; None where it can't be read."""
    try:
        value = lenient_decoder.decode(raw)  # a key that comes twice was refused before
    except (JSONDecodeError, RecursionError):
        return None
    return open_envelope(envelope, value) if isinstance(value, dict) else None


def _read_embedded(header: Sequence[str], column: int, raw: Sequence[str]) -> Mapping[str, Any] | None:
    """Read a record in a column of a table; None where it can't be read."""
    if len(raw) > len(header):  # surplus cells are a defect of the row
        return None
    cells = [*raw, *[""] * (len(header) - len(raw))]
    record = embedded_record(header, cells, column, 0)
    if isinstance(record, Finding):
        return None
    # The record has the columns around its JSON, too; the JSON's own column is no leaf of it.
    around = header[column].strip()
    return {key: value for key, value in record.items() if key != around or value is not cells[column]}


def _describe(line: CoverageLine, *, hides: bool) -> str:
    sample = f", e.g. {line.example}" if not hides else ""
    return f"{line.column}  {counted(line.lost, 'cell')}{sample}"
