"""The state of one issue while additions are sent to it, and the log that records each addition's outcome."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from importer.api import issue_path
from importer.codes import ADDITION_UNPROVEN, EVIDENCE_MISSING, EVIDENCE_PENDING, FOUND_AT_TARGET, GONE_AT_TARGET
from importer.ledger.added import Added, encode_details, find_already_added
from importer.ledger.commands import ADDED, NOT_ADDED
from importer.ledger.journal import Run
from importer.ledger.known_create import KnownCreate
from importer.ledger.schema import UNDECIDED, State
from importer.load.acts import fingerprint
from importer.load.driver import make_decision
from importer.load.queue import QueueItem
from importer.load.updates import GONE_MESSAGE
from importer.load.workers import FailureCap
from importer.records import ADDITION_KINDS, Act, Addition, AlreadyAdded, Operation, Outcome
from importer.triage.actions import FAILURE_CODES, CallFailed
from importer.triage.redaction import redact
from importer.triage.snapshot import Snapshot, find_end


class IssueGone(Exception):
    """The issue was deleted in Triage: nothing else is added to it."""


class OutcomePending(Exception):
    """The outcome of an addition is unknown: those after it wait for a later run, to keep the order."""


@dataclass
class IssueWork:
    """One issue while additions are sent to it.

    item          what is to be added
    place         where the issue is, and its snapshot
    known         additions that were sent or tried, in this run or before, by act and name
    known_counts  act → fingerprint → how many additions of ours the issue is known to have
    is_sent       whether this run has added anything
    failed        whether an addition was refused, or its outcome is unknown
    last          id of the newest comment that this run has added; "" where there is none
    begun         the addition whose request was sent last, and what it covers; None once its outcome is recorded
    ends          key → place of the other issue of a relation
    rest          the parts of its description that go on in comments, before any is parted for a target that cuts
    """

    item: QueueItem
    place: KnownCreate
    known: dict[tuple[Act, str], Added]
    known_counts: Mapping[Act, Counter[bytes]] = field(default_factory=lambda: defaultdict(Counter))
    is_sent: bool = False
    failed: bool = False
    last: str = ""
    begun: tuple[Operation, tuple[str, ...]] | None = None
    ends: Mapping[str, KnownCreate] = field(default_factory=dict)
    rest: tuple[str, ...] = ()

    def had(self) -> AlreadyAdded:
        """Return what no longer has to be sent."""
        already_added = find_already_added(self.known.values(), self.ends)
        return already_added._replace(was_lost=self.place.was_found)

    def earlier(self, added: Added) -> Operation:
        """Make the operation of an addition that was sent before, with its fingerprint of that time."""
        return self._operation(added.act, added.name, added.body, added.sha)

    def operation(self, addition: Addition) -> Operation:
        """Make the operation of an addition, with the fingerprint that identifies it at the target."""
        act = addition.act
        body = addition.body
        # Without the other issue's id a relation has no fingerprint yet; what changes a field of the issue has none.
        has_path = ADDITION_KINDS[act].path != ""
        is_whole = has_path and (act is not Act.RELATION or b'"related_issue_id"' in body)
        mark = fingerprint(act, self.place.issue_id, body) if is_whole else b""
        return self._operation(act, addition.name, body, mark)

    def _operation(self, act: Act, name: str, body: bytes, mark: bytes) -> Operation:
        key = self.item.key
        issue_id = self.place.issue_id
        path = ADDITION_KINDS[act].path
        if path:
            path = f"{issue_path(issue_id)}/{path}"
        return Operation(key, "POST", path, body, "", act=act, whole_sha=mark, issue_id=issue_id, name=name)


class Result(NamedTuple):
    """The outcome of an addition.

    code, message  why it wasn't made, as in results.csv
    covers         ids of the source's comments in it, markers that were recalled, or issue ids that a relation leads to
    requests       how many were sent
    first          of evidence that the target doesn't know yet: when it was tried first, in seconds since 1970
    end            of a comment: how it ends in the target; "" as it was sent
    """

    state: State
    code: str = ""
    message: str = ""
    covers: tuple[str, ...] = ()
    requests: int = 1
    first: float = 0.0
    end: str = ""


class AdditionLog:
    """Records the outcomes of one run's additions in the ledger, and counts them.

    done        additions that were made, by act
    comments    comments of the source that are in them
    outcomes    rows for which only additions were sent, by outcome
    given_up    sentences on evidence that is no longer tried
    refused     sentences on what waited since earlier runs, and was refused
    """

    def __init__(self, run: Run, cap: FailureCap) -> None:
        self._run = run
        self._cap = cap
        self.done = Counter[Act]()
        self.comments = 0
        self.outcomes = Counter[Outcome]()
        self.given_up: list[str] = []
        self.refused: list[str] = []

    def note(self, work: IssueWork, operation: Operation, result: Result) -> None:
        """Record the outcome of an addition."""
        state, code, message, covers, requests, first, end = result
        # Its row need not come again: what waits is sent from the ledger, unless that would mask the API key in it.
        body = b""
        if code == EVIDENCE_PENDING and redact(operation.body) == operation.body:
            body = operation.body
        if operation.act is Act.COMMENT and state is State.DONE and operation.body:
            detail = orjson.loads(operation.body)["detail"]
            end = end or find_end(detail)
        details = encode_details(covers, body=body, first=first, end=end)
        decision = make_decision(operation, state, requests, code=code, message=message, details=details)
        self._run.record(decision)
        mark = operation.whole_sha
        added = Added(operation.act, operation.name, state, body, covers, 0.0, first, mark, code, message)
        work.known[operation.act, operation.name] = added
        if state is State.DONE and requests > 0 and code != FOUND_AT_TARGET:
            work.is_sent = True
        work.begun = None
        if code == EVIDENCE_MISSING and operation.act is Act.EVIDENCE:
            self.given_up.append(f"{work.item.key}, {work.place.triage_id}: {message}")
        if state is State.DONE:
            work.known_counts[operation.act][mark] += 1
            self.done[operation.act] += code != FOUND_AT_TARGET
            if operation.act is Act.COMMENT and code != FOUND_AT_TARGET:
                # One that has an id of the source's is there with its content as well.
                self.comments += sum("=" not in name for name in covers)

    def refuse(self, work: IssueWork, operation: Operation, error: CallFailed, result: Result) -> None:
        """Record an addition that the target refused, with the answer's code and message. Raises as `fail`.

        One with a code was tried from the ledger: its row, which may not be there tonight, doesn't tell of it.
        """
        if result.code:
            self.refused.append(f"{work.item.key}, {work.place.triage_id}: {operation.act}, {error.message}")
        code = result.code or FAILURE_CODES[error.action]
        failure = result._replace(code=code, message=error.message)
        self.fail(work, operation, failure)

    def leave_unproven(self, work: IssueWork, operation: Operation, covers: tuple[str, ...]) -> None:
        """Record an addition as unproven: no reading shows whether it exists, so it is neither sent again nor done."""
        added = self._run.settle_command(work.item.key, ADDED)
        not_added = self._run.settle_command(work.item.key, NOT_ADDED)
        message = f"it can't be told whether this {operation.act} is in Triage: "
        message += (
            f"Triage doesn't show others either that it has. Look at {work.place.triage_id}: if everything is there, "
            f"type {added}, otherwise {not_added}"
        )
        result = Result(State.LEFT, ADDITION_UNPROVEN, message, covers, requests=0)
        self.note(work, operation, result)
        work.failed = True

    def fail(self, work: IssueWork, operation: Operation, result: Result) -> None:
        """Record an addition as failed. Raises TooManyFailures if too many failed."""
        self.note(work, operation, result)
        work.failed = True
        self._cap.fail(result.message)

    def note_replaced(self, work: IssueWork) -> None:
        """Record a refused comment as settled that has been sent since, within a comment that is folded differently."""
        covered = work.had().covered
        for added in list(work.known.values()):
            if added.act is not Act.COMMENT or added.state not in (State.REFUSED, State.UNSENT):
                continue
            # A part of a long comment is never folded into another one.
            if "/" in added.name and not added.name.endswith("/1/1"):
                continue
            if added.covers and covered.issuperset(added.covers):
                result = Result(State.SAME, covers=added.covers, requests=0)
                self.note(work, work.earlier(added), result)

    def note_gone(self, work: IssueWork) -> None:
        """Record that an issue is not in Triage; once two runs have, no later one adds anything to it."""
        is_sure = self.note_issue_gone(work.item.key, work.place) == GONE_AT_TARGET
        undecided = list[tuple[Operation, tuple[str, ...]]]()
        for added in work.known.values():
            if added.state in UNDECIDED or (added.waits and is_sure):
                undecided.append((work.earlier(added), added.covers))
        if work.begun:
            undecided.append(work.begun)
        for addition, covers in undecided:
            result = Result(State.LEFT, GONE_AT_TARGET, GONE_MESSAGE, covers, requests=0)
            self.note(work, addition, result)
        if work.item.is_all:
            self.outcomes[Outcome.SKIPPED] += 1

    def note_issue_gone(self, key: str, place: KnownCreate) -> str:
        """Record that the issue of a key is not in Triage, at hand or at a relation's other end; return the code."""
        snapshot = Snapshot.parse(place.returned).without_issue(self._run.name)
        path = issue_path(place.issue_id)
        issue_id = place.issue_id
        triage_id = place.triage_id
        operation = Operation(key, "PATCH", path, b"", "", act=Act.UPDATE, issue_id=issue_id, triage_id=triage_id)
        remember = place._replace(returned=snapshot.dump())
        code = snapshot.gone_code
        decision = make_decision(operation, State.LEFT, code=code, message=GONE_MESSAGE, remember=remember)
        self._run.record(decision)
        return code
