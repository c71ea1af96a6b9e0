"""The probe: three issues by which Triage is asked about each assumption, read back in every way, and deleted.

It starts no agent, notifies nobody and creates no category: its issues are closed, nobody's, and in a category that is
there. An interrupted probe is cleaned up by the next one: by the ids that the ledger has of its issues; others are
recognised by `find_probe`, and deleted if nobody has touched them, and if they aren't another probe's at work.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from math import inf
from secrets import token_hex
from types import MappingProxyType
from typing import Any, TypeVar

import orjson

from importer.api import BUILT_IN_CATEGORIES, COMMENT_LIMIT, DESCRIPTION_LIMIT, PAGE_LIMIT, count_units
from importer.errors import RunStopped
from importer.ledger.store import Ledger
from importer.load.earlier_probes import why_left
from importer.load.keeping import Keeping, Size, TargetKeeping
from importer.load.probe_texts import (
    LATIN,
    MIXED,
    NORM,
    PIECES,
    SHORT,
    WHITE,
    count_bytes,
    fill,
    long_text,
    long_title,
    odd_texts,
)
from importer.load.probed import KEPT, PROBE, Answers
from importer.load.read_back import LOOK_SECONDS, MadeIssue, read_back
from importer.transform.markers import (
    PROBE_TITLE,
    comment_marker,
    find_opening,
    find_probe,
    find_probe_end,
    probe_title,
)
from importer.triage.actions import Action, CallFailed, is_own_form
from importer.triage.answers import OUTGOING, Entry, Issue, plain_id
from importer.triage.assumptions import BY_ID
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.listing import created_seconds
from importer.triage.paced import Interrupted, PacedCalls
from importer.triage.recorder import Exchange, Recorder
from importer.triage.target import Target
from importer.triage.transport import AiohttpTransport, Timeouts

T = TypeVar("T")
MOST_REQUESTS, MOST_SECONDS = 80, 120.0
REQUESTS_LEFT, SECONDS_LEFT = 20, 20.0
"""What is kept of them for deleting what was made."""
MOST_PAGES = 3
"""Pages of the list in which the issues of an interrupted probe are looked for."""
AGENTS = {"session_started", "prompt", "thought", "action", "response", "artifact", "error"}
"""Entries in an activity that show an agent at work. Source: get/triage-issues-id-activity."""
NEWEST = {"sort": "created_at", "order": "desc"}
TOLD_SECONDS = 10.0
"""A longer wait is told to the person who waits."""
AT_ONCE = 1.0
"""Seconds: an issue that is older when it is first searched for doesn't show whether it would be found at once."""
COVERED = ("a comment", "a relation")
"""What has a line of its own for not being there at all."""


SPARED_SECONDS = 600.0
"""An issue of another probe that is younger, by the target's clock, may be of one that is at work."""


class _Enough(Exception):
    """So many requests, or so much time, that the rest is for deleting what was made."""


