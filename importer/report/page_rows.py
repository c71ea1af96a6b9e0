"""The rows of report.html: compressed as they pass, with the causes of what needs somebody, in flat memory."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple

import orjson

from importer.codes import CODES, OPEN
from importer.phrases import row_name
from importer.records import PASSED_OVER, Outcome, Row, Rows
from importer.report.issue_urls import NO_URL, IssueUrl
from importer.triage.redaction import redact

ROWS_SHOWN = 100_000
"""Rows of each kind that the table of report.html has: those that need somebody, and the others."""
BYTES_SHOWN = 4 << 20
"""Compressed bytes of each kind: long texts end the table before ROWS_SHOWN."""
PRINTED = 300
"""Rows that need somebody that are in the page as plain HTML, so that they are printed."""
SAMPLES = 3
CAUSES_KEPT = 2_000
"""Causes kept apart; those that come later are counted by their code."""
CAUSES_SHOWN = 60
VARIED, ALIKE = 20, 1
"""A code with more messages than this, hardly two of which are equal, is one cause: each row has its own figures.
Where all of them have the same hint, which no value needs a line of its own for, the second is enough."""
CUT = 300
TITLES_SOUGHT = 10_000
"""Titles that are looked up in the ledger, which takes longer than all else that a page does for an unchanged row."""
PACKING = 1
"""Level of compression: 3 takes twice the time for a tenth less."""

NEEDS_SOMEBODY = frozenset((Outcome.REJECTED, Outcome.FAILED, Outcome.UNKNOWN))

FindTitles = Callable[[Sequence[str]], Mapping[str, str]]
"""Finds the titles of keys that have an issue."""


class SampleRow(NamedTuple):
    """A row that stands for others: its key, or where it is, and its title."""

    name: str
    title: str


@dataclass
class ShownCause:
    """What keeps rows from arriving, or is to be looked at: a finding, its rows, and a few of them."""

    code: str
    field: str
    message: str
    hint: str
    rows: int = 0
    samples: tuple[SampleRow, ...] = ()

    @property
    def steps(self) -> list[tuple[str, bool]]:
        """The hint in parts, each with whether it is to be typed: what stands between backticks."""
        return [(part, place % 2 == 1) for place, part in enumerate(self.hint.split("`")) if part]

    @property
    def typed(self) -> str:
        """What the hint says to type first, to be copied; "" where that is a sign alone."""
        return next((part for part, is_typed in self.steps if is_typed and len(part) > 1), "")

    @property
    def sentence(self) -> str:
        """What the code means, without any text of the source."""
        return CODES.get(self.code, "Skipped by a rule of the mapping.")


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


class PackedRows:
    """Rows as JSON, compressed: up to ROWS_SHOWN, and BYTES_SHOWN."""

    def __init__(self) -> None:
        self._pack = zlib.compressobj(PACKING)
        self._parts = list[bytes]()
        self.count = self.left_out = self._bytes = 0

    @property
    def left(self) -> int:
        """How many more rows it takes."""
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
        self._causes = dict[tuple[bool, str, str, str], ShownCause]()
        self._kinds = Counter[tuple[bool, str, str]]()
        self.passed_over = Counter[tuple[str, str]]()

    def add(self, rows: Rows) -> None:
        """Add rows, at least one, in input order."""
        of = rows.columns
        noted = {place: rows[place] for place, codes in enumerate(of["codes"]) if codes}
        for row in noted.values():
            self._note(row)
        self.additions_planned += sum(of["additions_planned"])
        self.additions_done += sum(of["additions_done"])
        self.additions_failed += sum(of["additions_failed"])
        urgent = [place for place, row in noted.items() if _needs_somebody(row)]
        others = sorted({*range(len(rows))}.difference(urgent)) if urgent else range(len(rows))
        for is_urgent, places in ((True, urgent), (False, others)):
            blocks = self._blocks[is_urgent]
            shown = places[: blocks.left]
            blocks.left_out += len(places) - len(shown)
            if shown:
                some = rows
                if len(shown) < len(rows):
                    some = Rows({name: [column[place] for place in shown] for name, column in of.items()})
                self._show(shown, some, urgent=is_urgent)
        self.count += len(rows)

    def _show(self, places: Sequence[int], some: Rows, *, urgent: bool) -> None:
        of = some.columns
        titles, reasons = of["title"], [""] * len(some)
        if any(of["codes"]):
            titles, reasons = [row.shown_title for row in some], list(map(_reason, some))
        if not all(titles):
            titles = self._fill_in(titles, some, urgent=urgent)
        named = of["key"] if all(of["key"]) else map(row_name, of["key"], of["file_name"], of["line"])
        numbers, names = [self.count + place + 1 for place in places], [name[:CUT] for name in named]
        outcomes = map(PLACES.__getitem__, of["outcome"])
        lines = list(zip(numbers, names, titles, outcomes, reasons, of["triage_id"], strict=True))
        urls = list(map(self.url.of, of["triage_id"], of["issue_id"])) if self.url.pattern else []
        self._blocks[urgent].add([(*line, url) for line, url in zip(lines, urls, strict=True)] if urls else lines)
        if urgent and len(self.printed) < PRINTED:
            every = list(Outcome)
            self.printed += [
                Printed(name, title, every[outcome], reason, number, url)
                for (_, name, title, outcome, reason, number), url in zip(
                    lines[: PRINTED - len(self.printed)], urls or repeat(""), strict=False
                )
            ]

    def _fill_in(self, titles: Sequence[str], some: Rows, *, urgent: bool) -> list[str]:
        of = some.columns
        wanted = zip(of["key"], of["title"], of["issue_id"], strict=True)
        nameless = [key for key, title, issue_id in wanted if not title and key and issue_id]
        sought = nameless if urgent else nameless[: TITLES_SOUGHT - self._sought]
        self._sought += 0 if urgent else len(sought)
        self.untitled += len(nameless) - len(sought)
        found = self._find_titles(sought) if sought else {}
        return [title or found.get(key, "") for title, key in zip(titles, of["key"], strict=True)]

    def _note(self, row: Row) -> None:
        if row.outcome in PASSED_OVER:
            self.passed_over[str(row.outcome), row.codes[0]] += 1
            return
        fails = row.outcome in NEEDS_SOMEBODY
        kinds = set[tuple[bool, str, str]]()
        for code, name, message, hint in zip(row.codes, row.fields, row.messages, row.hints, strict=True):
            blocks = code in OPEN or (fails and not CODES.get(code, "").endswith("(warning)."))
            kinds.add((blocks, code, name))
            cause = self._causes.get((blocks, code, name, message))
            if cause is None:
                if len(self._causes) >= CAUSES_KEPT:
                    message = "(other values)"
                cause = self._causes.setdefault(
                    (blocks, code, name, message), ShownCause(code, name, message[:CUT], hint)
                )
            cause.rows += 1
            if len(cause.samples) < SAMPLES:
                name = row_name(row.key, row.file_name, row.line)
                cause.samples = (*cause.samples, SampleRow(name[:CUT], row.shown_title))
        self._kinds.update(kinds)  # a row may have several findings of one kind, and is one row

    def causes(self, *, blocks: bool) -> list[ShownCause]:
        """Return the causes of what needs somebody, or else what is only to be looked at, worst first."""
        by_code: dict[tuple[str, str], list[ShownCause]] = {}
        for (blocking, code, name, _), cause in self._causes.items():
            if blocking is blocks:
                by_code.setdefault((code, name), []).append(cause)
        found = [cause for kind, causes in by_code.items() for cause in _join(causes, self._kinds[blocks, *kind])]
        return sorted(found, key=lambda cause: (-cause.rows, cause.code, cause.message))

    def kinds(self, *, blocks: bool) -> list[ShownCause]:
        """Return a cause for each code and field, worst first: for who is shown no value, they are alike."""
        rows = self._kinds.items()
        found = [ShownCause(code, name, "", "", count) for (blocking, code, name), count in rows if blocking is blocks]
        return sorted(found, key=lambda cause: (-cause.rows, cause.code, cause.field))

    @property
    def needing(self) -> int:
        """Rows that need somebody."""
        return self._blocks[True].count + self._blocks[True].left_out

    @property
    def left_out(self) -> int:
        """Rows that are not in the table."""
        return self.count - sum(blocks.count for blocks in self._blocks.values())

    def packed(self) -> dict[str, Iterator[str]]:
        """The compressed rows in base64, in pieces: those that need somebody, and the others."""
        return {"urgent": self._blocks[True].packed(), "others": self._blocks[False].packed()}


def _needs_somebody(row: Row) -> bool:
    return row.outcome in NEEDS_SOMEBODY or not set(OPEN).isdisjoint(row.codes)


def _reason(row: Row) -> str:
    return "\n".join(f"{code}: {message}" for code, message in zip(row.codes, row.messages, strict=True))[:CUT]


PLACES = {outcome: place for place, outcome in enumerate(Outcome)}


def _whole(cell: object) -> object:
    return cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell


def _join(causes: Sequence[ShownCause], rows: int) -> Sequence[ShownCause]:
    """Make one cause of those of a code, where nearly each row has a message of its own; `rows` have any of them."""
    least = ALIKE if len({cause.hint for cause in causes}) == 1 else VARIED
    if len(causes) <= least or rows > 2 * len(causes):
        return causes
    first = max(causes, key=lambda cause: cause.rows)
    samples = tuple(sample for cause in causes[:SAMPLES] for sample in cause.samples[:1])
    return [ShownCause(first.code, first.field, f"for example: {first.message}", first.hint, rows, samples)]
