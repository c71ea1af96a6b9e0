"""Reads the additions of an issue, and settles one with an unknown outcome: decides whether the issue has it.

The target gives no key to an addition, so it is recognised by its fingerprint. How far back the activity is read
follows from its own order, never from its times: these are another clock's. An addition that is found is done at once.
That it wasn't made is decided after `settle_seconds`, by two readings in which it isn't found, and which prove that:
they show what is known to be there. See `AdditionReader.proves_absence`.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

from importer.load.acts import ACTS, LISTS, NAMELESS, Held, ListedAddition, fingerprint_shown, is_addition
from importer.records import Act, Operation
from importer.triage.absence import FAILED_READINGS, REQUEST, Doubt, watch
from importer.triage.actions import CallFailed
from importer.triage.answers import Entry
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls, Undecidable
from importer.triage.pages import follow_pages
from importer.triage.snapshot import find_end

NO_ENDS: Mapping[bytes, str] = {}

Acknowledged = Callable[[Act, float], tuple[str, bytes] | None]
"""Gives an addition of a kind that Triage surely has, of those sent before a time: its issue's id, its fingerprint."""


class Unproven(Undecidable):
    """An addition isn't shown, but neither are others that certainly exist, so its absence isn't proved."""


class ListReading(NamedTuple):
    """What a list of an issue has shown: fingerprint → how many additions, and how many items in all."""

    marks: Counter[bytes]
    items: int


