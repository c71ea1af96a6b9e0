"""Source → runs of examined rows: corrects, transforms and validates each row, in the check and the send pass alike."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from importer.check.brake import scopes_of
from importer.check.checked_row import CheckedRow
from importer.check.group_faults import hold_back
from importer.check.grouping import GroupKeys, end_of_group, regroup, take_rows
from importer.check.held import FileAbsence, RecordKeys, RowAbsence
from importer.check.job import Job
from importer.check.knowledge import LedgerStatus
from importer.check.rules import Rules
from importer.codes import ISSUE_MOVED, NOT_SELECTED
from importer.mapping.edited_tables import Fix, Fixed, Fixes
from importer.phrases import plain_name
from importer.records import Chunk, Finding, Ref
from importer.row.compiler import Compiler
from importer.row.issue import Issue
from importer.row.issue_batch import IssueBatch, encode_body
from importer.row.source_rows import SourceRows
from importer.row.transform import Transform
from importer.sources.source import SourceFile


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


@dataclass(slots=True)
class RowRun:
    """Rows of a file that are checked together: what is asked of the ledger, or of a disk, is asked for all of them.

    rows      in the order of the input
    source    the same as they were read
    is_whole  whether the source has all rows of each issue: it is a snapshot
    file      the file that they are from
    lacking   what that lacks; None where nothing is compared with issues
    braked    (project, name) of the values that stay if they are blank
    """

    rows: Sequence[CheckedRow]
    source: SourceRows
    is_whole: bool = False
    file: SourceFile | None = None
    lacking: FileAbsence | None = None
    braked: Collection[tuple[str, str]] = ()

    @property
    def chunk(self) -> Chunk:
        return self.source.chunk

    @property
    def compiler(self) -> Compiler:
        """What reads the texts of the mapping from the rows."""
        return self.source.compiler

    def known_rows(self) -> Iterator[tuple[CheckedRow, LedgerStatus]]:
        """Yield the rows that can be sent of which the ledger has something to say, with what it says."""
        for row in self.rows:
            if row.status is not None and row.body:
                yield row, row.status

    def find_absence(self, row: CheckedRow) -> RowAbsence | None:
        """Say what is to be known of a row to judge what it lacks; None if nothing is compared."""
        if self.lacking is None or self.file is None:
            return None
        members = [member.issue.row for member in row.members]
        layout, positions = self.source.layout, self.chunk.positions

        def is_blank(refs: Sequence[Ref]) -> bool:
            places = layout.places_of(refs)
            return not any(member.cells[place].strip() for member in members for place in places)

        def is_not_there(ref: Ref) -> bool:
            return not positions.get(ref)

        lacks = is_not_there if self.file.is_table else RecordKeys(self.file, [member.raw for member in members])
        scopes = scopes_of(row.issue.key.own) if self.braked else ()
        return RowAbsence(self.lacking, lacks, is_blank, {name for scope, name in self.braked if scope in scopes})


def examine(job: Job) -> Iterator[RowRun]:
    """Read a source once, some rows at a time. Both passes run exactly this: what is checked is what is sent."""
    model = job.mapping.model
    transform = Transform(model, job.source_name, job.people, job.find_name, job.find_keys, job.aliases)
    chunks = job.source.chunks(transform.refs, tables=transform.tables, annexes=transform.annexes)
    group_keys: GroupKeys | None = None
    if model.group and model.recurring is None:
        group_keys = partial(_group_keys, job, transform)
        chunks = regroup(chunks, group_keys)
    first = 0
    for chunk in _limited(chunks, job.limit, group_keys):
        run = _examine_chunk(job, transform, chunk, first)
        first += len(chunk)
        del chunk  # what is yielded isn't kept: see `Reading.read`
        yield run
        del run


def _group_keys(job: Job, transform: Transform, chunk: Chunk) -> list[str | None]:
    """Return the key of each row's group with the fixes applied, since a corrected cell may decide the group."""
    return transform.group_keys(apply_fixes(job.fixes, chunk)[0])


def _examine_chunk(job: Job, transform: Transform, chunk: Chunk, first: int) -> RowRun:
    """Correct, transform and validate a chunk; `first` is the place of its first row in the whole input."""
    model, absence = job.mapping.model, job.absence
    chunk, fixed = apply_fixes(job.fixes, chunk)
    batch = transform(chunk)
    rows = checked_rows(batch, first)
    for place, fixes in fixed.items():
        rows[place].fixes = fixes
    rules = Rules(model, batch.source.compiler, name_given=job.name_given)
    for row in rows:
        row.findings = rules.check(row.issue, follows=row.follows)
        if model.people.hides:
            row.findings = [transform.shown.show_finding(finding) for finding in row.findings]
    if batch.groups:
        _hold_back_groups(rows, batch, chunk.lines)
    for row in rows:
        _select(row, job)
        # The first row of an issue has the texts of all its rows: the others have no body of their own.
        if not (row.skip or row.follows or row.is_rejected):
            row.body = encode_body(row.issue)
    lacking = absence.files[chunk.file] if absence.files else None
    file = job.source.files[chunk.file]
    return RowRun(rows, batch.source, model.input.is_snapshot, file, lacking, absence.braked)


def checked_rows(batch: IssueBatch, first: int = 0) -> list[CheckedRow]:
    """The rows of a chunk, before anything is known of them; `first` is the place of the first one in the input."""
    rows = [CheckedRow(first + number, issue, issue.skip) for number, issue in enumerate(batch.issues)]
    for leading, *following in batch.groups.values():
        rows[leading].lead([rows[number] for number in following])
    return rows


def _hold_back_groups(rows: Sequence[CheckedRow], batch: IssueBatch, lines: Sequence[int]) -> None:
    """Hold back the rows that have to wait for another row of their issue."""
    group_keys = [row.issue.key.group for row in rows]
    findings = {number: row.findings for number, row in enumerate(rows) if row.findings}
    for number, finding in list(hold_back(batch.groups.values(), group_keys, findings, lines)):
        rows[number].findings.append(finding)


def _select(row: CheckedRow, job: Job) -> None:
    """Note whether the issue has moved, and leave out a row that isn't asked for, or that another file holds."""
    key = row.issue.key
    if key.own in job.moves:
        row.findings.append(_moved(key.own, job.moves[key.own]))
    if job.only is not None and not row.skip:  # a rule that leaves a row out says more than that it wasn't asked for
        row.skip = "" if _names(row.issue, job.source_name) & job.only else NOT_SELECTED
    # A row that withdraws an occurrence is held, too.
    row.skip = job.holds.get(key.full, row.skip)


def _moved(now: str, first: str) -> Finding:
    message = f"its id is that of {first}, whose key is {now} by now: it is one issue"
    return Finding(ISSUE_MOVED, "key", message, rejects=False)


def _names(issue: Issue, source_name: str) -> set[str]:
    """The keys of an issue, as a person may type them: with or without the source's name."""
    prefix, full, own = len(source_name) + 1, issue.key.full, issue.key.own
    return {full, full[prefix:], own, own[prefix:]}


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