class Probe:
    """Asks one organisation.

    seen      id of an assumption → whether it is so, None if that wasn't seen; and what was
    shown     id → the exchange that shows it
    made      id → number of each issue of its own that is there, as far as is known
    ids       of all issues that were made
    deleted   numbers of the issues of earlier probes that were deleted
    left      number of each issue of an earlier probe that stays → why
    kept      id → `updated_at`, "" if unknown, of what the next probe is to delete; `note_kept` is told of changes
    recorder  has all exchanges
    """

    def __init__(
        self,
        client: TriageClient,
        calls: PacedCalls,
        recorder: Recorder,
        organisation: str,
        note_kept: Callable[[Mapping[str, str]], object] = lambda kept: None,
        say: Callable[[str], object] = lambda text: None,
        *,
        look_seconds: Sequence[float] = LOOK_SECONDS,
        spared_seconds: float = SPARED_SECONDS,
        seconds: float = MOST_SECONDS,
    ) -> None:
        self._client, self._calls, self.recorder, self._organisation = client, calls, recorder, organisation
        self._note_kept, self._say, self._look_seconds, self._spared_seconds = (
            note_kept,
            say,
            look_seconds,
            spared_seconds,
        )
        self.seen, self.shown = dict[str, tuple[bool | None, str]](), dict[str, Exchange]()
        self.made, self.numbers, self.ids = dict[str, str](), list[str](), set[str]()
        self.deleted, self.left, self.kept = list[str](), dict[str, str](), dict[str, str]()
        self._markers, self._there = set[str](), dict[str, Issue]()  # of its own issues: each as it was read first
        self._made_at = dict[str, float]()  # when the request that made an issue of its own had ended
        self._taken = list[str]()  # numbers of its own issues that somebody else has deleted
        self._expected = list[Exchange]()  # refusals that were asked for
        self._keeping, self._settle, self._is_closing, self._end = (
            TargetKeeping(),
            0.0,
            False,
            time.monotonic() + seconds,
        )
        self._seconds_left = min(SECONDS_LEFT, seconds / 3)

    async def ask(self, kept: Mapping[str, str] = MappingProxyType({}), *, keep: bool = False) -> Answers:
        """Ask everything, then delete what was made, unless it is to be kept; `kept` is that of an earlier probe.

        Raises RunStopped if the key is refused, the target is down, or somebody else deletes its issues, and
        Interrupted after a signal.
        """
        self._is_closing = True
        with suppress(_Enough):
            await self._delete_kept(kept)
        self._is_closing = False
        try:
            with suppress(_Enough):
                await self._ask_all()
            self._is_closing = True
            if not self.ids and self._calls.rate_limited:
                hint = "No answers are kept. Probe again later: triage-import probe"
                raise RunStopped("Triage took no issue of the probe in its time: it answers 429.", hint=hint)
            with suppress(_Enough):
                await self._delete_earlier()
                if keep:
                    await self._stamp()
                else:
                    await self._ask_deletion()
        except RunStopped:
            with suppress(RunStopped):  # what can't be deleted now, the next probe deletes
                await self.clean()
            raise
        self._conclude()
        kinds = (self._keeping.descriptions, self._keeping.comments)
        texts = tuple((tuple(each.whole), tuple(each.most)) for each in kinds)
        rate = self._calls.rate if self._calls.rate_limited > 1 else None  # one 429 tells no limit
        author = self.seen.get("author", (None, ""))[1]
        return Answers(time.time(), self._organisation, author, rate, self._settle, self.seen, texts, self.numbers)

    async def clean(self, calls: PacedCalls | None = None) -> None:
        """Delete what it has made so far; with other calls, if its own were interrupted."""
        self._calls, self._is_closing = calls or self._calls, True
        self._end = max(self._end, time.monotonic() + self._seconds_left)
        with suppress(_Enough):
            await self._remove()

    async def _delete_kept(self, kept: Mapping[str, str]) -> None:
        """Delete what an earlier probe has kept or left, by its ids."""
        self.kept = {**kept}
        for issue_id, stamp in kept.items():
            try:
                issue = await self._call(partial(self._client.get_issue, issue_id))
            except CallFailed as error:
                self._check(error)
                if error.is_gone and not error.is_foreign:
                    del self.kept[issue_id]
                continue
            await self._delete_untouched(issue, stamp=stamp)
        self._note_kept(self.kept)

    async def _delete_earlier(self) -> None:
        """Delete what other probes have left, as far as it can be found and is surely no longer in use."""
        own = min((created_seconds(issue, inf) for issue in self._there.values()), default=-inf)
        if not self._there:
            return  # neither its author nor the time there is known
        found = [*await self._list(NEWEST, MOST_PAGES), *await self._list({"search": PROBE_TITLE})]
        for listed in {issue.id: issue for issue in found if self._is_others(issue)}.values():
            number = listed.triage_id or listed.id
            if number in self.left:
                continue
            if created_seconds(listed, inf) > own - self._spared_seconds:
                self._leave(number, "another probe may be at work on it")
            elif self._calls.requests > MOST_REQUESTS - REQUESTS_LEFT:
                self._leave(number, "the requests of this probe are used up")
            elif (issue := await self._try(partial(self._client.get_issue, listed.id))) is not None:
                author = next(iter(self._there.values())).author_id
                await self._delete_untouched(issue, author=author)

    def _is_others(self, issue: Issue) -> bool:
        marker = find_probe(issue.title, issue.description)
        return marker != "" and marker not in self._markers and issue.id not in self.ids

    async def _delete_untouched(self, issue: Issue, **known: Any) -> None:
        """Delete an issue of an earlier probe if nobody has touched it; `known` is for `why_left`."""
        number = issue.triage_id or issue.id
        page = await self._try(partial(self._client.list_activity, issue.id, limit=str(PAGE_LIMIT)))
        why = "its activity can't be read" if page is None else why_left(issue, page.items, **known)
        if not why and await self._delete(issue.id):
            self.deleted.append(number)
            self._say(f"{number} of an earlier probe is deleted.")
        else:
            self._leave(number, why or "it can't be deleted now")
        if page is not None and (why or number in self.deleted):
            self.kept.pop(issue.id, None)

    def _leave(self, number: str, why: str) -> None:
        self.left[number] = why
        self._say(f"{number} of an earlier probe is left: {why}.")

    async def _stamp(self) -> None:
        """Note how its issues are, so that the next probe deletes only those that nobody has touched since."""
        for issue_id in self.made:
            if (issue := await self._try(partial(self._client.get_issue, issue_id))) is not None:
                self.kept[issue_id] = issue.updated_at
        self._note_kept(self.kept)

    async def _ask_all(self) -> None:
        page = await self._try(partial(self._client.list_categories, limit=str(PAGE_LIMIT)))
        there = page.items if page else ()
        if not there:
            hint = "The probe creates none. Run the same command again once GET /v1/triage/categories lists one."
            raise RunStopped("Triage lists no category for the issues of the probe.", hint=hint)
        category = next(filter(BUILT_IN_CATEGORIES.__contains__, there), there[0])
        fields = {"severity": "low", "status": "closed", "category": category, "source": "client"}
        marker = self._new_marker()
        odd_title, odd_text = odd_texts(marker)
        odd = await self._make({**fields, "title": odd_title, "description": odd_text})
        if odd is not None:
            await self._ask_search(odd[0], marker)
        twin = await self._make({**fields, "title": odd_title, "description": odd_text})
        long = await self._make_long(fields)
        if odd is None or twin is None or long is None:
            self._saw("answers", False, "an ordinary issue can't be created")
            return
        self._saw("twice", odd[0].id != twin[0].id, f"{odd[0].triage_id} and {twin[0].triage_id}")
        await self._ask_texts(odd, twin, long)
        await self._ask_comments(odd[0], twin[0], long[0])
        await self._ask_relation(odd[0], long[0])
        await self._ask_lists([odd, long], twin[0])
        await self._ask_patch(twin[0], marker)
        await self._ask_refusal(fields)
        await self._ask_filter(category, there)

    def _new_marker(self) -> str:
        marker = f"tip{token_hex(10)}"
        self._markers.add(marker)
        return marker

    async def _make_long(self, fields: dict[str, str]) -> _Made | None:
        """Make the issue with long texts; what is refused is tried again with shorter ones."""
        marker = self._new_marker()
        short, keeping = probe_title(marker), self._keeping.descriptions
        title, whole = long_title(marker), long_text(marker, MIXED, DESCRIPTION_LIMIT)
        fewer, least = (long_text(marker, MIXED, limit, count_bytes) for limit in (DESCRIPTION_LIMIT, SHORT))
        for its_title, text in ((title, whole), (title, fewer), (title, least), (short, whole), (short, fewer)):
            if made := await self._make({**fields, "title": its_title, "description": text}):
                if its_title != title:
                    self._saw("title", False, "a longer one is refused")
                if text != whole:
                    self._saw("description", False, f"a longer one than {Size.of(text)} is refused")
                    keeping.most = Size.of(text)
                return made
        return None

    async def _make(self, body: dict[str, Any]) -> _Made | None:
        """Create an issue; None if it is refused. One without an answer is looked for, and made again if need be."""
        sent, marker = orjson.dumps(body), find_probe(body["title"], body["description"])

        async def find() -> Issue | None:
            found = await self._look_for(marker)
            self._saw("limited", found is None, f"a create was {'not ' * (found is None)}done")
            return found

        for _ in range(2):
            refused: CallFailed | None = None
            try:
                issue: Issue | None = await self._call(partial(self._client.create_issue, sent), find=find)
                ended = time.monotonic()
            except CallFailed as error:
                refused, ended = self._as_refusal(error), time.monotonic()
                issue = await self._look_for(marker, self._look_seconds[: 2 if refused else None])
                self._note_refused(refused, issue is not None)
            if issue is not None:
                self._note(issue)
                self._made_at.setdefault(plain_id(issue.id), ended)
                made = await self._poll("an issue", partial(self._client.get_issue, issue.id))
                if made is not None:
                    self._there[plain_id(issue.id)] = made
                return made or issue, body
            if refused is not None:
                return None
        return None

    def _note(self, issue: Issue) -> None:
        if issue.id not in self.made:
            self.numbers.append(issue.triage_id or issue.id)
        self.made[issue.id] = issue.triage_id or issue.id
        self.ids.add(issue.id)
        self.kept[issue.id] = ""
        self._note_kept(self.kept)

    async def _look_for(self, marker: str, look_seconds: Sequence[float] = (0.0,)) -> Issue | None:
        """Look for an issue with this marker that isn't known yet, in the list."""
        for seconds in look_seconds:
            await self._calls.sleep(seconds)
            for issue in await self._list():
                if find_probe(issue.title, issue.description) == marker and issue.id not in self.made:
                    return issue
        return None

    async def _ask_search(self, issue: Issue, marker: str) -> None:
        """Search for an issue right after it was made: in the end all are so old that a lag isn't seen."""
        started = time.monotonic()
        for seconds in self._look_seconds:
            if (left := started + seconds - time.monotonic()) > 0:
                await self._calls.sleep(left)
            if any(each.id == issue.id for each in await self._list({"search": marker})):
                self._note_search(issue, was_missed=seconds > 0)
                return

    def _note_search(self, issue: Issue, *, was_missed: bool) -> None:
        """Note that an issue was just found. Its age is the longest lag that fits."""
        age = time.monotonic() - self._made_at.get(plain_id(issue.id), 0.0)
        is_at_once = not was_missed and age <= AT_ONCE
        self._settle = max(self._settle, age)
        text = "at once" if is_at_once else f"{'after' if was_missed else 'within'} {age:.1f} s"
        self._saw("search-at-once", False if was_missed else is_at_once or None, text)

    async def _ask_texts(self, odd: _Made, twin: _Made, long: _Made) -> None:
        issues = [odd[0], twin[0], long[0]]
        for issue, sent in (odd, long):
            await self._ask_text("description", self._keeping.descriptions, sent["description"], issue.description)
            if issue is odd[0] and len(issue.title) >= len(sent["title"]):
                self._compare("title", issue.title)
        numbers = [int(found[1]) if (found := re.fullmatch(r"T-(\d+)", issue.triage_id)) else 0 for issue in issues]
        grows = all(one < other for one, other in pairwise(numbers) if odd[0].id != twin[0].id)
        self._saw("numbers", all(numbers) and grows, ", ".join(issue.triage_id for issue in issues))
        times = [issue.created_at for issue in issues]
        self._saw("times", all(re.fullmatch(r".*T.*(Z|[+-]\d\d:\d\d)", each) for each in times), times[0])
        authors = sorted({issue.author_id for issue in issues})
        self._saw("author", len(authors) == 1 and authors[0] != "", ", ".join(authors))
        self._saw("organisation", issues[0].org_id == self._organisation != "", self._organisation or "none")

    async def _ask_text(self, what: str, keeping: Keeping, sent: str, stored: str) -> None:
        """See what is left of a text; of one that isn't cut, which signs are otherwise."""

        async def read() -> str:
            return stored

        left = await keeping.look(sent, stored, read)
        self._saw(what, left is None, f"{Size.of(left or sent)} are stored of {Size.of(sent)}")
        if left is not None:  # so much is kept, at least
            keeping.whole = Size(*map(max, Size.of(left), keeping.whole))
        elif PIECES["signs"] in sent:
            self._compare(what, stored)
            is_same = re.sub(r"\S+", "x", sent) == re.sub(r"\S+", "x", stored)
            self._saw("white-space", is_same, f"{'the same' if is_same else 'otherwise'} in a {what}")

    def _compare(self, what: str, stored: str) -> None:
        for name, piece in PIECES.items():
            self._saw(name, piece in stored, f"{piece} is {'the same' if piece in stored else 'otherwise'} in a {what}")

    async def _ask_comments(self, odd: Issue, twin: Issue, long: Issue) -> None:
        odd_text = "\n\n".join([WHITE, *PIECES.values(), NORM, "ends"])
        for issue, filling in ((odd, ""), (long, MIXED), (twin, LATIN)):
            marker = comment_marker(issue.id, token_hex(5))
            head = f"{PROBE_TITLE} · {marker}\n\n"
            for measure in (count_units, count_bytes):
                text = fill(head, filling, " ends", COMMENT_LIMIT, measure) if filling else head + odd_text
                body = orjson.dumps({"detail": text})
                refused = await self._write(partial(self._client.add_comment, issue.id, body))
                is_there = await self._ask_activity(issue, text, marker, is_refused=refused is not None)
                self._note_refused(refused, is_there)
                if refused is None or is_there:
                    break
                self._saw("comment", False, f"{Size.of(text)} are refused: {refused.message}")
                self._keeping.comments.most = Size.of(fill(head, filling or LATIN, " ends", COMMENT_LIMIT, count_bytes))
        changed = await self._try(partial(self._client.get_issue, odd.id))
        self._saw("moved", changed and changed.updated_at != odd.updated_at, "after a comment")

    async def _ask_activity(self, issue: Issue, sent: str, marker: str, *, is_refused: bool) -> bool:
        """See whether a comment is in the activity, and how; of a refused one only whether."""
        entries: Sequence[Entry] = ()

        async def read() -> Entry | None:
            nonlocal entries
            entries = (await self._client.list_activity(issue.id, limit=str(PAGE_LIMIT))).items
            return next((entry for entry in entries if entry.type == "comment"), None)

        entry = await (self._try(read) if is_refused else self._poll("a comment", read))
        if entry is None and is_refused:
            return False
        times = [created_seconds(each, 0.0) for each in entries]
        self._saw("activity", entry is not None and times == sorted(times, reverse=True), f"{len(entries)} entries")
        agents = [*AGENTS.intersection(each.type for each in entries), *(["a session"] * issue.had_agent)]
        self._saw("norm", not agents, ", ".join(agents) or "no agent is at work")
        if entry is not None:
            opening = find_opening(entry.detail)
            is_known = opening is not None and opening.marker == marker
            self._saw("comment-marker", is_known, entry.detail.partition("\n")[0])
            await self._ask_text("comment", self._keeping.comments, sent, entry.detail)
        return entry is not None

    async def _ask_relation(self, one: Issue, other: Issue) -> None:
        before = await self._try(partial(self._client.get_issue, one.id))
        body = orjson.dumps({"related_issue_id": other.id, "relation_type": "related_to"})
        refused = await self._write(partial(self._client.add_relation, one.id, body))
        for issue, its_other in ((one, other), (other, one)):

            async def read(issue: Issue = issue, its_other: Issue = its_other) -> bool | None:
                page = await self._client.list_relations(issue.id, limit=str(PAGE_LIMIT))
                ways = [each.direction == OUTGOING for each in page.items if each.related_issue_id == its_other.id]
                return ways[0] is (issue is one) if ways else None

            found = await self._poll("a relation", read)
            self._saw("relation", bool(found), f"of {issue.triage_id}")
            self._note_refused(refused, found is not None)
        after = await self._try(partial(self._client.get_issue, one.id))
        self._saw("moved", before and after and after.updated_at != before.updated_at, "after a relation")

    async def _ask_lists(self, made: Sequence[_Made], twin: Issue) -> None:
        sent = [
            MadeIssue("", issue.id, issue.triage_id, find_probe(body["title"], body["description"]), orjson.dumps(body))
            for issue, body in made
        ]
        looks = self._look_seconds
        async with self._bounded(MOST_SECONDS):  # it waits for what lags, too
            found = await read_back(self._client, self._calls, sent, look_seconds=looks, find=find_probe_end)
        for issue, _ in made if found.unmarked else ():
            await self._try(partial(self._client.get_issue, issue.id))  # it may be gone, which ends the probe
        for name, (is_so, text) in found.answers({twin.triage_id}).items():
            if name != "search-at-once":
                self._saw(name, is_so, text)
        if not found.unsearched and (found.found_after or "search-at-once" not in self.seen):
            self._note_search(made[0][0], was_missed=True)
        ids = [issue.id for issue in await self._list({**NEWEST, "limit": "1"}, MOST_PAGES)]
        self._saw("pages", len(set(ids)) == len(ids) if len(ids) > 1 else None, f"{len(ids)} pages of one issue")

    async def _ask_patch(self, issue: Issue, marker: str) -> None:
        text = long_text(marker, LATIN, DESCRIPTION_LIMIT)
        refused = await self._write(partial(self._client.update_issue, issue.id, orjson.dumps({"description": text})))

        async def read() -> Issue | None:
            stored = await self._client.get_issue(issue.id)
            return stored if stored.description != issue.description else None

        stored = await (self._try(read) if refused else self._poll("a change", read))
        self._note_refused(refused, stored is not None)
        if refused is not None and stored is None:
            self._saw("description", False, f"{Size.of(text)} are refused: {refused.message}")
        if stored is None:
            return
        changed = [name for name, value in stored.fields.items() if value != issue.fields[name]]
        self._saw("patch", not changed, f"{', '.join(changed) or 'no other field'} changed")
        self._saw("moved", stored.updated_at != issue.updated_at, "after a change")
        await self._ask_text("description", self._keeping.descriptions, text, stored.description)

    async def _ask_refusal(self, fields: dict[str, str]) -> None:
        marker = self._new_marker()
        title, text = odd_texts(marker)
        body = orjson.dumps({**fields, "title": title, "description": text, "severity": None})
        refused = await self._write(partial(self._client.create_issue, body))
        answer = self.recorder.last("POST issue")
        if (found := await self._look_for(marker, self._look_seconds[:2])) is not None:
            self._note(found)
        self._note_refused(refused, found is not None)
        if refused is not None:
            is_own = answer is not None and is_own_form(answer.raw)
            self._saw("refusal", refused.status == 400 and is_own, refused.message)
        elif found is not None:
            self._saw("refusal", False, "an issue without a severity was made")

    async def _ask_filter(self, category: str, there: Sequence[str]) -> None:
        if len({name.casefold() for name in there}) < len(there):
            self._saw("category-case", True, "there are two that differ in their case only")
            return
        found = [await self._list({**NEWEST, "category": name}) for name in (category, token_hex(8), category.lower())]
        exact, none, other = (any(issue.id in self.made for issue in issues) for issues in found)
        if exact and not none:
            self._saw("category-case", not other, "by the filter of the list")

    async def _ask_deletion(self) -> None:
        """Delete what was made; see that it is gone, and how that is said."""
        first, is_enough = next(iter(self.made), ""), await self._remove()
        if self._taken:
            raise _taken(self._taken[0])
        self._saw("delete", is_enough, f"left: {', '.join(self.made.values()) or 'none'}")
        if not first or self.made:
            return
        refused = await self._write(partial(self._client.get_issue, first))
        self._saw("delete", refused is not None, "by id, in the list, by search")
        if refused is not None:
            self._saw("absent", refused.status == 404 and is_own_form(self._expected[-1].raw), refused.message)

    async def _remove(self) -> bool:
        """Delete what it has made and all that can be found of it; return whether each was gone at once."""
        deleted, is_enough = set[str](), True
        for _ in range(3):
            for issue in [*await self._list(), *await self._list({"search": PROBE_TITLE})]:
                if find_probe(issue.title, issue.description) in self._markers:
                    self.made[issue.id], self.kept[issue.id] = issue.triage_id or issue.id, ""
            is_enough = is_enough and not deleted.intersection(self.made)
            if not self.made:
                break
            for issue_id in [*self.made]:
                if await self._delete(issue_id):
                    deleted.add(issue_id)
                    del self.made[issue_id]
                    self.kept.pop(issue_id, None)
        self._note_kept(self.kept)
        return is_enough

    async def _list(self, asked: Mapping[str, str] = NEWEST, most: int = 1) -> list[Issue]:
        """Read pages of the list, so many at most; what can't be read is seen in the end."""
        found, query = list[Issue](), {"limit": str(PAGE_LIMIT), **asked}
        for _ in range(most):
            page = await self._try(partial(self._client.list_issues, **query))
            found += page.items if page else ()
            if page is None or page.next_cursor is None:
                break
            query["cursor"] = page.next_cursor
        return found

    async def _delete(self, issue_id: str) -> bool:
        """Delete an issue, and return whether it is gone: a deletion that is answered with an error may be done."""
        self._there.pop(plain_id(issue_id), None)
        try:
            await self._call(partial(self._client.delete_issue, issue_id))
        except CallFailed as error:
            self._check(error)
            if not error.is_gone:
                return await self._is_gone(issue_id)
            tried = [
                each for each in self.recorder.exchanges if each.name == "DELETE issue" and each.issue_id == issue_id
            ]
            if issue_id in self.made and len(tried) == 1 and not error.is_foreign:
                self._taken.append(self.made[issue_id])
            return not error.is_foreign
        return True

    async def _is_gone(self, issue_id: str) -> bool:
        try:
            await self._call(partial(self._client.get_issue, issue_id))
        except CallFailed as error:
            self._check(error)
            return error.is_gone and not error.is_foreign
        return False

    async def _poll(self, what: str, read: Callable[[], Awaitable[T | None]]) -> T | None:
        """Read until it is there, and note if that wasn't at once; `read` is one request."""
        started, seconds = time.monotonic(), 0.0
        for seconds in self._look_seconds:
            if (left := started + seconds - time.monotonic()) > 0:
                await self._calls.sleep(left)
            if (found := await self._try(read)) is not None:
                self._settle = max(self._settle, seconds)
                self._saw("reads", seconds == 0, f"{what} {'at once' if seconds == 0 else f'after {seconds:g} s'}")
                return found
        self._saw("reads", None if what in COVERED else False, f"{what} not within {seconds:g} s")
        return None

    async def _try(self, send: Callable[[], Awaitable[T]]) -> T | None:
        """Make a call; None where it fails, which is seen in the end."""
        try:
            return await self._call(send)
        except CallFailed as error:
            self._check(error)
            return None

    async def _write(self, send: Callable[[], Awaitable[object]]) -> CallFailed | None:
        """Make a call, and return its refusal; None after any other answer, or none: what it did is read back."""
        try:
            await self._call(send)
        except CallFailed as error:
            return self._as_refusal(error)
        return None

    def _as_refusal(self, error: CallFailed) -> CallFailed | None:
        self._check(error)
        if error.action is not Action.REFUSE:
            return None
        self._expected.append(self.recorder.exchanges[-1])
        return error

    def _note_refused(self, error: CallFailed | None, is_done: bool) -> None:
        if error is not None:
            self._saw("refused", not is_done, f"{error.message}: it was {'not ' * (not is_done)}done")

    async def _call(self, send: Callable[[], Awaitable[T]], **more: Any) -> T:
        is_over = (
            self._calls.requests >= MOST_REQUESTS - REQUESTS_LEFT or time.monotonic() > self._end - self._seconds_left
        )
        if is_over and not self._is_closing:
            raise _Enough
        try:
            async with self._bounded():
                return await self._calls.call(send, **more)
        except CallFailed as error:
            if error.is_gone and not error.is_foreign:
                await self._check_own(self.recorder.exchanges[-1].issue_id)
            raise

    @asynccontextmanager
    async def _bounded(self, told: float = TOLD_SECONDS) -> AsyncIterator[None]:
        """End what is awaited with _Enough when the time is over, and say so if that is long."""
        left = self._end - time.monotonic() - (0 if self._is_closing else self._seconds_left)
        text = f"The probe waits for Triage to answer, for {max(0, left):.0f} seconds at most …"
        telling = asyncio.get_running_loop().call_later(min(told, left / 2), self._say, text)
        try:
            async with asyncio.timeout(max(0, left)):
                yield
        except TimeoutError:
            raise _Enough from None
        finally:
            telling.cancel()

    async def _check_own(self, issue_id: str) -> None:
        """Raise RunStopped if an issue of its own, which was there, isn't there any more; what lags may flicker."""
        if plain_id(issue_id) not in self._there:
            return
        await self._calls.sleep(self._look_seconds[1])
        try:
            await self._calls.call(partial(self._client.get_issue, issue_id))
        except CallFailed as error:
            if error.is_gone and not error.is_foreign:
                raise _taken(self.made.get(issue_id, issue_id)) from error

    def _check(self, error: CallFailed) -> None:
        """Raise RunStopped for a failure that every call would meet."""
        if error.action is Action.STOP:
            raise error.as_stop() from error

    def _saw(self, name: str, is_so: object, text: str) -> None:
        """Note what was seen of an assumption. What contradicts it once stays."""
        if self.seen.get(name, (None, ""))[0] is not False:
            self.seen[name] = (None if is_so is None else bool(is_so), text)
            asked = re.search("`([A-Z]+ [a-z]+)`", BY_ID[name].asked)
            exchange = (self.recorder.last(asked[1]) if asked else None) or next(
                reversed(self.recorder.exchanges), None
            )
            if exchange is not None:
                self.shown[name] = exchange

    def _conclude(self) -> None:
        """See what all answers show together."""
        exchanges = self.recorder.exchanges
        odd = [each for each in exchanges if not _is_documented(each) and each not in self._expected]
        self._saw("answers", not odd, ", ".join(f"{each.name} → {each.status or 'none'}" for each in odd[:5]) or "each")
        if odd:
            self.shown["answers"] = odd[0]
        ids = {str(item["id"]) for each in exchanges for item in each.items() if "id" in item}
        self._saw("ids", len({plain_id(each) for each in ids}) == len(ids), "each in one way")
        limited = self._calls.rate_limited
        self._saw("rate", not limited, f"{limited} × 429" if limited else f"{self._calls.requests} requests, no 429")
        headers = {f"{name}: {value}" for each in exchanges for name, value in (each.headers or {}).items()}
        headers = {each for each in headers if not each.lower().startswith("retry-after")}
        self._saw("rate-headers", not headers, ", ".join(sorted(headers)) or "none")


