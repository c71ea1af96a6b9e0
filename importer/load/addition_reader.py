"""Reads the additions of an issue, and settles one with an unknown outcome: decides whether the issue has it.

The target gives no key to an addition, so it is recognised by its fingerprint. How far back the activity is read
follows from its own order, never from its times: these are another clock's. An addition that is found is done at once.
That it wasn't made is decided after `settle_seconds`, by two readings in which it isn't found, and which prove that:
they show what is known to be there. See `AdditionReader.proves_absence`.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import orjson

from importer.codes import ADDITION_UNPROVEN
from importer.ledger.added import Added, AddedOperations
from importer.ledger.schema import UNDECIDED, State
from importer.ledger.statements import portions
from importer.load.acts import (
    ACTS,
    HANGING,
    LISTS,
    NAMELESS,
    Held,
    ListedAddition,
    fingerprint,
    fingerprint_shown,
    is_addition,
)
from importer.records import ADDITIONS, Act, Addition, Operation
from importer.scratch import Scratch
from importer.transform.comment_texts import REST, name_part, stem_of
from importer.transform.markers import comment_marker, find_openings
from importer.triage.absence import FAILED_READINGS, REQUEST, Doubt, watch
from importer.triage.actions import CallFailed
from importer.triage.answers import Entry, Issue
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls, Undecidable
from importer.triage.pages import follow_pages
from importer.triage.snapshot import Snapshot, find_end

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
        return [item for item in await self._read_items(Act.COMMENT, issue_id) if isinstance(item, Entry)]

    async def _read(self, act: Act, issue_id: str, ends: Mapping[bytes, str] = NO_ENDS) -> Counter[bytes]:
        def mark_of(item: ListedAddition) -> bytes:
            mark = fingerprint_shown(issue_id, item)
            is_cut = isinstance(item, Entry) and not find_end(item.detail).endswith(ends.get(mark, ""))
            return NAMELESS if is_cut else mark

        return Counter(map(mark_of, filter(is_addition, await self._read_items(act, issue_id))))

    async def _read_items(self, act: Act, issue_id: str) -> Iterable[ListedAddition]:
        items = dict[str, ListedAddition]()  # by id: pages that shift meanwhile may show one twice
        async for page in self._pages(act, issue_id):
            items |= {item.id: item for item in page}
        return items.values()

    def _pages(self, act: Act, issue_id: str) -> AsyncIterator[tuple[ListedAddition, ...]]:
        what = f"additions to issue {issue_id} ({act})"
        return follow_pages(self._calls, partial(LISTS[act], self._client, issue_id), what, lambda item: item.id)


async def find_existing_additions(
    reader: AdditionReader,
    issue_id: str,
    planned: Sequence[Addition],
    ours: Held,
) -> tuple[list[Addition], dict[Act, ListReading]]:
    """Find those of these additions that an issue has already; comments are returned as they are there.

    The second is what the issue has shown of each kind that may not be added twice: see `proves_absence`.

    planned  as they are to be sent, but each comment by itself
    ours     the additions that are known on the issue: these don't count here

    Raises CallFailed, and what `PacedCalls.call` raises.
    """
    acts = dict.fromkeys(addition.act for addition in planned)
    held = await reader.read_held(issue_id, (act for act in acts if act is not Act.COMMENT))
    unclaimed = {act: marks - ours[act] for act, marks in held.items()}
    shown: dict[Act, ListReading] = {
        act: ListReading(marks, marks.total()) for act, marks in held.items() if act is not Act.EVIDENCE
    }
    found = list[Addition]()
    for addition in planned:
        if addition.act in unclaimed:
            mark = fingerprint(addition.act, issue_id, addition.body)
            if unclaimed[addition.act][mark] > 0:
                unclaimed[addition.act][mark] -= 1
                found.append(addition)
    if Act.COMMENT in acts:
        entries = await reader.read_entries(issue_id)
        said = [(fingerprint_shown(issue_id, each), each.detail) for each in reversed(entries) if is_addition(each)]
        shown[Act.COMMENT] = ListReading(Counter(mark for mark, _ in said), len(entries))
        known, details = ours[Act.COMMENT].copy(), list[str]()
        for mark, detail in said:
            known[mark] -= 1
            if known[mark] < 0:  # each fingerprint as often as it isn't known
                details.append(detail)
        found += find_marked_comments([each for each in planned if each.act is Act.COMMENT], details)
    return found, shown


def find_marked_comments(comments: Sequence[Addition], details: Iterable[str]) -> Iterator[Addition]:
    """Yield an issue's comments that have the marker of any of these, each as one addition that covers all in it.

    A comment may have been folded or parted otherwise then: of a part its own opening line says which it is.
    """
    stems = {stem_of(each.name): each for each in comments}
    by_id = {stem.partition("/")[0]: each for stem, each in stems.items()}
    for each in comments:  # it may have been sent before the mapping named the source's own ids
        by_id |= {content: each for _, _, content in (name.partition("=") for name in each.covers) if content}
    markers: dict[int, dict[str, str]] = {}  # number of a part → marker → id of a comment that has such a part
    for detail in details:
        carried = list[Addition]()
        for marker, part, total in find_openings(detail):
            if part not in markers:
                markers[part] = {comment_marker(each.key, f"{id_}/{part}"): id_ for id_, each in by_id.items()}
            id_ = markers[part].pop(marker, "")  # another with the same one is a copy
            stem = f"{id_}/{part}"
            if id_ == REST and stem in stems:
                carried.append(stems[stem])
            elif id_ and id_ != REST:
                carried.append(by_id[id_]._replace(name=name_part(id_, part, total)))
        if carried:
            covers = tuple(name for addition in carried for name in addition.covers)
            yield carried[0]._replace(body=orjson.dumps({"detail": detail}), covers=covers)


def count_own(added: Iterable[Added]) -> dict[Act, Counter[bytes]]:
    """Count additions of a key: act → fingerprint → number."""
    ours = {act: Counter[bytes]() for act in ADDITIONS}
    for each in added:
        ours[each.act][each.sha] += 1
    return ours


def count_most(snapshot: Snapshot, ours: Held) -> dict[str, int]:
    """Return how many links, flags and relations of an issue may be ours at most.

    Links of a create are in its snapshot; they are among ours, too.
    """
    return {name: max(snapshot.counts.get(f"{name}_count", 0), ours[act].total()) for name, act in HANGING.items()}


def find_miscounts(snapshot: Snapshot, issue: Issue, ours: Held) -> list[str]:
    """Name the kinds of which an issue has more than may be ours, or fewer than its snapshot has."""
    miscounts = []
    for name, most in count_most(snapshot, ours).items():
        least, now = snapshot.counts.get(f"{name}_count", 0), getattr(issue, f"{name}_count")
        if not least <= now <= most:
            miscounts.append(f"{name}s")
    return miscounts


class OwnAdditions(NamedTuple):
    """The additions of ours on an issue: those that were sent or perhaps sent, and those that Triage acknowledged."""

    sent: Held
    acknowledged: Held


class Provenance:
    """Knows the additions of ours on each issue of a source; a relation that was sent is on both its issues."""

    def __init__(self, additions: AddedOperations) -> None:
        """Read where relations lead to. Raises StorageFull if the temporary disk is full."""
        self._additions = additions
        self._incoming = Scratch("CREATE TABLE incoming (key TEXT, sha BLOB); CREATE INDEX by_key ON incoming (key);")
        self._incoming.write("INSERT INTO incoming VALUES (?, ?)", additions.relation_ends())

    def find(self, keys: Sequence[str]) -> dict[str, OwnAdditions]:
        """Return the additions of ours on the issue of each of these keys."""
        added, own = self._additions.of(keys), dict[str, OwnAdditions]()
        for key in keys:
            its = added.get(key, ())
            done = [each for each in its if each.state is State.DONE]
            perhaps = [each for each in its if each.state in UNDECIDED or each.code == ADDITION_UNPROVEN]
            own[key] = OwnAdditions(count_own([*done, *perhaps]), count_own(done))
        for some in portions(keys):
            query = f"SELECT key, sha FROM incoming WHERE key IN ({', '.join('?' * len(some))})"
            for key, sha in self._incoming.rows(query, some):
                own[key].sent[Act.RELATION][sha] += 1
        return own
