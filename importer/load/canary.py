"""The canary: the first few issues sent to an organisation, read back to make sure that they can be found again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice, takewhile
from math import inf
from typing import NamedTuple

import orjson

from importer.api import ISSUE_FIELDS, PAGE_LIMIT
from importer.check.observers.samples import CANARY_LIMIT
from importer.errors import TargetDoubted
from importer.ledger.commands import ABSENT
from importer.ledger.journal import Run
from importer.load.context import ImportContext
from importer.load.questions import LOOK_SECONDS, NAMES_SHOWN, CanaryFindings
from importer.phrases import listed
from importer.records import Outcome
from importer.transform.markers import find_marker
from importer.triage.absence import Absence
from importer.triage.actions import Action, CallFailed
from importer.triage.answers import Issue
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.limiter import Clock
from importer.triage.listing import NewestFirst, created_seconds
from importer.triage.paced import PacedCalls


class CanaryIssue(NamedTuple):
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
class _Probe:
    """One issue of the canary, and where it has been found so far: by id, in the list, by search."""

    sent: CanaryIssue
    issue: Issue | None = None
    is_absent: bool = False
    listed: Issue | None = None
    found_after: float | None = None
    duplicates: set[str] = field(default_factory=set)


SendKeys = Callable[[Sequence[str]], Mapping[str, bytes]]
"""Sends the creates of some keys that were not sent yet; returns the bodies of all of them, by key."""


class Canary:
    """The canary of a run: one issue, then those of the canary sample; both are read back before anything else is sent.

    Canary issues of an earlier attempt come first, and count.
    """

    def __init__(self, context: ImportContext, run: Run, chosen: Sequence[str]) -> None:
        self._context, self._run = context, run
        # An earlier attempt may have ended within its canary: those issues are in, and are read back once more.
        made = tuple(each.key for each in islice(run.made(), CANARY_LIMIT))
        others = [key for key in chosen if key not in made][: CANARY_LIMIT - len(made)]
        self._first = made or others[:1]
        self.keys = (*made, *others)

    @property
    def issues(self) -> int:
        """How many issues it has."""
        return len(self.keys)

    def make(self, send: SendKeys) -> CanaryFindings:
        """Send the canary, read it back, and keep the findings in the ledger.

        Raises:
            TargetDoubted: an issue can't be found again.
        """
        findings = self._try(self._first, send)
        if len(self.keys) > len(self._first):  # one alone first: if it can't be found again, no other is made
            findings = self._try(self.keys, send)
        if findings.issues:
            self._context.ledger.check_org(self._run.target, findings.organisation)
            self._context.ledger.keep_canary(self._run.target, asdict(findings))
        return findings

    def _try(self, keys: Sequence[str], send: SendKeys) -> CanaryFindings:
        bodies = send(keys)
        made = (each for each in self._run.made() if each.key in bodies)
        sent = [CanaryIssue(each.key, each.issue_id, each.triage_id, each.marker, bodies[each.key]) for each in made]
        failed = (row for row in self._run.results() if row.key in bodies and row.outcome is Outcome.FAILED)

        async def read() -> CanaryFindings:
            target = self._context.target
            async with TriageClient(target.url, target.api_key) as client:
                refusal = next((row.messages[-1] for row in failed), "")
                return await read_back(client, self._context.calls, sent, refusal=refusal)

        findings = run_loop(read())
        if findings.gone:
            key = next(each.key for each in sent if each.name in findings.gone)
            raise TargetDoubted(
                f"Triage answered that it created {listed(findings.gone, NAMES_SHOWN)}, and now has no such"
                " issue. Nothing else is sent.",
                hint="If nobody deleted it, Triage loses issues: ask Bland before you send the others. If somebody "
                f"did, record it for each, and run the same command again: {self._run.settle_command(key, ABSENT)}",
            )
        if findings.twice:
            duplicates = listed(findings.twice, NAMES_SHOWN)
            raise TargetDoubted(
                f"What was sent once is in Triage twice: {duplicates} has the marker of another. Nothing else is sent.",
                hint="Something on the way to Triage may send requests twice, as a proxy that tries again: the other "
                "issues would be duplicated too. To skip this test: --no-canary.\n"
                f"{way_back(self._run)}; to be removed by hand: {duplicates}",
            )
        if findings.lost:
            raise TargetDoubted(
                f"{listed(findings.lost, NAMES_SHOWN)} can't be found again in Triage, so a create without a"
                " response could be executed twice.\n" + "\n".join(findings.sentences()),
                hint=f"To skip this test: --no-canary.\n{way_back(self._run)}",
            )
        return findings


def way_back(run: Run) -> str:
    """Return a line with the command that removes what a run created."""
    return f"To remove what was created: {run.command('undo', run.name, '--delete')}"


async def read_back(
    client: TriageClient,
    calls: PacedCalls,
    sent: Iterable[CanaryIssue],
    *,
    refusal: str = "",
    look_seconds: Sequence[float] = LOOK_SECONDS,
    clock: Clock = time.monotonic,
) -> CanaryFindings:
    """Read issues back by id, in the list and by search, until all are found or `look_seconds` have passed.

    `refusal` goes into the findings: the message of a row that was refused.
    """
    reading = _ReadBack(client, calls, [_Probe(each) for each in sent], clock)
    await reading.get()
    started = clock()
    for seconds in look_seconds if reading.probes else ():
        if (left := started + seconds - clock()) > 0:
            await calls.sleep(left)
        await reading.list()
        await reading.search(seconds)
        if all(probe.listed is not None and probe.found_after is not None for probe in reading.probes):
            break
    return reading.conclude(refusal)


class _ReadBack:
    """Reads all issues of a canary back: each one, the list, and the search."""

    def __init__(self, client: TriageClient, calls: PacedCalls, probes: list[_Probe], clock: Clock) -> None:
        self._client, self._calls, self.probes = client, calls, probes
        # They were made right before, so that they may not be there yet.
        self._absence, self._made_at = Absence(client, calls, now=clock), clock()
        self._by_marker = {probe.sent.marker: probe for probe in probes}
        self._in_order = True
        self._problems: dict[str, str] = {}  # by what failed: of list and search only the last failure counts

    async def get(self) -> None:
        """Read each issue by its id."""
        for probe in self.probes:
            try:
                probe.issue = await self._absence.read(probe.sent.issue_id, self._made_at)
                probe.is_absent = probe.issue is None
            except CallFailed as error:
                self._note(f"{probe.sent.name} can't be read", error)

    async def list(self) -> None:
        """Read the list, newest first, back to the oldest of the issues that were not found in it yet."""
        wanted = {probe.sent.issue_id: probe for probe in self.probes if probe.listed is None}
        if not wanted:
            return
        times = [created_seconds(probe.issue, inf) for probe in wanted.values() if probe.issue is not None]
        before = inf
        self._problems.pop(LIST_FAILS, None)
        try:
            async for page in NewestFirst(self._client, self._calls, min(times, default=inf)):
                self._find_duplicates(page)
                for issue in page:
                    created = created_seconds(issue, before)
                    self._in_order = self._in_order and created <= before
                    before = created
                    if issue.id in wanted:
                        wanted.pop(issue.id).listed = issue
                if not wanted:
                    return
        except CallFailed as error:
            self._note(LIST_FAILS, error)

    async def search(self, seconds: float) -> None:
        """Search for each marker that was not found yet; `seconds` is the time to note for those that are."""
        self._problems.pop(SEARCH_FAILS, None)
        for probe in self.probes:
            if probe.found_after is None:
                try:
                    search = partial(self._client.list_issues, search=probe.sent.marker, limit=str(PAGE_LIMIT))
                    page = await self._calls.call(search)
                except CallFailed as error:
                    self._note(SEARCH_FAILS, error)
                    return
                self._find_duplicates(page.items)
                if any(issue.id == probe.sent.issue_id for issue in page.items):
                    probe.found_after = seconds

    def _find_duplicates(self, issues: Iterable[Issue]) -> None:
        """Note other issues with the marker of a canary issue: a create was executed more than once."""
        for issue in issues:
            probe = self._by_marker.get(find_marker(issue.description))
            if probe is not None and issue.id != probe.sent.issue_id:
                probe.duplicates.add(issue.triage_id or issue.id)

    def _note(self, what: str, error: CallFailed) -> None:
        """Keep the message of a refused read. Raises RunStopped for any other failure."""
        if error.action is not Action.REFUSE:
            raise error.as_stop() from error
        self._problems[what] = error.message

    def conclude(self, refusal: str) -> CanaryFindings:
        """Sum up what was found where."""
        read = [probe.issue for probe in self.probes if probe.issue is not None]
        pairs = [
            (probe.listed.description, probe.issue.description) for probe in self.probes if probe.listed and probe.issue
        ]
        alike = (takewhile(lambda at: at[0] == at[1], zip(*pair, strict=False)) for pair in pairs if pair[0] != pair[1])
        cut = [len(list(common)) for common in alike]
        found = [probe.found_after for probe in self.probes if probe.found_after is not None]
        contradicted = [probe for probe in self.probes if probe.is_absent and not _is_gone(probe)]
        self._problems |= {f"{probe.sent.name} can't be read": "it is not there" for probe in contradicted}
        return CanaryFindings(
            organisation=next((issue.org_id for issue in read if issue.org_id), ""),
            author=next((issue.author_id for issue in read if issue.author_id), ""),
            issues=self._names(lambda probe: True),
            otherwise=self._otherwise(),
            gone=self._names(_is_gone),
            unmarked=self._names(
                lambda probe: probe.issue is None or find_marker(probe.issue.description) != probe.sent.marker
            ),
            unlisted=self._names(lambda probe: probe.listed is None or not self._in_order),
            unsearched=self._names(lambda probe: probe.found_after is None),
            in_order=self._in_order,
            found_after=max(found, default=None),
            cut_at=max(cut, default=None),
            longest=max((len(shown) for shown, whole in pairs if shown == whole), default=0),
            problems=tuple(f"{what}: {message}" for what, message in self._problems.items()),
            refusal=refusal,
            twice=tuple(sorted(set().union(*(probe.duplicates for probe in self.probes)))),
        )

    def _names(self, which: Callable[[_Probe], bool]) -> tuple[str, ...]:
        names = (probe.sent.name for probe in self.probes if which(probe))
        return tuple(sorted(names, key=lambda name: (len(name), name)))  # T-999 before T-1000

    def _otherwise(self) -> dict[str, dict[str, tuple[str, ...]]]:
        otherwise: dict[str, dict[str, tuple[str, ...]]] = {}
        for probe in self.probes:
            for name, how in _find_differences(probe):
                ways = otherwise.setdefault(name, {})
                ways[how] = (*ways.get(how, ()), probe.sent.name)
        return otherwise


LIST_FAILS = "the list of the newest issues can't be read"
SEARCH_FAILS = "the search can't be used"


def _is_gone(probe: _Probe) -> bool:
    return probe.is_absent and probe.listed is None and probe.found_after is None


def _find_differences(probe: _Probe) -> Iterator[tuple[str, str]]:
    """Compare an issue with what was sent, and yield each field that differs, and how."""
    if probe.issue is None:
        return
    body = orjson.loads(probe.sent.body)
    stored = {**probe.issue.fields, "description": probe.issue.description}
    for name in ISSUE_FIELDS:
        sent, kept = str(body.get(name) or ""), str(stored[name] or "")
        if sent != kept:
            yield name, _describe(sent, kept)
    links, attached = len(body.get("resource_links", ())), probe.issue.resource_count
    if links != attached:
        yield "resource_links", f"{attached} of {links} attached"


def _describe(sent: str, kept: str) -> str:
    """Say how a stored text differs from the one that was sent."""
    if not kept:
        return "left out"
    if not sent:
        return "filled in"
    if kept == sent.strip():
        return "trimmed"
    if sent.startswith(kept):
        return f"cut after {len(kept):,} characters"
    if kept.split() == sent.split():
        return "other white space"
    return "changed"
