"""Examined chunk + ledger → plan: the outcome of each row before sending, its operation, and its additions.

Observers see each chunk with its plan, and keep a bounded part of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

import orjson

from importer.api import TITLE_LIMIT
from importer.check.duplicates import DuplicateVerdict
from importer.check.examine import Examined
from importer.check.knowledge import Knows, LedgerStatus
from importer.codes import CODES, COMMENT_EDITED, GROUP_PARTIAL
from importer.phrases import counted
from importer.records import (
    LEFT_OUT,
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
    Rows,
    fill_columns,
    rows_in,
)
from importer.row.issue import NO_PARTS, Issue
from importer.transform.addition_plan import Due, count_edited, is_cut_otherwise, plan_additions
from importer.transform.dates import seconds_of
from importer.triage.redaction import find_redaction, redact

RowColumns = dict[str, list[Any]]
"""Field of `Row` → its value in each row, while they are made."""
_NOTHING_ADDED = AlreadyAdded()
_FOUND = ("codes", "fields", "messages", "hints")
"""The columns of rows that list their findings."""
KEY_IN_NAME = Finding(
    "secret-found",
    "key",
    "the API key of this import is in its key, its category, or the name of what belongs to it",
    "take it out of the source; whoever has read it there can use it, so revoke it",
)
_of_finding = attrgetter("code", "field", "message", "hint")
_NO_LEDGER: Mapping[str, LedgerStatus] = {}
_PLANNED = LedgerStatus(Outcome.PLANNED)


class Plan(NamedTuple):
    """The rows of a chunk with their outcome before sending.

    operations  place of a planned row in the chunk → its create or update
    notes       (place, finding) of change detection on a row that is not passed over, and of comments that were edited
    additions   place → what is still to be added to the row's issue; places without any are absent
    ledger      key → what the ledger says of it; keys of which it has nothing to say are absent
    left_out    places of the rows of which nothing is sent
    reread      places of the rows of which other comments are read than those that their issues have from them
    counted     places of the rows that figures of values and people count: those of Examined, but for skipped ones
    lessons     what rows say of their issues that the ledger doesn't know
    """

    rows: Rows
    operations: dict[int, Operation]
    notes: list[tuple[int, Finding]]
    additions: dict[int, list[Addition]]
    ledger: Mapping[str, LedgerStatus]
    left_out: Collection[int] = ()
    reread: Collection[int] = ()
    counted: Sequence[int] = ()
    lessons: Sequence[Lesson] = ()

    def markers_to_create(self) -> Iterator[str]:
        return (operation.marker for operation in self.operations.values() if operation.act is Act.CREATE)


DISTINCT_LIMIT = 10_000
"""Distinct things, such as values or people, that an observer keeps apart: free text must not fill the memory."""
SAMPLES = 2
"""Rows or texts that it keeps of each, for people to look at."""
SAMPLE_CHARACTERS = 40


class Observer(Protocol):
    """Learns something of a source while it is read: it sees each chunk with its plan."""

    def add(self, examined: Examined, plan: Plan) -> None: ...


OpenWriter = Callable[[], AbstractContextManager[Observer]]
"""Opens an observer that writes what one reading shows it; a second reading replaces what the first has written."""


class _Decided(NamedTuple):
    """What the rules have decided of a row so far: its outcome, what there is to say, and the issue that it has."""

    outcome: Outcome
    findings: Sequence[Finding]
    issue_id: str = ""
    triage_id: str = ""


class PlannedAdditions(NamedTuple):
    """What rows have for their issues beside the create, each by row.

    left    the additions that are still to be made; rows without any are absent
    own     how many of the row's own there are, those that were made included
    edited  the finding that comments were edited in the source since; other rows are absent
    reread  rows of which other comments are read than those that their issues have from them
    """

    left: dict[int, list[Addition]]
    own: dict[int, int]
    edited: dict[int, Finding]
    reread: set[int]


def plan_rows(examined: Examined, verdicts: Mapping[int, DuplicateVerdict], known: Knows) -> Plan:
    """The rows of a chunk as they stand before sending: planned, rejected, skipped, or what the ledger says.

    The ledger is asked first; then each rule decides of the rows that concern it, in order: skip, findings, duplicate,
    ledger. A row that none of them concerns is planned.
    """
    examined = _refuse_secret_names(examined)
    first, end = examined.span
    losers = {place - first: verdicts[place] for place in range(first, end) if place in verdicts} if verdicts else {}
    losers = {**examined.losers, **losers}
    issues = examined.batch.issues
    keys = [issue.key.full for issue in issues]
    places = dict[str, int]()

    def ask() -> Iterator[tuple[str, bytes]]:
        # Only one row of a key is compared with the ledger: the one that wins against its duplicates.
        for row, body in examined.bodies.items():
            if row not in losers:
                places[keys[row]] = row
                yield keys[row], body
        for row in examined.withdrawn:
            places[keys[row]] = row
            yield keys[row], b""

    ledger = known(
        ask(), lambda key: examined.create(places[key], hashed=True), lambda key: examined.absence(places[key])
    )
    ledger = _hold_partial(examined, ledger)
    decided, notes = _decide(examined, losers, ledger)
    # Those without parts of their own, too, whose description goes on in comments as the target keeps less of it.
    with_parts = [row for row, issue in enumerate(issues) if issue.parts is not NO_PARTS]
    takers = [
        row
        for row in dict.fromkeys((*with_parts, *(places[key] for key in ledger if ledger[key].moved)))
        if (row in examined.bodies or row in examined.withdrawn)
        and row not in losers
        and (keys[row] not in ledger or ledger[keys[row]].takes_additions)
    ]
    planned = plan_row_additions(examined, takers, known, ledger)
    notes += planned.edited.items()
    rows = _make_rows(examined, decided, planned, known)
    outcomes = rows.columns["outcome"]
    joined = examined.joined
    to_send = [place for place in examined.bodies if outcomes[place] is Outcome.PLANNED and place not in joined]
    changes = {
        place: change for place in (to_send if ledger else ()) if (change := ledger.get(keys[place], _PLANNED).change)
    }
    new = [place for place in to_send if place not in changes] if changes else to_send
    # Without a ledger nothing is asked, and nobody compares these rows with later ones.
    creates = {place: examined.create(place, hashed=bool(places)) for place in new}
    operations = {place: changes.get(place) or creates[place] for place in to_send} if changes else creates
    left_out, counted_ones = find_left_out(rows) if decided else (), examined.counted_rows()
    if left_out:  # of rows with one key and the same content one counts: the others are not another issue
        counted_ones = [row for row in counted_ones if outcomes[row] is not Outcome.SKIPPED]
    if examined.withdrawn:  # what is known of their issues says nothing of rows
        ledger = {key: status for key, status in ledger.items() if places[key] in examined.bodies}
    lessons = list(find_lessons(examined, ledger, places))
    return Plan(rows, operations, notes, planned.left, ledger, left_out, planned.reread, counted_ones, lessons)


def find_lessons(examined: Examined, ledger: Mapping[str, LedgerStatus], places: Mapping[str, int]) -> Iterator[Lesson]:
    """Yield what rows say of issues that are theirs, and that the ledger doesn't know yet.

    An id without its site takes the place of none that has one: a source may come in two forms by turns.
    """
    for key, status in ledger.items():
        if not status.issue_id or not status.takes_additions:
            continue
        issue = examined.batch.issues[places[key]]
        fixed_id = issue.key.fixed_id
        is_dated = not status.born and issue.key.group is None
        born = seconds_of(issue.created) if is_dated else 0.0
        is_new_id = fixed_id not in ("", status.fixed_id) and not (" " in status.fixed_id and " " not in fixed_id)
        if is_new_id or born:
            yield Lesson(key, fixed_id if is_new_id else status.fixed_id, status.born or born)


def _refuse_secret_names(examined: Examined) -> Examined:
    """Reject the rows of which the API key is in a name: what the ledger keeps of it, masked, would be another name."""
    if find_redaction() is None:
        return examined
    names = [_names_in(issue) for issue in examined.batch.issues]
    every = "\n".join(map("\n".join, names))
    # A text without the key is returned itself: no need to compare.
    if redact(every) is every:
        return examined
    secret = {row for row in examined.bodies if any(redact(name) is not name for name in names[row])}
    for row in secret:
        examined.findings.add(row, KEY_IN_NAME)
    return replace(examined, bodies={row: body for row, body in examined.bodies.items() if row not in secret})


def _names_in(issue: Issue) -> list[str]:
    """The names that the ledger keeps of an issue: its key, its category, and those of what belongs to it."""
    names = [issue.key.full, issue.category or ""]
    names += [name for _, name in issue.parts.evidence]
    names += [name for relation in issue.parts.relations for name in (relation.owner, relation.other)]
    return names


def find_left_out(rows: Rows) -> Collection[int]:
    return {place for place, outcome in enumerate(rows.columns["outcome"]) if outcome in LEFT_OUT}


def _decide(
    examined: Examined, losers: Mapping[int, DuplicateVerdict], ledger: Mapping[str, LedgerStatus]
) -> tuple[dict[int, _Decided], list[tuple[int, Finding]]]:
    """Apply the rules in order; also returns the notes of change detection."""
    found, issues = examined.findings.by_row, examined.batch.issues
    notes = list[tuple[int, Finding]]()
    decided = {row: _Decided(Outcome.SKIPPED, [_note(code)]) for row, code in enumerate(examined.skips) if code}
    for row, own in found.items():
        if row not in decided:
            rejects = any(finding.rejects for finding in own)
            decided[row] = _Decided(Outcome.REJECTED if rejects else Outcome.PLANNED, own)
    # What else is wrong with a row that is left out doesn't matter to anybody.
    for row, (outcome, finding) in losers.items():
        decided[row] = _Decided(outcome, [*(found.get(row, ()) if outcome is Outcome.REJECTED else ()), finding])
    for row in examined.bodies if ledger else ():
        status = ledger.get(issues[row].key.full) if row not in losers else None
        if status is None:
            continue
        findings = decided[row].findings if row in decided else ()
        if status.finding is not None:
            findings = [*(findings if status.outcome is Outcome.PLANNED else ()), status.finding]
            if status.outcome not in PASSED_OVER:
                notes.append((row, status.finding))
        decided[row] = _Decided(status.outcome, findings, status.issue_id, status.triage_id)
    return decided, notes


def _make_rows(examined: Examined, decided: Mapping[int, _Decided], planned: PlannedAdditions, known: Knows) -> Rows:
    """Make the rows of a chunk with what was decided of them; the rows of a group follow its first one."""
    chunk, issues = examined.batch.chunk, examined.batch.issues
    same = Row(chunk.file, chunk.file_name, 0, 0, "", Outcome.PLANNED)
    own: RowColumns = {"record": list(chunk.records), "line": list(chunk.lines)}
    own["key"] = [issue.key.full for issue in issues]
    own["link"] = [issue.footer.link for issue in issues]
    own["title"] = [issue.title[:TITLE_LIMIT] for issue in issues]
    own["alias"] = ["" if issue.key.own == issue.key.full else issue.key.own for issue in issues]
    of = fill_columns(len(chunk), same, own)
    for row, number in planned.own.items():
        of["additions_planned"][row] = number
    for row, origin in chunk.origins.items():
        of["origin"][row] = origin
    outcomes, issue_ids, triage_ids = of["outcome"], of["issue_id"], of["triage_id"]
    for row, (outcome, findings, issue_id, triage_id) in decided.items():
        outcomes[row], issue_ids[row], triage_ids[row] = outcome, issue_id, triage_id
        if findings:
            _add_findings(of, row, findings)
    for leader, *others in examined.batch.groups.values():
        if leader in examined.bodies:  # else each row has its own finding
            # Its own warnings stay where the row is sent.
            taken = () if outcomes[leader] is Outcome.PLANNED else _FOUND
            for row in others:
                for name in ("outcome", "issue_id", "triage_id", *taken):
                    of[name][row] = of[name][leader]
                of["follows"][row] = True
    for row in examined.joined:
        of["follows"][row] = True
    for row, edited in planned.edited.items():
        _add_findings(of, row, [edited])
    for row in [row for row, outcome in enumerate(outcomes) if outcome is Outcome.REJECTED] if decided else ():
        of["raw"][row] = chunk.raw[row]
        if _pass_over_corrected(of, row, known):
            of["raw"][row] = None
    return Rows(of)


def _hold_partial(examined: Examined, statuses: Mapping[str, LedgerStatus]) -> Mapping[str, LedgerStatus]:
    """Hold back updates of issues that were written from rows of which the source lacks any, or has it otherwise now.

    The text of such a row would be taken away, and a delta need not have it. What the others add, such as comments, is
    added all the same.
    """
    if examined.is_whole or not examined.batch.groups:
        return statuses
    held = dict[str, LedgerStatus]()
    for key in (examined.batch.issues[row].key.full for row in examined.batch.groups):
        status = statuses.get(key)
        if status is None or status.change is None:
            continue
        written = rows_in(status.content)
        lacking = written - rows_in(status.change.content)
        if lacking or not written:
            differs = None if status.differs is None else status.differs._replace(written=())
            finding = _partial(len(lacking), len(written))
            held[key] = status._replace(outcome=Outcome.CHANGED, finding=finding, change=None, differs=differs)
    return {**statuses, **held} if held else statuses


def _partial(lacking: int, written: int) -> Finding:
    message = "it isn't known from which rows the issue was written"
    if written:
        message = f"the issue was written from {counted(written, 'row')}, of which the source lacks {lacking:,}, "
        message += "or has them changed"
    hint = "if each export has all rows of its issues, set `input: {kind: snapshot}`; "
    hint += "otherwise import all rows of the issue together"
    return Finding(GROUP_PARTIAL, "description", message, hint, rejects=False)


def _pass_over_corrected(of: RowColumns, place: int, known: Knows) -> bool:
    """Pass over a rejected row whose issue was made from the corrected row; return whether it is one."""
    row = Rows(of)[place]
    status = known.find_corrected(row) if row.key else None
    if status is None or status.finding is None:
        return False
    for name in _FOUND:
        of[name][place] = ()
    _add_findings(of, place, [status.finding])
    of["outcome"][place], of["issue_id"][place], of["triage_id"][place] = (
        status.outcome,
        status.issue_id,
        status.triage_id,
    )
    return True


def plan_row_additions(
    examined: Examined, rows: Sequence[int], known: Knows, ledger: Mapping[str, LedgerStatus] = _NO_LEDGER
) -> PlannedAdditions:
    """Plan what is to be added to the issues of these rows, all of which have parts, or go on in comments.

    Which issues their comments name isn't looked for until they are sent. How a description goes on is left out where
    it does so already, would be cut elsewhere now, and isn't written: each word would be there twice.
    """
    issues, planned = examined.batch.issues, PlannedAdditions({}, {}, {}, set())
    if not rows:
        return planned
    # Relations that another issue owns are in the ledger under that issue's key.
    owners = (relation.owner for row in rows for relation in issues[row].parts.relations)
    had = known.had(chain((issues[row].key.full for row in rows), owners))
    for row in rows:
        issue = issues[row]
        key, mine = issue.key.full, had.get(issue.key.full, _NOTHING_ADDED)
        parts = _parts_due(issue.parts, examined.bodies.get(row, b""), mine, ledger.get(key))
        description = issue.description if parts.mentions else ""
        left = plan_additions(Due(key, parts, issue.bundling, mine, description))
        if had:
            left = [each for each in left if (each.act, each.name) not in had.get(each.key, _NOTHING_ADDED).names]
        if left:
            planned.left[row] = left
        # A relation may be the other issue's: it is counted with the row that has that key.
        planned.own[row] = [each.key for each in left].count(key) if parts.relations else len(left)
        if mine is _NOTHING_ADDED:  # as of all rows without a ledger
            continue
        has_references = bool(issue.parts.mentions) and not parts.mentions
        planned.own[row] += len(mine.names) + has_references
        if mine.covered and (edited := count_edited(parts.comments, mine)):
            message = f"{edited} of its comments {'was' if edited == 1 else 'were'} edited in the source"
            hint = "Triage's API can't change a comment: add one by hand"
            planned.edited[row] = Finding(COMMENT_EDITED, "comments", message, hint, rejects=False)
        is_read = mine.covered and not parts.occurrences  # of these each night has others
        if is_read and any(each.act is Act.COMMENT and each.covers for each in left):
            now = {name for comment in parts.comments for name in (comment.id, comment.content)}
            if any("=" not in name and name not in now for name in mine.covered):
                planned.reread.add(row)
    return planned


def _parts_due(parts: IssueParts, body: bytes, had: AlreadyAdded, status: LedgerStatus | None) -> IssueParts:
    """Leave out a description's rest that would be there twice, and mentions whose numbers are in it already."""
    change = None if status is None else status.change
    if status is not None and status.moved and change is None:
        parts = parts._replace(rest=(*status.moved, *parts.rest))
    if parts.rest and status is not None and change is None and is_cut_otherwise(parts.rest, had):
        parts = parts._replace(rest=())
    # An update of the description brings it without numbers.
    is_written = change is not None and "description" in orjson.loads(change.body)
    if had.referred and parts.mentions and not is_written:
        sha = hashlib.sha256(body).digest()
        parts = parts._replace(mentions=tuple(each for each in parts.mentions if (sha, each.key) not in had.referred))
    return parts


@lru_cache
def _note(code: str) -> Finding:
    """Make the finding of a skip code; one that codes.py doesn't have is named by the mapping."""
    return Finding(code, "", CODES.get(code, "Skipped by a rule of the mapping."), rejects=False)


def _add_findings(of: RowColumns, row: int, findings: Sequence[Finding]) -> None:
    for name, values in zip(_FOUND, zip(*map(_of_finding, findings), strict=True), strict=True):
        of[name][row] = (*of[name][row], *values)
