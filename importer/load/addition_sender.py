"""Sends one addition at a time: records its intent first, and settles an unknown outcome before anything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import orjson

from importer.api import COMMENT_LIMIT, PAGE_LIMIT
from importer.codes import (
    ADDITION_UNPROVEN,
    EVIDENCE_MISSING,
    EVIDENCE_PENDING,
    GAVE_UP,
    MARKER_CUT,
    OUTCOME_UNKNOWN,
    RELATION_END_MISSING,
    TEXT_CUT,
)
from importer.ledger.added import Added, encode_details
from importer.ledger.known_create import KnownCreate
from importer.ledger.schema import UNDECIDED, State
from importer.load.acts import ACTS, fingerprint_shown, is_addition, is_of_another
from importer.load.addition_log import AdditionLog, IssueGone, IssueWork, OutcomePending, Result
from importer.load.addition_reader import AdditionReader, Unproven
from importer.load.driver import RunConnection, Write, carry_out
from importer.load.keeping import Size
from importer.load.reference_numbers import find_numbers
from importer.records import Act, Addition, Operation
from importer.transform.markers import comment_marker, find_opening
from importer.transform.references import insert_numbers
from importer.triage.actions import Action, CallFailed
from importer.triage.answers import Entry
from importer.triage.paced import Undecidable
from importer.triage.snapshot import find_end, is_gone


class AdditionSender:
    """Sends the additions of one run, each of them once; `log` records their outcomes."""

    def __init__(
        self, connection: RunConnection, reader: AdditionReader, log: AdditionLog, wait_seconds: float
    ) -> None:
        self._connection = connection
        self._client, self._run, self._calls = connection.client, connection.run, connection.calls
        self._workers, self._reader, self._log = connection.workers, reader, log
        self._keeping = connection.keeping.comments
        self._wait_seconds = wait_seconds

    async def decide_earlier(self, work: IssueWork, added: Added) -> None:
        """Look for an addition that an earlier attempt may have sent, whatever the response was.

        Raises OutcomePending if that fails.
        """
        operation = work.earlier(added)
        is_there = await self._settle(work, operation, added.since, added.covers)
        if is_there:
            done = Result(State.DONE, covers=added.covers, requests=0)
            is_known = added.act is Act.COMMENT and operation.body != b""
            self._log.note(work, operation, await self._look(operation, "", done) if is_known else done)
        elif is_there is False and (added.state in UNDECIDED or added.code == ADDITION_UNPROVEN):
            code = EVIDENCE_PENDING if added.waits else ""
            self._log.note(work, operation, Result(State.UNSENT, code, covers=added.covers, requests=0))

    def fill(self, addition: Addition) -> Addition | None:
        """Put issue ids and numbers into an addition's body; None where a relation's other issue isn't in Triage.

        A relation covers the other issue's id: if that issue is deleted and created again, the relation is sent again.
        """
        if addition.act is Act.RELATION:
            other = self._run.additions.ends([addition.other]).get(addition.other)
            if other is None or is_gone(other.returned):
                return None
            body = orjson.dumps({"related_issue_id": other.issue_id, **orjson.loads(addition.body)})
            return addition._replace(body=body, covers=(other.issue_id,))
        if addition.mentions and (numbers := find_numbers(self._run, addition.mentions)):
            detail = orjson.loads(addition.body)["detail"]
            numbered = insert_numbers(detail, addition.mentions, numbers, COMMENT_LIMIT)
            if self._keeping.takes(numbered):
                return addition._replace(body=orjson.dumps({"detail": numbered}))
        return addition

    def may_cut(self, addition: Addition) -> bool:
        """Whether an addition is a comment that is to go alone."""
        return addition.act is Act.COMMENT and self._keeping.may_cut(orjson.loads(addition.body)["detail"])

    async def add(self, work: IssueWork, addition: Addition) -> None:
        """Send one addition, or record why it can't be sent yet."""
        filled, earlier = self.fill(addition), work.known.get((addition.act, addition.name))
        # A person has to say first whether it is there.
        if earlier is not None and earlier.code == ADDITION_UNPROVEN:
            return
        operation = work.operation(filled or addition)
        if filled is None:
            message = f"the issue of {addition.other} is not in Triage"
            self._log.note(work, operation, Result(State.LEFT, RELATION_END_MISSING, message, requests=0))
        elif addition.act is Act.EVIDENCE:
            await self._attach(work, operation)
        elif addition.act is Act.COMMENT and not self._keeping.takes(opening := _opening_of(filled)):
            result = Result(State.LEFT, MARKER_CUT, self._keeping.why_held(opening), filled.covers, requests=0)
            self._log.note(work, operation, result)
        elif lacking := self.find_lacking(work, filled):
            message = f"the flag needs its call first: {lacking.message}"
            self._log.note(work, operation, Result(State.LEFT, lacking.code, message, requests=0))
        else:
            await self._post(work, operation, filled.covers)

    def find_lacking(self, work: IssueWork, addition: Addition) -> Added | None:
        """Return the evidence that an addition needs, as a flag its call, if it was tried and isn't attached."""
        attached = work.known.get((Act.EVIDENCE, ACTS[addition.act].needs(orjson.loads(addition.body))))
        return attached if attached is not None and attached.state is not State.DONE else None

    async def _attach(self, work: IssueWork, operation: Operation) -> None:
        """Attach evidence; twice does no harm. If Triage doesn't know it yet, later runs try for `wait_seconds`."""
        link = orjson.loads(operation.body)
        kind, name = link["resource_type"], link["resource_id"]
        earlier = work.known.get((Act.EVIDENCE, operation.name))
        first = earlier.first if earlier else 0.0
        try:
            await self._calls.call(partial(self._client.attach_resource, work.place.issue_id, kind, name))
        except CallFailed as error:
            if error.action is Action.STOP:
                raise error.as_stop() from error
            if not error.is_gone:
                self._refuse(work, operation, error, Result(State.REFUSED, first=first))
                return
            first = first or self._connection.now()
            await self.check_there(work.place)  # 404 may mean the evidence or the issue
            code = self._code_since(first)
            message = f"{kind} {name} is not attached: {error.message}"
            self._log.note(work, operation, Result(State.LEFT, code, message, first=first))
        else:
            self._log.note(work, operation, Result(State.DONE))

    def _code_since(self, first: float) -> str:
        """Whether what was tried first then is still waited for."""
        return EVIDENCE_PENDING if self._connection.now() - first < self._wait_seconds else EVIDENCE_MISSING

    def _refuse(self, work: IssueWork, operation: Operation, error: CallFailed, result: Result) -> None:
        """Record a refusal. What waited goes on waiting, because its row need not come again to be corrected."""
        earlier = work.known.get((operation.act, operation.name))
        if earlier is not None and earlier.waits:
            first = earlier.first or self._connection.now()
            result = result._replace(first=first, code=self._code_since(first))
        self._log.refuse(work, operation, error, result)

    async def check_there(self, place: KnownCreate) -> None:
        """Read an issue after a 404, which may have another cause. Raises IssueGone if it was deleted."""
        read = partial(self._connection.absence.read_once, place.issue_id, place.since)
        try:
            issue = await self._workers.when_sure(read)
        except CallFailed as error:
            if error.action is Action.STOP:
                raise error.as_stop() from error
            raise OutcomePending from error
        if issue is None:
            raise IssueGone

    async def _post(self, work: IssueWork, operation: Operation, covers: tuple[str, ...]) -> None:
        """Send an addition that must not be duplicated: record its intent first, and settle an unknown outcome.

        Raises:
            IssueGone: the issue was deleted.
            OutcomePending: it isn't known whether it was made, or it may be sent again by a later run.
        """
        request = ACTS[operation.act].add
        assert request is not None
        earlier = work.known.get((operation.act, operation.name))
        # What lies behind it in the activity is older than its first request, which here is the one that follows.
        after = work.last if earlier is None else ""
        details, since, entry, shown, said = encode_details(covers, body=operation.body), 0.0, "", "", ""
        # What waits goes on waiting until it is there.
        waits = {"code": EVIDENCE_PENDING, "details": details} if earlier is not None and earlier.waits else {}
        write = Write(self._run, self._calls, operation, lambda: {"details": encode_details(covers), **waits})

        async def add() -> tuple[str, str]:
            made = await request(self._client, operation.issue_id, operation.body)
            if is_of_another(operation, made):
                raise CallFailed(Action.SETTLE, f"the response was that of another {operation.act}")
            return made.id, made.detail if isinstance(made, Entry) else ""

        async def find() -> tuple[str, str] | None:
            is_shown = await self._reader.is_shown(operation, known=work.known_counts[operation.act], after=after)
            return ("", "") if is_shown else None

        async def send() -> bool:
            nonlocal entry, shown
            work.begun = operation, covers
            entry, shown = await write.send(add, partial(self._run.intend, operation, details), find)
            return True

        def refuse(error: CallFailed) -> bool:
            self._refuse(work, operation, error, Result(State.REFUSED, covers=covers, requests=write.requests))
            if error.action is Action.RETRY:  # what comes behind it must not overtake it
                raise OutcomePending from error
            return False

        def doubt(error: CallFailed) -> None:
            nonlocal since, said
            since, said = self._connection.now(), error.message
            write.end(
                State.UNKNOWN, **{"code": OUTCOME_UNKNOWN, "details": details, **waits}, since=since, message=said
            )

        async def look(error: CallFailed) -> bool | None:
            if error.is_gone and await self._is_end_missing(work, operation):
                message = "the other issue is no longer in Triage"
                result = Result(State.LEFT, RELATION_END_MISSING, message, covers, requests=0)
                self._log.note(work, operation, result)
                return False
            is_there = await self._settle(work, operation, since, covers, after)
            return is_there or (False if is_there is None else None)

        is_made = await carry_out(write, send, refuse=refuse, doubt=doubt, look=look)
        if is_made is None:
            code = EVIDENCE_PENDING if waits else GAVE_UP
            self._log.fail(work, operation, Result(State.REFUSED, code, said, covers, requests=0))
            raise OutcomePending
        if is_made:
            done = Result(State.DONE, covers=covers, requests=write.requests)
            if operation.act is Act.COMMENT:
                work.last, done = entry or work.last, await self._look(operation, entry, done, shown)
            self._log.note(work, operation, done)

    async def _look(self, operation: Operation, entry: str, done: Result, shown: str = "") -> Result:
        """Look at a comment that is there: complete its result with how it ends, or with what is cut.

        entry  its id, and `shown` what its answer showed; "" where that is lost
        """
        sent = orjson.loads(operation.body)["detail"]

        def is_it(each: Entry) -> bool:
            return each.id == entry or fingerprint_shown(operation.issue_id, each) == operation.whole_sha

        async def read() -> str | None:
            newest = partial(self._client.list_activity, operation.issue_id, limit=str(PAGE_LIMIT))
            try:
                page = await self._calls.call(newest)
            except CallFailed:
                return None
            return next((each.detail for each in page.items if is_addition(each) and is_it(each)), None)

        if not entry:
            shown = sent if self._keeping.whole.takes(sent) else await read() or sent
        left = await self._keeping.look(sent, shown, read)
        if left is None:
            return done._replace(end=find_end(shown))
        is_lost = find_opening(left) is None
        message = f"Triage kept {Size.of(left)} of the {Size.of(sent)} of a comment"
        covers = done.covers if is_lost else tuple(_find_kept(operation.key, done.covers, left))
        return done._replace(code=MARKER_CUT if is_lost else TEXT_CUT, message=message, covers=covers)

    async def _is_end_missing(self, work: IssueWork, operation: Operation) -> bool:
        """Whether a relation was answered 404 for its other issue. Raises IssueGone if its own was deleted."""
        await self.check_there(work.place)
        if operation.act is not Act.RELATION:
            return False
        other = operation.name.partition("/")[2]
        place = self._run.additions.ends([other]).get(other)
        try:
            if place is not None:
                await self.check_there(place)
        except IssueGone:
            assert place is not None
            if place.key == other:  # of another source's issue, a run of that source notes it
                self._log.note_issue_gone(other, place)
            return True
        return place is None

    async def _settle(
        self, work: IssueWork, operation: Operation, since: float, covers: tuple[str, ...], after: str = ""
    ) -> bool | None:
        """Find out whether an addition was executed; None, which is recorded, if that can't be told.

        Raises OutcomePending where that can't be found out now, and for a comment of which nobody can tell; IssueGone.
        """
        try:
            async with self._workers.idle():  # this takes `settle_seconds`
                known = work.known_counts[operation.act]
                return await self._reader.was_made(operation, known=known, since=since, after=after)
        except Unproven as error:
            self._log.leave_unproven(work, operation, covers)
            if operation.act is Act.COMMENT:
                raise OutcomePending from error
            return None
        except Undecidable as error:
            raise OutcomePending from error
        except CallFailed:
            await self.check_there(work.place)
            raise OutcomePending from None


def _opening_of(addition: Addition) -> str:
    """The first line of a comment, which has its marker."""
    return str(orjson.loads(addition.body)["detail"].partition("\n")[0])


def _find_kept(key: str, covers: Iterable[str], left: str) -> Iterator[str]:
    """What a cut comment still covers: comments folded into it whose markers are cut off go into another one."""
    is_kept, first, text = True, "", left.lower()
    for name in covers:
        if "=" not in name:  # what follows an id is its content
            first = first or name
            is_kept = name == first or comment_marker(key, f"{name}/1") in text
        if is_kept:
            yield name
