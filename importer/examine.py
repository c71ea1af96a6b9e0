"""Examine: what both passes do with every row of a source, up to the point where it could be sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from importer.duplicates import Verdict
from importer.fixes import Fixed, Fixes, content_of
from importer.mapping.load import LoadedMapping
from importer.records import Chunk, Finding, Operation, Outcome, Row
from importer.transform import Records, Transform, encode_bodies
from importer.validate import CODES, Findings, validate

if TYPE_CHECKING:
    from importer.sources import Source

CREATE_PATH = "/v1/triage/issues"
"""Source: post/triage-issues."""


class Standing(NamedTuple):
    """What the ledger makes of a row that could be sent: its outcome, what there is to say, and how to change it.

    `issue_id` and `triage_id` are those of the key's issue, if it has one.
    """

    outcome: Outcome
    finding: Finding | None = None
    change: Operation | None = None
    issue_id: str = ""
    triage_id: str = ""


Ask = Callable[[Iterable[Operation]], Mapping[str, Standing]]
"""Asks a ledger about creates, by key; keys of which there is nothing to say are absent: they are created."""


class Judged(NamedTuple):
    """The rows of a chunk with their outcome before sending.

    By place: the operation of each planned row, and what the ledger has to say of rows that are not skipped.
    """

    rows: list[Row]
    operations: dict[int, Operation]
    notes: dict[int, Finding]


@dataclass(frozen=True)
class Job:
    """One import: a source, a mapping, and which of its rows are meant.

    `only` are native or full keys; `limit` counts rows of the input as it stands; `warnings` are what the headers
    alone make one ask; `recognised` is the evidence for the mapping, if nobody named it.
    """

    source: Source
    mapping: LoadedMapping
    source_name: str
    name_given: bool
    limit: int | None = None
    only: frozenset[str] | None = None
    warnings: tuple[str, ...] = ()
    recognised: str = ""
    fixes: Fixes = field(default_factory=Fixes)


@dataclass(frozen=True, slots=True)
class Examined:
    """A chunk after transform and validate. `first` is the place of its first row in the whole input, from 0.

    `fixed` are its rows of which `--fixes` has corrected a cell, with what was corrected.
    """

    first: int
    records: Records
    findings: Findings
    skips: Sequence[str]
    bodies: Mapping[int, bytes]
    fixed: Fixed = field(default_factory=dict)

    def digest(self, row: int) -> bytes:
        """What two rows with one key are compared by: 16 bytes of what would be sent."""
        return hashlib.blake2b(self.bodies[row], digest_size=16).digest()

    def create(self, row: int) -> Operation:
        """The create of a row that has a body."""
        records = self.records
        fixed = content_of(self.fixed.get(row, ())) if self.fixed else ""
        content = hash_content(records.chunk.raw[row], fixed)
        return Operation(records.keys[row], "POST", CREATE_PATH, self.bodies[row], records.markers[row], content)

    def flowing(self) -> list[int]:
        """The rows that the value flow counts: all but skipped and defective ones."""
        defects = self.records.chunk.defects
        return [row for row, code in enumerate(self.skips) if not code and row not in defects]


def examine(job: Job) -> Iterator[Examined]:
    """Read a source once, whole chunks at a time. Both passes run exactly this."""
    transform = Transform(job.mapping.model, job.source_name)
    first = 0
    for chunk in _limited(job.source.chunks(transform.refs, tables=transform.tables), job.limit):
        chunk, fixed = job.fixes.apply(chunk)
        records = transform(chunk)
        findings = validate(records, name_given=job.name_given)
        skips = records.skips if job.only is None else _select(records, job.only, job.source_name)
        sendable = [row for row, code in enumerate(skips) if not code and not findings.rejects(row)]
        yield Examined(first, records, findings, skips, encode_bodies(records, sendable), fixed)
        first += len(chunk)


def hash_content(raw: Sequence[str] | str, fixed: str = "") -> bytes:
    """What tells whether a row is as it was: 8 bytes. `fixed` is what was corrected in it since it was read.

    A corrected row is another row, so that a changed correction is a change of the row and not of the mapping alone.
    """
    text = raw if isinstance(raw, str) else "\x1f".join(raw)
    text = f"{text}\x1e{fixed}" if fixed else text
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def judge(examined: Examined, verdicts: Mapping[int, Verdict], known: Ask) -> Judged:
    """The rows of a chunk as they stand before sending: planned, rejected, skipped, or what the ledger says."""
    chunk, keys = examined.records.chunk, examined.records.keys
    creates = dict[int, Operation]()

    def ask() -> Iterator[Operation]:
        # A row that a verdict leaves out says nothing of its key: the one that stays does.
        for row in examined.bodies:
            if examined.first + row not in verdicts:
                creates[row] = examined.create(row)
                yield creates[row]

    ledger = known(ask())
    notes: dict[int, Finding] = {}
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
            outcome, finding, _, issue_id, triage_id = ledger[keys[row]]
            if finding is not None:
                own = examined.findings.by_row.get(row, []) if outcome is Outcome.PLANNED else []
                rows[row] = _with_findings(rows[row], [*own, finding])
                if outcome is not Outcome.SKIPPED:
                    notes[row] = finding
            rows[row] = rows[row]._replace(outcome=outcome, issue_id=issue_id, triage_id=triage_id)
    for row, origin in chunk.origins.items():
        rows[row] = rows[row]._replace(origin=origin)
    operations = {}
    for place, judged in enumerate(rows):
        if judged.outcome is Outcome.REJECTED:
            rows[place] = judged._replace(raw=chunk.raw[place])
        elif judged.outcome is Outcome.PLANNED:
            change = ledger[judged.key].change if judged.key in ledger else None
            operations[place] = change or creates.get(place) or examined.create(place)  # not all who know ask
    return Judged(rows, operations, notes)


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
