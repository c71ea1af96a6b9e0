"""Column coverage: counts each filled cell of a source in exactly one class: where it goes, or that it is lost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from importer.check.coverage.attachments import Attachment, AttachmentSpool, read_texts
from importer.check.coverage.cells import CellCounter
from importer.check.coverage.leaves import Leaves
from importer.check.coverage.lines import DROPPED, NOWHERE, CoverageLine, CoverageLines
from importer.check.coverage.uses import ATTACHMENTS, consume_cells, list_rule_refs, list_uses
from importer.check.examine import Examined
from importer.check.plan import Plan
from importer.mapping.model import MappingModel
from importer.phrases import counted, listed
from importer.records import Finding
from importer.sources.json import embedded_record
from importer.sources.json_values import lenient_decoder
from importer.sources.wrappers import open_envelope
from importer.transform.chunk_records import Records
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
    """Counts the filled cells of every chunk by column and class; memory doesn't grow with the rows.

    A class is what a cell becomes (`title`, `comment`, `footer: Sprint`, …), `rule`, `drop`, `dropped` or `not sent`. A
    CSV column is known by its header, columns with the same one together; a JSON leaf by its path, with `[]` for the
    items of an array. White space, null and empty lists and objects are not filled. The envelope around a record is not
    counted, and neither is what stands beside the records in a document.
    """

    def __init__(self, mapping: MappingModel, files: Sequence[SourceFile], shown: ShownPeople) -> None:
        self._mapping, self._readers = mapping, list(map(_find_reader, files))
        self._cells = CellCounter(mapping, files)
        self._repeats: Counter[str] = Counter()
        for names in self._cells.names:
            self._repeats |= Counter(names)
        self._hides, self._shown = mapping.people.hides, shown
        self._lines = CoverageLines(mapping.drop, shown.clean if self._hides else None)
        self._uses = list_uses(mapping)
        self.named_attachments = self._issues_with_attachments = 0  # of the rows that are sent
        self.attachments = AttachmentSpool()

    def add(self, examined: Examined, plan: Plan) -> None:
        records = examined.records
        if (read := self._readers[records.chunk.file]) is None:
            attachments = self._cells.count(self._lines, examined, plan.left_out)
        else:
            attachments = self._add_leaves(records, plan, read)
        self.named_attachments += len(attachments)
        self._issues_with_attachments += len({attachment.key for attachment in attachments})
        if self._hides:
            names = self._shown.clean([attachment.name for attachment in attachments])
            attachments = [each._replace(name=name) for each, name in zip(attachments, names, strict=True)]
        self.attachments.add(attachments)

    @cached_property
    def _leaves(self) -> Leaves:
        return Leaves(self._lines, self._uses, list_rule_refs(self._mapping))

    def _add_leaves(self, records: Records, plan: Plan, read: Reader) -> list[Attachment]:
        leaves = self._leaves
        leaves.turn_to(records, [consume_cells(use, records) for use in self._uses])
        found: list[Attachment] = []
        for place, (raw, key) in enumerate(zip(records.chunk.raw, records.keys.full, strict=True)):
            record, sent = read(raw), place not in plan.left_out
            if record is None:
                leaves.add_unreadable(raw if isinstance(raw, str) else "".join(raw))
            else:
                found += leaves.add(record, place, key, sent=sent)
        return [*found, *read_texts(self._cells.addresses, records, plan.left_out)]

    def lines(self) -> list[CoverageLine]:
        """Return all lines: what goes nowhere first, the column with the most cells before the others."""
        ranks = {label: rank for rank, label in enumerate(NOWHERE)}
        return sorted(
            self._lines,
            key=lambda line: (ranks.get(line.label, len(ranks)), -line.cells, line.column, line.label),
        )

    def table(self) -> list[tuple[str, ...]]:
        """Return the rows of losses.csv: column, class, cells, their share, columns of this header, two samples."""
        cells: Counter[str] = Counter()
        for line in self._lines:
            cells[line.column] += line.cells
        return [
            (
                line.column,
                line.label,
                str(line.cells),
                f"{line.cells / cells[line.column]:.1%}",
                str(self._repeats[line.column] or 1),
                *[*([] if self._hides else line.samples), "", ""][:2],
            )
            for line in self.lines()
        ]

    def dropped(self) -> list[CoverageLine]:
        """Return the lines of cells that are lost, and that the mapping doesn't name under `drop`."""
        return [line for line in self.lines() if line.label == DROPPED]

    def as_json(self) -> dict[str, Any]:
        dropped = self.dropped()
        return {
            "dropped_cells": sum(line.cells for line in dropped),
            "dropped_columns": [line.column for line in dropped[:COLUMNS_NAMED]],
            "more_columns": max(0, len(dropped) - COLUMNS_NAMED),
            "attachments": self.named_attachments,
        }

    def show(self) -> list[str]:
        """Return the lines that the check prints: the columns that are lost, widest first."""
        dropped = self.dropped()
        said = [f"  {_describe(line, hides=self._hides)}" for line in dropped[:COLUMNS_SHOWN]]
        if dropped:
            said = [f"lost columns ({counted(sum(line.cells for line in dropped), 'cell')}):", *said]
        if len(dropped) > COLUMNS_SHOWN:
            said.append(f"  and {len(dropped) - COLUMNS_SHOWN:,} more: losses.csv")
        return said

    def warnings(self) -> list[str]:
        """Return a sentence for each kind of data that Triage has no field for: dates, authors, attachments."""
        footers = [line for line in self._lines if line.label.startswith("footer: ")]
        timed = [line for line in footers if line.label != ATTACHMENTS]  # whose cells may begin with a date
        dates = [line.column for line in timed if line.samples and all(map(_DATE.match, line.samples))]
        authors = [line.column for line in footers if _AUTHOR.search(line.label)]
        said = []
        if dates:
            said.append(
                "dates are kept as text in the footer, because Triage dates an issue by its import: "
                f"{listed(dates, COLUMNS_SHOWN)}"
            )
        if authors:
            said.append(f"authors are kept as text in the footer: {listed(authors, COLUMNS_SHOWN)}")
        if self.named_attachments:
            files, issues = (
                counted(self.named_attachments, "attachment"),
                counted(self._issues_with_attachments, "issue"),
            )
            said.append(
                f"{files} of {issues} can't be sent, and their addresses stop working once the old tracker is gone: "
                "see attachments.csv"
            )
        return said

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
    sample = f", e.g. {line.samples[0]}" if line.samples and not hides else ""
    return f"{line.column}  {counted(line.cells, 'cell')}{sample}"
