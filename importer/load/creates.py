"""Sends creates and updates: concurrent workers on one iterator, each request paced, each intent durable before it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson

from importer.codes import MARKER_CUT, OUTCOME_UNKNOWN
from importer.errors import TargetDoubted
from importer.ledger.journal import Decision
from importer.ledger.known_create import KnownCreate
from importer.ledger.schema import State
from importer.load.acts import fingerprint
from importer.load.driver import RunConnection, Write, carry_out
from importer.load.keeping import Fitted
from importer.load.ours import shows_create
from importer.load.settling import Settler
from importer.load.updates import Updater, look_at_description, read_back
from importer.records import Act, Operation, Outcome, Report
from importer.transform.description_parts import encode_parts
from importer.triage.absence import Sought
from importer.triage.actions import FAILURE_CODES, Action, CallFailed
from importer.triage.answers import Issue
from importer.triage.paced import Undecidable
from importer.triage.snapshot import Snapshot

MOST_ANSWERED = 20_000
"""Creates whose responses are compared with later ones."""


class Loader:
    """Sends the creates and updates of one run, and records the outcome of each in the ledger."""

    def __init__(self, connection: RunConnection, updater: Updater, *, report: Report = lambda outcome: None) -> None:
        self._client = connection.client
        self._run = connection.run
        self._calls = connection.calls
        self._connection = connection
        self._workers = connection.workers
        self._report = report
        self._updater = updater
        self._earlier: dict[str, KnownCreate] = {}  # by key: left undecided by an earlier attempt, or refused
        self._searches: dict[str, asyncio.Task[Issue | None]] = {}  # by key, for these; of refused ones once needed
        # By issue id: the create that was answered with it, of the newest ones; None once there was a second. In a
        # plain dictionary the oldest one is behind thousands of places of those that were deleted.
        self._answered = OrderedDict[str, KnownCreate | None]()
        self._settler = Settler(connection, self._answered)
        self._unknown = set[str]()  # keys of which that wasn't found out

    async def load(self, operations: Iterator[Operation]) -> None:
        """Send every operation once; creates that an earlier attempt left undecided are settled meanwhile."""
        async with self._run.sending(self._connection.concurrency):
            undecided = self._run.find_undecided()
            self._earlier = {create.key: create for create in (*self._run.find_refused(), *undecided)}
            for create in undecided:
                search = self._search_again(create)
                self._searches[create.key] = self._workers.start(search)
            await self._workers.work_through(operations, self._carry_out)

    async def _carry_out(self, operation: Operation) -> None:
        """Send an update or a create; first comes a search if an earlier attempt may have made the issue."""
        key = operation.key
        try:
            if operation.act is Act.UPDATE:
                updated = await self._updater.update(operation)
                self._note(updated.outcome, updated.message)
            elif (earlier := self._earlier.get(key)) is not None:  # nothing is written again without a search
                search = self._searches.get(key)
                if search is None:
                    search = self._workers.start(self._search_refused(operation, earlier))
                async with self._workers.idle():
                    issue = await search
                if key not in self._unknown:
                    await self._create(operation, issue, earlier.body_sha)
            else:
                await self._create(operation)
        except Undecidable:
            self._report(Outcome.UNKNOWN)

    async def _search_refused(self, operation: Operation, create: KnownCreate) -> Issue | None:
        """Look for the issue of a create that was refused, before it is sent again."""
        fields = orjson.loads(operation.body)
        sought = Sought.encode(fields.get("title", ""), fields.get("description", ""))
        return await self._search_again(create._replace(sought=sought), is_refused=True)

    async def _search_again(self, create: KnownCreate, *, is_refused: bool = False) -> Issue | None:
        """Settle a create of an earlier attempt, or of another run whose row this source needn't have."""
        key = create.key
        try:
            issue = await self._find(create, is_refused=is_refused)
        except Undecidable:
            self._unknown.add(key)
            self._report(Outcome.UNKNOWN)
            return None
        decision = Decision(key, State.UNSENT, attempts=0)
        if issue:
            decision = _done(key, issue, 0, Snapshot.take(issue))
        # Only a row of this run makes the issue its own, when `_carry_out` comes to it.
        self._run.record(decision._replace(is_own=False))
        return issue

    async def _create(self, operation: Operation, existing: Issue | None = None, sent_sha: bytes = b"") -> None:
        """Send a create until its issue exists or it is finally refused, without its links if necessary.

        existing  its issue, if a search has found it
        sent_sha  SHA-256 of the body that an earlier attempt sent; b"" if there was none

        Raises:
            Undecidable: it can't be told whether it created an issue.
        """
        fields = orjson.loads(operation.body)
        unsent = fields.get("description", "") if existing is None else ""
        may_cut = partial(self._connection.keeping.descriptions.may_cut, unsent)
        create = partial(self._create_fitted, operation, fields, existing, sent_sha)
        await self._workers.alone(may_cut, create)

    async def _create_fitted(
        self, operation: Operation, fields: dict[str, Any], existing: Issue | None, sent_sha: bytes
    ) -> None:
        """Carry out `_create` with what the target keeps of the description by now."""
        body = operation.body
        has_links = bool(_links(operation))
        is_misled = False
        description = fields.get("description", "")
        keeping = self._connection.keeping.descriptions
        fitted = Fitted(description, description)
        if existing is None:
            fitted = keeping.fit(description)
        if fitted.text != description:
            if not fitted.text:
                await self._run.intend(operation)  # a row whose marker would be lost ends no run
                message = keeping.why_held(description)
                decision = Decision(operation.key, State.REFUSED, 0, code=MARKER_CUT, message=message)
                self._run.record(decision)
                self._report(Outcome.FAILED)
                return
            body = orjson.dumps(fields | {"description": fitted.text})
        # Of the last request, see KnownCreate. What was surely kept whole is looked for by its marker alone.
        sought = b""
        if not keeping.whole.takes(fitted.text):
            sought = Sought.encode(fields.get("title", ""), fitted.text)
        create = KnownCreate(operation.key, marker=operation.marker, sought=sought)
        write = Write(self._run, self._calls, operation)

        async def send() -> Issue | Outcome:
            nonlocal create
            create = create._replace(mark=self._connection.target_time.newest)
            try:
                return await self._send(write, body, create)
            except CallFailed as error:
                # A link to something that Triage doesn't know fails the whole create, with 404, too.
                if error.action is Action.STOP and has_links and error.status == 404:
                    raise CallFailed(Action.REFUSE, error.message, status=404) from error
                raise

        def refuse(error: CallFailed) -> Issue | Outcome:
            write.end(State.REFUSED, code=FAILURE_CODES[error.action], message=error.message)
            self._note(Outcome.FAILED, error.message)
            return Outcome.FAILED

        def doubt(error: CallFailed) -> None:
            nonlocal create
            create = create._replace(since=self._connection.now())
            write.end(State.UNKNOWN, **_doubt(create, error.message))

        async def look(error: CallFailed) -> Issue | Outcome | None:
            nonlocal body, has_links, is_misled
            if is_misled and error.message == OF_ANOTHER:
                raise TargetDoubted(f"Triage answers the create of {operation.key} with another issue repeatedly.")
            is_misled |= error.message == OF_ANOTHER
            is_refused = error.action is Action.REFUSE
            # Counted as failed until it is known: else many more would be sent meanwhile that fail, too.
            with self._connection.cap.doubted(int(is_refused)):
                async with self._workers.idle():
                    its_issue = await self._find(create, is_refused=is_refused)
            if its_issue is not None:
                return its_issue
            if is_refused and not has_links:
                return refuse(error)
            write.end(State.UNSENT)
            if is_refused:
                body = _without_links(body)
                has_links = False
            return None

        issue: Issue | Outcome | None = existing
        if issue is None:
            issue = await carry_out(write, send, refuse=refuse, doubt=doubt, look=look)
        if not isinstance(issue, Issue):  # refused: `ACTS` ends no create otherwise, however many attempts it takes
            return
        # One that a search has found may be of another row: it may have changed since an earlier attempt sent it.
        body_sha = hashlib.sha256(operation.body).digest()
        if write.requests or sent_sha in (b"", body_sha):
            await self._finish(operation, issue, write.requests, fitted)
        else:
            decision = _done(operation.key, issue, 0, Snapshot.take(issue))
            decision = decision._replace(code="changed-meanwhile", message=CHANGED_MEANWHILE)
            self._run.record(decision)
            self._report(Outcome.CREATED)

    async def _send(self, write: Write, body: bytes, create: KnownCreate) -> Issue:
        """Send a create; return its issue. Raises CallFailed, also for an answer that shows another one."""
        intend = partial(self._run.intend, write.operation, create.sought or None, mark=create.mark)
        find = partial(self._settler.find_once, create)
        request = partial(self._client.create_issue, body)
        issue = await write.send(request, intend, find)
        marker = write.operation.marker
        is_partial = bool(issue.unanswered) and issue.lacks(orjson.loads(body))
        if is_partial or not shows_create(issue, marker, body):
            issue = await read_back(self._connection, issue) or issue
        # What it shows comes first: an answer that isn't believed is no other create's reason to doubt its own.
        if not shows_create(issue, marker, body) or self._is_taken(issue, create):
            raise CallFailed(Action.SETTLE, OF_ANOTHER)
        return issue

    def _doubt_earlier(self, issue_id: str, earlier: KnownCreate) -> None:
        """Look for the issue of a create whose response turned out to be wrong."""
        self._answered[issue_id] = None
        earlier = earlier._replace(since=self._connection.now())
        decision = Decision(earlier.key, State.UNKNOWN, 0, **_doubt(earlier, OF_ANOTHER))
        self._run.record(decision)
        self._workers.start(self._search_again(earlier))

    def _is_taken(self, issue: Issue, create: KnownCreate) -> bool:
        """Whether a response shows an issue that isn't new; an earlier create with the same response is doubted too."""
        if issue.id in self._answered:
            earlier = self._answered[issue.id]
            if earlier is not None:
                self._doubt_earlier(issue.id, earlier)
            return True
        if self._connection.target_time.was_there(issue):
            return True
        self._answered[issue.id] = create
        if len(self._answered) > MOST_ANSWERED:
            self._answered.popitem(last=False)
        return False

    async def _find(self, create: KnownCreate, *, is_refused: bool = False) -> Issue | None:
        """Look for a create's issue, which can't be one that another create got."""
        try:
            issue = await self._settler.settle(create, is_refused=is_refused)
        except Undecidable as error:
            doubt = _doubt(create, str(error))
            self._run.record(Decision(create.key, State.UNKNOWN, 0, is_own=False, **doubt))
            raise
        if issue is not None:
            earlier = self._answered.get(issue.id)
            if earlier is not None and earlier.key != create.key:
                self._doubt_earlier(issue.id, earlier)
        return issue

    def _note(self, outcome: Outcome, message: str) -> None:
        """Report an outcome. Raises TooManyFailures if too many failed."""
        self._report(outcome)
        if outcome is Outcome.FAILED:
            self._connection.cap.fail(message)

    async def _finish(self, operation: Operation, issue: Issue, requests: int, fitted: Fitted) -> None:
        """Record a create as done, with its links if all are attached; else they are sent as additions later."""
        self._connection.target_time.note([issue])
        snapshot = Snapshot.take(issue, operation.body)._replace(moved=fitted.moved)
        description = orjson.loads(operation.body)["description"]
        snapshot = snapshot.with_parts(encode_parts(description))
        decision = _done(operation.key, issue, requests, snapshot)
        self._run.record(decision)

        def record(snapshot: Snapshot, code: str, message: str) -> None:
            better = decision._replace(attempts=0, returned=snapshot.dump(), code=code, message=message)
            self._run.record(better)

        await look_at_description(self._connection, operation.key, issue, fitted, snapshot, record)
        links = _links(operation)
        if issue.resource_count >= len(links):
            for link in links:
                self._run.record(_attached(operation.key, issue, link))
        self._report(Outcome.CREATED)