def _taken(number: str) -> RunStopped:
    hint = "No answers are kept. Probe again once nobody deletes them: triage-import probe"
    return RunStopped(f"Somebody or another probe deletes the issues of this probe: {number} is gone.", hint=hint)


_Made = tuple[Issue, dict[str, Any]]
"""An issue as it is stored, and what was sent."""


def _is_documented(exchange: Exchange) -> bool:
    """Whether an answer has a status and a body that the reference knows; what is absent may not be there yet."""
    if exchange.status in (204, 429) or (exchange.name == "GET filter" and exchange.status == 400):
        return True
    if exchange.status == 404:
        return exchange.request.method in ("GET", "DELETE") and is_own_form(exchange.raw)
    return 200 <= exchange.status < 300 and isinstance(exchange.document, dict) and "data" in exchange.document


def run_probe(
    target: Target, ledger: Ledger, organisation: str, rate: float, say: Callable[[str], object], *, keep: bool
) -> tuple[Answers, Probe, int]:
    """Probe a target, and keep the answers in the ledger; returns them, what asked, and the number of requests.

    Raises RunStopped as `Probe.ask`, and KeyboardInterrupt once what was made is deleted after a signal.
    """
    calls = PacedCalls.at(rate, say)
    kept = ledger.find_contact(target.name, organisation).get(KEPT, {})

    async def ask() -> tuple[Answers | None, Probe]:
        recorder = Recorder(AiohttpTransport(Timeouts()))
        note = lambda those: ledger.keep_contact(target.name, {KEPT: those})  # noqa: E731
        async with TriageClient(target.url, target.api_key, transport=recorder) as client:
            probe = Probe(client, calls, recorder, organisation, note, say)
            try:
                with calls.ended_by_signals():
                    return await probe.ask(kept, keep=keep), probe
            except Interrupted:
                await probe.clean(PacedCalls.at(rate, say))
                return None, probe

    answers, probe = run_loop(ask())
    if answers is None:
        raise KeyboardInterrupt
    ledger.keep_contact(target.name, {PROBE: asdict(answers)})
    return answers, probe, calls.requests
