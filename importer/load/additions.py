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
        self._run, self._references, self._connection = connection.run, references, connection
        self._progress = progress or Unseen()
        self._ended = 0  # additions
        self._probed = self._to_probe = PROBED if is_continued else 0
        self._log = log
        self._numbers, self._keeping = ReferenceNumbers(connection, log), connection.keeping.comments
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
            known = self._run.additions.of(places)
            named = {relation.other for item in page for relation in item.parts.relations}
            named.update(relation_targets(each for its in known.values() for each in its))
            ends = self._run.additions.ends(named)
            for item in page:
                if item.key in places:
                    by_name = {(each.act, each.name): each for each in known.get(item.key, ())}
                    yield IssueWork(item, places[item.key], by_name, ends=ends)

    async def _work(self, work: IssueWork) -> None:
        """Send the additions of one issue, and count its row if nothing else is sent for it."""
        item, known = work.item, work.known.values()
        work.known_counts = count_own(find_present(known, work.ends))
        rest, had = (*find_moved(work.place.returned), *item.parts.rest), work.had()
        work.rest = () if rest and had.is_over and is_cut_otherwise(rest, had) else rest
        try:
            await self._complete(work)
        except IssueGone:
            self._log.note_gone(work)
            return
        except OutcomePending:
            work.failed = True
        if item.is_all and (work.made or work.failed):
            self._log.outcomes[Outcome.UPDATED if work.made else Outcome.FAILED] += 1

    async def _complete(self, work: IssueWork) -> None:
        """Settle earlier unknown outcomes, record what the issue has already, then send the rest in order."""
        for added in [each for each in work.known.values() if each.may_be_there]:
            await self._sender.decide_earlier(work, added)
        if work.item.parts.occurrences:
            await self._recall(work)
        is_doubted = work.place.was_found
        if not is_doubted:  # attaching does no harm again; flags whose call isn't attached need not be looked for
            await self._send(work, [each for each in self._plan(work) if each.act is Act.EVIDENCE])
        if is_doubted or work.place.is_older or self._to_probe > 0:
            await self._take_in_existing(work, is_doubted=is_doubted)
        await self._send(work, [each for each in self._plan(work) if is_doubted or each.act is not Act.EVIDENCE])
        self._log.note_replaced(work)
        if work.item.parts.mentions:
            await self._connection.workers.when_sure(partial(self._numbers.put, work))
            self._count_one()

    async def _send(self, work: IssueWork, additions: Iterable[Addition]) -> None:
        planned, known = deque(additions), self._keeping.limit
        has_comments = any(each.act is Act.COMMENT for each in planned)
        while planned:
            addition = planned.popleft()
            if addition.act is Act.REOPEN:
                await self._connection.workers.when_sure(partial(self._reopening.look, work, addition))
                self._count_one()
            else:
                add = partial(self._add_as_planned, work, addition, known)
                await self._connection.workers.alone(partial(self._sender.may_cut, addition), add)
            # The target keeps less than was known: comments get shorter, and what was cut off one is planned again.
            if has_comments and self._keeping.limit != known:
                known = self._keeping.limit
                others = [each for each in planned if each.act is not Act.COMMENT]
                planned = deque([*(each for each in self._plan(work) if each.act is Act.COMMENT), *others])

    async def _add_as_planned(self, work: IssueWork, addition: Addition, known: Size | None) -> None:
        """Send an addition, unless it waited, and comments are planned anew as the target keeps less than was known."""
        if addition.act is not Act.COMMENT or self._keeping.limit == known:
            await self._sender.add(work, addition)
            self._count_one()

    def _count_one(self) -> None:
        self._ended += 1
        self._progress.reach(self._ended)

    def _plan(self, work: IssueWork, bundling: Bundling | None = None) -> list[Addition]:
        """Plan the additions still to be sent, except numbers in the description: the row's, and what waits."""
        item, had = work.item, work.had()
        takes = self._keeping.takes if self._keeping.cuts else None
        parts = item.parts._replace(mentions=(), rest=part_rest(work.rest, had, takes))
        due = Due(item.key, parts, bundling or item.bundling, had)
        planned = plan_additions(due, self._references.find, takes)
        names = {(each.act, each.name) for each in planned}
        waiting = [each for name, each in work.known.items() if each.waits and name not in names]
        waiting.sort(key=lambda each: each.act is Act.FLAG)  # its call comes first
        return [*planned, *(Addition(item.key, each.act, each.name, each.body) for each in waiting)]

    async def _recall(self, work: IssueWork) -> None:
        """Record what the ledger is to know of occurrences; comments whose markers were found count as sent.

        Nobody knows what these say in Triage: it is taken to be what they say now.
        """
        for addition in [each for each in self._plan(work) if each.act is Act.RECALL]:
            covers = addition.covers or await self._read_markers(work)
            self._log.note(work, work.operation(addition), Result(State.SAME, covers=covers, requests=0))
            self._count_one()
        if (Act.RECALL, "") not in work.known:
            return
        had = work.had()
        for each in self._plan(work, "separate"):
            if each.act is Act.COMMENT and is_recalled(each.key, stem_of(each.name), had):
                result = Result(State.SAME, FOUND_AT_TARGET, covers=each.covers, requests=0)
                self._log.note(work, work.operation(each), result)

    async def _read_markers(self, work: IssueWork) -> tuple[str, ...]:
        """Read the markers in an issue's comments. Raises as `_leave_unread`."""
        try:
            entries = await self._reader.read_entries(work.place.issue_id)
        except CallFailed as error:
            await self._leave_unread(work, error)
        shown = (find_openings(each.detail) for each in entries if is_addition(each))
        return tuple(dict.fromkeys(opening.marker for openings in shown for opening in openings))

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
        planned = (each for each in self._plan(work, "separate") if each.act is not Act.REOPEN)
        filled = [each for each in map(self._sender.fill, planned) if each is not None]
        if not is_doubted:
            filled = [each for each in filled if each.act in NEVER_TWICE and not self._sender.find_lacking(work, each)]
        if not filled:
            return
        try:
            known = work.known_counts
            existing, shown = await find_existing_additions(self._reader, issue_id, filled, known)
            for addition in existing:
                result = Result(State.DONE, FOUND_AT_TARGET, covers=addition.covers, requests=0)
                self._log.note(work, work.operation(addition), result)
            self._to_probe = self._probed if existing else self._to_probe - 1
            if is_doubted:
                await self._leave_unproven(work, filled, shown)
        except CallFailed as error:
            await self._leave_unread(work, error)

    async def _leave_unproven(
        self, work: IssueWork, filled: Sequence[Addition], shown: Mapping[Act, ListReading]
    ) -> None:
        """Don't send additions if the issue's lists don't prove that they are missing.

        A person has confirmed those recorded as unsent. Raises OutcomePending if a comment is left, and CallFailed.
        """
        planned = {(each.act, each.name) for each in self._plan(work, "separate")}
        planned -= {name for name, added in work.known.items() if added.state is State.UNSENT}
        left = [each for each in filled if (each.act, each.name) in planned and each.act in shown]
        issue_id, prove = work.place.issue_id, self._reader.proves_absence
        for act in {each.act for each in left}:
            if await prove(act, issue_id, work.known_counts[act], shown[act]):
                left = [each for each in left if each.act is not act]
        for addition in left:
            self._log.leave_unproven(work, work.operation(addition), addition.covers)
        if any(each.act is Act.COMMENT for each in left):
            raise OutcomePending
