"""Reading issues back right after they were made: by id, in the list and by search, and what that shows.

The canary reads the first issues of a run back, `probe` its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from math import inf
from typing import NamedTuple

import orjson

from importer.api import ISSUE_FIELDS, PAGE_LIMIT
from importer.phrases import listed
from importer.transform.lengths import CONTINUED
from importer.transform.markers import find_marker
from importer.triage.absence import Absence
from importer.triage.actions import Action, CallFailed
from importer.triage.answers import Issue
from importer.triage.client import TriageClient
from importer.triage.limiter import Clock
from importer.triage.listing import NewestFirst, created_seconds
from importer.triage.paced import PacedCalls

LOOK_SECONDS = (0.0, 3.0, 10.0)
"""When list and search are read, in seconds after the issues themselves, because both may lag."""
NAMES_SHOWN = 5
_CUTTABLE = ("title", "description")
EVIDENCE = "resource_links"


@dataclass(frozen=True)
class Findings:
    """The result of reading a canary back. Issues are named by their number, `T-…`.

    organisation  its id, as the issues have it; "" if they have none
    author        id of the user that made the issues, or ""
    issues        all that were made
    otherwise     field → how it is stored otherwise than it was sent → issues
    twice         other issues with the marker of one that was made
    gone          issues of which neither reading, list nor search shows anything
    unmarked      issues whose stored description has lost its marker, or that can't be read
    unlisted      issues that the list, newest first, doesn't have; all of them if it is in another order
    unsearched    issues that a search for their marker doesn't find
    in_order      whether the list was newest first, as it was asked for
    found_after   seconds after which search had found the last of the others; None if it found none
    cut_at        characters after which lists cut a description; None if they don't
    longest       characters of the longest description that a list showed whole
    problems      error messages of list and search, where these can't be used
    doubts        sentences on what a probe has found otherwise
    refusal       the message of a row that Triage refused, or whose link it refused; "" if there was none
    """

    organisation: str
    author: str
    issues: tuple[str, ...]
    otherwise: dict[str, dict[str, tuple[str, ...]]]
    gone: tuple[str, ...]
    unmarked: tuple[str, ...]
    unlisted: tuple[str, ...]
    unsearched: tuple[str, ...]
    in_order: bool
    found_after: float | None
    cut_at: int | None
    longest: int
    problems: tuple[str, ...] = ()
    refusal: str = ""
    twice: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def lost(self) -> tuple[str, ...]:
        """Issues that neither list nor search finds by their marker: a create of one might be executed twice."""
        names = list[str]()
        for name in self.issues:
            is_missed = name in self.unlisted and name in self.unsearched
            if is_missed or name in self.unmarked:
                names.append(name)
        return tuple(names)

    def answers(self) -> dict[str, tuple[bool | None, str]]:
        """Say of assumptions whether they are so, None if that wasn't seen, and what was."""
        cut = {
            name: [difference for difference in self.otherwise.get(name, ()) if difference.startswith("cut")]
            for name in _CUTTABLE
        }
        short = set[str]()
        for difference in cut["description"]:
            short.update(self.otherwise["description"][difference])
        fields = [name for name in self.otherwise if name not in (*_CUTTABLE, EVIDENCE)]
        unmarked = [name for name in self.unmarked if name not in short]
        unlisted = listed(self.unlisted, NAMES_SHOWN) if self.in_order else "another order"
        after = "at once"
        if self.unsearched:
            after = "not found"
        elif self.found_after:
            after = f"after {self.found_after:g} s"
        return {
            **{name: (not cut[name], "; ".join(cut[name]) or "whole") for name in _CUTTABLE},
            "fields": (not fields, ", ".join(fields) or "all"),
            "marker": (not unmarked, listed(unmarked, NAMES_SHOWN) or "in each"),
            "once": (not self.twice, listed(self.twice, NAMES_SHOWN) or "once"),
            "list": (not self.unlisted, unlisted or "all, newest first"),
            "search": (not self.unsearched, after),
            "search-at-once": (None if self.unsearched else not self.found_after, after),
        }

    def sentences(self) -> Iterator[str]:
        """Yield the sentences that are shown; what is bad begins with `warning:`."""
        if not self.issues:
            yield f"Canary in {self._organisation}: no issue was created."
        else:
            by = f", created by user {self.author}" if self.author else ""
            yield f"Canary in {self._organisation}: {listed(self.issues, NAMES_SHOWN)}{by}, read back."
            yield from self._stored()
            yield from self._found()
            yield from self._shown()
        yield from self.doubts
        if self.refusal:
            yield f"This is how Triage refuses: {self.refusal}"

    @property
    def _organisation(self) -> str:
        return f"organisation {self.organisation}" if self.organisation else "an organisation whose id is unknown"

    def _stored(self) -> Iterator[str]:
        if {*self.otherwise} <= {EVIDENCE} and not self.unmarked:
            yield "Every field is stored as it was sent."
        for name, ways in self.otherwise.items():
            for difference, names in ways.items():
                if name == EVIDENCE:  # what Triage doesn't know yet is added by a later run
                    yield f"Of the evidence {difference}: {listed(names, NAMES_SHOWN)}"
                    continue
                numbers = listed(names, NAMES_SHOWN)
                yield f"warning: {name} is stored differently from what was sent ({difference}): {numbers}"
        if self.unmarked:
            yield f"warning: the marker is not in the stored description: {listed(self.unmarked, NAMES_SHOWN)}"

    def _found(self) -> Iterator[str]:
        if not self.in_order:
            yield "warning: the list of issues is not ordered by creation, newest first, as requested."
        elif self.unlisted:
            yield f"warning: not in the list of issues: {listed(self.unlisted, NAMES_SHOWN)}"
        else:
            yield "All are in the list of issues."
        if self.unsearched:
            within = f"within {LOOK_SECONDS[-1]:g} s"
            yield f"warning: a search for the marker does not find, {within}: {listed(self.unsearched, NAMES_SHOWN)}"
        elif self.found_after is not None:
            when = f"after {self.found_after:g} s" if self.found_after else "at once"
            yield f"A search for the marker finds them {when}."
        yield from (f"warning: {problem}" for problem in self.problems)

    def _shown(self) -> Iterator[str]:
        if self.cut_at is not None:
            yield f"Lists cut descriptions after {self.cut_at:,} characters; issues in question are read individually."
        elif self.longest:
            yield f"Lists show descriptions whole (up to {self.longest:,} characters seen)."


class MadeIssue(NamedTuple):
    """An issue that Triage says it created for a key, and the body that was sent."""

    key: str
    issue_id: str
    triage_id: str
    marker: str
    body: bytes

    @property
    def name(self) -> str:
        """Its number, or its id if it has none."""
        return self.triage_id or self.issue_id


@dataclass
class _Looked:
    """One issue, and where it has been found so far: by id, in the list, by search."""

    sent: MadeIssue
    issue: Issue | None = None
    is_absent: bool = False
    listed: Issue | None = None
    found_after: float | None = None
    duplicates: set[str] = field(default_factory=set)


FindMarker = Callable[[str], str]


async def read_back(
    client: TriageClient,
    calls: PacedCalls,
    made_issues: Iterable[MadeIssue],
    *,
    refusal: str = "",
    look_seconds: Sequence[float] = LOOK_SECONDS,
    find: FindMarker = find_marker,
    clock: Clock = time.monotonic,
) -> Findings:
    """Read issues back by id, in the list and by search, until all are found or `look_seconds` have passed.

    `refusal` goes into the findings: the message of a row that was refused. `find` finds the marker in a description.
    """
    issues = [_Looked(made_issue) for made_issue in made_issues]
    reading = _ReadBack(client, calls, issues, find, clock)
    await reading.get()
    started = clock()
    for seconds in look_seconds if reading.issues else ():
        seconds_left = started + seconds - clock()
        if seconds_left > 0:
            await calls.sleep(seconds_left)
        await reading.list()
        await reading.search(seconds)
        if all(looked.listed is not None and looked.found_after is not None for looked in reading.issues):
            break
    return reading.conclude(refusal)


class _ReadBack:
    """Reads all issues back: each one, the list, and the search."""

    def __init__(
        self, client: TriageClient, calls: PacedCalls, issues: list[_Looked], find: FindMarker, clock: Clock
    ) -> None:
        self._client = client
        self._calls = calls
        self.issues = issues
        self._find = find
        # They were made right before, so that they may not be there yet.
        self._absence = Absence(client, calls, now=clock)
        self._made_at = clock()
        self._by_marker = {looked.sent.marker: looked for looked in issues}
        self._in_order = True
        self._problems: dict[str, str] = {}  # by what failed: of list and search only the last failure counts

    async def get(self) -> None:
        """Read each issue by its id."""
        for looked in self.issues:
            try:
                looked.issue = await self._absence.read(looked.sent.issue_id, self._made_at)
                looked.is_absent = looked.issue is None
            except CallFailed as error:
                self._note(f"{looked.sent.name} can't be read", error)

    async def list(self) -> None:
        """Read the list, newest first, back to the oldest of the issues that were not found in it yet."""
        unlisted = dict[str, _Looked]()
        oldest = inf
        for looked in self.issues:
            if looked.listed is not None:
                continue
            unlisted[looked.sent.issue_id] = looked
            if looked.issue is not None:
                oldest = min(oldest, created_seconds(looked.issue, inf))
        if not unlisted:
            return
        before = inf
        self._problems.pop(LIST_FAILS, None)
        try:
            async for page in NewestFirst(self._client, self._calls, oldest):
                self._find_duplicates(page)
                for issue in page:
                    created = created_seconds(issue, before)
                    self._in_order = self._in_order and created <= before
                    before = created
                    if issue.id in unlisted:
                        unlisted.pop(issue.id).listed = issue
                if not unlisted:
                    return
        except CallFailed as error:
            self._note(LIST_FAILS, error)

    async def search(self, seconds: float) -> None:
        """Search for each marker that was not found yet; `seconds` is the time to note for those that are."""
        self._problems.pop(SEARCH_FAILS, None)
        for looked in self.issues:
            if looked.found_after is not None:
                continue
            search = partial(self._client.list_issues, search=looked.sent.marker, limit=str(PAGE_LIMIT))
            try:
                page = await self._calls.call(search)
            except CallFailed as error:
                self._note(SEARCH_FAILS, error)
                return
            self._find_duplicates(page.items)
            if any(issue.id == looked.sent.issue_id for issue in page.items):
                looked.found_after = seconds

    def _find_duplicates(self, issues: Iterable[Issue]) -> None:
        """Note other issues with the marker of a canary issue: a create was executed more than once."""
        for issue in issues:
            looked = self._by_marker.get(self._find(issue.description))
            if looked is not None and issue.id != looked.sent.issue_id:
                looked.duplicates.add(issue.triage_id or issue.id)

    def _note(self, failure: str, error: CallFailed) -> None:
        """Keep the message of a refused read. Raises RunStopped for any other failure."""
        if error.action is not Action.REFUSE:
            raise error.as_stop() from error
        self._problems[failure] = error.message

    def conclude(self, refusal: str) -> Findings:
        """Sum up what was found where."""
        read_issues = [looked.issue for looked in self.issues if looked.issue is not None]
        whole_lengths = list[int]()
        cut_lengths = list[int]()
        for looked in self.issues:
            if not looked.listed or not looked.issue:
                continue
            listed_text = looked.listed.description
            full_text = looked.issue.description
            if listed_text == full_text:
                whole_lengths.append(len(listed_text))
            else:
                characters = zip(listed_text, full_text, strict=False)
                common = takewhile(lambda pair: pair[0] == pair[1], characters)
                cut_lengths.append(len(list(common)))
        search_seconds = [looked.found_after for looked in self.issues if looked.found_after is not None]
        contradicted = [looked for looked in self.issues if looked.is_absent and not _is_gone(looked)]
        self._problems |= {f"{looked.sent.name} can't be read": "it is not there" for looked in contradicted}
        return Findings(
            organisation=next((issue.org_id for issue in read_issues if issue.org_id), ""),
            author=next((issue.author_id for issue in read_issues if issue.author_id), ""),
            issues=self._names(lambda looked: True),
            otherwise=self._otherwise(),
            gone=self._names(_is_gone),
            unmarked=self._names(
                lambda looked: looked.issue is None or self._find(looked.issue.description) != looked.sent.marker
            ),
            unlisted=self._names(lambda looked: looked.listed is None or not self._in_order),
            unsearched=self._names(lambda looked: looked.found_after is None),
            in_order=self._in_order,
            found_after=max(search_seconds, default=None),
            cut_at=max(cut_lengths, default=None),
            longest=max(whole_lengths, default=0),
            problems=tuple(f"{failure}: {message}" for failure, message in self._problems.items()),
            refusal=refusal,
            twice=tuple(sorted(set().union(*(looked.duplicates for looked in self.issues)))),
        )

    def _names(self, condition: Callable[[_Looked], bool]) -> tuple[str, ...]:
        names = (looked.sent.name for looked in self.issues if condition(looked))
        return tuple(sorted(names, key=lambda name: (len(name), name)))  # T-999 before T-1000

    def _otherwise(self) -> dict[str, dict[str, tuple[str, ...]]]:
        otherwise: dict[str, dict[str, tuple[str, ...]]] = {}
        for looked in self.issues:
            for name, difference in _find_differences(looked):
                ways = otherwise.setdefault(name, {})
                ways[difference] = (*ways.get(difference, ()), looked.sent.name)
        return otherwise


LIST_FAILS = "the list of the newest issues can't be read"
SEARCH_FAILS = "the search can't be used"


def _is_gone(looked: _Looked) -> bool:
    return looked.is_absent and looked.listed is None and looked.found_after is None


def _find_differences(looked: _Looked) -> Iterator[tuple[str, str]]:
    """Compare an issue with what was sent, and yield each field that differs, and how."""
    if looked.issue is None:
        return
    body = orjson.loads(looked.sent.body)
    stored = {**looked.issue.fields, "description": looked.issue.description}
    for name in ISSUE_FIELDS:
        sent_text = str(body.get(name) or "")
        stored_text = str(stored[name] or "")
        if sent_text != stored_text:
            yield name, _describe(sent_text, stored_text)
    links = len(body.get("resource_links", ()))
    attached = looked.issue.resource_count
    if links != attached:
        yield EVIDENCE, f"{attached} of {links} is attached so far"


def _describe(sent_text: str, stored_text: str) -> str:
    """Say how a stored text differs from the one that was sent."""
    if not stored_text:
        return "left out"
    if not sent_text:
        return "filled in"
    if stored_text == sent_text.strip():
        return "trimmed"
    if CONTINUED in stored_text and CONTINUED not in sent_text:
        return "goes on in comments"
    if sent_text.startswith(stored_text):
        return f"cut after {len(stored_text):,} characters"
    if stored_text.split() == sent_text.split():
        return "other white space"
    return "changed"
