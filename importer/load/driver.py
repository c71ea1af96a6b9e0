"""The driver: a run's connection to its target, and one write to it, from its intent to its recorded outcome."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from importer.ledger.journal import Decision, Run
from importer.ledger.schema import State
from importer.load.keeping import TargetKeeping
from importer.load.workers import FailureCap, Workers
from importer.records import Act, Operation
from importer.triage.absence import Absence
from importer.triage.actions import Action, CallFailed
from importer.triage.client import TriageClient
from importer.triage.listing import TargetTime
from importer.triage.paced import PacedCalls

T = TypeVar("T")


@dataclass(frozen=True)
class RunConnection:
    """A run and its connection to the target.

    client       makes the requests
    run          records intents and outcomes in the ledger
    calls        paces and repeats the requests; one for all of an import
    target_time  how far the target's own clock is known to be
    settle_seconds  how long reads may lag behind writes
    concurrency  requests at a time
    cap          ends the run after too many failures
    now          this machine's clock, in seconds since 1970
    keeping      what the target keeps of long texts
    """

    client: TriageClient
    run: Run
    calls: PacedCalls
    target_time: TargetTime = field(default_factory=TargetTime)
    settle_seconds: float = 30.0
    concurrency: int = 8
    cap: FailureCap = field(default_factory=FailureCap)
    now: Callable[[], float] = time.time
    keeping: TargetKeeping = field(default_factory=TargetKeeping)

    @cached_property
    def absence(self) -> Absence:
        """Decides which issues are gone."""
        return Absence(self.client, self.calls, settle_seconds=self.settle_seconds, now=self.now)

    @cached_property
    def workers(self) -> Workers:
        """The workers that send concurrently; one pool for this connection."""
        return Workers(self.calls, self.concurrency, self.cap)


class Write:
    """The requests of one operation. `requests` counts those that left since an outcome was recorded."""

    def __init__(self, run: Run, calls: PacedCalls, operation: Operation) -> None:
        self.run, self._calls = run, calls
        self.operation = operation
        self.requests = 0
        self._is_open = False  # whether a request has left of which nothing is known or recorded yet

    async def send(
        self,
        request: Callable[[], Awaitable[T]],
        intend: Callable[[], Awaitable[None]],
        find: Callable[[], Awaitable[T | None]] | None = None,
    ) -> T:
        """Send a request; `intend` makes the intent durable before each attempt.

        `find` looks for what it has made, if it was answered 429.

        Raises as `PacedCalls.call`. After Interrupted and RunStopped `withdraw` is to be called.
        """

        async def begin() -> None:
            # Before each request, not only the first: settling counts its time from the last one.
            await intend()
            self.requests += 1
            self._is_open = True

        return await self._calls.call(request, begin, find=find)

    def withdraw(self, stop: BaseException, **more: Any) -> None:
        """Record, after an error that ends the run, that the last request was not executed, if that is sure.

        Whatever was answered, it may have been, unless that is an answer after which it may be sent again.
        """
        cause = stop.__cause__
        is_surely_unsent = not (isinstance(cause, CallFailed) and cause.action is not Action.RETRY)
        if self._is_open and is_surely_unsent:
            self.end(State.UNSENT, **more)

    def doubt(self) -> None:
        """Note that the outcome of the last request is unknown, without recording it yet."""
        self._is_open = False

    def end(self, state: State, **more: Any) -> None:
        """Record the outcome of the operation, see `Decision`."""
        self.run.record(make_decision(self.operation, state, self.requests, **more))
        self.requests, self._is_open = 0, False


def make_decision(operation: Operation, state: State, requests: int = 0, **more: Any) -> Decision:
    """Make the record of an operation's outcome."""
    issue = {"issue_id": operation.issue_id, "triage_id": operation.triage_id}
    changed = None if operation.act is Act.CREATE else operation
    return Decision(operation.key, state, requests, operation=changed, **(issue | more))
