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
        self._connection, self._run, self._calls = connection, connection.run, connection.calls
        self._absence, self._log = connection.absence, log
        self._sent = set[str]()  # keys whose description may have been changed by now

    async def put(self, work: IssueWork) -> None:
        """Put the numbers into an issue's description, once for each issue that it names.

        Raises:
            IssueGone: the issue was deleted.
            NotYet: whether it was deleted isn't sure yet: to be called again then.
        """
        item, place = work.item, work.place
        known = work.known.get((Act.REFER, ""))
        numbers = find_numbers(self._run, item.parts.mentions)
        body = orjson.dumps({"description": item.description})
        operation = work.operation(Addition(item.key, Act.REFER, "", body))
        path = issue_path(place.issue_id)
        operation = operation._replace(method="PATCH", path=path, whole_sha=item.body_sha, since=place.since)
        if not numbers:
            if known is None:  # recorded once, so that the row's counts are complete; a later run tries again
                self._log.note(work, operation, Result(State.SAME, requests=0))
        elif not (_stands(work, item.description) or item.kept or place.was_found) or find_moved(place.returned):
            self._leave_out(work, operation, numbers)
        else:
            was_left = known is not None and known.code == NUMBERS_LEFT_OUT
            referred = work.had().referred
            if was_left or not all((item.body_sha, key) in referred for key in numbers):
                await self._change(work, operation, numbers)

    async def _change(self, work: IssueWork, operation: Operation, numbers: dict[str, str]) -> None:
        """Read the description and change it. No outcome has to be settled: a repetition changes nothing."""
        write = Write(self._run, self._calls, operation, lambda: {"details": encode_details(numbers)})

        def refuse(error: CallFailed) -> None:
            self._log.refuse(work, operation, error, Result(State.REFUSED))

        send = partial(self._calls.in_turn, partial(self._read_and_write, work, write, numbers))
        answer = await carry_out(write, send, refuse=refuse, doubt=write.doubt, look=send_again)
        if answer is None:
            return

        def record(snapshot: Snapshot, code: str, message: str) -> None:
            work.place = work.place._replace(returned=snapshot.dump())
            said = {"code": code, "message": message, "details": encode_details(numbers)}
            self._run.record(make_decision(operation, State.DONE, 0, **said, remember=work.place))

        before = Snapshot.parse(work.place.returned)
        await look_at_description(self._connection, work.item.key, *answer, before, record)

    async def _read_and_write(
        self, work: IssueWork, write: Write, numbers: dict[str, str]
    ) -> tuple[Issue, Fitted] | None:
        """Return the answer to the change and what was sent, if anything was."""
        operation, item, covers = write.operation, work.item, tuple(numbers)
        earlier = work.known.get((Act.REFER, ""))
        # An earlier attempt may have put them in, and this run has done it then.
        if earlier is not None and earlier.state in UNDECIDED:
            self._sent.add(item.key)
        issue = await self._absence.read_once(operation.issue_id, operation.since)
        if issue is None:
            raise IssueGone
        snapshot = Snapshot.parse(work.place.returned, was_found=work.place.was_found)
        # From our own text, as a target that escapes what it stores would escape it again.
        whole = keep_parts(item.kept, item.description, issue.description) if item.kept else None
        description = whole or item.description
        text = insert_numbers(description, item.parts.mentions, numbers, DESCRIPTION_LIMIT)
        text = text if self._connection.keeping.descriptions.takes(text) else description
        known = {f"({number})" for number in numbers.values()}
        left = [number for number in known if number in text and number not in issue.description]
        if not _stands(work, description) and not snapshot.is_only_rewritten(issue, description):
            self._leave_out(work, operation, numbers, there=not left)
            return None
        if not snapshot.is_as_it_was(issue, description):
            self._log.note(work, operation, Result(State.LEFT, DESCRIPTION_EDITED, EDITED_MESSAGE, covers))
            return None
        if left or snapshot.numbers is None:  # durable with the intent, before the request that puts them in
            ours = snapshot.with_numbers(issue, description, numbers.values())
            work.place = work.place._replace(returned=ours.dump())
            details = encode_details(numbers)
            self._run.record(make_decision(operation, State.SENT, details=details, remember=work.place))
        if left:
            self._sent.add(item.key)
            patch = {"description": text}
            intend = partial(self._run.intend, operation, encode_details(covers))
            answer = await send_patch(self._connection, write, issue, patch, intend)
        self._log.note(work, operation, Result(State.DONE if item.key in self._sent else State.SAME, covers=covers))
        return (answer, Fitted(description, text)) if left else None

    def _leave_out(
        self, work: IssueWork, operation: Operation, numbers: dict[str, str], *, there: bool = False
    ) -> None:
        """Record that a description isn't written for these numbers before an update has written it.

        Nothing is to be said if they are `there` already.
        """
        named = dict.fromkeys(f"{text} ({numbers[key]})" for text, key in work.item.parts.mentions if key in numbers)
        message = (
            f"the description in Triage isn't the row's, so these numbers are not added: {listed(list(named), NAMED)}. "
            "Write them there, or type the same command with --on-change update --fields description, which replaces "
            "a description that nobody can have edited, or with --on-change overwrite --fields description, which "
            "replaces any"
        )
        state, said = (State.SAME, "") if there else (State.LEFT, message)
        self._log.note(work, operation, Result(state, NUMBERS_LEFT_OUT, said, tuple(numbers), requests=0))


def _stands(work: IssueWork, description: str) -> bool:
    """Whether an issue's description is this one, its row's, as we last sent it."""
    item, place = work.item, work.place
    # After a conflict in another field the issue stands for no row, but its description for this one.
    return place.body_sha == item.body_sha or Snapshot.parse(place.returned).wrote_description(description)


def find_numbers(run: Run, mentions: Iterable[Mention]) -> dict[str, str]:
    """Return the numbers of mentioned issues that are in Triage: full key → `T-…`."""
    keys = {mention.key for mention in mentions}
    ends = run.additions.ends(keys) if keys else {}
    gone = {key for key, end in ends.items() if end.key != key and is_gone(end.returned)}
    return {key: end.triage_id for key, end in ends.items() if end.triage_id and key not in gone}