class AdditionReader:
    """Reads the additions of issues; `calls` paces its requests with all others."""

    def __init__(
        self,
        client: TriageClient,
        calls: PacedCalls,
        *,
        settle_seconds: float = 30.0,
        now: Callable[[], float] = time.time,
        acknowledged: Acknowledged = lambda act, before: None,
    ) -> None:
        self._client, self._calls = client, calls
        self._settle_seconds, self._now, self._acknowledged = settle_seconds, now, acknowledged

    async def was_made(self, operation: Operation, *, known: Counter[bytes], since: float, after: str = "") -> bool:
        """Return whether the target has executed an addition, once that is certain.

        known  fingerprint → how many additions of ours and of its kind the issue is known to have: of the operation's
               it has one more if this one was carried out
        since  when its last request ended, in seconds since 1970 by this machine's clock
        after  id of an entry of the activity that was there before its first request; "" where none is known

        Raises:
            CallFailed: the issue was deleted.
            Undecidable: three readings in a row failed.
            Unproven: three readings that were to decide it prove nothing.
            RunStopped: the key is refused, the target is down, or a list never ends.
            Interrupted: the run was interrupted.
        """
        doubt, unproven = Doubt(REQUEST, since, self._settle_seconds, self._now), 0

        async def read() -> bool | None:
            nonlocal unproven
            decides = doubt.seconds_left() <= 0
            is_there = await self._is_there(operation, known, after, decides=decides)
            unproven += decides and is_there is None
            if unproven == FAILED_READINGS:
                raise Unproven(f"the {operation.act}s of {operation.issue_id} are not shown")
            return is_there or (False if is_there is False and doubt.weigh() else None)

        return await watch(self._calls, doubt.seconds_left, read, gone_ends=True)

    async def is_shown(self, operation: Operation, *, known: Counter[bytes], after: str) -> bool:
        """Return whether one reading shows an addition; that it doesn't is no proof. Raises CallFailed."""
        return await self._is_there(operation, known, after, decides=False) is True

    async def _is_there(self, operation: Operation, known: Counter[bytes], after: str, *, decides: bool) -> bool | None:
        """Return whether an addition is there; None where this reading says nothing of it."""
        act, issue_id, wanted = operation.act, operation.issue_id, operation.whole_sha
        marks = {*known, wanted, NAMELESS}
        ids = defaultdict[bytes, set[str]](set)  # by fingerprint; pages that shift meanwhile may show one twice
        number, is_reached, is_recognised = 0, False, False
        async for items in self._pages(act, issue_id):
            number += len(items)
            for item in items:
                if is_addition(item) and (mark := fingerprint_shown(issue_id, item)) in marks:
                    ids[mark].add(item.id)
                    is_recognised |= item.id == after
            if len(ids[wanted]) > known[wanted]:
                return True
            # The whole page counts: times that are equal leave the order of their entries open.
            is_reached = any(item.id == after for item in items)
            if is_reached:
                break
        if not decides:
            return None
        # Where it isn't recognised, whose id is known, what is looked for wouldn't be either.
        proves = is_recognised and not ids[NAMELESS]
        if not is_reached:
            reading = ListReading(Counter({mark: len(its) for mark, its in ids.items()}), number)
            proves = await self.proves_absence(act, issue_id, known, reading, self._settle_seconds)
        return False if proves else None

    async def proves_absence(
        self, act: Act, issue_id: str, known: Counter[bytes], reading: ListReading, wait_seconds: float = 0.0
    ) -> bool:
        """Whether a list of an issue, read to its end, proves that what it doesn't show doesn't exist.

        It does if it shows all of ours that are known to be there, and no item that may be anything. Where none are
        known, the list of another issue must show what is known of that one; where nothing is known at all, the
        activity must have an entry, and any other list as many items as the issue counts.

        known         fingerprint → how many additions of this kind the issue is known to have
        reading       what it has shown
        wait_seconds  how long ago another issue's must have been acknowledged, as reads may lag

        Raises:
            CallFailed: a control can't be read.
        """
        if reading.marks[NAMELESS]:
            return False
        if known.total():
            return known <= reading.marks
        # The newest each time: an old one is shown, too, where reads lag further behind.
        if (control := self._acknowledged(act, self._now() - wait_seconds)) is not None:
            other, mark = control
            try:
                return (await self._read(act, other))[mark] > 0
            except CallFailed as error:
                if not error.is_gone:  # a person has deleted that issue
                    raise
        if act is Act.COMMENT:
            return reading.items > 0
        issue = await self._calls.call(partial(self._client.get_issue, issue_id))
        return bool(getattr(issue, f"{ACTS[act].counted}_count") <= reading.items)

    async def read_held(self, issue_id: str, acts: Iterable[Act], ends: Mapping[bytes, str] = NO_ENDS) -> Held:
        """Read all additions of these kinds that an issue has: a request for each 100 of a kind.

        A comment that hasn't its own of these `ends` is NAMELESS.

        Raises:
            CallFailed: a page can't be read.
        """
        return {act: await self._read(act, issue_id, ends) for act in acts}

    async def read_entries(self, issue_id: str) -> list[Entry]:
        """Read all of an issue's activity, newest first. Raises CallFailed."""
        entries = dict[str, Entry]()  # by id: pages that shift meanwhile may show one twice
        async for items in self._pages(Act.COMMENT, issue_id):
            entries |= {item.id: item for item in items if isinstance(item, Entry)}
        return list(entries.values())

    async def _read(self, act: Act, issue_id: str, ends: Mapping[bytes, str] = NO_ENDS) -> Counter[bytes]:
        seen: dict[str, bytes] = {}  # by id: pages that shift meanwhile may show one twice
        async for items in self._pages(act, issue_id):
            for item in filter(is_addition, items):
                mark = fingerprint_shown(issue_id, item)
                is_cut = isinstance(item, Entry) and not find_end(item.detail).endswith(ends.get(mark, ""))
                seen[item.id] = NAMELESS if is_cut else mark
        return Counter(seen.values())

    def _pages(self, act: Act, issue_id: str) -> AsyncIterator[tuple[ListedAddition, ...]]:
        what = f"additions to issue {issue_id} ({act})"
        return follow_pages(self._calls, partial(LISTS[act], self._client, issue_id), what, lambda item: item.id)
