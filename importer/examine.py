"""Examine: what both passes do with every row of a source, up to the point where it could be sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from importer.duplicates import Verdict
from importer.mapping.load import LoadedMapping
from importer.records import Chunk, Finding, Operation, Outcome, Row
from importer.transform import Records, Transform, encode_bodies
from importer.validate import CODES, Findings, validate

if TYPE_CHECKING:
    from importer.sources import Source

CREATE_PATH = "/v1/triage/issues"
"""Source: post/triage-issues."""

Known = Mapping[str, tuple[Outcome, str]]
"""Key → what the ledger makes of a row with it, and a code; keys that it doesn't know are absent."""
Ask = Callable[[Mapping[str, bytes]], Known]
"""Asks a ledger about keys and the bodies that would be sent for them."""


@dataclass(frozen=True)
class Job:
    """One import: a source, a mapping, and which of its rows are meant.

    `only` are native or full keys; `limit` counts rows of the input as it stands; `warnings` are what the headers
    alone make one ask.
    """

    source: Source
    mapping: LoadedMapping
    source_name: str
    name_given: bool
    limit: int | None = None
    only: frozenset[str] | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """A chunk after transform and validate. `first` is the place of its first row in the whole input, from 0."""

    first: int
    records: Records
    findings: Findings
    skips: Sequence[str]
    bodies: Mapping[int, bytes]

    def digest(self, row: int) -> bytes:
        """What two rows with one key are compared by: 16 bytes of what would be sent."""
        return hashlib.blake2b(self.bodies[row], digest_size=16).digest()

    def operation(self, row: int) -> Operation:
        """The create of a row that has a body."""
        return Operation(self.records.keys[row], "POST", CREATE_PATH, self.bodies[row], self.records.markers[row])

    def flowing(self) -> list[int]:
        """The rows that the value flow counts: all but skipped and defective ones."""
        defects = self.records.chunk.defects
        return [row for row, code in enumerate(self.skips) if not code and row not in defects]


def examine(job: Job) -> Iterator[Examined]:
    """Read a source once, whole chunks at a time. Both passes run exactly this."""
    transform = Transform(job.mapping.model, job.source_name)
    first = 0
    for chunk in _limited(job.source.chunks(transform.refs), job.limit):
        records = transform(chunk)
        findings = validate(records, name_given=job.name_given)
        skips = records.skips if job.only is None else _select(records, job.only, job.source_name)
        sendable = [row for row, code in enumerate(skips) if not code and not findings.rejects(row)]
        yield Examined(first, records, findings, skips, encode_bodies(records, sendable))
        first += len(chunk)


def rows_of(examined: Examined, verdicts: Mapping[int, Verdict], known: Ask) -> list[Row]:
    """The rows of a chunk with their outcome before sending: planned, rejected, skipped, or what the ledger says."""
    chunk, keys = examined.records.chunk, examined.records.keys
    ledger = known({keys[row]: body for row, body in examined.bodies.items()})
    places = zip(chunk.records, chunk.lines, keys, strict=True)
    rows = [Row(chunk.file, chunk.file_name, record, line, key, Outcome.PLANNED) for record, line, key in places]
    for row, code in enumerate(examined.skips):
        if code:
            rows[row] = _with_findings(rows[row], [_note(code)])._replace(outcome=Outcome.SKIPPED)
    for row, found in examined.findings.by_row.items():
        if not examined.skips[row]:
            rows[row] = _with_findings(rows[row], found)
    for row in range(len(rows)):
        verdict = verdicts.get(examined.first + row)
        if verdict is not None:
            findings = examined.findings.by_row.get(row, []) if verdict.outcome is Outcome.REJECTED else []
            rows[row] = _with_findings(rows[row], [*findings, verdict.finding])._replace(outcome=verdict.outcome)
        elif row in examined.bodies and keys[row] in ledger:
            outcome, code = ledger[keys[row]]
            rows[row] = (_with_findings(rows[row], [_note(code)]) if code else rows[row])._replace(outcome=outcome)
    for row, origin in chunk.origins.items():
        rows[row] = rows[row]._replace(origin=origin)
    return [
        row._replace(raw=chunk.raw[place]) if row.outcome is Outcome.REJECTED else row for place, row in enumerate(rows)
    ]


@lru_cache
def _note(code: str) -> Finding:
    """A code that is all there is to say, with its sentence."""
    return Finding(code, "", CODES.get(code, "Left out by the mapping's rule; skipped."), rejects=False)


def _with_findings(row: Row, findings: Sequence[Finding]) -> Row:
    return row._replace(
        outcome=Outcome.REJECTED if any(finding.rejects for finding in findings) else row.outcome,
        codes=tuple(finding.code for finding in findings),
        fields=tuple(finding.field for finding in findings),
        messages=tuple(finding.message for finding in findings),
        hints=tuple(finding.hint for finding in findings),
    )


def _limited(chunks: Iterator[Chunk], limit: int | None) -> Iterator[Chunk]:
    left = limit
    for chunk in chunks:
        if left is None or len(chunk) <= left:
            yield chunk
        elif left > 0:
            yield _head(chunk, left)
        if left is not None:
            left -= len(chunk)
            if left <= 0:
                return


def _head(chunk: Chunk, rows: int) -> Chunk:
    return replace(
        chunk,
        records=chunk.records[:rows],
        lines=chunk.lines[:rows],
        raw=chunk.raw[:rows],
        frame=chunk.frame.iloc[:rows],
        defects={row: finding for row, finding in chunk.defects.items() if row < rows},
        origins={row: origin for row, origin in chunk.origins.items() if row < rows},
    )


def _select(records: Records, only: frozenset[str], source_name: str) -> list[str]:
    prefix = len(source_name) + 1
    return [
        skip or ("" if key in only or key[prefix:] in only else "not-selected")
        for skip, key in zip(records.skips, records.keys, strict=True)
    ]
