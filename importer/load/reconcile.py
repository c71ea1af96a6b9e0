"""Reconciles additions: reads what an issue has, and decides whether an addition of unknown outcome is among it.

The target gives no key to an addition, so it is recognised by its fingerprint. How far back the activity is read
follows from its own order, never from its times: these are another clock's. An addition that is found is done at once.
That it wasn't made is decided after `settle_seconds`, by two readings in which it isn't found.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from functools import partial

from importer.api import PAGE_LIMIT
from importer.load.fingerprint import LISTS, Held, Shown, fingerprint_shown, is_addition
from importer.records import Act, Operation
from importer.triage.actions import Action, CallFailed
from importer.triage.answers import Entry
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls, Undecidable

FIRST_LOOK, LONGEST_BETWEEN = 1.0, 8.0
"""Seconds before the first reading, and at most between two; each wait is twice as long as the one before."""
FAILED_LOOKS = 3
"""Failed readings in a row after which an outcome stays unknown."""
DECIDING_LOOKS = 2
"""Readings after `settle_seconds` that must not find it, before it counts as not made."""


class Reconciler:
    """Reads the additions of issues; `calls` paces its requests with all others."""

    def __init__(
        self,
        client: TriageClient,
        calls: PacedCalls,
        *,
        settle_seconds: float = 30.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._calls = client, calls
        self._settle_seconds, self._now = settle_seconds, now

    async def was_made(self, operation: Operation, *, ours: Counter[bytes], since: float, after: str = "") -> bool:
        """Return whether the target has carried out an addition, once that is sure.

        ours   fingerprint → how many additions of ours the issue is known to have: of the operation's it has one more
               if this one was carried out
        since  when its last request ended, in seconds since 1970 by this machine's clock
        after  id of an entry of the activity that was there before its first request; "" where none is known

        Raises:
            CallFailed: the issue was deleted.
            Undecidable: three readings in a row failed.
            RunStopped: the key is refused, or the target is down.
            Interrupted: the run was interrupted.
        """
        since = min(since, self._now())  # a time ahead, from a clock that was wrong then, would be waited for
        deadline = since + self._settle_seconds
        wanted = operation.whole_sha
        most = ours[wanted]
        failed, absent, between = 0, 0, FIRST_LOOK
        while absent < DECIDING_LOOKS:
            await self._calls.sleep(min(between, max(FIRST_LOOK, deadline - self._now())))
            between = min(LONGEST_BETWEEN, between * 2)
            decides = self._now() > deadline
            try:
                found = await self._count(operation, {*ours, wanted}, most, after)
            except CallFailed as error:
                failed += 1
                _give_up_on(error, failed)
            else:
                if found > most:
                    return True
                failed = 0
                absent += decides
        return False

    async def _count(self, operation: Operation, known: Collection[bytes], most: int, after: str) -> int:
        """Count an issue's additions with the fingerprint of an operation, until there are more than `most`."""
        ids = set[str]()  # pages that shift meanwhile may show one twice
        issue_id, wanted = operation.issue_id, operation.whole_sha
        async for items in self._pages(operation.act, issue_id):
            ids |= {
                item.id for item in items if is_addition(item) and fingerprint_shown(issue_id, item, known) == wanted
            }
            # The whole page counts: times that are equal leave the order of their entries open.
            if len(ids) > most or any(item.id == after for item in items):
                break
        return len(ids)

    async def read_held(self, issue_id: str, acts: Iterable[Act], known: Collection[bytes]) -> Held:
        """Read all additions of these kinds that an issue has: a request for each 100 of a kind.

        `known` are the fingerprints of those in the ledger.

        Raises:
            CallFailed: a page can't be read.
        """
        return {act: await self._read(act, issue_id, known) for act in acts}

    async def read_entries(self, issue_id: str) -> list[Entry]:
        """Read all of an issue's activity, newest first. Raises CallFailed."""
        entries = dict[str, Entry]()  # by id: pages that shift meanwhile may show one twice
        async for items in self._pages(Act.COMMENT, issue_id):
            entries |= {item.id: item for item in items if isinstance(item, Entry)}
        return list(entries.values())

    async def _read(self, act: Act, issue_id: str, known: Collection[bytes]) -> Counter[bytes]:
        seen: dict[str, bytes] = {}  # by id: pages that shift meanwhile may show one twice
        async for items in self._pages(act, issue_id):
            seen |= {item.id: fingerprint_shown(issue_id, item, known) for item in items if is_addition(item)}
        return Counter(seen.values())

    async def _pages(self, act: Act, issue_id: str) -> AsyncIterator[tuple[Shown, ...]]:
        query = {"limit": str(PAGE_LIMIT)}
        while True:
            page = await self._calls.call(partial(LISTS[act], self._client, issue_id, **query))
            yield page.items
            if page.next_cursor in (None, query.get("cursor")):  # one that never changes would never end
                return
            query["cursor"] = page.next_cursor


def _give_up_on(error: CallFailed, failed: int) -> None:
    if error.action is Action.STOP:
        raise error.as_stop() from error
    if error.is_gone:
        raise error
    if failed == FAILED_LOOKS:
        raise Undecidable(error.message) from error
