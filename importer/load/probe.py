"""The probe: two issues by which Triage is asked about each assumption, read back in every way, and deleted.

It starts no agent, notifies nobody and creates no category: its issues are closed, nobody's, and in a category that is
there. An interrupted probe is cleaned up by the next one: by the ids that the ledger has of its issues; others are
recognised by `find_probe`, and deleted if nobody has touched them, and if they aren't another probe's at work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from secrets import token_hex
from types import MappingProxyType
from typing import Any

import orjson

from importer.api import BUILT_IN_CATEGORIES, COMMENT_LIMIT, DESCRIPTION_LIMIT, PAGE_LIMIT, count_units
from importer.errors import RunStopped
from importer.ledger.store import Ledger
from importer.load.earlier_probes import FIELDS, MOST_PAGES, SPARED_SECONDS, EarlierProbes
from importer.load.keeping import Keeping, Size, TargetKeeping
from importer.load.ours import prove_probed
from importer.load.probe_calls import MOST_SECONDS, NEWEST, Enough, ProbeCalls
from importer.load.probe_texts import (
    LATIN,
    MIXED,
    ODD,
    SHORT,
    SIGNS,
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
from importer.triage.actions import CallFailed, is_own_form
from importer.triage.answers import Entry, Issue
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.listing import created_seconds
from importer.triage.paced import Interrupted, PacedCalls
from importer.triage.recorder import Exchange, Recorder
from importer.triage.target import Target
from importer.triage.transport import AiohttpTransport, Timeouts

AGENTS = {"session_started", "prompt", "thought", "action", "response", "artifact", "error"}
"""Entries in an activity that show an agent at work. Source: get/triage-issues-id-activity."""
AT_ONCE = 1.0
"""Seconds: an issue that is older when it is first searched for doesn't show whether it would be found at once."""


