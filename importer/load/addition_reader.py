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
    HANGING,
    LISTS,
    NAMELESS,
    Held,
    ListedAddition,
    fingerprint,
    fingerprint_shown,
    is_addition,
)
from importer.records import ADDITION_KINDS, ADDITIONS, Act, Addition, Operation
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
        self._client = client
        self._calls = calls
        self._settle_seconds = settle_seconds
        self._now = now
        self._acknowledged = acknowledged

    async def was_made(self, operation: Operation, *, own_marks: Counter[bytes], since: float, after: str = "") -> bool:
        """Return whether the target has executed an addition, once that is certain.

        own_marks  fingerprint → how many additions of ours and of its kind the issue is known to have: of the
                   operation's it has one more if this one was carried out
        since      when its last request ended, in seconds since 1970 by this machine's clock
        after      id of an entry of the activity that was there before its first request; "" where none is known

        Raises:
            CallFailed: the issue was deleted.
            Undecidable: three readings in a row failed.
            Unproven: three readings that were to decide it prove nothing.
        """
        doubt = Doubt(REQUEST, since, self._settle_seconds, self._now)
        unproven = 0

        async def read() -> bool | None:
            nonlocal unproven
            decides = doubt.seconds_left() <= 0
            is_there = await self._is_there(operation, own_marks, after, decides=decides)
            unproven += decides and is_there is None
            if unproven == FAILED_READINGS:
                raise Unproven(f"the {operation.act}s of {operation.issue_id} are not shown")
            if is_there is False:
                return False if doubt.weigh() else None
            return is_there

        return await watch(self._calls, doubt.seconds_left, read, gone_ends=True)

    async def is_shown(self, operation: Operation, *, own_marks: Counter[bytes], after: str) -> bool:
        """Return whether one reading shows an addition; that it doesn't is no proof. Raises CallFailed."""
        return await self._is_there(operation, own_marks, after, decides=False) is True

    async def _is_there(
        self, operation: Operation, own_marks: Counter[bytes], after: str, *, decides: bool
    ) -> bool | None:
        """Return whether an addition is there; None where this reading says nothing of it."""
        act = operation.act
        issue_id = operation.issue_id
        sought_mark = operation.whole_sha
        marks = {*own_marks, sought_mark, NAMELESS}
        ids = defaultdict[bytes, set[str]](set)  # by fingerprint; pages that shift meanwhile may show one twice
        number = 0
        is_reached = False
        is_recognised = False
        async for items in self._pages(act, issue_id):
            number += len(items)
            for item in items:
                if not is_addition(item):
                    continue
                mark = fingerprint_shown(issue_id, item)
                if mark in marks:
                    ids[mark].add(item.id)
                    is_recognised |= item.id == after
            if len(ids[sought_mark]) > own_marks[sought_mark]:
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
            shown_marks = Counter({mark: len(item_ids) for mark, item_ids in ids.items()})
            reading = ListReading(shown_marks, number)
            proves = await self.proves_absence(act, issue_id, own_marks, reading, self._settle_seconds)
        return False if proves else None

    async def proves_absence(
        self, act: Act, issue_id: str, own_marks: Counter[bytes], reading: ListReading, wait_seconds: float = 0.0
    ) -> bool:
        """Whether a list of an issue, read to its end, proves that what it doesn't show doesn't exist.

        It does if it shows all of ours that are known to be there, and no item that may be anything. Where none are
        known, the list of another issue must show what is known of that one; where nothing is known at all, the
        list must have as many items as the issue counts, or any item of a kind that it doesn't count, such as comments.

        own_marks     fingerprint → how many additions of this kind the issue is known to have
        reading       what it has shown
        wait_seconds  how long ago another issue's must have been acknowledged, as reads may lag

        Raises:
            CallFailed: a control can't be read.
        """
        if reading.marks[NAMELESS]:
            return False
        if own_marks.total():
            return own_marks <= reading.marks
        # The newest each time: an old one is shown, too, where reads lag further behind.
        if (control := self._acknowledged(act, self._now() - wait_seconds)) is not None:
            control_id, mark = control
            try:
                control_marks = await self._read(act, control_id)
                return control_marks[mark] > 0
            except CallFailed as error:
                if not error.is_gone:  # a person has deleted that issue
                    raise
        if not ADDITION_KINDS[act].counted:
            return reading.items > 0
        issue = await self._calls.call(partial(self._client.get_issue, issue_id))
        count: int = getattr(issue, ADDITION_KINDS[act].count_field)
        return count <= reading.items

    async def read_held(self, issue_id: str, acts: Iterable[Act], ends: Mapping[bytes, str] = NO_ENDS) -> Held:
        """Read all additions of these kinds that an issue has: a request for each 100 of a kind.

        A comment that hasn't its own of these `ends` is NAMELESS.

        Raises:
            CallFailed: a page can't be read.
        """
        marks_by_act = dict[Act, Counter[bytes]]()
        for act in acts:
            marks_by_act[act] = await self._read(act, issue_id, ends)
        return marks_by_act

    async def read_entries(self, issue_id: str) -> list[Entry]:
        """Read all of an issue's activity, newest first. Raises CallFailed."""
        items = await self._read_items(Act.COMMENT, issue_id)
        return [item for item in items if isinstance(item, Entry)]

    async def _read(self, act: Act, issue_id: str, ends: Mapping[bytes, str] = NO_ENDS) -> Counter[bytes]:
        def mark_of(item: ListedAddition) -> bytes:
            mark = fingerprint_shown(issue_id, item)
            if isinstance(item, Entry):
                end = ends.get(mark, "")
                if not find_end(item.detail).endswith(end):
                    return NAMELESS
            return mark

        items = await self._read_items(act, issue_id)
        return Counter(map(mark_of, filter(is_addition, items)))

    async def _read_items(self, act: Act, issue_id: str) -> Iterable[ListedAddition]:
        items = dict[str, ListedAddition]()  # by id: pages that shift meanwhile may show one twice
        async for page in self._pages(act, issue_id):
            items |= {item.id: item for item in page}
        return items.values()

    def _pages(self, act: Act, issue_id: str) -> AsyncIterator[tuple[ListedAddition, ...]]:
        list_name = f"additions to issue {issue_id} ({act})"
        read_page = partial(LISTS[act], self._client, issue_id)
        return follow_pages(self._calls, read_page, list_name, lambda item: item.id)


