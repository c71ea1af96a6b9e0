"""Source → examined chunks: corrects, transforms and validates each row, in the check and the send pass alike."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from importer.api import ISSUES_PATH
from importer.check.brake import scopes_of
from importer.check.group_faults import hold_back
from importer.check.grouping import GroupKeys, end_of_group, regroup, take_rows
from importer.check.held import FileAbsence, RecordKeys, RowAbsence
from importer.check.job import Job
from importer.check.rules import Findings, check_batch
from importer.codes import ISSUE_MOVED, NOT_SELECTED
from importer.mapping.edited_tables import Fix, Fixed, Fixes, content_of
from importer.phrases import plain_name
from importer.records import Chunk, Finding, Occurrence, Operation, Ref
from importer.row.issue import Issue
from importer.row.issue_batch import IssueBatch, encode_body
from importer.row.transform import Transform
from importer.sources.source import SourceFile
from importer.transform.dates import seconds_of

if TYPE_CHECKING:
    from importer.check.duplicates import DuplicateVerdict


def apply_fixes(fixes: Fixes, chunk: Chunk) -> tuple[Chunk, Fixed]:
    """The chunk with its cells corrected, and what was. Its raw rows stay as they came: they make keys."""
    if not fixes.columns:
        return chunk, {}
    touched = {
        position: fixes.columns[plain_name(ref.name)]
        for ref, positions in chunk.positions.items()
        if plain_name(ref.name) in fixes.columns
        for position in positions
    }
    cells: dict[int, list[str]] = {}
    fixed: dict[int, tuple[Fix, ...]] = {}
    for position, by_value in touched.items():
        texts = chunk.cells[position]
        # A column has few distinct texts, and hardly one that is to be corrected.
        hits = {text: by_value[text.strip()] for text in set(texts) if text.strip() in by_value}
        if hits:
            cells[position] = [hits[text].new if text in hits else text for text in texts]
            for row, text in enumerate(texts):
                if text in hits and hits[text] not in fixed.get(row, ()):
                    fixed[row] = (*fixed.get(row, ()), hits[text])
    if not fixed:
        return chunk, {}
    return replace(chunk, cells={**chunk.cells, **cells}), fixed


@dataclass(frozen=True, slots=True)
class Examined:
    """A chunk after transform and validate. A row is known by its place in the chunk, from 0.

    first     place of the chunk's first row in the whole input, from 0
    skips     of each row the code of the rule that leaves it out, or ""
    bodies    row → the JSON of its create; only rows that can be sent have one
    fixed     row → the corrections of `--fixes` in it
    is_whole  whether the source has all rows of each issue: it is a snapshot
    file      the file that it is from
    lacking   what that lacks; None where nothing is compared with issues
    braked    (project, name) of the values that stay if they are blank

    Where issues recur, see `check.leaders`:

    single     row → its occurrence, of rows that are left out, too
    losers     row → why it is left out: a newer row of its occurrence came before; or its issue is there, respelt
    joined     the leading rows of issues whose first row is in an earlier chunk
    withdrawn  the leading rows of issues of which the chunk has nothing but withdrawn occurrences
    decisive   leading row → the digest of the row that the severity comes from
    """

    first: int
    batch: IssueBatch
    findings: Findings
    skips: Sequence[str]
    bodies: Mapping[int, bytes]
    fixed: Fixed = field(default_factory=dict)
    is_whole: bool = False
    file: SourceFile | None = None
    lacking: FileAbsence | None = None
    braked: Collection[tuple[str, str]] = ()
    single: Mapping[int, Occurrence] = field(default_factory=dict)
    losers: Mapping[int, DuplicateVerdict] = field(default_factory=dict)
    joined: Collection[int] = ()
    withdrawn: Collection[int] = ()
    decisive: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def span(self) -> tuple[int, int]:
        """The place of its first row, and the one behind its last."""
        return self.first, self.first + len(self.batch.chunk)

    def bodiless(self) -> set[int]:
        """The rows of which nothing can be sent, whatever is in Triage or in other rows."""
        rows = len(self.batch.chunk)
        return set() if len(self.bodies) == rows else set(range(rows)) - self.bodies.keys()

    def create(self, row: int, *, hashed: bool) -> Operation:
        """Make the create of a row, which may have no body; its `content`, if wanted, hashes all rows of its group.

        Where issues recur, it hashes the row that the severity comes from: nothing else of them is compared.
        """
        issue = self.batch.issues[row]
        is_single = issue.key.group is None  # rows of one issue may have several dates
        return Operation(
            key=issue.key.full,
            method="POST",
            path=ISSUES_PATH,
            body=self.bodies.get(row, b""),
            marker=issue.key.marker,
            content=(self.decisive.get(row) or self._hash(row)) if hashed else b"",
            link=issue.footer.link,
            dated=seconds_of(issue.newest),
            fixed_id=issue.key.fixed_id,
            born=seconds_of(issue.created) if is_single else 0.0,
        )

    def absence(self, row: int) -> RowAbsence | None:
        """Say what is to be known of a row to judge what it lacks; None if nothing is compared."""
        if self.lacking is None or self.file is None:
            return None
        chunk, columns = self.batch.chunk, self.batch.columns
        key, members = self.batch.issues[row].key.own, self.batch.members(row)

        def is_blank(refs: Sequence[Ref]) -> bool:
            return not any(cells[member].strip() for ref in refs for cells in columns.cells(ref) for member in members)

        def is_not_there(ref: Ref) -> bool:
            return not chunk.positions.get(ref)

        lacks = is_not_there if self.file.is_table else RecordKeys(self.file, [chunk.raw[each] for each in members])
        scopes = scopes_of(key) if self.braked else ()
        return RowAbsence(self.lacking, lacks, is_blank, {name for scope, name in self.braked if scope in scopes})

    def hash_row(self, row: int) -> bytes:
        """Make the digest of a row with its corrections."""
        return hash_content(self.batch.chunk.raw[row], content_of(self.fixed[row]) if row in self.fixed else "")

    def _hash(self, row: int) -> bytes:
        members, raw = self.batch.members(row), self.batch.chunk.raw
        fixes = [content_of(self.fixed.get(member, ())) for member in members] if self.fixed else [""] * len(members)
        # \x1d between the rows of a group, \x1e before corrections, \x1f between cells: no text should have these.
        whole = hash_content("\x1d".join(map(raw_text, (raw[member] for member in members))), "".join(fixes))
        if len(members) == 1:
            return whole
        return whole + b"".join(map(self.hash_row, members))

    def counted_rows(self) -> Sequence[int]:
        """The rows that figures count: all but those that a rule skips, and defective ones."""
        defects = self.batch.chunk.defects
        if not defects and not any(self.skips):  # as in most chunks
            return range(len(self.skips))
        return [row for row, code in enumerate(self.skips) if not code and row not in defects]


def examine(job: Job) -> Iterator[Examined]:
    """Read a source once, chunk by chunk. Both passes run exactly this, so that what is checked is what is sent."""
    model = job.mapping.model
    transform = Transform(model, job.source_name, job.people, job.find_name, job.find_keys, job.aliases)
    chunks = job.source.chunks(transform.refs, tables=transform.tables, annexes=transform.annexes)
    group_keys: GroupKeys | None = None
    if model.group and model.recurring is None:
        group_keys = partial(_group_keys, job, transform)
        chunks = regroup(chunks, group_keys)
    first = 0
    for chunk in _limited(chunks, job.limit, group_keys):
        examined = _examine_chunk(job, transform, chunk, first)
        first += len(chunk)
        del chunk  # what is yielded isn't kept: see `Reading.read`
        yield examined
        del examined


def _group_keys(job: Job, transform: Transform, chunk: Chunk) -> list[str | None]:
    """Return the key of each row's group with the fixes applied, since a corrected cell may decide the group."""
    return transform.group_keys(apply_fixes(job.fixes, chunk)[0])