class Probe(ProbeCalls):
    """Asks one organisation.

    numbers  of all issues that were made
    ids      theirs
    earlier  what became of the issues of earlier probes
    """

    def __init__(
        self,
        client: TriageClient,
        paced: PacedCalls,
        recorder: Recorder,
        organisation: str,
        note_kept: Callable[[Mapping[str, str]], object] = lambda stamps: None,
        say: Callable[[str], object] = lambda text: None,
        *,
        look_seconds: Sequence[float] = LOOK_SECONDS,
        spared_seconds: float = SPARED_SECONDS,
        seconds: float = MOST_SECONDS,
    ) -> None:
        super().__init__(client, paced, recorder, say, look_seconds=look_seconds, seconds=seconds)
        self._organisation = organisation
        self.earlier = EarlierProbes(self, note_kept, spared_seconds)
        self.numbers = list[str]()
        self.ids = set[str]()
        self._keeping = TargetKeeping()
        self._markers = set[str]()
        self._made_at = dict[str, float]()  # when the request that made an issue of its own had ended

    async def ask(self, stamps: Mapping[str, str] = MappingProxyType({}), *, keep: bool = False) -> Answers:
        """Ask everything, then delete what was made, unless it is to be kept; `stamps` is of an earlier probe.

        Raises RunStopped if the key is refused, the target is down, or somebody else deletes its issues, and
        Interrupted after a signal.
        """
        self.is_closing = True
        with suppress(Enough):
            await self.earlier.delete_kept(stamps)
        self.is_closing = False
        try:
            with suppress(Enough):
                await self._ask_all()
            self.is_closing = True
            if not self.ids and self.paced.rate_limited:
                hint = "No answers are kept. Probe again later: triage-import probe"
                raise RunStopped("Triage took no issue of the probe in its time: it answers 429.", hint=hint)
            with suppress(Enough):
                await self.earlier.delete_others(self._is_others)
                if keep:
                    await self.earlier.stamp()
                else:
                    await self._ask_deletion()
        except RunStopped:
            with suppress(RunStopped):  # what can't be deleted now, the next probe deletes
                await self.clean()
            raise
        self._conclude()
        kinds = (self._keeping.descriptions, self._keeping.comments)
        texts = list[tuple[tuple[int, ...], tuple[int, ...]]]()
        for kind in kinds:
            longest = tuple(kind.whole)
            texts.append((longest, longest if kind.cuts else ()))
        rate = self.paced.rate if self.paced.rate_limited > 1 else None  # one 429 tells no limit
        return Answers(time.time(), self._organisation, rate, self.settle, self.seen, tuple(texts), self.numbers)

    async def clean(self, calls: PacedCalls | None = None) -> None:
        """Delete what it has made so far; with other calls, if its own were interrupted."""
        self.paced = calls or self.paced
        self.is_closing = True
        self.end = max(self.end, time.monotonic() + self.seconds_left)
        with suppress(Enough):
            await self._remove()

    async def _ask_all(self) -> None:
        page = await self.attempt(partial(self.client.list_categories, limit=str(PAGE_LIMIT)))
        categories = page.items if page else ()
        if not categories:
            hint = "The probe creates none. Run the same command again once GET /v1/triage/categories lists one."
            raise RunStopped("Triage lists no category for the issues of the probe.", hint=hint)
        category = next(filter(BUILT_IN_CATEGORIES.__contains__, categories), categories[0])
        fields = {**FIELDS, "category": category}
        marker = self._new_marker()
        odd_title, odd_text = odd_texts(marker)
        odd = await self._make({**fields, "title": odd_title, "description": odd_text})
        if odd is not None:
            await self._ask_search(odd[0], marker)
        long = await self._make_long(fields)
        if odd is None or long is None:
            self.saw("answers", False, "an ordinary issue can't be created")
            return
        await self._ask_texts(odd, long)
        await self._ask_comments(odd[0], long[0])
        odd_issue = odd[0]
        commented = await self.attempt(partial(self.client.get_issue, odd_issue.id))
        is_moved = commented and commented.updated_at != odd_issue.updated_at
        self.saw("moved", is_moved, "after a comment")
        await self._ask_lists([odd, long])
        await self._ask_patch(commented or odd_issue, marker)

    def _is_others(self, issue: Issue) -> bool:
        marker = _marker_of(issue)
        return marker != "" and marker not in self._markers and issue.id not in self.ids

    def _new_marker(self) -> str:
        marker = f"tip{token_hex(10)}"
        self._markers.add(marker)
        return marker

    async def _make_long(self, fields: dict[str, str]) -> _Made | None:
        """Make the issue with long texts; what is refused is tried again with shorter ones."""
        marker = self._new_marker()
        short = probe_title(marker)
        keeping = self._keeping.descriptions
        title = long_title(marker)
        full_text = long_text(marker, MIXED, DESCRIPTION_LIMIT)
        fewer = long_text(marker, MIXED, DESCRIPTION_LIMIT, count_bytes)
        least = long_text(marker, MIXED, SHORT, count_bytes)
        attempts = ((title, full_text), (title, fewer), (title, least), (short, full_text), (short, fewer))
        for next_title, text in attempts:
            created = await self._make({**fields, "title": next_title, "description": text})
            if created is None:
                continue
            if next_title != title:
                self.saw("title", False, "a longer one is refused")
            if text != full_text:
                self.saw("description", False, f"a longer one than {Size.of(text)} is refused")
                keeping.cuts = True
            return created
        return None

    async def _make(self, body: dict[str, Any]) -> _Made | None:
        """Create an issue; None if it is refused. One without an answer is looked for, and made again if need be."""
        encoded = orjson.dumps(body)
        marker = find_probe(body["title"], body["description"])
        find = partial(self._look_for, marker)
        for _ in range(2):
            issue: Issue | None = None
            refused: CallFailed | None = None
            try:
                issue = await self.call(partial(self.client.create_issue, encoded), find=find)
            except CallFailed as error:
                refused = self.as_refusal(error)
            ended = time.monotonic()
            if issue is not None and _marker_of(issue) != marker:  # it may say little: what is there decides
                issue = await self.poll("an issue", partial(self.client.get_issue, issue.id))
                if issue is not None and _marker_of(issue) != marker:
                    self.saw("answers", False, "a create is answered with another issue")
                    issue = None
            if issue is None:
                issue = await self._look_for(marker, self.look_seconds[: 2 if refused else None])
            if refused is not None:
                self.note_refused("POST issue", is_done=issue is not None)
            if issue is not None:
                self._note(issue)
                self._made_at.setdefault(issue.id, ended)
                stored = await self.poll("an issue", partial(self.client.get_issue, issue.id))
                if stored is not None:
                    self.there[issue.id] = stored
                return stored or issue, body
            if refused is not None:
                return None
        return None

    def _note(self, issue: Issue) -> None:
        if issue.id not in self.created:
            self.numbers.append(issue.triage_id or issue.id)
        self.created[issue.id] = issue.triage_id or issue.id
        self.ids.add(issue.id)
        self.earlier.kept[issue.id] = ""
        self.earlier.note()

    async def _look_for(self, marker: str, look_seconds: Sequence[float] = (0.0,)) -> Issue | None:
        """Look for an issue with this marker that isn't known yet, in the list."""
        for seconds in look_seconds:
            await self.paced.sleep(seconds)
            for issue in await self.list_issues():
                if _marker_of(issue) == marker and issue.id not in self.created:
                    return issue
        return None

    async def _ask_search(self, issue: Issue, marker: str) -> None:
        """Search for an issue right after it was made: in the end all are so old that a lag isn't seen."""
        started = time.monotonic()
        for seconds in self.look_seconds:
            seconds_left = started + seconds - time.monotonic()
            if seconds_left > 0:
                await self.paced.sleep(seconds_left)
            issues = await self.list_issues({"search": marker})
            if any(listed.id == issue.id for listed in issues):
                self._note_search(issue, was_missed=seconds > 0)
                return

    def _note_search(self, issue: Issue, *, was_missed: bool) -> None:
        """Note that an issue was just found. Its age is the longest lag that fits."""
        age = time.monotonic() - self._made_at.get(issue.id, 0.0)
        is_at_once = not was_missed and age <= AT_ONCE
        self.settle = max(self.settle, age)
        text = "at once" if is_at_once else f"{'after' if was_missed else 'within'} {age:.1f} s"
        self.saw("search-at-once", False if was_missed else is_at_once or None, text)

    async def _ask_texts(self, odd: _Made, long: _Made) -> None:
        for issue, body in (odd, long):
            await self._ask_text("description", self._keeping.descriptions, body["description"], issue.description)
        issue, body = odd
        if len(issue.title) >= len(body["title"]):
            self._ask_signs("title", issue.title)

    async def _ask_text(self, kind: str, keeping: Keeping, sent_text: str, stored: str) -> None:
        """See what is left of a text, and of one that isn't cut whether its signs are as they were sent."""

        async def read() -> str:
            return stored

        cut_text = await keeping.look(sent_text, stored, read)
        stored_size = Size.of(cut_text or sent_text)
        self.saw(kind, cut_text is None, f"{stored_size} are stored of {Size.of(sent_text)}")
        if cut_text is None and SIGNS in sent_text:
            self._ask_signs(kind, stored)

    def _ask_signs(self, kind: str, stored: str) -> None:
        form = "the same" if SIGNS in stored else "otherwise"
        self.saw("signs", SIGNS in stored, f"{SIGNS} is {form} in a {kind}")

    async def _ask_comments(self, odd: Issue, long: Issue) -> None:
        odd_begin = "\n\n".join([WHITE, *ODD, ""])
        for issue, begin, word in ((odd, odd_begin, LATIN), (long, "", MIXED)):
            marker = comment_marker(issue.id, token_hex(5))
            head = f"{PROBE_TITLE} · {marker}\n\n{begin}"
            for measure in (count_units, count_bytes):
                text = fill(head, word, " ends", COMMENT_LIMIT, measure)
                body = orjson.dumps({"detail": text})
                refused = await self.write(partial(self.client.add_comment, issue.id, body))
                is_there = await self._ask_activity(issue, text, marker, is_refused=refused is not None)
                if refused is None:
                    break
                self.note_refused("POST comments", is_done=is_there)
                if is_there:
                    break
                self.saw("comment", False, f"{Size.of(text)} are refused: {refused.message}")
                self._keeping.comments.cuts = True

    async def _ask_activity(self, issue: Issue, text: str, marker: str, *, is_refused: bool) -> bool:
        """See whether a comment is in the activity, and how; of a refused one only whether."""
        entries: Sequence[Entry] = ()

        async def read() -> Entry | None:
            nonlocal entries
            page = await self.client.list_activity(issue.id, limit=str(PAGE_LIMIT))
            entries = page.items
            return next((entry for entry in entries if entry.type == "comment"), None)

        if is_refused:
            entry = await self.attempt(read)
        else:
            entry = await self.poll("a comment", read)
        if entry is None and is_refused:
            return False
        times = [created_seconds(entry, 0.0) for entry in entries]
        is_newest_first = times == sorted(times, reverse=True)
        self.saw("activity", entry is not None and is_newest_first, f"{len(entries)} entries")
        agents = list(AGENTS.intersection(entry.type for entry in entries))
        if issue.had_agent:
            agents.append("a session")
        self.saw("norm", not agents, ", ".join(agents) or "no agent is at work")
        if entry is not None:
            opening = find_opening(entry.detail)
            is_known = opening is not None and opening.marker == marker
            self.saw("comment-marker", is_known, entry.detail.partition("\n")[0])
            await self._ask_text("comment", self._keeping.comments, text, entry.detail)
        return entry is not None

    async def _ask_lists(self, created: Sequence[_Made]) -> None:
        made_issues = list[MadeIssue]()
        for issue, body in created:
            marker = find_probe(body["title"], body["description"])
            made_issues.append(MadeIssue("", issue.id, issue.triage_id, marker, orjson.dumps(body)))
        looks = self.look_seconds
        async with self.bounded(MOST_SECONDS):  # it waits for what lags, too
            findings = await read_back(self.client, self.paced, made_issues, look_seconds=looks, find=find_probe_end)
        if findings.unmarked:
            for issue, _ in created:
                await self.attempt(partial(self.client.get_issue, issue.id))  # it may be gone, which ends the probe
        for name, (is_so, text) in findings.answers().items():
            if name != "search-at-once":
                self.saw(name, is_so, text)
        if not findings.unsearched and (findings.found_after or "search-at-once" not in self.seen):
            self._note_search(created[0][0], was_missed=True)
        listed = await self.list_issues({**NEWEST, "limit": "1"}, MOST_PAGES)
        ids = [issue.id for issue in listed]
        has_each_once: bool | None = None
        if len(ids) > 1:
            has_each_once = len(set(ids)) == len(ids)
        self.saw("pages", has_each_once, f"{len(ids)} pages of one issue")

    async def _ask_patch(self, issue: Issue, marker: str) -> None:
        text = long_text(marker, LATIN, DESCRIPTION_LIMIT)
        body = orjson.dumps({"description": text})
        refused = await self.write(partial(self.client.update_issue, issue.id, body))

        async def read() -> Issue | None:
            stored = await self.client.get_issue(issue.id)
            return stored if stored.description != issue.description else None

        if refused:
            stored = await self.attempt(read)
        else:
            stored = await self.poll("a change", read)
        if refused is not None:
            self.note_refused("PATCH issue", is_done=stored is not None)
        if refused is not None and stored is None:
            self.saw("description", False, f"{Size.of(text)} are refused: {refused.message}")
        if stored is None:
            return
        changed = [name for name, value in stored.fields.items() if value != issue.fields[name]]
        self.saw("patch", not changed, f"{', '.join(changed) or 'no other field'} changed")
        self.saw("moved", stored.updated_at != issue.updated_at, "after a change")
        await self._ask_text("description", self._keeping.descriptions, text, stored.description)

    async def _ask_deletion(self) -> None:
        """Delete what was made; see that it is gone, and how that is said."""
        first = next(iter(self.created), "")
        is_enough = await self._remove()
        numbers = ", ".join(self.created.values())
        self.saw("delete", is_enough, f"left: {numbers or 'none'}")
        if not first or self.created:
            return
        refused = await self.write(partial(self.client.get_issue, first))
        self.saw("delete", refused is not None, "by id, in the list, by search")

    async def _remove(self) -> bool:
        """Delete what it has made and all that can be found of it; return whether each was gone at once."""
        deleted = set[str]()
        is_enough = True
        for _ in range(3):
            newest = await self.list_issues()
            searched = await self.list_issues({"search": PROBE_TITLE})
            for issue in (*newest, *searched):
                if _marker_of(issue) in self._markers:
                    self.created[issue.id] = issue.triage_id or issue.id
                    self.earlier.kept[issue.id] = ""
            is_enough = is_enough and not deleted.intersection(self.created)
            if not self.created:
                break
            for issue_id in [*self.created]:
                if await self._delete_own(issue_id):
                    deleted.add(issue_id)
                    del self.created[issue_id]
                    self.earlier.kept.pop(issue_id, None)
        self.earlier.note()
        return is_enough

    async def _delete_own(self, issue_id: str) -> bool:
        """Delete one of its issues, and return whether it is gone."""
        issue, is_gone = await self.read(issue_id)
        own_issue = None if issue is None else prove_probed(issue)
        if own_issue is None:
            return is_gone
        if is_gone := await self.delete(own_issue):
            self.deleted.append(own_issue.issue.triage_id or issue_id)
        return is_gone

    def _conclude(self) -> None:
        """See what all answers show together."""
        exchanges = self.recorder.exchanges
        undocumented = [exchange for exchange in exchanges if not _is_documented(exchange)]
        odd = [exchange for exchange in undocumented if exchange not in self.refused]
        names = ", ".join(map(self._name, odd[:5]))
        self.saw("answers", not odd, names or "each")
        if odd:
            self.shown["answers"] = odd[0]
        limited = self.paced.rate_limited
        text = f"{self.paced.requests} requests, no 429"
        if limited:
            text = f"{limited} × 429"
        self.saw("rate", not limited, text)

    def _name(self, exchange: Exchange) -> str:
        """Name a request and the status of its answer, and say of a refusal if the request was done all the same."""
        text = f"{exchange.name} → {exchange.status or 'none'}"
        if exchange in self.done:
            text += ", though it was done"
        return text


_Made = tuple[Issue, dict[str, Any]]
"""An issue as it is stored, and what was sent."""


def _marker_of(issue: Issue) -> str:
    return find_probe(issue.title, issue.description)


def _is_documented(exchange: Exchange) -> bool:
    """Whether an answer has a status and a body that the reference knows; what is absent may not be there yet."""
    if exchange.status in (204, 429):
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
    stamps = ledger.find_contact(target.name, organisation).get(KEPT, {})

    async def ask() -> tuple[Answers | None, Probe]:
        recorder = Recorder(AiohttpTransport(Timeouts()))
        note = lambda stamps: ledger.keep_contact(target.name, {KEPT: stamps})  # noqa: E731
        async with TriageClient(target.url, target.api_key, transport=recorder) as client:
            probe = Probe(client, calls, recorder, organisation, note, say)
            try:
                with calls.ended_by_signals():
                    return await probe.ask(stamps, keep=keep), probe
            except Interrupted:
                await probe.clean(PacedCalls.at(rate, say))
                return None, probe

    answers, probe = run_loop(ask())
    if answers is None:
        raise KeyboardInterrupt
    ledger.keep_contact(target.name, {PROBE: asdict(answers)})
    return answers, probe, calls.requests