async def find_existing_additions(
    reader: AdditionReader,
    issue_id: str,
    planned: Sequence[Addition],
    own_by_act: Held,
) -> tuple[list[Addition], dict[Act, ListReading]]:
    """Find those of these additions that an issue has already; comments are returned as they are there.

    The second is what the issue has shown of each kind that may not be added twice: see `proves_absence`.

    planned     as they are to be sent, but each comment by itself
    own_by_act  the additions that are known on the issue: these don't count here

    Raises CallFailed, and what `PacedCalls.call` raises.
    """
    acts = dict.fromkeys(addition.act for addition in planned)
    listed_acts = [act for act in acts if act is not Act.COMMENT]
    marks_by_act = await reader.read_held(issue_id, listed_acts)
    unclaimed = dict[Act, Counter[bytes]]()
    readings = dict[Act, ListReading]()
    for act, marks in marks_by_act.items():
        unclaimed[act] = marks - own_by_act[act]
        if act is not Act.EVIDENCE:
            readings[act] = ListReading(marks, marks.total())
    existing = list[Addition]()
    for addition in planned:
        if addition.act in unclaimed:
            mark = fingerprint(addition.act, issue_id, addition.body)
            if unclaimed[addition.act][mark] > 0:
                unclaimed[addition.act][mark] -= 1
                existing.append(addition)
    if Act.COMMENT in acts:
        entries = await reader.read_entries(issue_id)
        comment_marks = Counter[bytes]()
        expected = own_by_act[Act.COMMENT].copy()
        details = list[str]()
        for entry in reversed(entries):
            if not is_addition(entry):
                continue
            mark = fingerprint_shown(issue_id, entry)
            comment_marks[mark] += 1
            expected[mark] -= 1
            if expected[mark] < 0:  # each fingerprint as often as it isn't known
                details.append(entry.detail)
        readings[Act.COMMENT] = ListReading(comment_marks, len(entries))
        comments = [addition for addition in planned if addition.act is Act.COMMENT]
        existing += find_marked_comments(comments, details)
    return existing, readings


