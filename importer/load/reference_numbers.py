"""Reference numbers: puts ` (T-1042)` into descriptions, after each reference to an issue that is in Triage."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import orjson

from importer.api import DESCRIPTION_LIMIT, issue_path
from importer.codes import DESCRIPTION_EDITED, NUMBERS_LEFT_OUT
from importer.ledger.added import encode_details
from importer.ledger.journal import Run
from importer.ledger.schema import UNDECIDED, State
from importer.load.addition_log import AdditionLog, IssueGone, IssueWork, Result
from importer.load.driver import RunConnection, Write, carry_out, make_decision, send_again
from importer.load.keeping import Fitted
from importer.load.updates import look_at_description, send_patch
from importer.phrases import listed
from importer.records import Act, Addition, Mention, Operation
from importer.transform.description_parts import keep_parts
from importer.transform.references import insert_numbers
from importer.triage.actions import CallFailed
from importer.triage.answers import Issue
from importer.triage.snapshot import Snapshot, find_moved, is_gone

EDITED_MESSAGE = "the description was changed in Triage, so the numbers of other issues are not added to it"
NAMED = 5
"""Issues whose numbers are named in the message on a description that doesn't get them."""


class ReferenceNumbers:
    """Puts numbers into the descriptions of a run's issues that are as we sent them, or certainly nobody else's."""

    def __init__(self, connection: RunConnection, log: AdditionLog) -> None:
        self._connection = connection
        self._run = connection.run
        self._calls = connection.calls
        self._absence = connection.absence
        self._log = log
        self._sent = set[str]()  # keys whose description may have been changed by now

    async def put(self, work: IssueWork) -> None:
        """Put the numbers into an issue's description, once for each issue that it names.

        Raises:
            IssueGone: the issue was deleted.
            NotYet: whether it was deleted isn't sure yet: to be called again then.
        """
        item = work.item
        place = work.place
        earlier = work.known.get((Act.REFER, ""))
        numbers = find_numbers(self._run, item.parts.mentions)
        body = orjson.dumps({"description": item.description})
        operation = work.operation(Addition(item.key, Act.REFER, "", body))
        path = issue_path(place.issue_id)
        operation = operation._replace(method="PATCH", path=path, whole_sha=item.body_sha, since=place.since)
        if not numbers:
            if earlier is None:  # recorded once, so that the row's counts are complete; a later run tries again
                self._log.note(work, operation, Result(State.SAME, requests=0))
            return
        may_stand = _stands(work, item.description) or item.kept or place.was_found
        if not may_stand or find_moved(place.returned):
            self._leave_out(work, operation, numbers)
            return
        was_left = earlier is not None and earlier.code == NUMBERS_LEFT_OUT
        referred = work.had().referred
        if was_left or not all((item.body_sha, key) in referred for key in numbers):
            await self._change(work, operation, numbers)

    async def _change(self, work: IssueWork, operation: Operation, numbers: dict[str, str]) -> None:
        """Read the description and change it. No outcome has to be settled: a repetition changes nothing."""
        write = Write(self._run, self._calls, operation, lambda: {"details": encode_details(numbers)})

        def refuse(error: CallFailed) -> None:
            self._log.refuse(work, operation, error, Result(State.REFUSED))

        read_and_write = partial(self._read_and_write, work, write, numbers)
        send = partial(self._calls.in_turn, read_and_write)
        answer = await carry_out(write, send, refuse=refuse, doubt=write.doubt, look=send_again)
        if answer is None:
            return

        def record(snapshot: Snapshot, code: str, message: str) -> None:
            work.place = work.place._replace(returned=snapshot.dump())
            fields = {"code": code, "message": message, "details": encode_details(numbers)}
            decision = make_decision(operation, State.DONE, 0, **fields, remember=work.place)
            self._run.record(decision)

        before = Snapshot.parse(work.place.returned)
        await look_at_description(self._connection, work.item.key, *answer, before, record)

    async def _read_and_write(
        self, work: IssueWork, write: Write, numbers: dict[str, str]
    ) -> tuple[Issue, Fitted] | None:
        """Return the answer to the change and what was sent, if anything was."""
        operation = write.operation
        item = work.item
        covers = tuple(numbers)
        earlier = work.known.get((Act.REFER, ""))
        # An earlier attempt may have put them in, and this run has done it then.
        if earlier is not None and earlier.state in UNDECIDED:
            self._sent.add(item.key)
        issue = await self._absence.read_once(operation.issue_id, operation.since)
        if issue is None:
            raise IssueGone
        snapshot = Snapshot.parse(work.place.returned, was_found=work.place.was_found)
        # From our own text, as a target that escapes what it stores would escape it again.
        description = item.description
        if item.kept:
            description = keep_parts(item.kept, item.description, issue.description) or item.description
        text = insert_numbers(description, item.parts.mentions, numbers, DESCRIPTION_LIMIT)
        if not self._connection.keeping.descriptions.takes(text):
            text = description
        bracketed = {f"({number})" for number in numbers.values()}
        inserted = [number for number in bracketed if number in text]
        missing = [number for number in inserted if number not in issue.description]
        if not _stands(work, description) and not snapshot.is_only_rewritten(issue, description):
            self._leave_out(work, operation, numbers, are_there=not missing)
            return None
        if not snapshot.is_as_it_was(issue, description):
            result = Result(State.LEFT, DESCRIPTION_EDITED, EDITED_MESSAGE, covers)
            self._log.note(work, operation, result)
            return None
        if missing or snapshot.numbers is None:  # durable with the intent, before the request that puts them in
            numbered = snapshot.with_numbers(issue, description, numbers.values())
            work.place = work.place._replace(returned=numbered.dump())
            details = encode_details(numbers)
            decision = make_decision(operation, State.SENT, details=details, remember=work.place)
            self._run.record(decision)
        if missing:
            self._sent.add(item.key)
            patch = {"description": text}
            intend = partial(self._run.intend, operation, encode_details(covers))
            answer = await send_patch(self._connection, write, issue, patch, intend)
        state = State.DONE if item.key in self._sent else State.SAME
        self._log.note(work, operation, Result(state, covers=covers))
        return (answer, Fitted(description, text)) if missing else None

    def _leave_out(
        self, work: IssueWork, operation: Operation, numbers: dict[str, str], *, are_there: bool = False
    ) -> None:
        """Record that a description isn't written for these numbers before an update has written it.

        Nothing is to be said if they `are_there` already.
        """
        named = dict[str, None]()  # each once
        for text, key in work.item.parts.mentions:
            if key in numbers:
                named[f"{text} ({numbers[key]})"] = None
        message = (
            f"the description in Triage isn't the row's, so these numbers are not added: {listed(list(named), NAMED)}. "
            "Write them there, or type the same command with --on-change update --fields description, which replaces "
            "a description that nobody can have edited, or with --on-change overwrite --fields description, which "
            "replaces any"
        )
        covers = tuple(numbers)
        result = Result(State.LEFT, NUMBERS_LEFT_OUT, message, covers, requests=0)
        if are_there:
            result = Result(State.SAME, NUMBERS_LEFT_OUT, "", covers, requests=0)
        self._log.note(work, operation, result)


def _stands(work: IssueWork, description: str) -> bool:
    """Whether an issue's description is this one, its row's, as we last sent it."""
    item = work.item
    place = work.place
    # After a conflict in another field the issue stands for no row, but its description for this one.
    if place.body_sha == item.body_sha:
        return True
    return Snapshot.parse(place.returned).wrote_description(description)


def find_numbers(run: Run, mentions: Iterable[Mention]) -> dict[str, str]:
    """Return the numbers of mentioned issues that are in Triage: full key → `T-…`."""
    keys = {mention.key for mention in mentions}
    ends = run.additions.ends(keys) if keys else {}
    numbers = dict[str, str]()
    for key, end in ends.items():
        is_end_gone = end.key != key and is_gone(end.returned)
        if end.triage_id and not is_end_gone:
            numbers[key] = end.triage_id
    return numbers
