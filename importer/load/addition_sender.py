"""Sends one addition at a time: records its intent first, and settles an unknown outcome before anything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

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
        self._client = connection.client
        self._run = connection.run
        self._calls = connection.calls
        self._workers = connection.workers
        self._reader = reader
        self._log = log
        self._keeping = connection.keeping.comments
        self._wait_seconds = wait_seconds

    async def decide_earlier(self, work: IssueWork, added: Added) -> None:
        """Look for an addition that an earlier attempt may have sent, whatever the response was.

        Raises OutcomePending if that fails.
        """
        operation = work.earlier(added)
        is_there = await self._settle(work, operation, added.since, added.covers)
        if is_there:
            result = Result(State.DONE, covers=added.covers, requests=0)
            if added.act is Act.COMMENT and operation.body != b"":
                result = await self._look(operation, "", result)
            self._log.note(work, operation, result)
        elif is_there is False and (added.state in UNDECIDED or added.code == ADDITION_UNPROVEN):
            code = EVIDENCE_PENDING if added.waits else ""
            result = Result(State.UNSENT, code, covers=added.covers, requests=0)
            self._log.note(work, operation, result)

    def fill(self, addition: Addition) -> Addition | None:
        """Put issue ids and numbers into an addition's body; None where a relation's other issue isn't in Triage.

        A relation covers the other issue's id: if that issue is deleted and created again, the relation is sent again.
        """
        if addition.act is Act.RELATION:
            ends = self._run.additions.ends([addition.other])
            end = ends.get(addition.other)
            if end is None or is_gone(end.returned):
                return None
            body = orjson.dumps({"related_issue_id": end.issue_id, **orjson.loads(addition.body)})
            return addition._replace(body=body, covers=(end.issue_id,))
        if not addition.mentions:
            return addition
        numbers = find_numbers(self._run, addition.mentions)
        if not numbers:
            return addition
        detail = orjson.loads(addition.body)["detail"]
        numbered = insert_numbers(detail, addition.mentions, numbers, COMMENT_LIMIT)
        if not self._keeping.takes(numbered):
            return addition
        body = orjson.dumps({"detail": numbered})
        return addition._replace(body=body)

    def may_cut(self, addition: Addition) -> bool:
        """Whether an addition is a comment that is to go alone."""
        if addition.act is not Act.COMMENT:
            return False
        detail = orjson.loads(addition.body)["detail"]
        return self._keeping.may_cut(detail)

    async def add(self, work: IssueWork, addition: Addition) -> None:
        """Send one addition, or record why it can't be sent yet."""
        filled = self.fill(addition)
        earlier = work.known.get((addition.act, addition.name))
        # A person has to say first whether it is there.
        if earlier is not None and earlier.code == ADDITION_UNPROVEN:
            return
        operation = work.operation(filled or addition)
        if filled is None:
            message = f"the issue of {addition.other} is not in Triage"
            result = Result(State.LEFT, RELATION_END_MISSING, message, requests=0)
            self._log.note(work, operation, result)
        elif addition.act is Act.EVIDENCE:
            await self._attach(work, operation)
        elif addition.act is Act.COMMENT and not self._keeping.takes(opening := _opening_of(filled)):
            message = self._keeping.why_held(opening)
            result = Result(State.LEFT, MARKER_CUT, message, filled.covers, requests=0)
            self._log.note(work, operation, result)
        elif lacking := self.find_lacking(work, filled):
            message = f"the flag needs its call first: {lacking.message}"
            result = Result(State.LEFT, lacking.code, message, requests=0)
            self._log.note(work, operation, result)
        else:
            await self._post(work, operation, filled.covers)

    def find_lacking(self, work: IssueWork, addition: Addition) -> Added | None:
        """Return the evidence that an addition needs, as a flag its call, if it was tried and isn't attached."""
        evidence = ACTS[addition.act].needs(orjson.loads(addition.body))
        attached = work.known.get((Act.EVIDENCE, evidence))
        if attached is None or attached.state is State.DONE:
            return None
        return attached

    async def _attach(self, work: IssueWork, operation: Operation) -> None:
        """Attach evidence; twice does no harm. If Triage doesn't know it yet, later runs try for `wait_seconds`."""
        link = orjson.loads(operation.body)
        kind = link["resource_type"]
        name = link["resource_id"]
        earlier = work.known.get((Act.EVIDENCE, operation.name))
        first = earlier.first if earlier else 0.0
        attach = partial(self._client.attach_resource, work.place.issue_id, kind, name)
        try:
            await self._calls.call(attach)
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
            result = Result(State.LEFT, code, message, first=first)
            self._log.note(work, operation, result)
        else:
            self._log.note(work, operation, Result(State.DONE))

    def _code_since(self, first: float) -> str:
        """Whether what was tried first then is still waited for."""
        seconds = self._connection.now() - first
        return EVIDENCE_PENDING if seconds < self._wait_seconds else EVIDENCE_MISSING

    def _refuse(self, work: IssueWork, operation: Operation, error: CallFailed, result: Result) -> None:
        """Record a refusal. What waited goes on waiting, because its row need not come again to be corrected."""
        earlier = work.known.get((operation.act, operation.name))
        if earlier is not None and earlier.waits:
            first = earlier.first or self._connection.now()
            result = result._replace(first=first, code=self._code_since(first))
        self._log.refuse(work, operation, error, result)

    async def check_there(self, place: KnownCreate) -> None:
        """Read an issue after a 404, which may have another cause. Raises IssueGone if it was deleted."""
        read_issue = partial(self._connection.absence.read_once, place.issue_id, place.since)
        try:
            issue = await self._workers.when_sure(read_issue)
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
        details = encode_details(covers, body=operation.body)
        since = 0.0
        entry = ""
        shown_text = ""
        message = ""
        # What waits goes on waiting until it is there.
        waits = dict[str, Any]()
        if earlier is not None and earlier.waits:
            waits = {"code": EVIDENCE_PENDING, "details": details}
        write = Write(self._run, self._calls, operation, lambda: {"details": encode_details(covers), **waits})

        async def add() -> tuple[str, str]:
            answer = await request(self._client, operation.issue_id, operation.body)
            if is_of_another(operation, answer):
                raise CallFailed(Action.SETTLE, f"the response was that of another {operation.act}")
            if isinstance(answer, Entry):
                return answer.id, answer.detail
            return answer.id, ""

        async def find() -> tuple[str, str] | None:
            own_marks = work.known_counts[operation.act]
            is_shown = await self._reader.is_shown(operation, own_marks=own_marks, after=after)
            return ("", "") if is_shown else None

        async def send() -> bool:
            nonlocal entry, shown_text
            work.begun = operation, covers
            intend = partial(self._run.intend, operation, details)
            entry, shown_text = await write.send(add, intend, find)
            return True

        def refuse(error: CallFailed) -> bool:
            result = Result(State.REFUSED, covers=covers, requests=write.requests)
            self._refuse(work, operation, error, result)
            if error.action is Action.RETRY:  # what comes behind it must not overtake it
                raise OutcomePending from error
            return False

        def doubt(error: CallFailed) -> None:
            nonlocal since, message
            since = self._connection.now()
            message = error.message
            fields = {"code": OUTCOME_UNKNOWN, "details": details, **waits}
            write.end(State.UNKNOWN, **fields, since=since, message=message)

        async def look(error: CallFailed) -> bool | None:
            if error.is_gone and await self._is_end_missing(work, operation):
                message = "the other issue is no longer in Triage"
                result = Result(State.LEFT, RELATION_END_MISSING, message, covers, requests=0)
                self._log.note(work, operation, result)
                return False
            is_there = await self._settle(work, operation, since, covers, after)
            if is_there is None:  # that is recorded
                return False
            return True if is_there else None

        is_made = await carry_out(write, send, refuse=refuse, doubt=doubt, look=look)
        if is_made is None:
            code = EVIDENCE_PENDING if waits else GAVE_UP
            result = Result(State.REFUSED, code, message, covers, requests=0)
            self._log.fail(work, operation, result)
            raise OutcomePending
        if is_made:
            result = Result(State.DONE, covers=covers, requests=write.requests)
            if operation.act is Act.COMMENT:
                work.last = entry or work.last
                result = await self._look(operation, entry, result, shown_text)
            self._log.note(work, operation, result)

    async def _look(self, operation: Operation, entry: str, result: Result, shown_text: str = "") -> Result:
        """Look at a comment that is there: complete its result with how it ends, or with what is cut.

        entry  its id, and `shown_text` what its answer showed; "" where that is lost
        """
        sent_text = orjson.loads(operation.body)["detail"]

        def is_it(listed: Entry) -> bool:
            if listed.id == entry:
                return True
            return fingerprint_shown(operation.issue_id, listed) == operation.whole_sha

        async def read() -> str | None:
            newest = partial(self._client.list_activity, operation.issue_id, limit=str(PAGE_LIMIT))
            try:
                page = await self._calls.call(newest)
            except CallFailed:
                return None
            for listed in page.items:
                if is_addition(listed) and is_it(listed):
                    return listed.detail
            return None

        if not entry:
            shown_text = sent_text
            if not self._keeping.whole.takes(sent_text):
                shown_text = await read() or sent_text
        cut_text = await self._keeping.look(sent_text, shown_text, read)
        if cut_text is None:
            return result._replace(end=find_end(shown_text))
        message = f"Triage kept {Size.of(cut_text)} of the {Size.of(sent_text)} of a comment"
        if find_opening(cut_text) is None:
            return result._replace(code=MARKER_CUT, message=message)
        covers = tuple(_find_kept(operation.key, result.covers, cut_text))
        return result._replace(code=TEXT_CUT, message=message, covers=covers)

    async def _is_end_missing(self, work: IssueWork, operation: Operation) -> bool:
        """Whether a relation was answered 404 for its other issue. Raises IssueGone if its own was deleted."""
        await self.check_there(work.place)
        if operation.act is not Act.RELATION:
            return False
        end_key = operation.name.partition("/")[2]
        ends = self._run.additions.ends([end_key])
        place = ends.get(end_key)
        try:
            if place is not None:
                await self.check_there(place)
        except IssueGone:
            assert place is not None
            if place.key == end_key:  # of another source's issue, a run of that source notes it
                self._log.note_issue_gone(end_key, place)
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
                own_marks = work.known_counts[operation.act]
                return await self._reader.was_made(operation, own_marks=own_marks, since=since, after=after)
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
    detail: str = orjson.loads(addition.body)["detail"]
    return detail.partition("\n")[0]


def _find_kept(key: str, covers: Iterable[str], cut_text: str) -> Iterator[str]:
    """What a cut comment still covers: comments folded into it whose markers are cut off go into another one."""
    is_kept = True
    first = ""
    text = cut_text.lower()
    for name in covers:
        if "=" not in name:  # what follows an id is its content
            first = first or name
            is_kept = name == first or comment_marker(key, f"{name}/1") in text
        if is_kept:
            yield name
