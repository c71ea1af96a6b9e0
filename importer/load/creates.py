"""Sends creates and updates: concurrent workers on one iterator, each request paced, each intent durable before it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator

import orjson

from importer.codes import FATE_UNKNOWN, REFUSED
from importer.errors import RunStopped, TooManyFailures
from importer.ledger.journal import Decision, Run, Undecided
from importer.ledger.schema import State
from importer.load.connection import Limits, RunConnection
from importer.load.fingerprint import fingerprint
from importer.load.settling import Settler
from importer.load.updates import Updater
from importer.records import Act, Operation, Outcome, Report
from importer.transform.markers import find_marker
from importer.triage.absence import NotYet
from importer.triage.actions import FAILURE_CODES, Action, CallFailed
from importer.triage.answers import Issue
from importer.triage.paced import Interrupted, Undecidable
from importer.triage.snapshot import take_snapshot

UNSETTLED_LIMIT = 1000
"""Creates that wait for settling at a time; at more no new row is taken, so that memory stays flat."""


class Loader:
    """Sends the creates and updates of one run, and records the outcome of each in the ledger."""

    def __init__(
        self,
        connection: RunConnection,
        settler: Settler,
        updater: Updater,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        *,
        report: Report = lambda outcome: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._run, self._calls = connection.client, connection.run, connection.calls
        self._target_time = connection.target_time
        self._settler, self._updater, self._limits = settler, updater, limits
        self._report, self._now = report, now
        self._retries: deque[Operation] = deque()  # settled: not executed, so they may be sent again
        self._open: dict[str, Operation | None] = {}  # by key: being settled, with the operation once it came by
        self._found: dict[str, Issue] = {}  # by key: settled before the operation came by
        self._sent: dict[str, bytes] = {}  # by key: SHA-256 of the body that an earlier attempt sent
        self._refused: dict[str, Undecided] = {}  # by key: refused in an earlier attempt, and not looked for since
        self._unlinked: set[str] = set()  # keys that were refused with their links: the next request has none
        self._misled: set[str] = set()  # keys that were answered with another row's issue
        self._doubted = 0  # creates of this attempt that were refused and are looked for
        self._workers: set[asyncio.Task[None]] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self._failures = limits.failures
        self._error: BaseException | None = None

    async def load(self, operations: Iterator[Operation], stop: asyncio.Event) -> None:
        """Send every operation once; creates that an earlier attempt left undecided are settled meanwhile.

        After `stop` is set no more operations are taken, and requests that have left are awaited.

        Raises:
            RunStopped: the key is refused, the target is down, too many rows failed, the ledger can't be written.
                Requests that had left have ended then, and their outcomes are recorded.
        """
        watch = asyncio.create_task(self._watch(stop))
        try:
            async with self._run.sending(self._limits.concurrency):
                self._refused = {create.key: create for create in self._run.find_refused()}
                for create in self._run.find_undecided():
                    self._sent[create.key] = create.body_sha
                    self._start_settling(create, None)
                await self._work(operations)
        finally:
            for task in (watch, *self._workers, *self._settling):
                task.cancel()  # workers only if this task was cancelled: their intents stay undecided
        if self._error is not None:
            raise self._error

    async def _watch(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._halt()

    def _halt(self) -> None:
        self._calls.interrupt()
        for task in self._settling:
            task.cancel()

    async def _work(self, operations: Iterator[Operation]) -> None:
        """Let workers run until nothing is left: what settling finds unsent needs workers once more."""
        while True:
            self._workers = {asyncio.create_task(self._worker(operations)) for _ in range(self._limits.concurrency)}
            await self._join(self._workers)
            if self._settling:  # one that ends may have put its operation back
                await asyncio.wait(self._settling, return_when=asyncio.FIRST_COMPLETED)
            elif not self._retries or self._calls.interrupted:
                return

    async def _join(self, tasks: set[asyncio.Task[None]]) -> None:
        while tasks:
            done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                self._note_end(task)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        """Keep the first error of a task, and stop sending."""
        self._settling.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Interrupted):
            self._error = self._error or error
            self._halt()

    async def _worker(self, operations: Iterator[Operation]) -> None:
        while not self._calls.interrupted and (operation := self._take(operations)) is not None:
            key = operation.key
            if operation.act is Act.UPDATE:
                await self._update(operation)
            elif key in self._open:
                self._open[key] = operation
            elif key in self._found:
                self._finish_settled(operation, self._found.pop(key))
            elif key in self._refused:  # nothing is written a second time without a look
                refused = self._refused.pop(key)
                self._sent[key] = refused.body_sha
                self._start_settling(refused, operation, is_refused=True)
            else:
                await self._create(operation)
            # Else a target that answers nothing would have all of the source wait in memory.
            while len(self._settling) >= UNSETTLED_LIMIT or (self._settling and self._may_be_too_many()):
                await asyncio.wait(self._settling, return_when=asyncio.FIRST_COMPLETED)

    def _take(self, operations: Iterator[Operation]) -> Operation | None:
        return self._retries.popleft() if self._retries else next(operations, None)

    async def _update(self, operation: Operation) -> None:
        try:
            outcome, message = await self._updater.update(operation)
        except NotYet as wait:
            task = asyncio.create_task(self._put_back(operation, wait.seconds))
            self._settling.add(task)
            task.add_done_callback(self._note_end)
        else:
            self._note(outcome, message)

    async def _put_back(self, operation: Operation, seconds: float) -> None:
        """Wait, and let a worker take an operation again; others send meanwhile."""
        await self._calls.sleep(seconds)
        self._retries.append(operation)

    def _may_be_too_many(self) -> bool:
        """Whether too many rows failed if all that are looked for turn out to be refused."""
        most = self._limits.max_errors
        return most is not None and self._failures + self._doubted > most

    async def _create(self, operation: Operation) -> None:
        attempt = _Attempt(self._run, operation, self._target_time.newest)
        try:
            body = _without_links(operation.body) if operation.key in self._unlinked else operation.body
            issue = await self._send(attempt, body)
        except CallFailed as error:
            self._conclude(attempt, error)
        else:
            if _is_of_another(issue, operation):
                self._doubt_answer(attempt)
            else:
                self._finish(operation, issue, attempt.requests)

    def _doubt_answer(self, attempt: _Attempt) -> None:
        """Look for the issue of a create that was answered with another one; the second time for a row ends the run."""
        key = attempt.operation.key
        self._conclude(attempt, CallFailed(Action.SETTLE, OF_ANOTHER))
        if key in self._misled:
            raise RunStopped(f"Triage answers the create of {key} with another issue again and again.")
        self._misled.add(key)

    async def _send(self, attempt: _Attempt, body: bytes) -> Issue:
        try:
            return await self._calls.call(lambda: self._client.create_issue(body), attempt.begin)
        except (Interrupted, RunStopped) as stop:
            # No other request leaves. The last one was surely not executed, unless its failure leaves that open.
            cause = stop.__cause__
            if attempt.requests and not (isinstance(cause, CallFailed) and cause.action is Action.SETTLE):
                attempt.end(State.UNSENT)
            raise

    def _conclude(self, attempt: _Attempt, error: CallFailed) -> None:
        """Record a create without an issue. Whatever its answer said, it may have made one, unless it never arrived."""
        operation = attempt.operation
        if error.action is Action.RETRY:
            attempt.end(State.REFUSED, code=FAILURE_CODES[error.action], message=error.message)
            self._note(Outcome.FAILED, error.message)
            return
        since = self._now()
        attempt.end(State.UNKNOWN, since=since, code=FATE_UNKNOWN, message=error.message)
        # A link to something that Triage doesn't know fails the whole create, with 404, too.
        has_links = operation.key not in self._unlinked and bool(_links(operation))
        if error.action is Action.STOP and not (has_links and error.status == 404):
            raise error.as_stop() from error
        create = Undecided(operation.key, operation.marker, since, b"", attempt.mark)
        if error.action is Action.SETTLE:
            self._start_settling(create, operation)
        else:
            self._doubted += 1
            self._start_settling(create, operation, is_refused=True, refusal=error.message)

    def _note(self, outcome: Outcome, message: str) -> None:
        """Report an outcome. Raises TooManyFailures if more failed than `max_errors`."""
        self._report(outcome)
        self._failures += outcome is Outcome.FAILED
        if self._limits.max_errors is not None and self._failures > self._limits.max_errors:
            hint = "Look at errors.csv; the same command continues, with a higher --max-errors if that is meant."
            raise TooManyFailures(f"{self._failures} rows failed, the last with: {message}", hint=hint)

    def _finish(self, operation: Operation, issue: Issue, requests: int) -> None:
        """Record a create as done, with its links if all are attached; else they are sent as additions later."""
        self._target_time.note([issue])
        self._run.record(_done(operation.key, issue, requests, operation.body))
        links = _links(operation)
        if issue.resource_count >= len(links):
            for link in links:
                self._run.record(_attached(operation.key, issue, link))
        self._report(Outcome.CREATED)

    def _finish_settled(self, operation: Operation, issue: Issue) -> None:
        """Record a create whose issue settling has found; its row may have changed since an earlier attempt sent it."""
        sent = self._sent.get(operation.key)
        if sent is None or sent == hashlib.sha256(operation.body).digest():
            self._finish(operation, issue, 0)
        else:
            done = _done(operation.key, issue, 0)
            self._run.record(done._replace(code="changed-meanwhile", message=CHANGED_MEANWHILE))
            self._report(Outcome.CREATED)

    def _start_settling(
        self, create: Undecided, operation: Operation | None, *, is_refused: bool = False, refusal: str | None = None
    ) -> None:
        """Look for the issue of a create; `refusal` is what Triage answered, if that was in this attempt."""
        self._open[create.key] = operation
        task = asyncio.create_task(self._settle(create, is_refused, refusal))
        self._settling.add(task)
        task.add_done_callback(self._note_end)

    async def _settle(self, create: Undecided, is_refused: bool, refusal: str | None) -> None:
        key = create.key
        try:
            issue = await self._settler.settle(create, is_refused=is_refused)
        except Undecidable:
            self._report(Outcome.UNKNOWN)
            return  # it stays in `_open`, so that it is not sent
        finally:
            self._doubted -= refusal is not None
        operation = self._open.pop(key)
        if issue is None:
            self._conclude_absence(key, operation, refusal)
        elif operation is not None:
            self._finish_settled(operation, issue)
        else:
            self._found[key] = issue
            self._run.record(_done(key, issue, 0))

    def _conclude_absence(self, key: str, operation: Operation | None, refusal: str | None) -> None:
        """Record that a create has made no issue: it is sent again, if need be without links, or has failed."""
        if refusal is not None and operation is not None:
            if key in self._unlinked or not _links(operation):
                self._run.record(Decision(key, State.REFUSED, attempts=0, code=REFUSED, message=refusal))
                self._note(Outcome.FAILED, refusal)
                return
            self._unlinked.add(key)
        self._run.record(Decision(key, State.UNSENT, attempts=0))
        if operation is not None:
            self._retries.append(operation)


OF_ANOTHER = "the answer was that of another create"
CHANGED_MEANWHILE = "the issue was made by an earlier attempt, as its row was then; the next run compares them"


class _Attempt:
    """The requests of one create, each preceded by its intent in the ledger."""

    def __init__(self, run: Run, operation: Operation, mark: float) -> None:
        self._run = run
        self.operation, self.mark = operation, mark
        self.requests = 0

    async def begin(self) -> None:
        # Before each request, not only the first: settling counts its time from the last one.
        await self._run.intend(self.operation, mark=self.mark)
        self.requests += 1

    def end(self, state: State, *, since: float = 0.0, code: str = "", message: str = "") -> None:
        decision = Decision(self.operation.key, state, self.requests, since, code=code, message=message)
        self._run.record(decision)


def _done(key: str, issue: Issue, requests: int, body: bytes | None = None) -> Decision:
    return Decision(
        key,
        State.DONE,
        requests,
        issue_id=issue.id,
        triage_id=issue.triage_id,
        returned=take_snapshot(issue, body),
    )


def _attached(key: str, issue: Issue, link: dict[str, str]) -> Decision:
    """Make the record of an evidence link that was attached by a create."""
    body = orjson.dumps(link)
    mark = fingerprint(Act.EVIDENCE, issue.id, body)
    name = f"{link['resource_type']}/{link['resource_id']}"
    operation = Operation(key, "POST", "", body, "", act=Act.EVIDENCE, whole_sha=mark, issue_id=issue.id, name=name)
    return Decision(key, State.DONE, 0, issue_id=issue.id, operation=operation)


def _is_of_another(issue: Issue, operation: Operation) -> bool:
    """Whether a create was answered with the issue of another row, by its marker; without any it is believed."""
    text = issue.description
    return operation.marker not in text and find_marker(text) not in ("", operation.marker)


def _without_links(body: bytes) -> bytes:
    document = orjson.loads(body)
    del document["resource_links"]
    return orjson.dumps(document)


def _links(operation: Operation) -> list[dict[str, str]]:
    if b'"resource_links"' not in operation.body:  # saves parsing: few bodies have any
        return []
    links: list[dict[str, str]] = orjson.loads(operation.body).get("resource_links") or []
    return links
