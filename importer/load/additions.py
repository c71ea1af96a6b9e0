"""Sends additions: comments, evidence, flags, relations and numbers, issue by issue, in order, each of them once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TypeVar

import orjson

from importer.api import COMMENT_LIMIT
from importer.codes import (
    EVIDENCE_MISSING,
    EVIDENCE_PENDING,
    FATE_UNKNOWN,
    FOUND_AT_TARGET,
    GAVE_UP,
    RELATION_END_MISSING,
)
from importer.errors import RunStopped
from importer.ledger.added import Added, Place, encode_details, relation_targets
from importer.ledger.schema import UNDECIDED, State
from importer.load.addition_log import AdditionLog, IssueGone, IssueWork, OutcomePending, Result, decide
from importer.load.connection import Limits, RunConnection
from importer.load.provenance import find_existing_additions
from importer.load.queue import Item
from importer.load.reconcile import Reconciler
from importer.load.reference_numbers import ATTEMPTS, ReferenceNumbers
from importer.mapping.issue_parts import Bundling
from importer.progress import Progress, Unseen
from importer.records import Act, Addition, Operation, Outcome
from importer.transform.addition_plan import plan_additions
from importer.transform.comment_texts import REST
from importer.transform.references import References, insert_numbers
from importer.transform.unmarked import plan_unmarked
from importer.triage.absence import Absence, NotYet
from importer.triage.actions import Action, CallFailed
from importer.triage.client import TriageClient
from importer.triage.paced import Interrupted, Undecidable

T = TypeVar("T")
PAGE = 200
"""Items whose places and earlier additions are read from the ledger at a time."""
OPEN_LIMIT = 1000
"""Issues in progress at a time, most of which wait for an outcome to be settled; requests are limited separately."""


class AdditionSender:
    """Sends the additions of one run. `log` counts them."""

    def __init__(
        self,
        connection: RunConnection,
        reconciler: Reconciler,
        references: References,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        *,
        progress: Progress | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._run, self._calls = connection.client, connection.run, connection.calls
        self._reconciler, self._references, self._limits = reconciler, references, limits
        self._absence = Absence(self._client, self._calls, settle_seconds=connection.settle_seconds, now=now)
        self._progress, self._now = progress or Unseen(), now
        self._ended = 0  # additions
        self._slots = asyncio.Semaphore(limits.concurrency)  # one for each request at a time, not for each issue
        self._error: BaseException | None = None
        self.log = AdditionLog(connection.run, limits)
        self._numbers = ReferenceNumbers(connection, self.log, self._absence)

    async def add_all(self, items: Iterator[Item], stop: asyncio.Event) -> None:
        """Send all additions that weren't sent yet. After `stop` is set none leaves; requests under way are awaited.

        Raises:
            RunStopped: the key is refused, the target is down, too many additions failed, the ledger can't be written.
        """
        watch = asyncio.create_task(self._watch(stop))
        tasks: set[asyncio.Task[None]] = set()
        try:
            async with self._run.sending(self._limits.concurrency, exact=True):
                for work in self._with_knowledge(items):
                    await self._slots.acquire()  # `_work` releases it, and lends it out while it waits
                    if self._calls.interrupted:
                        self._slots.release()
                        break
                    task = asyncio.create_task(self._work(work))
                    task.add_done_callback(self._note_end)
                    tasks.add(task)
                    # First drop those that have ended, and only then wait: most often there is nothing to wait for.
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
        """Keep the first error of a task, and stop sending."""
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Interrupted):
            self._error = self._error or error
            self._calls.interrupt()

    async def _watch(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._calls.interrupt()

    def _with_knowledge(self, items: Iterator[Item]) -> Iterator[IssueWork]:
        """Yield the items whose issue is in Triage, each with what the ledger knows of it."""
        while page := list(islice(items, PAGE)):
            places = self._run.additions.places(item.key for item in page)
            known = self._run.additions.of(places)
            targets = self._run.additions.places(relation_targets(each for its in known.values() for each in its))
            for item in page:
                if item.key in places:
                    by_name = {(each.act, each.name): each for each in known.get(item.key, ())}
                    yield IssueWork(item, places[item.key], by_name, ends=targets)

    async def _work(self, work: IssueWork) -> None:
        """Send the additions of one issue, and count its row if nothing else is sent for it."""
        item, known = work.item, work.known.values()
        work.ours.update(each.sha for each in known if each.state is State.DONE)
        try:
            await self._complete(work)
        except IssueGone:
            self.log.note_gone(work)
            return
        except OutcomePending:
            work.failed = True
        finally:
            self._slots.release()
        if item.is_all and (work.made or work.failed):
            self.log.outcomes[Outcome.UPDATED if work.made else Outcome.FAILED] += 1

    async def _complete(self, work: IssueWork) -> None:
        """Settle what earlier attempts left open, take in what the issue has already, then send the rest in order."""
        perhaps = [each for each in work.known.values() if each.may_be_there]
        # An earlier version didn't keep what a refused comment covers: that is seen from what is there.
        blank = {each.name for each in perhaps if each.act is Act.COMMENT and not each.covers} - _rest_of(perhaps)
        for added in perhaps:
            if added.name not in blank:
                await self._decide_earlier(work, added)
        if work.place.was_found or blank:
            await self._take_in_existing(work)
        for addition in self._plan(work):
            await self._add(work, addition)
            self._count_one()
        self.log.note_replaced(work)
        if work.item.parts.mentions:
            await self._when_sure(partial(self._numbers.put, work))
            self._count_one()

    def _count_one(self) -> None:
        self._ended += 1
        self._progress.reach(self._ended)

    def _plan(self, work: IssueWork, bundling: Bundling | None = None) -> list[Addition]:
        """Plan the additions still to be sent, but for numbers in the description."""
        item = work.item
        find = partial(self._references.find, own_key=item.key)
        parts = replace(item.parts, mentions=())
        bundling = bundling or item.bundling
        return plan_additions(item.key, parts, bundling, work.had(), description="", find_mentions=find)

    async def _decide_earlier(self, work: IssueWork, added: Added) -> None:
        """Look for an addition that an earlier attempt may have sent, whatever was answered then.

        Raises OutcomePending if that fails.
        """
        operation = work.earlier(added)
        if await self._settle(work, operation, added.since):
            self.log.note(work, operation, Result(State.DONE, covers=added.covers, requests=0))
        elif added.state in UNDECIDED:
            self.log.note(work, operation, Result(State.UNSENT, covers=added.covers, requests=0))

    async def _take_in_existing(self, work: IssueWork) -> None:
        """Record the additions that an issue has already, where the ledger may have lost them."""
        if not self._plan(work):
            return
        issue_id = work.place.issue_id
        bodies = ((addition, self._fill(addition)) for addition in self._plan(work, "separate"))
        filled = [addition._replace(body=body) for addition, body in bodies if body is not None]
        names = {name for addition in filled for name in (addition.name, *addition.covers)}
        parts = work.item.parts
        left = tuple(each for each in parts.comments if names.intersection((each.id, each.content)))
        unmarked = plan_unmarked(work.item.key, replace(parts, comments=left))
        unmarked = [each for each in unmarked if each.covers or each.name in names]
        try:
            existing = await find_existing_additions(self._reconciler, issue_id, filled, unmarked, work.ours)
        except CallFailed as error:
            if error.action is Action.STOP:
                raise error.as_stop() from error
            if error.is_gone:
                await self._check_there(work.place)
            raise OutcomePending from error
        for addition in existing:
            operation = work.operation(addition, addition.body)
            result = Result(State.DONE, FOUND_AT_TARGET, covers=addition.covers, requests=0)
            self.log.note(work, operation, result)

    def _fill(self, addition: Addition) -> bytes | None:
        """Put issue ids and numbers into an addition's body; None where a relation's other issue isn't in Triage."""
        if addition.act is Act.RELATION:
            other = self._run.additions.places([addition.other]).get(addition.other)
            return other and orjson.dumps({"related_issue_id": other.issue_id, **orjson.loads(addition.body)})
        if addition.mentions and (numbers := self._numbers.of(addition.mentions)):
            detail = orjson.loads(addition.body)["detail"]
            return orjson.dumps({"detail": insert_numbers(detail, addition.mentions, numbers, COMMENT_LIMIT)})
        return addition.body

    async def _add(self, work: IssueWork, addition: Addition) -> None:
        """Send one addition, or record why it can't be sent yet."""
        body = self._fill(addition)
        if body is None:
            operation = work.operation(addition, addition.body)
            message = f"the issue of {addition.other} is not in Triage"
            self.log.note(work, operation, Result(State.LEFT, RELATION_END_MISSING, message, requests=0))
        elif addition.act is Act.EVIDENCE:
            await self._attach(work, addition)
        elif addition.act is Act.FLAG and (lacking := self._find_lacking(work, body)):
            operation = work.operation(addition, body)
            message = f"the flag waits for its call: {lacking.message}"
            self.log.note(work, operation, Result(State.LEFT, lacking.code, message, requests=0))
        else:
            # The other issue's id is kept: once that issue was deleted and made anew, the relation is to be sent again.
            covers = addition.covers if addition.act is not Act.RELATION else (orjson.loads(body)["related_issue_id"],)
            await self._post(work, work.operation(addition, body), covers)

    def _find_lacking(self, work: IssueWork, flag: bytes) -> Added | None:
        """Return the evidence of the call that a flag is about, if it was tried and isn't attached."""
        attached = work.known.get((Act.EVIDENCE, f"call/{orjson.loads(flag)['call_id']}"))
        return attached if attached is not None and attached.state is not State.DONE else None

    async def _attach(self, work: IssueWork, addition: Addition) -> None:
        """Attach evidence. Where Triage doesn't know it yet, later runs try again for `wait_seconds`."""
        operation = work.operation(addition, addition.body)
        link = orjson.loads(addition.body)
        kind, name = link["resource_type"], link["resource_id"]
        try:
            await self._calls.call(partial(self._client.attach_resource, work.place.issue_id, kind, name))
        except CallFailed as error:
            if error.action is Action.STOP:
                raise error.as_stop() from error
            if not error.is_gone:
                self.log.refuse(work, operation, error)
                return
            earlier = work.known.get((Act.EVIDENCE, addition.name))
            first = (earlier.first if earlier else 0.0) or self._now()
            await self._check_there(work.place)  # 404 may mean the evidence or the issue
            code = EVIDENCE_PENDING if self._now() - first < self._limits.wait_seconds else EVIDENCE_MISSING
            message = f"{kind} {name} is not attached: {error.message}"
            self.log.note(work, operation, Result(State.LEFT, code, message, first=first))
        else:
            self.log.note(work, operation, Result(State.DONE))

    async def _check_there(self, place: Place) -> None:
        """Read an issue after a 404, which may mean something else. Raises IssueGone if it was deleted."""
        try:
            issue = await self._when_sure(partial(self._absence.look, place.issue_id, place.since))
        except CallFailed as error:
            if error.action is Action.STOP:
                raise error.as_stop() from error
            raise OutcomePending from error
        if issue is None:
            raise IssueGone

    async def _when_sure(self, look: Callable[[], Awaitable[T]]) -> T:
        """Look until it is sure whether an issue is gone; others send while this waits."""
        while True:
            try:
                return await look()
            except NotYet as wait:
                self._slots.release()
                try:
                    await self._calls.sleep(wait.seconds)
                finally:
                    await self._slots.acquire()

    async def _post(self, work: IssueWork, operation: Operation, covers: tuple[str, ...]) -> None:
        """Send an addition that must not be made twice: the intent is durable first, and an open outcome is settled.

        Raises:
            IssueGone: the issue was deleted.
            OutcomePending: it isn't known whether it was made, or it may be sent again by a later run.
            RunStopped: the key is refused, the target is down, or too many additions failed.
        """
        details = encode_details(covers, body=operation.body)
        # What lies behind it in the activity is older than its first request, which here is the one that follows.
        after = work.last if (operation.act, operation.name) not in work.known else ""
        requests = 0

        async def begin() -> None:
            nonlocal requests
            await self._run.intend(operation, details)
            work.begun, requests = (operation, covers), requests + 1

        send = partial(_SENDERS[operation.act], self._client, operation.issue_id, operation.body)
        for _ in range(ATTEMPTS):
            try:
                entry = await self._calls.call(send, begin)
            except CallFailed as error:
                if error.action is Action.STOP:
                    self._doubt(operation, error.message, requests, details)
                    raise error.as_stop() from error
                if error.is_gone and await self._is_end_missing(work, operation):
                    message = "the issue at its other end is not there any more"
                    result = Result(State.LEFT, RELATION_END_MISSING, message, covers, requests)
                    self.log.note(work, operation, result)
                    return
                if not error.is_gone and error.action is not Action.SETTLE:
                    self._refuse(work, operation, error, requests, covers)
                    return
                doubt = error.message
            except (Interrupted, RunStopped) as stop:
                # No other request leaves. The last one was surely not executed, unless its failure leaves that open.
                cause = stop.__cause__
                if requests and not (isinstance(cause, CallFailed) and cause.action is Action.SETTLE):
                    self.log.note(work, operation, Result(State.UNSENT, covers=covers, requests=requests))
                raise
            else:
                self.log.note(work, operation, Result(State.DONE, covers=covers, requests=requests))
                work.last = entry if operation.act is Act.COMMENT else work.last
                return
            since = self._doubt(operation, doubt, requests, details)
            requests = 0
            if await self._settle(work, operation, since, after):
                self.log.note(work, operation, Result(State.DONE, covers=covers, requests=0))
                return
        self.log.fail(work, operation, Result(State.REFUSED, GAVE_UP, doubt, covers, requests=0))
        raise OutcomePending

    def _doubt(self, operation: Operation, doubt: str, requests: int, details: bytes | None) -> float:
        """Record that nobody knows whether an addition was made; return since when."""
        since = self._now()
        unknown = {"since": since, "code": FATE_UNKNOWN, "message": doubt, "details": details}
        self._run.record(decide(operation, State.UNKNOWN, requests, **unknown))
        return since

    async def _is_end_missing(self, work: IssueWork, operation: Operation) -> bool:
        """Whether a relation was answered 404 for its other issue. Raises IssueGone if its own was deleted."""
        await self._check_there(work.place)
        if operation.act is not Act.RELATION:
            return False
        other = operation.name.partition("/")[2]
        place = self._run.additions.places([other]).get(other)
        try:
            if place is not None:
                await self._check_there(place)
        except IssueGone:
            return True
        return place is None

    def _refuse(
        self, work: IssueWork, operation: Operation, error: CallFailed, requests: int, covers: tuple[str, ...]
    ) -> None:
        """Record why an addition was not taken. Raises OutcomePending where a later run may send it."""
        self.log.refuse(work, operation, error, requests, covers)
        if error.action is Action.RETRY:  # what comes behind it must not overtake it
            raise OutcomePending from error

    async def _settle(self, work: IssueWork, operation: Operation, since: float, after: str = "") -> bool:
        """Find out whether an addition was made. Raises OutcomePending where that can't be found out now."""
        try:
            return await self._was_made(work, operation, since, after)
        except Undecidable as error:
            raise OutcomePending from error

    async def _was_made(self, work: IssueWork, operation: Operation, since: float, after: str) -> bool:
        """Settle a request. Raises Undecidable, or IssueGone if the issue was deleted."""
        self._slots.release()  # this takes `settle_seconds`: others send meanwhile
        try:
            return await self._reconciler.was_made(operation, ours=work.ours, since=since, after=after)
        except CallFailed as error:
            gone = error
        finally:
            await self._slots.acquire()
        await self._check_there(work.place)
        raise Undecidable(gone.message)


def _rest_of(added: Iterable[Added]) -> set[str]:
    """Return the names of parts of a description, which cover no comment."""
    return {each.name for each in added if each.name.startswith(f"{REST}/")}


_SENDERS: dict[Act, Callable[[TriageClient, str, bytes], Awaitable[str]]] = {
    Act.COMMENT: TriageClient.add_comment,
    Act.FLAG: TriageClient.add_flag,
    Act.RELATION: TriageClient.add_relation,
}
