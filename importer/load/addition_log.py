"""What is known of one issue while things are added to it, and the record in the ledger of what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from importer.errors import TooManyFailures
from importer.ledger.added import Added, Place, encode_details, find_already_added
from importer.ledger.journal import Decision, Run, Snapshot
from importer.ledger.schema import FOUND_AT_TARGET, GONE_AT_TARGET, State
from importer.load.connection import FAILURE_CODES, Limits
from importer.load.queue import Item
from importer.records import ADDITION_PATHS, Act, Addition, AlreadyAdded, Operation, Outcome
from importer.triage.actions import CallFailed
from importer.triage.client import issue_path
from importer.triage.fingerprint import fingerprint
from importer.triage.snapshot import mark_gone


class IssueGone(Exception):
    """The issue is not there any more: nothing else is to be added to it."""


class OutcomePending(Exception):
    """Something may have arrived or may still be sent again: until that is decided nothing follows it, out of order."""


@dataclass
class IssueWork:
    """One issue while it is worked on: what the ledger knows of it, and what came since.

    known  what was added, by act and name
    ours   how often each thing is known as ours at the issue, by its fingerprint
    ends   where the issues at the other ends of its relations are
    """

    item: Item
    place: Place
    known: dict[tuple[Act, str], Added]
    ours: Counter[bytes] = field(default_factory=Counter)
    made: bool = False
    failed: bool = False

    ends: Mapping[str, Place] = field(default_factory=dict)

    def had(self) -> AlreadyAdded:
        """What needs no sending."""
        return find_already_added(self.known.values(), self.ends)

    def operation(self, addition: Addition, body: bytes) -> Operation:
        """An addition as the ledger records it, with what identifies it at the target."""
        issue_id, act = self.place.issue_id, addition.act
        path = f"{issue_path(issue_id)}/{ADDITION_PATHS[act]}" if act in ADDITION_PATHS else ""
        is_whole = act is not Act.REFER and (act is not Act.RELATION or b'"related_issue_id"' in body)
        mark = fingerprint(act, issue_id, body) if is_whole else b""
        key, name = self.item.key, addition.name
        return Operation(key, "POST", path, body, "", act=act, whole_sha=mark, issue_id=issue_id, name=name)


class Result(NamedTuple):
    """What became of an addition.

    covers    the comments that it holds, or the ends that it leads to
    requests  how many it took
    first     when it was tried first, of evidence that the target doesn't know yet
    """

    state: State
    code: str = ""
    message: str = ""
    covers: tuple[str, ...] = ()
    requests: int = 1
    first: float = 0.0


class AdditionLog:
    """Records what became of the additions of one run, and counts it.

    done        what was added, by act
    outcomes    rows that were unchanged but for what was added to their issues
    has_failed  whether something was refused, or given up
    """

    def __init__(self, run: Run, limits: Limits) -> None:
        self._run, self._limits = run, limits
        self._failures = limits.failures
        self.done = Counter[Act]()
        self.outcomes = Counter[Outcome]()
        self.has_failed = False

    def note(self, work: IssueWork, operation: Operation, result: Result) -> None:
        """Record what became of an addition."""
        state, code, message, covers, requests, first = result
        details = encode_details(covers, first=first)
        self._run.record(decide(operation, state, requests, code=code, message=message, details=details))
        mark = operation.whole_sha
        added = Added(operation.act, operation.name, state, b"", covers, 0.0, first, mark, code, message)
        work.known[operation.act, operation.name] = added
        work.made |= state is State.DONE and requests > 0 and code != FOUND_AT_TARGET
        work.ours[mark] += state is State.DONE
        if state is State.DONE and code != FOUND_AT_TARGET:
            self.done[operation.act] += 1

    def refuse(self, work: IssueWork, operation: Operation, error: CallFailed, requests: int = 1) -> None:
        """Record what the target does not take. Raises TooManyFailures."""
        self.fail(work, operation, Result(State.REFUSED, FAILURE_CODES[error.action], error.message, (), requests))

    def fail(self, work: IssueWork, operation: Operation, result: Result) -> None:
        """Record what is not to be had. Raises TooManyFailures after too many of these."""
        self.note(work, operation, result)
        work.failed = True
        self.has_failed = True
        self._failures += 1
        if self._limits.max_errors is not None and self._failures > self._limits.max_errors:
            raise TooManyFailures(
                f"{self._failures} rows and additions failed, the last with: {result.message}",
                hint="Look at errors.csv; the same command continues, with a higher --max-errors if that is meant.",
            )

    def note_gone(self, work: IssueWork) -> None:
        """Record that an issue was deleted in Triage: nothing else is added to it, and no later run tries to."""
        place, key = work.place, work.item.key
        gone = Snapshot(mark_gone(place.returned), place.body_sha, place.content)
        path = issue_path(place.issue_id)
        operation = Operation(key, "PATCH", path, b"", "", act=Act.UPDATE, issue_id=place.issue_id)
        message = "the issue is not there any more"
        gone_at_target = {"code": GONE_AT_TARGET, "message": message, "snapshot": gone}
        self._run.record(decide(operation, State.LEFT, 0, triage_id=place.triage_id, **gone_at_target))
        if work.item.is_all:
            self.outcomes[Outcome.SKIPPED] += 1


def decide(operation: Operation, state: State, requests: int, **more: Any) -> Decision:
    """What became of an operation, as the ledger records it."""
    return Decision(operation.key, state, requests, issue_id=operation.issue_id, operation=operation, **more)
