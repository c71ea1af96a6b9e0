"""Sends additions (comments, evidence, flags, relations, issue numbers), issue by issue and in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import NoReturn

from importer.codes import FOUND_AT_TARGET
from importer.ledger.added import find_present, relation_targets
from importer.ledger.schema import State
from importer.load.acts import is_addition
from importer.load.addition_log import AdditionLog, IssueGone, IssueWork, OutcomePending, Result
from importer.load.addition_reader import AdditionReader, ListReading, count_own, find_existing_additions
from importer.load.addition_sender import AdditionSender
from importer.load.driver import RunConnection
from importer.load.keeping import Size
from importer.load.queue import QueueItem
from importer.load.reference_numbers import ReferenceNumbers
from importer.load.reopening import Reopening
from importer.mapping.issue_parts import Bundling
from importer.progress import Progress, Unseen
from importer.records import NEVER_TWICE, Act, Addition, Outcome
from importer.transform.addition_plan import Due, is_cut_otherwise, part_rest, plan_additions
from importer.transform.comment_texts import stem_of
from importer.transform.markers import find_openings
from importer.transform.occurrences import is_recalled
from importer.transform.references import References
from importer.triage.actions import Action, CallFailed
from importer.triage.snapshot import find_moved

PAGE = 200
"""Items whose places and earlier additions are read from the ledger at a time."""
PROBED = 20
"""Issues that a resumed run reads before it trusts its ledger: an attempt with another ledger began with these."""
DAY = 86_400.0


class AdditionLoader:
    """Sends the additions of one run; `log` records and counts them."""

    def __init__(
        self,
        connection: RunConnection,
        references: References,
        log: AdditionLog,
        *,
        wait_seconds: float = 7 * DAY,
        is_continued: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Evidence that the target doesn't know yet is retried for `wait_seconds` from its first request.

        A resumed run may have been continued with another ledger meanwhile, so its first issues are read.
        """
        self._run = connection.run
        self._references = references
        self._connection = connection
        self._progress = progress or Unseen()
        self._ended = 0  # additions
        self._probed = self._to_probe = PROBED if is_continued else 0
        self._log = log
        self._numbers = ReferenceNumbers(connection, log)
        self._keeping = connection.keeping.comments
        self._reopening = Reopening(connection, log)
        self._reader = AdditionReader(
            connection.client,
            connection.calls,
            settle_seconds=connection.settle_seconds,
            now=connection.now,
            acknowledged=connection.run.additions.find_acknowledged,
        )
        self._sender = AdditionSender(connection, self._reader, log, wait_seconds)

    async def add_all(self, items: Iterator[QueueItem]) -> None:
        """Send all additions that weren't sent yet."""
        async with self._run.sending(self._connection.concurrency, exact=True):
            await self._connection.workers.work_through(self._with_knowledge(items), self._work)

    def _with_knowledge(self, items: Iterator[QueueItem]) -> Iterator[IssueWork]:
        """Yield the items whose issue is in Triage, each with the ledger's data on it."""
        while page := list(islice(items, PAGE)):
            places = self._run.additions.places(item.key for item in page)
            added_by_key = self._run.additions.of(places)
            named = {relation.other for item in page for relation in item.parts.relations}
            for additions in added_by_key.values():
                named.update(relation_targets(additions))
            ends = self._run.additions.ends(named)
            for item in page:
                if item.key in places:
                    earlier = added_by_key.get(item.key, ())
                    by_name = {(added.act, added.name): added for added in earlier}
                    yield IssueWork(item, places[item.key], by_name, ends=ends)

    async def _work(self, work: IssueWork) -> None:
        """Send the additions of one issue, and count its row if nothing else is sent for it."""
        item = work.item
        additions = work.known.values()
        work.known_counts = count_own(find_present(additions, work.ends))
        moved_parts = (*find_moved(work.place.returned), *item.parts.rest)
        had = work.had()
        work.rest = moved_parts
        if moved_parts and had.is_over and is_cut_otherwise(moved_parts, had):
            work.rest = ()
        try:
            await self._complete(work)
        except IssueGone:
            self._log.note_gone(work)
            return
        except OutcomePending:
            work.failed = True
        if item.is_all and (work.is_sent or work.failed):
            outcome = Outcome.UPDATED if work.is_sent else Outcome.FAILED
            self._log.outcomes[outcome] += 1

    async def _complete(self, work: IssueWork) -> None:
        """Settle earlier unknown outcomes, record what the issue has already, then send the rest in order."""
        for added in list(work.known.values()):
            if added.may_be_there:
                await self._sender.decide_earlier(work, added)
        if work.item.parts.occurrences:
            await self._recall(work)
        is_doubted = work.place.was_found
        if not is_doubted:  # attaching does no harm again; flags whose call isn't attached need not be looked for
            evidence = [addition for addition in self._plan(work) if addition.act is Act.EVIDENCE]
            await self._send(work, evidence)
        if is_doubted or work.place.is_older or self._to_probe > 0:
            await self._take_in_existing(work, is_doubted=is_doubted)
        additions = self._plan(work)
        if not is_doubted:
            additions = [addition for addition in additions if addition.act is not Act.EVIDENCE]
        await self._send(work, additions)
        self._log.note_replaced(work)
        if work.item.parts.mentions:
            await self._connection.workers.when_sure(partial(self._numbers.put, work))
            self._count_one()

    async def _send(self, work: IssueWork, additions: Iterable[Addition]) -> None:
        planned = deque(additions)
        limit = self._keeping.limit
        has_comments = any(addition.act is Act.COMMENT for addition in planned)
        while planned:
            addition = planned.popleft()
            if addition.act is Act.REOPEN:
                reopen = partial(self._reopening.look, work, addition)
                await self._connection.workers.when_sure(reopen)
                self._count_one()
            else:
                add = partial(self._add_as_planned, work, addition, limit)
                may_cut = partial(self._sender.may_cut, addition)
                await self._connection.workers.alone(may_cut, add)
            # The target keeps less than was known: comments get shorter, and what was cut off one is planned again.
            if has_comments and self._keeping.limit != limit:
                limit = self._keeping.limit
                not_comments = [addition for addition in planned if addition.act is not Act.COMMENT]
                comments = [addition for addition in self._plan(work) if addition.act is Act.COMMENT]
                planned = deque([*comments, *not_comments])

    async def _add_as_planned(self, work: IssueWork, addition: Addition, limit: Size | None) -> None:
        """Send an addition, unless it waited, and comments are planned anew as the target keeps less than was known."""
        if addition.act is not Act.COMMENT or self._keeping.limit == limit:
            await self._sender.add(work, addition)
            self._count_one()

    def _count_one(self) -> None:
        self._ended += 1
        self._progress.reach(self._ended)

    def _plan(self, work: IssueWork, bundling: Bundling | None = None) -> list[Addition]:
        """Plan the additions still to be sent, except numbers in the description: the row's, and what waits."""
        item = work.item
        had = work.had()
        takes = self._keeping.takes if self._keeping.cuts else None
        rest_parts = part_rest(work.rest, had, takes)
        parts = item.parts._replace(mentions=(), rest=rest_parts)
        due = Due(item.key, parts, bundling or item.bundling, had)
        planned = plan_additions(due, self._references.find, takes)
        names = {(addition.act, addition.name) for addition in planned}
        waiting = [added for name, added in work.known.items() if added.waits and name not in names]
        waiting.sort(key=lambda added: added.act is Act.FLAG)  # its call comes first
        additions = list(planned)
        for added in waiting:
            additions.append(Addition(item.key, added.act, added.name, added.body))
        return additions

    async def _recall(self, work: IssueWork) -> None:
        """Record what the ledger is to know of occurrences; comments whose markers were found count as sent.

        Nobody knows what these say in Triage: it is taken to be what they say now.
        """
        for addition in [addition for addition in self._plan(work) if addition.act is Act.RECALL]:
            covers = addition.covers or await self._read_markers(work)
            result = Result(State.SAME, covers=covers, requests=0)
            self._log.note(work, work.operation(addition), result)
            self._count_one()
        if (Act.RECALL, "") not in work.known:
            return
        had = work.had()
        for addition in self._plan(work, "separate"):
            if addition.act is not Act.COMMENT:
                continue
            if is_recalled(addition.key, stem_of(addition.name), had):
                result = Result(State.SAME, FOUND_AT_TARGET, covers=addition.covers, requests=0)
                self._log.note(work, work.operation(addition), result)

    async def _read_markers(self, work: IssueWork) -> tuple[str, ...]:
        """Read the markers in an issue's comments. Raises as `_leave_unread`."""
        try:
            entries = await self._reader.read_entries(work.place.issue_id)
        except CallFailed as error:
            await self._leave_unread(work, error)
        markers = dict[str, None]()  # in the order of the entries, each once
        for entry in entries:
            if is_addition(entry):
                for opening in find_openings(entry.detail):
                    markers[opening.marker] = None
        return tuple(markers)

    async def _leave_unread(self, work: IssueWork, error: CallFailed) -> NoReturn:
        """Leave an issue that can't be read. Raises the error that ends the run, IssueGone, or OutcomePending."""
        if error.action is Action.STOP:
            raise error.as_stop() from error
        if error.is_gone:
            await self._sender.check_there(work.place)
        raise OutcomePending from error

    async def _take_in_existing(self, work: IssueWork, *, is_doubted: bool) -> None:
        """Record the additions that an issue has already, if the ledger may have lost them.

        Without a sign of a loss, an absence needs no proof.
        """
        if not self._plan(work):
            return
        issue_id = work.place.issue_id
        filled = list[Addition]()
        for planned in self._plan(work, "separate"):
            if planned.act is Act.REOPEN:
                continue
            addition = self._sender.fill(planned)
            if addition is None:
                continue
            may_double = is_doubted or (addition.act in NEVER_TWICE and not self._sender.find_lacking(work, addition))
            if may_double:
                filled.append(addition)
        if not filled:
            return
        try:
            own_by_act = work.known_counts
            existing, readings = await find_existing_additions(self._reader, issue_id, filled, own_by_act)
            for addition in existing:
                result = Result(State.DONE, FOUND_AT_TARGET, covers=addition.covers, requests=0)
                self._log.note(work, work.operation(addition), result)
            if existing:
                self._to_probe = self._probed
            else:
                self._to_probe -= 1
            if is_doubted:
                await self._leave_unproven(work, filled, readings)
        except CallFailed as error:
            await self._leave_unread(work, error)

    async def _leave_unproven(
        self, work: IssueWork, filled: Sequence[Addition], readings: Mapping[Act, ListReading]
    ) -> None:
        """Don't send additions if the issue's lists don't prove that they are missing.

        A person has confirmed those recorded as unsent. Raises OutcomePending if a comment is left, and CallFailed.
        """
        planned = {(addition.act, addition.name) for addition in self._plan(work, "separate")}
        confirmed = {name for name, added in work.known.items() if added.state is State.UNSENT}
        planned -= confirmed
        unproven = [
            addition for addition in filled if (addition.act, addition.name) in planned and addition.act in readings
        ]
        issue_id = work.place.issue_id
        prove = self._reader.proves_absence
        for act in {addition.act for addition in unproven}:
            if await prove(act, issue_id, work.known_counts[act], readings[act]):
                unproven = [addition for addition in unproven if addition.act is not act]
        for addition in unproven:
            self._log.leave_unproven(work, work.operation(addition), addition.covers)
        if any(addition.act is Act.COMMENT for addition in unproven):
            raise OutcomePending
