"""Examined rows + ledger → what becomes of each row before anything is sent: its outcome, operation, and additions.

Observers see the rows run by run, and keep a bounded part of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from itertools import chain
from typing import Protocol

import orjson

from importer.api import TITLE_LIMIT
from importer.check.checked_row import CheckedRow
from importer.check.duplicates import DuplicateVerdict
from importer.check.examine import RowRun
from importer.check.knowledge import Knows, LedgerStatus
from importer.codes import CODES, COMMENT_EDITED, GROUP_PARTIAL
from importer.phrases import counted
from importer.records import (
    NO_PARTS,
    PASSED_OVER,
    Act,
    Addition,
    AlreadyAdded,
    Finding,
    IssueParts,
    Lesson,
    Operation,
    Outcome,
    Row,
    rows_in,
)
from importer.row.issue import Issue
from importer.sources.source_rows import SourceRows
from importer.transform.addition_plan import Due, count_edited, is_cut_otherwise, plan_additions
from importer.transform.dates import seconds_of
from importer.triage.redaction import find_redaction, redact

_NOTHING_ADDED = AlreadyAdded()
KEY_IN_NAME = Finding(
    "secret-found",
    "key",
    "the API key of this import is in its key, its category, or the name of what belongs to it",
    "take it out of the source; whoever has read it there can use it, so revoke it",
)

DISTINCT_LIMIT = 10_000
"""Distinct things, such as values or people, that an observer keeps apart: free text must not fill the memory."""
SAMPLES = 2
"""Rows or texts that it keeps of each, for people to look at."""
SAMPLE_CHARACTERS = 40


class Observer(Protocol):
    """Learns something of a source while it is read: it sees each run of rows once it is planned."""

    def add(self, run: RowRun) -> None: ...


OpenWriter = Callable[[], AbstractContextManager[Observer]]
"""Opens an observer that writes what one reading shows it; a second reading replaces what the first has written."""


def plan_rows(run: RowRun, verdicts: Mapping[int, DuplicateVerdict], known: Knows) -> None:
    """Say of each row of a run what becomes of it: planned, rejected, skipped, or what the ledger says.

    `verdicts` has why rows lose against others with their key, by place in the input.
    """
    _refuse_secret_names(run.rows)
    for row in run.rows if verdicts else ():
        row.loss = verdicts.get(row.place, row.loss)
    is_compared = _ask_ledger(run, known)
    for row in run.rows:
        _decide(row)
    for row in run.rows:
        if row.leads and row.body:  # else each row has its own finding
            _lead_followers(row)
    plan_row_additions([row for row in run.rows if _takes_additions(row)], known)
    for row in run.rows:
        row.result = _make_result(run.source, row)
        if row.outcome is Outcome.REJECTED and row.key:
            _pass_over_corrected(run.source, row, known)
        row.operation = _choose_operation(row, is_compared=is_compared)
        if row.status is not None:
            row.lesson = find_lesson(row, row.status)


def markers_to_create(rows: Iterable[CheckedRow]) -> Iterator[str]:
    """The markers of the issues that are to be created."""
    for row in rows:
        if row.operation is not None and row.operation.act is Act.CREATE:
            yield row.operation.marker


def _refuse_secret_names(rows: Sequence[CheckedRow]) -> None:
    """Reject the rows of which the API key is in a name: what the ledger keeps of it, masked, would be another name."""
    if find_redaction() is None:
        return
    every_name = "\n".join("\n".join(_names_in(row.issue)) for row in rows)
    # A text without the key is returned itself: no need to compare.
    if redact(every_name) is every_name:
        return
    for row in rows:
        if row.body and any(redact(name) is not name for name in _names_in(row.issue)):
            row.findings.append(KEY_IN_NAME)
            row.body = b""


def _names_in(issue: Issue) -> list[str]:
    """The names that the ledger keeps of an issue: its key, its category, and those of what belongs to it."""
    names = [issue.key.full, issue.category or ""]
    names += [name for _, name in issue.parts.evidence]
    names += [name for relation in issue.parts.relations for name in (relation.owner, relation.other)]
    return names


def _ask_ledger(run: RowRun, known: Knows) -> bool:
    """Ask what the ledger says of the rows that can be sent, or withdraw something; return whether there is one.

    Only one row of a key is compared with it: the one that wins against its duplicates.
    """
    asked = dict[str, CheckedRow]()

    def ask() -> Iterator[tuple[str, bytes]]:
        for row in run.rows:
            if row.body and row.loss is None:
                asked[row.key] = row
                yield row.key, row.body
        for row in run.rows:
            if row.is_withdrawal:
                asked[row.key] = row
                yield row.key, b""

    statuses = known(ask(), lambda key: asked[key].make_create(hashed=True), lambda key: run.find_absence(asked[key]))
    for row in run.rows if statuses else ():
        if (row.body or row.is_withdrawal) and row.loss is None:
            row.status = statuses.get(row.key)
            if row.leads and not run.is_whole:
                row.status = _hold_partial(row.status)
    return bool(asked)


def _hold_partial(status: LedgerStatus | None) -> LedgerStatus | None:
    """Hold back the update of an issue that was written from rows of which the source lacks any, or has it otherwise.

    The text of such a row would be taken away, and a delta need not have it. What the others add, such as comments, is
    added all the same.
    """
    if status is None or status.change is None:
        return status
    written = rows_in(status.content)
    lacking = written - rows_in(status.change.content)
    if written and not lacking:
        return status
    differs = None if status.differs is None else status.differs._replace(written=())
    finding = _partial(len(lacking), len(written))
    return status._replace(outcome=Outcome.CHANGED, finding=finding, change=None, differs=differs)


def _partial(lacking: int, written: int) -> Finding:
    message = "it isn't known from which rows the issue was written"
    if written:
        message = f"the issue was written from {counted(written, 'row')}, of which the source lacks {lacking:,}, "
        message += "or has them changed"
    hint = "if each export has all rows of its issues, set `input: {kind: snapshot}`; "
    hint += "otherwise import all rows of the issue together"
    return Finding(GROUP_PARTIAL, "description", message, hint, rejects=False)


def _decide(row: CheckedRow) -> None:
    """Say what becomes of a row; a row that nothing concerns is planned."""
    if row.loss is not None:
        # It loses against another row. What else is wrong with one that is left out doesn't matter to anybody.
        row.outcome, finding = row.loss
        row.told = [*row.findings, finding] if row.outcome is Outcome.REJECTED else [finding]
    elif row.skip:
        # A rule leaves it out.
        row.outcome, row.told = Outcome.SKIPPED, [_note(row.skip)]
    elif row.status is not None and row.body:
        # Its issue is in Triage, or nearly so.
        _follow_ledger(row, row.status)
    else:
        # It is new, or violates a rule.
        row.outcome, row.told = Outcome.REJECTED if row.is_rejected else Outcome.PLANNED, row.findings


def _follow_ledger(row: CheckedRow, status: LedgerStatus) -> None:
    """Let the ledger say what becomes of a row."""
    row.outcome, row.issue_id, row.triage_id = status.outcome, status.issue_id, status.triage_id
    row.told = row.findings
    if status.finding is not None:
        # What was found in a row of which nothing is sent was told when it was sent.
        row.told = [*row.findings, status.finding] if row.outcome is Outcome.PLANNED else [status.finding]
        if row.outcome not in PASSED_OVER:
            row.notes = [status.finding]


def _lead_followers(leader: CheckedRow) -> None:
    """Let what becomes of the leading row of an issue become of its other rows."""
    for row in leader.followers:
        row.outcome, row.issue_id, row.triage_id = leader.outcome, leader.issue_id, leader.triage_id
        row.loss = leader.loss
        # Its own warnings stay where the row is sent.
        if leader.outcome is not Outcome.PLANNED:
            row.told = leader.told


def _make_result(source: SourceRows, row: CheckedRow) -> Row:
    """Make the row as the ledger and the reports know it; a rejected one with what a person has to correct."""
    issue, findings = row.issue, row.told
    result = Row(
        source.file,
        source.file_name,
        issue.row.record,
        issue.row.line,
        issue.key.full,
        row.outcome,
        raw=issue.row.raw if row.outcome is Outcome.REJECTED else None,
        origin=issue.row.origin,
        issue_id=row.issue_id,
        triage_id=row.triage_id,
        additions_planned=row.additions_planned,
        follows=row.follows or row.is_joined,
        title=issue.title[:TITLE_LIMIT],
        link=issue.footer.link,
        alias="" if issue.key.own == issue.key.full else issue.key.own,
    )
    if not findings:  # as of most
        return result
    return result._replace(
        codes=tuple([finding.code for finding in findings]),
        fields=tuple([finding.field for finding in findings]),
        messages=tuple([finding.message for finding in findings]),
        hints=tuple([finding.hint for finding in findings]),
    )


def _pass_over_corrected(source: SourceRows, row: CheckedRow, known: Knows) -> None:
    """Pass over a rejected row whose issue was made from the corrected row."""
    status = known.find_corrected(row.result)
    if status is None or status.finding is None:
        return
    row.outcome, row.issue_id, row.triage_id = status.outcome, status.issue_id, status.triage_id
    row.told = [status.finding]
    row.result = _make_result(source, row)


def _choose_operation(row: CheckedRow, *, is_compared: bool) -> Operation | None:
    """Choose what is sent for a row: its update or its create, or nothing.

    Without a ledger nobody compares these rows with later ones.
    """
    if not row.body or row.is_joined or row.outcome is not Outcome.PLANNED:
        return None
    if row.status is not None and row.status.change is not None:
        return row.status.change
    return row.make_create(hashed=is_compared)


def find_lesson(row: CheckedRow, status: LedgerStatus) -> Lesson | None:
    """Find what a row says of an issue that is its own, and that the ledger doesn't know yet.

    An id without its site takes the place of none that has one: a source may come in two forms by turns.
    """
    issue = row.issue
    if not row.body or not status.issue_id or not status.takes_additions:
        return None
    fixed_id = issue.key.fixed_id
    is_dated = not status.born and issue.key.group is None
    born = seconds_of(issue.created) if is_dated else 0.0
    is_new_id = fixed_id not in ("", status.fixed_id) and not (" " in status.fixed_id and " " not in fixed_id)
    if not is_new_id and not born:
        return None
    return Lesson(row.key, fixed_id if is_new_id else status.fixed_id, status.born or born)


def _takes_additions(row: CheckedRow) -> bool:
    """Whether anything may be added to a row's issue: it has parts, or its description goes on in comments."""
    if row.loss is not None or not (row.body or row.is_withdrawal):
        return False
    if row.status is None:
        return row.issue.parts is not NO_PARTS
    # Of one without parts of its own, the target may keep less of the description.
    return row.status.takes_additions and (row.issue.parts is not NO_PARTS or bool(row.status.moved))