OF_ANOTHER = "the response was that of another create"
CHANGED_MEANWHILE = "an earlier attempt created the issue, and the row has changed; the next run compares them"


def _doubt(create: KnownCreate, message: str) -> dict[str, Any]:
    """Return what is recorded of a create whose outcome isn't known."""
    return {"since": create.since, "code": OUTCOME_UNKNOWN, "message": message, "details": create.sought or None}


def _done(key: str, issue: Issue, requests: int, snapshot: Snapshot) -> Decision:
    return Decision(
        key,
        State.DONE,
        requests,
        issue_id=issue.id,
        triage_id=issue.triage_id,
        returned=snapshot.dump(),
    )


def _attached(key: str, issue: Issue, link: dict[str, str]) -> Decision:
    """Make the record of an evidence link that was attached by a create."""
    body = orjson.dumps(link)
    mark = fingerprint(Act.EVIDENCE, issue.id, body)
    name = f"{link['resource_type']}/{link['resource_id']}"
    operation = Operation(key, "POST", "", body, "", act=Act.EVIDENCE, whole_sha=mark, issue_id=issue.id, name=name)
    return Decision(key, State.DONE, 0, issue_id=issue.id, operation=operation)


def _without_links(body: bytes) -> bytes:
    document = orjson.loads(body)
    del document["resource_links"]
    return orjson.dumps(document)


def _links(operation: Operation) -> list[dict[str, str]]:
    if b'"resource_links"' not in operation.body:  # saves parsing: few bodies have any
        return []
    fields = orjson.loads(operation.body)
    links: list[dict[str, str]] = fields.get("resource_links") or []
    return links