def find_marked_comments(comments: Sequence[Addition], details: Iterable[str]) -> Iterator[Addition]:
    """Yield an issue's comments that have the marker of any of these, each as one addition that covers all in it.

    A comment may have been folded or parted otherwise then: of a part its own opening line says which it is.
    """
    stems = {stem_of(comment.name): comment for comment in comments}
    by_id = {stem.partition("/")[0]: comment for stem, comment in stems.items()}
    for comment in comments:  # it may have been sent before the mapping named the source's own ids
        for name in comment.covers:
            content = name.partition("=")[2]
            if content:
                by_id[content] = comment
    markers: dict[int, dict[str, str]] = {}  # number of a part → marker → id of a comment that has such a part
    for detail in details:
        carried = list[Addition]()
        for marker, part, total in find_openings(detail):
            if part not in markers:
                markers[part] = {}
                for id_, comment in by_id.items():
                    markers[part][comment_marker(comment.key, f"{id_}/{part}")] = id_
            id_ = markers[part].pop(marker, "")  # another with the same one is a copy
            stem = f"{id_}/{part}"
            if id_ == REST and stem in stems:
                carried.append(stems[stem])
            elif id_ and id_ != REST:
                name = name_part(id_, part, total)
                carried.append(by_id[id_]._replace(name=name))
        if carried:
            covers = tuple(name for addition in carried for name in addition.covers)
            body = orjson.dumps({"detail": detail})
            yield carried[0]._replace(body=body, covers=covers)


def count_own(added: Iterable[Added]) -> dict[Act, Counter[bytes]]:
    """Count additions of a key: act → fingerprint → number."""
    counts = {act: Counter[bytes]() for act in ADDITIONS}
    for addition in added:
        counts[addition.act][addition.sha] += 1
    return counts


def count_most(snapshot: Snapshot, own_by_act: Held) -> dict[str, int]:
    """Return how many links, flags and relations of an issue may be ours at most.

    Links of a create are in its snapshot; they are among ours, too.
    """
    highest = dict[str, int]()
    for name, act in HANGING.items():
        count = snapshot.counts.get(f"{name}_count", 0)
        highest[name] = max(count, own_by_act[act].total())
    return highest


def find_miscounts(snapshot: Snapshot, issue: Issue, own_by_act: Held) -> list[str]:
    """Name the kinds of which an issue has more than may be ours, or fewer than its snapshot has."""
    miscounts = []
    for name, highest in count_most(snapshot, own_by_act).items():
        lowest = snapshot.counts.get(f"{name}_count", 0)
        count = getattr(issue, f"{name}_count")
        if not lowest <= count <= highest:
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
        added = self._additions.of(keys)
        own_by_key = dict[str, OwnAdditions]()
        for key in keys:
            additions = added.get(key, ())
            acknowledged = list[Added]()
            perhaps = list[Added]()
            for addition in additions:
                if addition.state is State.DONE:
                    acknowledged.append(addition)
                if addition.state in UNDECIDED or addition.code == ADDITION_UNPROVEN:
                    perhaps.append(addition)
            maybe_sent = count_own([*acknowledged, *perhaps])
            own_by_key[key] = OwnAdditions(maybe_sent, count_own(acknowledged))
        for portion in portions(keys):
            places = ", ".join("?" * len(portion))
            query = f"SELECT key, sha FROM incoming WHERE key IN ({places})"
            for key, sha in self._incoming.rows(query, portion):
                own_by_key[key].sent[Act.RELATION][sha] += 1
        return own_by_key