def plan_row_additions(rows: Sequence[CheckedRow], known: Knows) -> None:
    """Plan what is to be added to the issues of these rows, all of which have parts, or go on in comments.

    Which issues their comments name isn't looked for until they are sent. How a description goes on is left out where
    it does so already, would be cut elsewhere now, and isn't written: each word would be there twice.
    """
    if not rows:
        return
    # Relations that another issue owns are in the ledger under that issue's key.
    owners = (relation.owner for row in rows for relation in row.issue.parts.relations)
    had = known.had(chain((row.key for row in rows), owners))
    for row in rows:
        _plan_additions(row, had)


def _plan_additions(row: CheckedRow, had: Mapping[str, AlreadyAdded]) -> None:
    """Plan what is to be added to a row's issue; `had` is what the ledger knows of its key, and of other owners'."""
    issue, key, added = row.issue, row.key, had.get(row.key, _NOTHING_ADDED)
    parts = _parts_due(issue.parts, row.body, added, row.status)
    description = issue.description if parts.mentions else ""
    additions = plan_additions(Due(key, parts, issue.bundling, added, description))
    if had:
        additions = [each for each in additions if (each.act, each.name) not in had.get(each.key, _NOTHING_ADDED).names]
    row.additions = additions
    # A relation may be the other issue's: it is counted with the row that has that key.
    row.additions_planned = len(additions)
    if parts.relations:
        row.additions_planned = [addition.key for addition in additions].count(key)
    if added is _NOTHING_ADDED:  # as of all rows without a ledger
        return
    has_references = bool(issue.parts.mentions) and not parts.mentions
    row.additions_planned += len(added.names) + has_references
    edited = count_edited(parts.comments, added) if added.covered else 0
    if edited:
        _note_edited(row, edited)
    row.is_reread = _is_reread(parts, added, additions)


