"""Source → runs of examined rows: corrects, transforms and validates each row, in the check and the send pass alike."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from importer.check.brake import scopes_of
from importer.check.checked_row import CheckedRow
from importer.check.group_faults import hold_back
from importer.check.grouping import GroupKeys, end_of_group, regroup
from importer.check.held import FileAbsence, RecordKeys, RowAbsence
from importer.check.job import Job
from importer.check.knowledge import LedgerStatus
from importer.check.rules import Rules
from importer.codes import ISSUE_MOVED, NOT_SELECTED
from importer.mapping.edited_tables import Fix, Fixes
from importer.phrases import plain_name
from importer.records import Finding, Ref
from importer.row.compiler import Compiler
from importer.row.issue import Issue
from importer.row.issue_batch import IssueBatch, encode_body
from importer.row.transform import Transform
from importer.sources.source import SourceFile
from importer.sources.source_rows import SourceRows, leave_out_nothing


def correct_cells(fixes: Fixes, source: SourceRows) -> SourceRows:
    """Correct the cells of rows, and note in each what was corrected. Their raw texts stay as they came."""
    if not fixes.columns:
        return source
    fixes_at = dict[int, Mapping[str, Fix]]()
    for ref, places in source.layout.places.items():
        by_value = fixes.columns.get(plain_name(ref.name))
        if by_value is not None:
            fixes_at.update(dict.fromkeys(places, by_value))
    for row in source.rows:
        made = dict[int, Fix]()
        for place, by_value in fixes_at.items():
            fix = by_value.get(row.written[place].strip())
            if fix is not None:
                made[place] = fix
        if made:
            row.written = [made[place].new if place in made else cell for place, cell in enumerate(row.written)]
            row.cells = leave_out_nothing(row.written)
            row.fixes = tuple(dict.fromkeys(made.values()))
    return source


@dataclass(slots=True)
class RowRun:
    """Rows of a file that are checked together: what is asked of the ledger, or of a disk, is asked for all of them.

    rows      in the order of the input
    source    the same as they were read
    compiler  reads the texts of the mapping from them
    is_whole  whether the source has all rows of each issue: it is a snapshot
    file      the file that they are from
    lacking   what that lacks; None where nothing is compared with issues
    braked    (project, name) of the values that stay if they are blank
    """

    rows: Sequence[CheckedRow]
    source: SourceRows
    compiler: Compiler
    is_whole: bool = False
    file: SourceFile | None = None
    lacking: FileAbsence | None = None
    braked: Collection[tuple[str, str]] = ()

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
        layout = self.source.layout

        def is_blank(refs: Sequence[Ref]) -> bool:
            places = layout.places_of(refs)
            return not any(member.cells[place].strip() for member in members for place in places)

        def is_not_there(ref: Ref) -> bool:
            return not layout.places.get(ref)

        lacks = is_not_there if self.file.is_table else RecordKeys(self.file, [member.raw for member in members])
        scopes = scopes_of(row.issue.key.own) if self.braked else ()
        return RowAbsence(self.lacking, lacks, is_blank, {name for scope, name in self.braked if scope in scopes})


def examine(job: Job) -> Iterator[RowRun]:
    """Read a source once, some rows at a time. Both passes run exactly this: what is checked is what is sent."""
    model = job.mapping.model
    transform = Transform(model, job.source_name, job.people, job.find_name, job.find_keys, job.aliases)
    sources = job.source.read(transform.refs, tables=transform.tables, annexes=transform.annexes, dates=transform.dates)
    sources = map(partial(correct_cells, job.fixes), sources)  # a corrected cell may decide the group of a row
    group_keys: GroupKeys | None = None
    if model.group and model.recurring is None:
        group_keys = transform.group_keys
        sources = regroup(sources, group_keys)
    first = 0
    for source in _limited(sources, job.limit, group_keys):
        run = _examine_rows(job, transform, source, first)
        first += len(source)
        del source  # what is yielded isn't kept: see `Reading.read`
        yield run
        del run


def _examine_rows(job: Job, transform: Transform, source: SourceRows, first: int) -> RowRun:
    """Transform and validate rows; `first` is the place of the first one in the whole input."""
    model, absence = job.mapping.model, job.absence
    batch = transform(source)
    rows = checked_rows(batch, first)
    compiler = Compiler(source.layout)
    rules = Rules(model, compiler, name_given=job.name_given)
    for row in rows:
        row.findings = rules.check(row.issue, follows=row.follows)
        if model.people.hides:
            row.findings = [transform.shown.show_finding(finding) for finding in row.findings]
    if batch.groups:
        _hold_back_groups(rows, batch)
    for row in rows:
        _select(row, job)
        # The first row of an issue has the texts of all its rows: the others have no body of their own.
        if not (row.skip or row.follows or row.is_rejected):
            row.body = encode_body(row.issue)
    lacking = absence.files[source.file] if absence.files else None
    file = job.source.files[source.file]
    return RowRun(rows, source, compiler, model.input.is_snapshot, file, lacking, absence.braked)


def checked_rows(batch: IssueBatch, first: int = 0) -> list[CheckedRow]:
    """The rows of a batch, before anything is known of them; `first` is the place of the first one in the input."""
    rows = [CheckedRow(first + number, issue, issue.skip) for number, issue in enumerate(batch.issues)]
    for leading, *following in batch.groups.values():
        rows[leading].lead([rows[number] for number in following])
    return rows


def _hold_back_groups(rows: Sequence[CheckedRow], batch: IssueBatch) -> None:
    """Hold back the rows that have to wait for another row of their issue."""
    group_keys = [row.issue.key.group for row in rows]
    lines = [row.issue.row.line for row in rows]
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


def _limited(sources: Iterator[SourceRows], limit: int | None, group_keys: GroupKeys | None) -> Iterator[SourceRows]:
    """Cut the input after `limit` rows, or behind them, where the issue that several rows make ends."""
    if limit is None:
        yield from sources
        return
    left = limit
    for source in sources:
        if len(source) <= left:
            yield source
        elif left > 0:  # those with the last row that is wanted
            end = left if group_keys is None else end_of_group(group_keys(source), left)
            yield source.part(0, end)
        left -= len(source)
        if left <= 0:
            return
