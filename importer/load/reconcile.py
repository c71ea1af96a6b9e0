"""Looking back: what was added to an issue, and whether an addition of unknown fate is among it.

The target gives no key to an addition, so it is known by what it says. A target may trim texts, rewrite line ends and
spell a flag's type its own way; a fingerprint makes nothing of that. Found is found at once. That it is not there is
believed after `settle_seconds` and two looks made after that.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from math import inf

from importer.records import Act
from importer.triage.actions import Action, CallFailed
from importer.triage.answers import Entry
from importer.triage.client import TriageClient
from importer.triage.fingerprint import LISTS, Held, Shown, fingerprint, fingerprint_shown, is_addition
from importer.triage.listing import CLOCK_SKEW, PAGE_LIMIT, created_seconds
from importer.triage.paced import PacedCalls, Undecidable

FIRST_LOOK, LONGEST_BETWEEN = 1.0, 8.0
FAILED_LOOKS = 3
DECIDING_LOOKS = 2


class Reconciler:
    """Reads what hangs on issues; its looks go through the same limiter as everything."""

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

    async def was_made(self, act: Act, issue_id: str, body: bytes, *, ours: int, since: float) -> bool:
        """Say whether the target carried out an addition, once that is sure.

        `body` is what was sent, `since` when it was last on its way, in seconds since 1970, and `ours` how many of the
        same fingerprint are known as ours on that issue: it was made if there are more.

        Raises:
            CallFailed: the issue is not there any more.
            Undecidable: three looks in a row failed.
            RunStopped: what a look met ends the run.
            Interrupted: everything ends.
        """
        since = min(since, self._now())  # a clock that was ahead then would have us wait until it is right
        deadline = since + self._settle_seconds
        # Older ones count only where some of them are ours; else they are a person's.
        back_to = -inf if ours else since - CLOCK_SKEW
        wanted = fingerprint(act, issue_id, body)
        failed, absent, between = 0, 0, FIRST_LOOK
        while absent < DECIDING_LOOKS:
            await self._calls.sleep(min(between, max(FIRST_LOOK, deadline - self._now())))
            between = min(LONGEST_BETWEEN, between * 2)
            decides = self._now() > deadline
            try:
                seen = await self._read(act, issue_id, back_to)
            except CallFailed as error:
                failed += 1
                _give_up_on(error, failed)
            else:
                if seen[wanted] > ours:
                    return True
                failed = 0
                absent += decides
        return False

    async def read_held(self, issue_id: str, acts: Iterable[Act]) -> Held:
        """Read all that hangs on an issue, of these kinds: one request each, more for more than 100.

        Raises:
            CallFailed: a page can't be read.
        """
        return {act: await self._read(act, issue_id) for act in acts}

    async def read_entries(self, issue_id: str) -> list[Entry]:
        """Read all of an issue's activity, newest first. Raises CallFailed."""
        entries = dict[str, Entry]()  # by id: pages that move meanwhile may show one twice
        async for items in self._pages(Act.COMMENT, issue_id):
            entries |= {item.id: item for item in items if isinstance(item, Entry)}
        return list(entries.values())

    async def _read(self, act: Act, issue_id: str, back_to: float = -inf) -> Counter[bytes]:
        """Count fingerprints: of comments those made since `back_to`, of the rest, which has no order, all."""
        seen: dict[str, bytes] = {}  # by id: pages that move meanwhile may show one twice
        async for items in self._pages(act, issue_id):
            recent = [item for item in items if not isinstance(item, Entry) or created_seconds(item, inf) >= back_to]
            seen |= {item.id: fingerprint_shown(issue_id, item) for item in recent if is_addition(item)}
            if len(recent) < len(items):
                break
        return Counter(seen.values())

    async def _pages(self, act: Act, issue_id: str) -> AsyncIterator[tuple[Shown, ...]]:
        query = {"limit": PAGE_LIMIT}
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