def _examine_chunk(job: Job, transform: Transform, chunk: Chunk, first: int) -> Examined:
    """Correct, transform and validate a chunk; `first` is the place of its first row in the whole input."""
    chunk, fixed = apply_fixes(job.fixes, chunk)
    batch = transform(chunk)
    findings = check_batch(batch, job.mapping.model, name_given=job.name_given)
    if job.mapping.model.people.hides:
        findings.change(transform.shown.show_finding)
    if groups := batch.groups.values():
        group_keys = [issue.key.group for issue in batch.issues]
        for row, finding in list(hold_back(groups, group_keys, findings.by_row, chunk.lines)):
            findings.add(row, finding)
    for row, issue in enumerate(batch.issues) if job.moves else ():
        if issue.key.own in job.moves:
            findings.add(row, _moved(issue.key.own, job.moves[issue.key.own]))
    skips = [issue.skip for issue in batch.issues]
    if job.only is not None:
        skips = [_select(issue, job.only, job.source_name) for issue in batch.issues]
    if job.holds:  # a row that withdraws an occurrence is held, too
        skips = [job.holds.get(issue.key.full, skip) for skip, issue in zip(skips, batch.issues, strict=True)]
    # The first row of an issue has the texts of all its rows: the others have no body of their own.
    left_out = batch.followers() | set(filter(findings.rejects, findings.by_row))
    sendable = [row for row, code in enumerate(skips) if not code and row not in left_out]
    bodies = {row: encode_body(batch.issues[row]) for row in sendable}
    is_whole = job.mapping.model.input.is_snapshot
    absence = job.absence
    lacking = absence.files[chunk.file] if absence.files else None
    file = job.source.files[chunk.file]
    return Examined(first, batch, findings, skips, bodies, fixed, is_whole, file, lacking, absence.braked)


def _moved(now: str, first: str) -> Finding:
    message = f"its id is that of {first}, whose key is {now} by now: it is one issue"
    return Finding(ISSUE_MOVED, "key", message, rejects=False)


def hash_content(raw: Sequence[str] | str, fixed: str = "") -> bytes:
    """Hash a row of the source, to tell a changed row from a changed mapping: 8 bytes.

    `fixed` is the text of the corrections in it: a correction that changes is a change of the row.
    """
    text = f"{raw_text(raw)}\x1e{fixed}" if fixed else raw_text(raw)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def raw_text(raw: Sequence[str] | str) -> str:
    """Join the cells of a row as they came; a JSON record is one text already."""
    return raw if isinstance(raw, str) else "\x1f".join(raw)


def _limited(chunks: Iterator[Chunk], limit: int | None, group_keys: GroupKeys | None) -> Iterator[Chunk]:
    """Cut the input after `limit` rows, or behind them, where the issue that several rows make ends."""
    if limit is None:
        yield from chunks
        return
    left = limit
    for chunk in chunks:
        if len(chunk) <= left:
            yield chunk
        elif left > 0:  # the chunk with the last row that is wanted
            end = left if group_keys is None else end_of_group(group_keys(chunk), left)
            yield take_rows(chunk, 0, end)
        left -= len(chunk)
        if left <= 0:
            return


def _select(issue: Issue, only: frozenset[str], source_name: str) -> str:
    """The code by which a row is left out, "" if it is asked for."""
    # A rule that leaves a row out says more than that it wasn't asked for.
    if issue.skip:
        return issue.skip
    prefix, full, own = len(source_name) + 1, issue.key.full, issue.key.own
    return "" if {full, full[prefix:], own, own[prefix:]} & only else NOT_SELECTED
