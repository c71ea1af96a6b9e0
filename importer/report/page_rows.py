"""The rows of report.html: compressed as they pass, with the causes of what needs somebody, in flat memory."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import starmap
from typing import NamedTuple

import orjson

from importer.check.observers.causes import CUT, Causes, SampleRow, weigh_finding
from importer.notices import OPEN
from importer.phrases import row_name
from importer.records import NEEDS_SOMEBODY, PASSED_OVER, Finding, Outcome, Row
from importer.report.results import NO_URL, IssueUrl
from importer.triage.redaction import redact

ROWS_SHOWN = 100_000
"""Rows of each kind that the table of report.html has: those that need somebody, and the others."""
BYTES_SHOWN = 4 << 20
"""Compressed bytes of each kind: long texts end the table before ROWS_SHOWN."""
PRINTED = 300
"""Rows that need somebody that are in the page as plain HTML, so that they are printed."""
CAUSES_SHOWN = 60
TITLES_SOUGHT = 10_000
"""Titles that are looked up in the ledger, which takes longer than all else that a page does for an unchanged row."""
PACKING = 1
"""Level of compression: 3 takes twice the time for a tenth less."""

FindTitles = Callable[[Sequence[str]], Mapping[str, str]]
"""Finds the titles of keys that have an issue."""


class Printed(NamedTuple):
    """A row that needs somebody, as it is printed; `name` is its key, or where it is."""

    name: str
    title: str
    outcome: str
    reason: str
    triage_id: str
    url: str = ""


def find_no_titles(keys: Sequence[str]) -> Mapping[str, str]:
    """Find no title: a check has them in its rows."""
    return {}


_Numbered = tuple[int, Row]
"""A row with its number in the input, from 1."""


class PackedRows:
    """Rows as JSON, compressed: up to ROWS_SHOWN, and BYTES_SHOWN."""

    def __init__(self) -> None:
        self._pack = zlib.compressobj(PACKING)
        self._parts = list[bytes]()
        self.count = self.left_out = self._bytes = 0

    @property
    def left(self) -> int:
        return ROWS_SHOWN - self.count if self._bytes < BYTES_SHOWN else 0

    def add(self, lines: Sequence[tuple[object, ...]]) -> None:
        """Add rows; no more than are `left`."""
        try:
            encoded = orjson.dumps(lines)
        except orjson.JSONEncodeError:  # half a character, which no reader could show either
            encoded = orjson.dumps([[_whole(cell) for cell in line] for line in lines])
        part = self._pack.compress((b"," if self.count else b"") + redact(encoded[1:-1]))
        self._parts.append(part)
        self._bytes += len(part)
        self.count += len(lines)

    def packed(self) -> Iterator[str]:
        """Yield all of them in pieces, compressed and in base64: the items of a JSON array."""
        left = b""
        for part in (*self._parts, self._pack.copy().flush()):
            left += part
            end = len(left) - len(left) % 3  # of three bytes base64 makes four signs
            yield b64encode(left[:end]).decode()
            left = left[end:]
        yield b64encode(left).decode()


class PageRows:
    """Takes rows in the order of the input, and keeps of them what report.html shows.

    Rows that need somebody and the others are compressed apart, so that these are in it however many the others are.
    `find_titles` is asked for rows without a title that are shown, of those that need nobody the first; `untitled`
    counts the rest. With a `url` each row has the address of its issue behind it.
    """

    def __init__(self, find_titles: FindTitles = find_no_titles, url: IssueUrl = NO_URL) -> None:
        self._find_titles, self.url = find_titles, url
        self.clear()

    def clear(self) -> None:
        """Forget all rows: the source is read again."""
        self.count = self.additions_planned = self.additions_done = self.additions_failed = 0
        self._sought = self.untitled = 0
        self.printed = list[Printed]()
        self._blocks = {urgent: PackedRows() for urgent in (True, False)}
        self.causes = Causes()
        self.passed_over = Counter[tuple[str, str]]()

    def add(self, rows: Sequence[Row]) -> None:
        urgent, others = list[_Numbered](), list[_Numbered]()
        for number, row in enumerate(rows, self.count + 1):
            self.additions_planned += row.additions_planned
            self.additions_done += row.additions_done
            self.additions_failed += row.additions_failed
            if row.codes:
                self._note(row)
            is_urgent = bool(row.codes) and (row.outcome in NEEDS_SOMEBODY or not OPEN.isdisjoint(row.codes))
            (urgent if is_urgent else others).append((number, row))
        for is_urgent, numbered in ((True, urgent), (False, others)):
            blocks = self._blocks[is_urgent]
            shown = numbered[: blocks.left]
            blocks.left_out += len(numbered) - len(shown)
            if shown:
                self._show(shown, urgent=is_urgent)
        self.count += len(rows)

    def _show(self, numbered: Sequence[_Numbered], *, urgent: bool) -> None:
        titles = self._find_missing_titles([row for _, row in numbered], urgent=urgent)
        lines = list[tuple[object, ...]]()
        for number, row in numbered:
            name = (row.shown_key or row_name("", row.file_name, row.line))[:CUT]
            title = row.shown_title or titles.get(row.key, "")
            reason = _reason(row) if row.codes else ""
            url = self.url.of(row.triage_id, row.issue_id) if self.url.pattern else ""
            line = (number, name, title, PLACES[row.outcome], reason, row.triage_id)
            lines.append((*line, url) if self.url.pattern else line)
            if urgent and len(self.printed) < PRINTED:
                self.printed.append(Printed(name, title, row.outcome, reason, row.triage_id, url))
        self._blocks[urgent].add(lines)

    def _find_missing_titles(self, rows: Sequence[Row], *, urgent: bool) -> Mapping[str, str]:
        """Find the titles of rows that have none; of rows that need nobody only so many."""
        nameless = [row.key for row in rows if not row.title and row.key and row.issue_id]
        sought = nameless if urgent else nameless[: TITLES_SOUGHT - self._sought]
        self._sought += 0 if urgent else len(sought)
        self.untitled += len(nameless) - len(sought)
        return self._find_titles(sought) if sought else {}

    def _note(self, row: Row) -> None:
        if row.outcome in PASSED_OVER:
            self.passed_over[str(row.outcome), row.codes[0]] += 1
            return
        found = starmap(Finding, zip(row.codes, row.fields, row.messages, row.hints, strict=True))
        sample = SampleRow(row_name(row.key, row.file_name, row.line)[:CUT], row.shown_title)
        self.causes.add(((weigh_finding(row.outcome, each), each) for each in found), sample)

    @property
    def needing(self) -> int:
        return self._blocks[True].count + self._blocks[True].left_out

    @property
    def left_out(self) -> int:
        return self.count - sum(blocks.count for blocks in self._blocks.values())

    def packed(self) -> dict[str, Iterator[str]]:
        """The compressed rows in base64, in pieces: those that need somebody, and the others."""
        return {"urgent": self._blocks[True].packed(), "others": self._blocks[False].packed()}


def _reason(row: Row) -> str:
    return "\n".join(f"{code}: {message}" for code, message in zip(row.codes, row.messages, strict=True))[:CUT]


PLACES = {outcome: place for place, outcome in enumerate(Outcome)}


def _whole(cell: object) -> object:
    return cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell
