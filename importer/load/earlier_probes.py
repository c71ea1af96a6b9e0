"""Deletes what earlier probes have left: the issues that are still as their probe has made them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any

from importer.api import DESCRIPTION_LIMIT, PAGE_LIMIT, PERSON_FIELDS, count_units
from importer.load.ours import prove_probed
from importer.load.probe_calls import MOST_REQUESTS, NEWEST, REQUESTS_LEFT, ProbeCalls
from importer.load.probe_texts import LATIN, MIXED, SHORT, count_bytes, long_text, long_title, odd_texts
from importer.transform.markers import PROBE_TITLE, find_probe, probe_title
from importer.triage.answers import Entry, Issue
from importer.triage.listing import created_seconds

MOST_PAGES = 3
"""Pages of the list in which the issues of an interrupted probe are looked for."""
SPARED_SECONDS = 600.0
"""An issue of another probe that is younger, by the target's clock, may be of one that is at work."""
FIELDS = {"severity": "low", "status": "closed", "source": "client"}
"""Of each issue of a probe, besides its category."""
COMMENT = "comment"
RELATION = "relation_added"
CREATED = "created"
"""Types of the entries that an issue's activity has from its probe; those of earlier versions have relations, too.

Source: get/triage-issues-id-activity.
"""


class EarlierProbes:
    """Deletes what earlier probes have left in an organisation.

    deleted  numbers of the issues that were deleted
    left     number of each issue that stays → why
    kept     id → `updated_at`, "" if unknown, of what the next probe is to delete; `note_kept` is told of changes
    """

    def __init__(
        self,
        calls: ProbeCalls,
        note_kept: Callable[[Mapping[str, str]], object] = lambda stamps: None,
        spared_seconds: float = SPARED_SECONDS,
    ) -> None:
        self._calls = calls
        self._note_kept = note_kept
        self._spared_seconds = spared_seconds
        self.deleted = list[str]()
        self.left = dict[str, str]()
        self.kept = dict[str, str]()

    async def delete_kept(self, stamps: Mapping[str, str]) -> None:
        """Delete what an earlier probe has kept or left, by its ids."""
        self.kept = {**stamps}
        for issue_id, stamp in stamps.items():
            issue, is_gone = await self._calls.read(issue_id)
            if issue is not None:
                await self._delete_untouched(issue, stamp=stamp)
            elif is_gone:
                del self.kept[issue_id]
        self._note_kept(self.kept)

    async def delete_others(self, is_others: Callable[[Issue], bool]) -> None:
        """Delete what other probes have left, as far as it can be found and is surely no longer in use."""
        if not self._calls.there:
            return  # neither its author nor the time there is known
        own_issues = list(self._calls.there.values())
        first_created = min(created_seconds(issue, inf) for issue in own_issues)
        newest = await self._calls.list_issues(NEWEST, MOST_PAGES)
        searched = await self._calls.list_issues({"search": PROBE_TITLE})
        by_id = {issue.id: issue for issue in (*newest, *searched) if is_others(issue)}
        for listed in by_id.values():
            number = listed.triage_id or listed.id
            if number in self.left:
                continue
            if created_seconds(listed, inf) > first_created - self._spared_seconds:
                self._leave(number, "another probe may be at work on it")
            elif self._calls.paced.requests > MOST_REQUESTS - REQUESTS_LEFT:
                self._leave(number, "the requests of this probe are used up")
            else:
                issue, _ = await self._calls.read(listed.id)
                if issue is not None:
                    first = next(iter(self._calls.there.values()))
                    await self._delete_untouched(issue, author=first.author_id)

    async def _delete_untouched(self, issue: Issue, **expected: Any) -> None:
        """Delete an issue of an earlier probe if nobody has touched it; `expected` is for `why_left`."""
        number = issue.triage_id or issue.id
        list_activity = partial(self._calls.client.list_activity, issue.id, limit=str(PAGE_LIMIT))
        page = await self._calls.attempt(list_activity)
        own_issue = prove_probed(issue)
        if page is None:
            reason = "its activity can't be read"
        elif own_issue is None:
            reason = "it isn't marked as one of a probe"
        else:
            reason = why_left(issue, page.items, **expected)
        if not reason and own_issue is not None and await self._calls.delete(own_issue):
            self.deleted.append(number)
            self._calls.say(f"{number} of an earlier probe is deleted.")
        else:
            self._leave(number, reason or "it can't be deleted now")
        if page is not None and (reason or number in self.deleted):
            self.kept.pop(issue.id, None)

    def _leave(self, number: str, reason: str) -> None:
        self.left[number] = reason
        self._calls.say(f"{number} of an earlier probe is left: {reason}.")

    async def stamp(self) -> None:
        """Note how its issues are, so that the next probe deletes only those that nobody has touched since."""
        for issue_id in self._calls.created:
            get_issue = partial(self._calls.client.get_issue, issue_id)
            issue = await self._calls.attempt(get_issue)
            if issue is not None:
                self.kept[issue_id] = issue.updated_at
        self._note_kept(self.kept)

    def note(self) -> None:
        self._note_kept(self.kept)


def why_left(issue: Issue, entries: Sequence[Entry], *, author: str = "", stamp: str | None = None) -> str:
    """Say why an issue of an earlier probe isn't deleted: somebody has touched it, or may have; "" if nobody has.

    author  whose issue it has to be; "" of one that this ledger has recorded
    stamp   its `updated_at` when its probe ended, if that was recorded; "" of one whose probe was interrupted, None of
            one that was found by its marker only
    """
    if issue.author_id != author and author:
        return "it has another author"
    changed = [name for name, value in FIELDS.items() if issue.fields[name] != value]
    changed += [name for name in PERSON_FIELDS if issue.fields[name]]
    if changed:
        return f"somebody has changed its {', '.join(changed)}"
    types = [entry.type for entry in entries]
    comments = [entry for entry in entries if entry.type == COMMENT]
    has_titles = all(comment.detail.lstrip().startswith(PROBE_TITLE) for comment in comments)
    if len(comments) > 1 or not has_titles:
        return "somebody has commented on it"
    if issue.had_agent or issue.flag_count or issue.resource_count or issue.relation_count > 1:
        return "somebody has worked on it"
    has_strange = not {*types} <= {CREATED, COMMENT, RELATION}
    if CREATED not in types or types.count(RELATION) > 1 or has_strange:
        return "its activity shows more than its probe did"
    if stamp:
        return "" if issue.updated_at == stamp else "somebody has changed it"
    is_cut = stamp is not None  # perhaps: of its own issues a ledger knows enough to delete them all the same
    marker = find_probe(issue.title, issue.description)
    has_title = _is_of(issue.title, _titles(marker), is_cut)
    if marker and has_title and _is_of(issue.description, _texts(marker), is_cut):
        return ""
    return "its text isn't the one that a probe writes"


def _titles(marker: str) -> Iterator[str]:
    """Yield the titles that a probe writes."""
    yield from (odd_texts(marker)[0], long_title(marker), probe_title(marker))


def _texts(marker: str) -> Iterator[str]:
    """Yield the descriptions that a probe writes."""
    yield odd_texts(marker)[1]
    yield long_text(marker, LATIN, DESCRIPTION_LIMIT)
    for limit, measure in ((DESCRIPTION_LIMIT, count_units), (DESCRIPTION_LIMIT, count_bytes), (SHORT, count_bytes)):
        yield long_text(marker, MIXED, limit, measure)


def _is_of(stored: str, texts: Iterator[str], is_cut: bool) -> bool:
    """Whether a text is one of these, or the beginning of one; white space doesn't count, as targets rewrite it."""
    packed = "".join(stored.split())
    packed_texts = ["".join(text.split()) for text in texts]
    if packed in packed_texts:
        return True
    return is_cut and any(text.startswith(packed) for text in packed_texts)
