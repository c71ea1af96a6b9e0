"""The driver: carries out one operation, from its intent in the ledger to its outcome there, whatever is answered.

Whatever makes a request in this package may raise RunStopped, when the key is refused, the target is down, too much
has failed or the ledger can't be written, and Interrupted; what else it raises is said there.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from importer.errors import RunStopped
from importer.ledger.journal import Decision, Run
from importer.ledger.schema import State
from importer.load.acts import ACTS
from importer.load.keeping import TargetKeeping
from importer.load.workers import FailureCap, Workers
from importer.records import Act, Operation
from importer.triage.absence import Absence
from importer.triage.actions import Action, CallFailed
from importer.triage.client import TriageClient
from importer.triage.listing import TargetTime
from importer.triage.paced import Interrupted, PacedCalls

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
    """The requests of one operation.

    requests  those that left since an outcome was recorded
    is_open   whether one has left whose outcome isn't recorded or in doubt yet
    """

    def __init__(
        self, run: Run, calls: PacedCalls, operation: Operation, unsent: Callable[[], Mapping[str, Any]] = dict
    ) -> None:
        """`unsent` gives what is recorded with an outcome of `withdraw`."""
        self.run = run
        self._calls = calls
        self._unsent = unsent
        self.operation = operation
        self.requests = 0
        self.is_open = False
        self._is_answered = False
        self._refusal: CallFailed | None = None

    async def send(
        self,
        request: Callable[[], Awaitable[T]],
        intend: Callable[[], Awaitable[None]],
        find: Callable[[], Awaitable[T | None]] | None = None,
    ) -> T:
        """Send a request; `intend` makes the intent durable before each attempt.

        `find` looks for what it has made, if it was answered 429: the first few of these are not believed.

        Raises as `PacedCalls.call`. After Interrupted and RunStopped `withdraw` is to be called, as by `carry_out`.
        """
        if self._refusal is not None:
            raise self._refusal

        async def begin() -> None:
            # Before each request, not only the first: settling counts its time from the last one.
            await intend()
            self.requests += 1
            self.is_open = True
            self._is_answered = False

        answer = await self._calls.call(request, begin, find=find)
        self._is_answered = True
        return answer

    def doubt(self, error: CallFailed | None = None) -> None:
        """Note, without recording it, that the last request may have been executed.

        After a refusal no other request leaves: if nothing is found of what was refused, the refusal stands.
        """
        self.is_open = False
        if error is not None and error.action is Action.REFUSE and not error.is_gone:
            self._refusal = error

    def withdraw(self, stop: BaseException) -> None:
        """Record, after an error that ends the run, that the last request was not executed, if that is sure.

        Interrupted and RunStopped are raised before a request leaves or after its answer, never meanwhile. So one that
        is open has either not left or was answered as never executed; after any other answer it may have been.
        """
        cause = stop.__cause__
        if isinstance(cause, CallFailed) and cause.action is not Action.RETRY:
            return
        if self.is_open and not self._is_answered:
            fields = self._unsent()
            self.end(State.UNSENT, **fields)

    def end(self, state: State, **fields: Any) -> None:
        """Record the outcome of the operation, see `Decision`."""
        decision = make_decision(self.operation, state, self.requests, **fields)
        self.run.record(decision)
        self.requests = 0
        self.is_open = False


async def carry_out(
    write: Write,
    send: Callable[[], Awaitable[T]],
    *,
    refuse: Callable[[CallFailed], T],
    doubt: Callable[[CallFailed], None],
    look: Callable[[CallFailed], Awaitable[T | None]],
) -> T | None:
    """Carry out one operation, and return what became of it; None if its outcome is still unknown after all attempts.

    send    makes its request, which is repeated only after answers that say it did nothing, and records what came of it
    refuse  records that it was refused
    doubt   notes that its last request may have been executed, whatever was answered
    look    finds out whether it was, and records that; None if it is to be sent again, or `send` looks before
    """
    handling = ACTS[write.operation.act]
    for _ in range(handling.attempts):
        try:
            return await send()
        except (Interrupted, RunStopped) as stop:
            write.withdraw(stop)
            raise
        except CallFailed as error:
            failed = error
        # A 404 is only believed once the issue was read, and of some acts a refusal only once it was looked behind.
        is_refused = failed.action is Action.REFUSE and not failed.is_gone
        if failed.action is Action.RETRY or (is_refused and not (handling.doubts_refusals and write.is_open)):
            return refuse(failed)
        doubt(failed)
        if failed.action is Action.STOP:
            raise failed.as_stop() from failed
        outcome = await look(failed)
        if outcome is not None:
            return outcome
    return None


async def send_again(_: CallFailed) -> None:
    """Look for nothing: the operation reads its issue before each request."""


def make_decision(operation: Operation, state: State, requests: int = 0, **fields: Any) -> Decision:
    """Make the record of an operation's outcome."""
    issue = {"issue_id": operation.issue_id, "triage_id": operation.triage_id}
    fields = issue | fields
    if operation.act is Act.CREATE:
        return Decision(operation.key, state, requests, **fields)
    return Decision(operation.key, state, requests, operation=operation, **fields)
