"""What both passes do with every row of a source, up to the point where it could be sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from importer.check.grouping import regroup, take_rows
from importer.check.rules import Findings, validate
from importer.mapping.fixes_table import Fixed, content_of
from importer.records import Chunk, Operation
from importer.transform.bodies import encode_bodies
from importer.transform.chunk_records import Records
from importer.transform.groups import end_of_group, hold_back
from importer.transform.transform import Transform

if TYPE_CHECKING:
    pass

from importer.check.job import Job

CREATE_PATH = "/v1/triage/issues"
"""Source: post/triage-issues."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A chunk after transform and validate. `first` is the place of its first row in the whole input, from 0.

    `fixed` are its rows of which `--fixes` has corrected a cell, with what was corrected; `groups` is row that leads →
    all rows of its issue, where several are one.
    """

    first: int
    records: Records
    findings: Findings
    skips: Sequence[str]
    bodies: Mapping[int, bytes]
    fixed: Fixed = field(default_factory=dict)
    groups: Mapping[int, list[int]] = field(default_factory=dict)

    @property
    def span(self) -> tuple[int, int]:
        """The place of its first row, and the one behind its last."""
        return self.first, self.first + len(self.records.chunk)

    def digest(self, row: int) -> bytes:
        """What two rows with one key are compared by: 16 bytes of what would be sent, additions too."""
        parts = self.records.parts.get(row)
        added = b"" if parts is None else repr(parts).encode()
        return hashlib.blake2b(self.bodies[row] + added, digest_size=16).digest()

    def create(self, row: int) -> Operation:
        """The create of a row that has a body."""
        records = self.records
        members = self.groups.get(row, [row])
        fixed = "".join(content_of(self.fixed.get(member, ())) for member in members) if self.fixed else ""
        content = hash_content("\x1d".join(map(as_text, (records.chunk.raw[member] for member in members))), fixed)
        return Operation(records.keys[row], "POST", CREATE_PATH, self.bodies[row], records.markers[row], content)

    def flowing(self) -> list[int]:
        """The rows that the value flow counts: all but skipped and defective ones."""
        defects = self.records.chunk.defects
        return [row for row, code in enumerate(self.skips) if not code and row not in defects]


def examine(job: Job) -> Iterator[Examined]:
    """Read a source once, whole chunks at a time. Both passes run exactly this."""
    transform = Transform(job.mapping.model, job.source_name, job.people, job.learned, job.find_keys)
    chunks = job.source.chunks(transform.refs, tables=transform.tables, annexes=transform.annexes)
    if job.mapping.model.group:  # with the fixes: a corrected cell may decide the group
        chunks = regroup(chunks, lambda chunk: transform.find_groups(job.fixes.apply(chunk)[0]))
    first = 0
    for chunk in _limited(chunks, job.limit, transform if job.mapping.model.group else None):
        chunk, fixed = job.fixes.apply(chunk)
        records = transform(chunk)
        findings = validate(records, name_given=job.name_given)
        groups = {group[0]: group for group in records.groups or ()}
        followers = {row for _, *others in groups.values() for row in others}
        if records.groups is not None:
            for row, finding in list(hold_back(records.groups, records.group_keys, findings.by_row, chunk.lines)):
                findings.add(row, finding)
        skips = records.skips if job.only is None else _select(records, job.only, job.source_name)
        sendable = [
            row for row, code in enumerate(skips) if not code and row not in followers and not findings.rejects(row)
        ]
        yield Examined(first, records, findings, skips, encode_bodies(records, sendable), fixed, groups)
        first += len(chunk)


def hash_content(raw: Sequence[str] | str, fixed: str = "") -> bytes:
    """What tells whether a row is as it was: 8 bytes. `fixed` is what was corrected in it since it was read.

    A corrected row is another row, so that a changed correction is a change of the row and not of the mapping alone.
    """
    text = f"{as_text(raw)}\x1e{fixed}" if fixed else as_text(raw)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def as_text(raw: Sequence[str] | str) -> str:
    """A row as it came, in one text."""
    return raw if isinstance(raw, str) else "\x1f".join(raw)


def _limited(chunks: Iterator[Chunk], limit: int | None, grouping: Transform | None) -> Iterator[Chunk]:
    """The first rows; an issue that is begun is wanted whole."""
    left = limit
    for chunk in chunks:
        if left is None or len(chunk) <= left:
            yield chunk
        elif left > 0:
            end = left if grouping is None else end_of_group(grouping.find_groups(chunk), left)
            yield take_rows(chunk, 0, end)
        if left is not None:
            left -= len(chunk)
            if left <= 0:
                return


def _select(records: Records, only: frozenset[str], source_name: str) -> list[str]:
    prefix = len(source_name) + 1
    return [
        skip or ("" if key in only or key[prefix:] in only else "not-selected")
        for skip, key in zip(records.skips, records.keys, strict=True)
    ]
