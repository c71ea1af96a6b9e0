"""Recording by hand what became of a create: `settle`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from importer.api import ISSUES_PATH
from importer.codes import ADDITION_UNPROVEN, FOUND_AT_TARGET
from importer.errors import ExitCode, TargetUnreachable, UsageError
from importer.ledger.added import encode_details
from importer.ledger.commands import ABSENT, ADDED, NOT_ADDED, settle_command
from importer.ledger.journal import Decision
from importer.ledger.known_create import KnownCreate
from importer.ledger.schema import UNDECIDED, FoundState, RunKind, State
from importer.ledger.store import Ledger, RunIdentity
from importer.ledger.target_scan import Found
from importer.load.addition_log import IssueWork
from importer.load.driver import make_decision
from importer.load.preflight import claim_source
from importer.load.queue import QueueItem
from importer.phrases import counted, listed
from importer.records import IssueParts, Operation
from importer.transform.markers import find_marker_lines, record_marker
from importer.triage.absence import Absence
from importer.triage.actions import CallFailed, stop_of
from importer.triage.answers import Issue
from importer.triage.breaker import Breaker
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.limiter import Limiter
from importer.triage.listing import NewestFirst, search_issues
from importer.triage.paced import PacedCalls
from importer.triage.snapshot import Snapshot, is_missing
from importer.triage.target import Target


def settle_by_hand(
    ledger: Ledger, target: Target, key: str, answer: str, rate: float, say: Callable[[str], None]
) -> str:
    """Record by hand what became of a key's create, or of its open additions; returns a sentence for the user.

    `answer` is the issue that was created, as `T-1042` or UUID, or ABSENT: there is none, or it was deleted. ADDED and
    NOT_ADDED say of all additions whose outcome is open that they are in Triage, or that none is.

    Raises:
        LedgerInUse: another process works on the source.
        UsageError: the ledger or Triage contradicts the answer.
        RunStopped: Triage can't be read.
    """
    source_name, colon, native = key.partition(":")
    if not (colon and native):
        raise UsageError(
            f"{key} is not a full key.", hint="A key is the source's name, a colon, and the native key: jira:PROJ-7"
        )
    claim_source(target, ledger, source_name, say)
    if answer in (ADDED, NOT_ADDED):
        return _settle_additions(ledger, target, key, State.DONE if answer == ADDED else State.UNSENT)
    known = ledger.find_known(target.name, source_name, [key]).get(key)
    calls = PacedCalls(Limiter(rate), Breaker(), say)
    return run_loop(_settle(ledger, target, _Record(source_name, key, known), answer, calls))


def _settle_additions(ledger: Ledger, target: Target, key: str, state: State) -> str:
    run = ledger.find_run_of(target.name, key)
    place = run.additions.places([key]).get(key) if run is not None else None
    if run is None or place is None:
        hint = f"Record it first: {settle_command(ledger.name, target.name, key, 'T-…')}"
        raise UsageError(f"The ledger knows no issue of {key}.", hint=hint)
    item, known = QueueItem(key, IssueParts()), run.additions.of([key]).get(key, ())
    work = IssueWork(item, place, {(each.act, each.name): each for each in known})
    left = [each for each in known if each.state in UNDECIDED or each.code == ADDITION_UNPROVEN]
    if not left:
        raise UsageError(f"No addition of {place.triage_id} has an unknown outcome.")
    run.decide(make_decision(work.earlier(each), state, details=encode_details(each.covers)) for each in left)
    names = listed([counted(number, act) for act, number in Counter(each.act for each in left).items()], shown=3)
    became = "in Triage" if state is State.DONE else "not in Triage: the next run sends it"
    return f"{names} of {key}: {became}."


class _Record(NamedTuple):
    source_name: str
    key: str
    known: KnownCreate | None


async def _settle(ledger: Ledger, target: Target, record: _Record, answer: str, calls: PacedCalls) -> str:
    async with TriageClient(target.url, target.api_key) as client:
        try:
            if answer == ABSENT:
                return await _note_absence(ledger, target, record, client, calls)
            issue = await _find_issue(client, calls, answer)
        except CallFailed as error:
            raise stop_of(error) from error
    if issue is None:
        raise UsageError(
            f"There is no issue {answer} in {target.name}.", hint="Give its number as Triage shows it: T-1042"
        )
    _refuse_another(ledger, target, record, issue, answer)
    snapshot = Snapshot.take(issue)
    if record.known is not None and record.known.state is State.DONE:
        sentence = await _choose(ledger, target, record, issue)
        if sentence:
            return sentence
        absent = settle_command(ledger.name, target.name, record.key, ABSENT)
        snapshot = _check_known(record, record.known, issue, absent)
        if record.known.triage_id and not is_missing(record.known.returned):
            return f"{record.key} is {issue.triage_id}, as the ledger knows."
    done = Decision(record.key, State.DONE, 0, issue_id=issue.id, triage_id=issue.triage_id, returned=snapshot.dump())
    _record_issue(ledger, target, record, done)
    seen = ledger.seen(target.name, record.source_name, writable=True)
    seen.settle([each.issue_id for each in seen.duplicates() if each.key == record.key])
    return f"{record.key} is {issue.triage_id}."


def _refuse_another(ledger: Ledger, target: Target, record: _Record, issue: Issue, answer: str) -> None:
    """Raise UsageError if an issue, named by this answer, is that of another record."""
    hint = "Compare the keys in the two descriptions."
    markers = [record_ for _, record_ in find_marker_lines(issue.description)]
    if markers and record_marker(record.key) not in markers:
        raise UsageError(f"{answer} has the marker of another record.", hint=hint)
    owner = ledger.seen(target.name, record.source_name, writable=True).owner_of(issue.id)
    if owner not in ("", record.key):
        raise UsageError(f"{answer} is {owner} already.", hint=hint)


def _record_issue(ledger: Ledger, target: Target, record: _Record, done: Decision) -> None:
    """Record that a key has an issue: in the run that last worked on it, or in one of its own."""
    run = ledger.find_run_of(target.name, record.key)
    if run is not None:
        run.decide([done])
        return
    create = Operation(record.key, "POST", ISSUES_PATH, b"", record_marker(record.key), whole_sha=bytes(32))
    settling = ledger.begin_run(RunIdentity(target.name, record.source_name, record.key, "", RunKind.REBUILD))
    settling.decide([done._replace(code=FOUND_AT_TARGET)], [create])
    settling.finish(ExitCode.DONE, {})
    ledger.seen(target.name, record.source_name).drop(done.issue_id)


def _check_known(record: _Record, known: KnownCreate, issue: Issue, absent: str) -> Snapshot:
    """Return the snapshot of a key's issue that the ledger knows, from which it isn't gone. Raises UsageError.

    What is there now may be a person's edit: it would count as ours.
    """
    if known.issue_id != issue.id:
        hint = f"If that issue is gone, record that first: {absent}"
        raise UsageError(f"{record.key} is {known.triage_id} already.", hint=hint)
    return Snapshot.parse(known.returned)._replace(gone=())


async def _choose(ledger: Ledger, target: Target, record: _Record, issue: Issue) -> str:
    """Name the right one of a key's issues, of which looks have found several; returns "" if they haven't."""
    assert record.known is not None
    known, seen = record.known, ledger.seen(target.name, record.source_name, writable=True)
    duplicates = [duplicate for duplicate in seen.duplicates() if duplicate.key == record.key]
    others = {duplicate.issue_id: duplicate.other for duplicate in duplicates if duplicate.issue_id != issue.id}
    if not duplicates or (known.issue_id != issue.id and len(others) == len(duplicates)):
        return ""
    if known.issue_id != issue.id:
        run = ledger.find_run_of(target.name, record.key)
        assert run is not None
        snapshot = Snapshot.take(issue).dump()
        done = Decision(record.key, State.DONE, 0, issue_id=issue.id, triage_id=issue.triage_id, returned=snapshot)
        run.decide([done._replace(code=FOUND_AT_TARGET)])  # another import may have added to it
        marker = record_marker(record.key)
        own = Found(known.issue_id, known.triage_id, marker, "", 0.0, known.returned, record.key)
        seen.note([own], FoundState.SETTLED)
        others[known.issue_id] = known.triage_id
    seen.settle(others)
    return f"{record.key} is {issue.triage_id}; you may delete its duplicate {', '.join(others.values())}."


async def _note_absence(
    ledger: Ledger, target: Target, record: _Record, client: TriageClient, calls: PacedCalls
) -> str:
    run = ledger.find_run_of(target.name, record.key)
    if record.known is None or run is None:
        raise UsageError(f"The ledger doesn't know {record.key}: the next run creates it, if no issue has its marker.")
    if record.known.state is State.DONE:
        if await Absence(client, calls).read(record.known.issue_id, record.known.since) is not None:
            number = record.known.triage_id
            raise UsageError(f"{record.key} is {number}, and {number} is in Triage.", hint="Delete it there first.")
        # What answers 404 for a while to whoever reads an issue would have the next run make it again.
        async for page in search_issues(client, calls, record_marker(record.key)):
            if any(issue.id == record.known.issue_id for issue in page):
                raise TargetUnreachable(
                    f"Triage says that {record.known.triage_id} isn't there, and its search finds it.",
                    hint="Run the same command again later; nothing was recorded.",
                )
        run.decide([Decision(record.key, State.DELETED, 0)])
    else:
        run.decide([Decision(record.key, State.UNSENT, 0)])
    return f"{record.key} has no issue; the next run creates it."


async def _find_issue(client: TriageClient, calls: PacedCalls, name: str) -> Issue | None:
    """Find an issue by UUID, or by number in the list of issues: the API has no look-up for numbers."""
    found = None if name[:2].upper() == "T-" else name
    if found is None:
        async for page in NewestFirst(client, calls):
            found = next((issue.id for issue in page if issue.triage_id == name.upper()), None)
            if found is not None:
                break
    return None if found is None else await Absence(client, calls).read(found)