def _note_edited(row: CheckedRow, edited: int) -> None:
    """Note that so many comments of a row were edited in the source."""
    message = f"{edited} of its comments {'was' if edited == 1 else 'were'} edited in the source"
    hint = "Triage's API can't change a comment: add one by hand"
    finding = Finding(COMMENT_EDITED, "comments", message, hint, rejects=False)
    row.told = [*row.told, finding]
    row.notes = [*row.notes, finding]


def _is_reread(parts: IssueParts, added: AlreadyAdded, additions: Iterable[Addition]) -> bool:
    """Whether other comments are read of a row than those that its issue has from it."""
    if not added.covered or parts.occurrences:  # of occurrences each night has others
        return False
    if not any(addition.act is Act.COMMENT and addition.covers for addition in additions):
        return False
    current = {name for comment in parts.comments for name in (comment.id, comment.content)}
    return any("=" not in name and name not in current for name in added.covered)


def _parts_due(parts: IssueParts, body: bytes, added: AlreadyAdded, status: LedgerStatus | None) -> IssueParts:
    """Leave out a description's rest that would be there twice, and mentions whose numbers are in it already."""
    change = None if status is None else status.change
    if status is not None and status.moved and change is None:
        parts = parts._replace(rest=(*status.moved, *parts.rest))
    if parts.rest and status is not None and change is None and is_cut_otherwise(parts.rest, added):
        parts = parts._replace(rest=())
    # An update of the description brings it without numbers.
    is_written = change is not None and "description" in orjson.loads(change.body)
    if added.referred and parts.mentions and not is_written:
        sha = hashlib.sha256(body).digest()
        parts = parts._replace(
            mentions=tuple(mention for mention in parts.mentions if (sha, mention.key) not in added.referred)
        )
    return parts


@lru_cache
def _note(code: str) -> Finding:
    """Make the finding of a skip code; one that codes.py doesn't have is named by the mapping."""
    return Finding(code, "", CODES.get(code, "Skipped by a rule of the mapping."), rejects=False)
