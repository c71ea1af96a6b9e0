"""Additions → outcomes: once all creates are in, each issue gets what belongs to it, in order, each thing once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

import orjson

from importer.codes import EDITED, MISSING, NO_END, PENDING, UNSETTLED
from importer.errors import RunStopped, TooManyFailures
from importer.ledger.added import Added, Place, encode_details, had_of, name_ends
from importer.ledger.journal import Decision, Run, Snapshot
from importer.ledger.schema import FOUND_AT_TARGET, GONE_AT_TARGET, UNDECIDED, State
from importer.load.provenance import find_existing_additions
from importer.load.queue import Item
from importer.load.reconcile import Reconciler
from importer.mapping.issue_parts import Bundling
from importer.progress import Progress, Unseen
from importer.records import ADDITION_PATHS, Act, Addition, AlreadyAdded, Mention, Operation, Outcome, Report
from importer.transform.addition_plan import plan_additions
from importer.transform.lengths import COMMENT_LIMIT
from importer.transform.prose import DESCRIPTION_LIMIT
from importer.transform.references import References, insert_numbers
from importer.triage.actions import Action, CallFailed
from importer.triage.client import TriageClient, issue_path
from importer.triage.fingerprint import fingerprint
from importer.triage.paced import Interrupted, PacedCalls, Undecidable
from importer.triage.snapshot import digest, mark_gone

PAGE = 200
OPEN_LIMIT = 1000
"""Issues that are worked on at once, most of them waiting for the fate of one request."""
ATTEMPTS = 5
"""Requests for one addition without a clear answer, each preceded by a look."""
GAVE_UP = "gave-up"
FAILURE_CODES = {Action.REFUSE: "refused", Action.RETRY: GAVE_UP}
EDITED_MESSAGE = "the description was changed in Triage, so that the numbers of other issues are not put into it"
DAY = 86_400.0


class IssueGone(Exception):
    """The issue is not there any more: nothing else is to be added to it."""


class OutcomePending(Exception):
    """Something may have arrived or may still be sent again: until that is decided nothing follows it, out of order."""


@dataclass
class _Record:
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
        return had_of(self.known.values(), self.ends)


class AdditionSender:
    """Adds to issues what belongs to them. Made for one run; its requests go through the same limiter as everything.

    wait_seconds  how long evidence that the target doesn't know is tried again
    """

    def __init__(
        self,
        client: TriageClient,
        run: Run,
        calls: PacedCalls,
        lookback: Reconciler,
        references: References,
        *,
        concurrency: int = 8,
        wait_seconds: float = 7 * DAY,
        max_errors: int | None = None,
        failures: int = 0,
        progress: Progress | None = None,
        report: Report = lambda outcome: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._run, self._calls = client, run, calls
        self._lookback, self._references = lookback, references
        self._concurrency, self._wait_seconds, self._max_errors = concurrency, wait_seconds, max_errors
        self._failures, self._progress, self._report, self._now = failures, progress or Unseen(), report, now
        self._ended = 0  # additions
        self._slots = asyncio.Semaphore(concurrency)
        self.done = Counter[Act]()
        self._error: BaseException | None = None
        self.is_unsure = False  # whether something's fate could not be found out
        self.has_failed = False  # whether something was refused, or given up

    async def follow(self, items: Iterator[Item], stop: asyncio.Event) -> None:
        """Add everything that isn't there yet; `stop` ends it once what is on its way has ended.

        Raises:
            RunStopped: the key is refused, the target is down, too many additions failed, the ledger can't be written.
        """
        watch = asyncio.create_task(self._watch(stop))
        tasks: set[asyncio.Task[None]] = set()
        try:
            async with self._run.sending(self._concurrency, exact=True):
                for record in self._with_knowledge(items):
                    await self._slots.acquire()
                    if self._calls.interrupted:
                        self._slots.release()
                        break
                    task = asyncio.create_task(self._work(record))
                    task.add_done_callback(self._note_end)
                    tasks.add(task)
                    tasks = {task for task in tasks if not task.done()} if len(tasks) >= OPEN_LIMIT else tasks
                    if len(tasks) >= OPEN_LIMIT:
                        _, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if tasks:
                    await asyncio.wait(tasks)
        finally:
            for task in (watch, *tasks):
                task.cancel()
        if self._error is not None:
            raise self._error

    def _note_end(self, task: asyncio.Task[None]) -> None:
        """Keep a task's error, if it is the first, and let nothing new leave."""
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Interrupted):
            self._error = self._error or error
            self._calls.interrupt()

    async def _watch(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._calls.interrupt()

    def _with_knowledge(self, items: Iterator[Item]) -> Iterator[_Record]:
        """Give the items whose issue is there, each with what the ledger knows of it."""
        while page := list(islice(items, PAGE)):
            places = self._run.additions.places(item.key for item in page)
            known = self._run.additions.of(places)
            ends = self._run.additions.places(name_ends(each for its in known.values() for each in its))
            for item in page:
                if item.key in places:
                    its = {(each.act, each.name): each for each in known.get(item.key, ())}
                    yield _Record(item, places[item.key], its, ends=ends)

    async def _work(self, record: _Record) -> None:
        item, known = record.item, record.known.values()
        record.ours.update(each.sha for each in known if each.state is State.DONE)
        try:
            await self._complete(record)
        except IssueGone:
            self._note_gone(record)
            return
        except OutcomePending:
            record.failed = True
        finally:
            self._slots.release()
        if item.is_all and (record.made or record.failed):
            self._report(Outcome.UPDATED if record.made else Outcome.FAILED)

    async def _complete(self, record: _Record) -> None:
        for added in [each for each in record.known.values() if each.state in UNDECIDED]:
            await self._decide_earlier(record, added)
        if record.place.was_found:
            await self._adopt(record)
        for addition in self._plan(record):
            await self._add(record, addition)
            self._count_one()
        if record.item.parts.mentions:
            await self._refer(record)
            self._count_one()

    def _count_one(self) -> None:
        self._ended += 1
        self._progress.reach(self._ended)

    def _plan(self, record: _Record, bundling: Bundling | None = None) -> list[Addition]:
        """What is left to be added, but for numbers in the description."""
        item = record.item
        find = partial(self._references.find, own_key=item.key)
        parts = replace(item.parts, mentions=())
        bundling = bundling or item.bundling
        return plan_additions(item.key, parts, bundling, record.had(), description="", find_mentions=find)

    async def _decide_earlier(self, record: _Record, added: Added) -> None:
        """Settle what an earlier attempt may have sent: after that it is done, or it surely was not."""
        if added.act not in _SENDERS:
            return  # repeated without effect
        operation = _operation(record, Addition(record.item.key, added.act, added.name, added.body), added.body)
        try:
            made = await self._was_made(record, operation, added.since)
        except Undecidable as error:
            self.is_unsure = True
            raise OutcomePending from error
        self._note(record, operation, State.DONE if made else State.UNSENT, covers=added.covers, requests=0)

    async def _adopt(self, record: _Record) -> None:
        """Take what hangs on an issue of which the ledger may know less than it should."""
        if not self._plan(record):
            return
        issue_id = record.place.issue_id
        bodies = ((addition, self._fill(addition)) for addition in self._plan(record, "separate"))
        filled = [addition._replace(body=body) for addition, body in bodies if body is not None]
        try:
            adopted = await find_existing_additions(self._lookback, issue_id, filled, record.ours)
        except CallFailed as error:
            if error.action is Action.STOP:
                raise error.as_stop() from error
            raise (IssueGone if error.is_gone else OutcomePending) from error
        for addition in adopted:
            operation = _operation(record, addition, addition.body)
            self._note(record, operation, State.DONE, covers=addition.covers, code=FOUND_AT_TARGET, requests=0)

    def _numbers(self, mentions: Iterable[Mention]) -> dict[str, str]:
        """The numbers of the issues that a text names, as far as they are there: full key → `T-…`."""
        keys = {mention.key for mention in mentions}
        return {key: place.triage_id for key, place in self._run.additions.places(keys).items()} if keys else {}

    def _fill(self, addition: Addition) -> bytes | None:
        """The body with what only the target can give; None where the issue at the other end isn't there."""
        if addition.act is Act.RELATION:
            end = self._run.additions.places([addition.other]).get(addition.other)
            return end and orjson.dumps({"related_issue_id": end.issue_id, **orjson.loads(addition.body)})
        if addition.mentions and (numbers := self._numbers(addition.mentions)):
            detail = orjson.loads(addition.body)["detail"]
            return orjson.dumps({"detail": insert_numbers(detail, addition.mentions, numbers, COMMENT_LIMIT)})
        return addition.body

    async def _add(self, record: _Record, addition: Addition) -> None:
        body = self._fill(addition)
        if body is None:
            operation = _operation(record, addition, addition.body)
            message = f"the issue of {addition.other} is not in Triage"
            self._note(record, operation, State.LEFT, code=NO_END, message=message, requests=0)
        elif addition.act is Act.EVIDENCE:
            await self._attach(record, addition)
        elif addition.act is Act.FLAG and (lacking := self._find_lacking(record, body)):
            operation = _operation(record, addition, body)
            message = f"the flag waits for its call: {lacking.message}"
            self._note(record, operation, State.LEFT, code=lacking.code, message=message, requests=0)
        else:
            # A relation is done while it leads to this issue: it may be deleted, and made again.
            covers = addition.covers if addition.act is not Act.RELATION else (orjson.loads(body)["related_issue_id"],)
            await self._post(record, _operation(record, addition, body), covers)

    def _find_lacking(self, record: _Record, flag: bytes) -> Added | None:
        """The evidence that a flag is about, if the target doesn't have it."""
        attached = record.known.get((Act.EVIDENCE, f"call/{orjson.loads(flag)['call_id']}"))
        return attached if attached is not None and attached.state is not State.DONE else None

    async def _attach(self, record: _Record, addition: Addition) -> None:
        """Attach evidence: what the target doesn't know yet may turn up, and is tried again by later runs."""
        operation = _operation(record, addition, addition.body)
        link = orjson.loads(addition.body)
        kind, name = link["resource_type"], link["resource_id"]
        try:
            await self._calls.call(partial(self._client.attach_resource, record.place.issue_id, kind, name))
        except CallFailed as error:
            if error.action is Action.STOP:
                raise error.as_stop() from error
            if not error.is_gone:
                self._refuse(record, operation, error)
                return
            earlier = record.known.get((Act.EVIDENCE, addition.name))
            first = (earlier.first if earlier else 0.0) or self._now()
            await self._check_there(record)
            code = PENDING if self._now() - first < self._wait_seconds else MISSING
            message = f"{kind} {name} is not attached: {error.message}"
            self._note(record, operation, State.LEFT, code=code, message=message, first=first)
        else:
            self._note(record, operation, State.DONE)

    async def _check_there(self, record: _Record) -> None:
        """Tell an issue that is gone from something else that the target doesn't know. Raises _Left."""
        try:
            await self._calls.call(partial(self._client.get_issue, record.place.issue_id))
        except CallFailed as error:
            if error.action is Action.STOP:
                raise error.as_stop() from error
            if error.is_gone:
                raise IssueGone from error

    async def _post(self, record: _Record, operation: Operation, covers: tuple[str, ...]) -> None:
        """Send what may not be sent twice: its intent is durable before it leaves, and a doubt is settled first."""
        details = encode_details(covers, body=operation.body)
        requests = 0

        async def begin() -> None:
            nonlocal requests
            await self._run.intend(operation, details)
            requests += 1

        send = partial(_SENDERS[operation.act], self._client, operation.issue_id, operation.body)
        for _ in range(ATTEMPTS):
            try:
                await self._calls.call(send, begin)
            except CallFailed as error:
                if error.action is Action.STOP:
                    self._note(record, operation, State.UNSENT, covers=covers, requests=requests)
                    raise error.as_stop() from error
                if error.action is not Action.SETTLE:
                    if error.is_gone:
                        await self._check_there(record)
                    if error.is_gone and operation.act is Act.RELATION:
                        message = "the issue at its other end is not there any more"
                        self._note(record, operation, State.LEFT, code=NO_END, message=message, requests=requests)
                        return
                    self._refuse(record, operation, error, requests)
                    if error.action is Action.RETRY:
                        raise OutcomePending from error
                    return
                doubt = error.message
            except (Interrupted, RunStopped) as stop:
                cause = stop.__cause__
                if requests and not (isinstance(cause, CallFailed) and cause.action is Action.SETTLE):
                    self._note(record, operation, State.UNSENT, covers=covers, requests=requests)
                raise
            else:
                self._note(record, operation, State.DONE, covers=covers, requests=requests)
                return
            since = self._now()
            self._run.record(
                _decide(operation, State.UNKNOWN, requests, since=since, code=UNSETTLED, message=doubt, details=details)
            )
            requests = 0
            try:
                made = await self._was_made(record, operation, since)
            except Undecidable as error:
                self.is_unsure = True
                raise OutcomePending from error
            if made:
                self._note(record, operation, State.DONE, covers=covers, requests=0)
                return
        self._fail(record, operation, GAVE_UP, doubt, requests=0)
        raise OutcomePending

    async def _was_made(self, record: _Record, operation: Operation, since: float) -> bool:
        """Ask what became of a request; others work meanwhile. Raises Undecidable."""
        ours = record.ours[operation.whole_sha]
        self._slots.release()
        try:
            return await self._lookback.was_made(
                operation.act, operation.issue_id, operation.body, ours=ours, since=since
            )
        except CallFailed as error:
            raise IssueGone from error
        finally:
            await self._slots.acquire()

    async def _refer(self, record: _Record) -> None:
        """Put the numbers of other issues into the description, as long as it is ours."""
        item, place = record.item, record.place
        known = record.known.get((Act.REFER, ""))
        numbers = self._numbers(item.parts.mentions)
        body = orjson.dumps({"description": item.description})
        operation = _operation(record, Addition(item.key, Act.REFER, "", body), body)
        operation = operation._replace(method="PATCH", path=issue_path(place.issue_id), whole_sha=place.body_sha)
        if not numbers or place.body_sha != item.body_sha:
            if known is None:  # nothing is to be done until an issue that it names is there
                self._note(record, operation, State.SAME, requests=0)
            return
        referred = record.had().referred
        if not all((place.body_sha, key) in referred for key in numbers):
            await self._put_numbers(record, operation, numbers)

    async def _put_numbers(self, record: _Record, operation: Operation, numbers: dict[str, str]) -> None:
        """Read the description and change it; a repetition changes nothing."""
        item, covers = record.item, tuple(numbers)
        known = record.known.get((Act.REFER, ""))
        was_sent = known is not None and known.state in UNDECIDED
        for _ in range(ATTEMPTS):
            try:
                issue = await self._calls.call(partial(self._client.get_issue, operation.issue_id))
                if digest(issue.description) != digest(item.description):
                    self._note(record, operation, State.LEFT, covers=covers, code=EDITED, message=EDITED_MESSAGE)
                    return
                text = insert_numbers(issue.description, item.parts.mentions, numbers, DESCRIPTION_LIMIT)
                if text != issue.description:
                    was_sent = True
                    patch = orjson.dumps({"description": text})
                    intend = partial(self._run.intend, operation)
                    await self._calls.call(partial(self._client.update_issue, operation.issue_id, patch), intend)
            except CallFailed as error:
                if error.action is Action.STOP:
                    raise error.as_stop() from error
                if error.is_gone:
                    raise IssueGone from error
                if error.action is not Action.SETTLE:
                    self._refuse(record, operation, error)
                    return
            else:
                self._note(record, operation, State.DONE if was_sent else State.SAME, covers=covers)
                return

    def _refuse(self, record: _Record, operation: Operation, error: CallFailed, requests: int = 1) -> None:
        """Keep what the target does not take."""
        self._fail(record, operation, FAILURE_CODES[error.action], error.message, requests)

    def _fail(self, record: _Record, operation: Operation, code: str, message: str, requests: int) -> None:
        """Keep what is not to be had; too many of these end the run."""
        self._note(record, operation, State.REFUSED, code=code, message=message, requests=requests)
        record.failed = True
        self.has_failed = True
        self._failures += 1
        if self._max_errors is not None and self._failures > self._max_errors:
            hint = "Look at errors.csv; the same command continues, with a higher --max-errors if that is meant."
            raise TooManyFailures(f"{self._failures} rows and additions failed, the last with: {message}", hint=hint)

    def _note_gone(self, record: _Record) -> None:
        """Record that an issue was deleted in Triage: nothing else is added to it, and no later run tries to."""
        place, key = record.place, record.item.key
        gone = Snapshot(mark_gone(place.returned), place.body_sha, place.content)
        path = issue_path(place.issue_id)
        operation = Operation(key, "PATCH", path, b"", "", act=Act.UPDATE, issue_id=place.issue_id)
        message = "the issue is not there any more"
        self._run.record(
            _decide(
                operation, State.LEFT, 0, triage_id=place.triage_id, code=GONE_AT_TARGET, message=message, memory=gone
            )
        )
        if record.item.is_all:
            self._report(Outcome.SKIPPED)

    def _note(
        self,
        record: _Record,
        operation: Operation,
        state: State,
        *,
        covers: tuple[str, ...] = (),
        code: str = "",
        message: str = "",
        requests: int = 1,
        first: float = 0.0,
    ) -> None:
        """Record what became of an addition."""
        details = encode_details(covers, first=first)
        self._run.record(_decide(operation, state, requests, code=code, message=message, details=details))
        mark = operation.whole_sha
        added = Added(operation.act, operation.name, state, b"", covers, 0.0, first, mark, code, message)
        record.known[operation.act, operation.name] = added
        record.made |= state is State.DONE and requests > 0 and code != FOUND_AT_TARGET
        record.ours[mark] += state is State.DONE
        if state is State.DONE and code != FOUND_AT_TARGET:
            self.done[operation.act] += 1


_SENDERS: dict[Act, Callable[[TriageClient, str, bytes], Awaitable[str]]] = {
    Act.COMMENT: TriageClient.add_comment,
    Act.FLAG: TriageClient.add_flag,
    Act.RELATION: TriageClient.add_relation,
}


def _operation(record: _Record, addition: Addition, body: bytes) -> Operation:
    issue_id = record.place.issue_id
    path = f"{issue_path(issue_id)}/{ADDITION_PATHS[addition.act]}" if addition.act in ADDITION_PATHS else ""
    act, name = addition.act, addition.name
    is_whole = act is not Act.REFER and (act is not Act.RELATION or b'"related_issue_id"' in body)
    mark = fingerprint(act, issue_id, body) if is_whole else b""
    return Operation(record.item.key, "POST", path, body, "", act=act, whole_sha=mark, issue_id=issue_id, name=name)


def _decide(operation: Operation, state: State, requests: int, **more: Any) -> Decision:
    return Decision(operation.key, state, requests, issue_id=operation.issue_id, operation=operation, **more)
