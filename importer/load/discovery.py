"""Discovery: reads Triage before anything is sent, for issues of this source that the ledger doesn't know.

So nothing is created twice after a ledger was lost, restored from a copy, or cut at its end. The list is read newest
first, back to the newest issue that the ledger knows. Where the ledger isn't known to be complete, as before the first
import, all that a search for the source's marker finds is read, and the whole list, too: a search may lag or cap what
it finds. Either may end too early without a word; so a few of the rows that would then be created are searched for.

The closing scan, after sending, reads the list back to the run's beginning, for unexpected issues. They may come from
two machines at once, from a create that was executed very late, or be older duplicates. An issue with the source's
marker that is not the ledger's own is reported until `settle` names the right issue.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from math import inf
from typing import NamedTuple, TypeVar

from importer.check.check_pass import Checked
from importer.check.examine import examine
from importer.check.leaders import gather
from importer.check.plan import markers_to_create, plan_rows
from importer.errors import INTERRUPTED, RunStopped, TargetUnreachable
from importer.ledger.journal import Decision, Run
from importer.ledger.known_create import KnownCreate
from importer.ledger.schema import UNDECIDED, FoundState, State
from importer.ledger.target_scan import DuplicateIssue, Found, TargetScan
from importer.load.attempt import Sent
from importer.load.context import ImportContext
from importer.load.workers import FailureCap, Workers
from importer.phrases import counted
from importer.phrases import listed as name_some
from importer.progress import Progress, Unseen
from importer.transform.footers import find_key
from importer.transform.markers import find_marker, find_marker_lines, record_marker, source_marker
from importer.triage.absence import Absence
from importer.triage.actions import CallFailed, stop_of
from importer.triage.answers import Issue
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.listing import (
    NewestFirst,
    TargetTime,
    WholeIssues,
    created_seconds,
    read_pages,
    search_issues,
)
from importer.triage.paced import PacedCalls
from importer.triage.snapshot import NOT_LISTED, Snapshot, is_missing, is_touched

T = TypeVar("T")
FindKeys = Callable[[Collection[str]], Mapping[str, str]]
RESUMED_SECONDS = 3600.0
"""Seconds within which an interrupted full discovery resumes; later, issues that it has seen may be gone."""
LACKING_READ = 100
"""Issues missing from a list that the run reads; the next run reads others."""
LACKING_SAID = 3
ROUNDING = 1.0
"""Seconds by which a list may show a creation time later than it was when the next create was sent."""
DUPLICATES_READ = 100
"""Duplicates that each discovery looks for, to see whether they still exist."""


class Discovered(NamedTuple):
    """The result of a discovery.

    taken       keys whose issue is in Triage, and whose create the ledger doesn't know
    duplicates  keys with two issues
    issue_ids   ids of the issues that this discovery has found
    lacking     numbers of the ledger's own issues that should have been shown and weren't, the last made first
    """

    taken: int
    duplicates: list[DuplicateIssue]
    issue_ids: frozenset[str]
    lacking: Sequence[str] = ()

    @property
    def is_news(self) -> bool:
        """Whether the state of any row has changed."""
        return self.taken > 0 or bool(self.lacking)

    @property
    def warnings(self) -> list[str]:
        """The warnings for the user."""
        sentences = [str(duplicate) for duplicate in self.duplicates]
        if self.lacking:
            number = counted(len(self.lacking), "issue")
            names = name_some(self.lacking, LACKING_SAID)
            extent = "them"
            if len(self.lacking) > LACKING_READ:
                extent = f"the last {LACKING_READ} of them"
            sentences.append(
                f"Triage doesn't list {number} that the ledger knows: {names}. Somebody deleted them, or Triage "
                f"was restored to an earlier state. An import looks for {extent} once more. If it was restored, move "
                "the ledger away and run the same command again: it finds what is in Triage and creates the rest."
            )
        return sentences


class _ListCuts(Exception):
    """A list turned out to cut descriptions after it was trusted: it has to be read again."""


class Discovery:
    """Discovers the issues of one source, once; `calls` paces the requests, as all of an import."""

    def __init__(
        self,
        client: TriageClient,
        calls: PacedCalls,
        scan: TargetScan,
        source_name: str,
        target_time: TargetTime | None = None,
        *,
        progress: Progress | None = None,
    ) -> None:
        self._client = client
        self._calls = calls
        self._scan = scan
        self._target_time = target_time or TargetTime()
        self._progress = progress or Unseen()
        self._marker = source_marker(source_name)
        self._wholes = WholeIssues(client, calls, _is_finished)
        self._examined: set[str] = set()  # ids: a list that moves shows issues twice
        self._issue_ids: set[str] = set()
        self._unread = set[str]()  # ids: shown by the list, and not there when they were read
        self._state = FoundState.NOTED  # of what is noted
        self._unmarked = False  # whether issues without marker are noted
        self._find_keys: FindKeys | None = None  # of a closing scan
        self._unmarked_since = inf  # creation time from which on it names issues without a marker
        self._reached = 0  # issues that were read
        self._shown = set[str]()  # ids of own issues
        self._since = inf  # own issues that were made after this creation time should have been shown

    async def discover(self, *, thorough: bool = False) -> Discovered:
        """Read what the ledger may not know, and keep it there; `thorough` reads all there is."""
        read_issues = self._discover_new
        if thorough or not self._scan.is_complete():
            read_issues = self._discover_all
        await self._read_all(read_issues)
        lacking = self._note_lacking()
        issue_ids = frozenset(self._issue_ids)
        return Discovered(self._scan.count(), self._scan.duplicates(), issue_ids, lacking)

    async def sweep(self, back_to: float | None, find_keys: FindKeys) -> frozenset[str]:
        """Read the list back to a creation time of the target's, and keep what is not the ledger's own as strangers.

        Returns the ids of those with a marker. What was made since that time without one is a stranger by its title:
        `find_keys` gives title → key of the run's rows. With None nothing is read but the duplicates that the ledger
        has.
        """

        async def read() -> None:
            if back_to is not None:
                await self._read_list(back_to)

        self._state = FoundState.STRANGER
        self._unmarked = True
        self._find_keys = find_keys
        self._unmarked_since = -inf if back_to is None else back_to
        await self._read_all(read)
        return frozenset(self._issue_ids)

    async def search(self, markers: Sequence[str]) -> bool:
        """Search for the markers of rows, one by one, and keep what is found; returns whether that is new."""

        async def read() -> None:
            self._progress.start("searching for single rows", len(markers), "row")
            for number, marker in enumerate(markers, 1):
                async for page in search_issues(self._client, self._calls, marker):
                    await self._note(page, self._known(page))
                    break  # one page is enough: only issues that quote the marker have it, too
                self._progress.reach(number)

        self._wholes.cuts = True  # so few in a page tell nothing: each is read by itself
        before = self._scan.count()
        await self._read_all(read)
        return self._scan.count() > before

    async def _read_all(self, read_issues: Callable[[], Awaitable[None]]) -> None:
        self._progress.start("reading issues in Triage", 0, "issue")
        try:
            try:
                await read_issues()
            except _ListCuts:
                self._examined.clear()
                await read_issues()
            if self._unread:  # deleted since the list showed them: then it doesn't show them any more
                self._examined.clear()
                await read_issues()
            await self._forget_gone()
        except CallFailed as error:
            raise stop_of(error) from error
        self._progress.finish()

    async def _discover_new(self) -> None:
        """Read the list back to the newest issue that the ledger knows."""
        pages = NewestFirst(self._client, self._calls)
        async for page in pages:
            known_ids = self._known(page)
            # Only the first known issue counts. Those created just before it may have been committed after it.
            if known_ids and pages.back_to == -inf:
                known_issues = [issue for issue in page if issue.id in known_ids]
                pages.back_to = max(created_seconds(issue, 0.0) for issue in known_issues)
            await self._read_page(page, known_ids, pages.reaches)
        # A list may end too early, as if that were all: what is older than what it shows may be there, unless it goes
        # back to our first issue, or has none of ours at all.
        is_whole = not self._shown or self._scan.first_own() in self._shown
        if is_whole:
            self._since = -inf
        else:
            self._since = pages.oldest + ROUNDING

    async def _discover_all(self) -> None:
        """Search for the source's marker and read the whole list, or what was left of it when that was broken off."""
        self._unmarked = True
        top, cursor = self._scan.place(time.time() - RESUMED_SECONDS)
        if cursor and top:
            await self._read_list(top)  # what was made since
        else:
            cursor = ""
            self._scan.forget()
            async for issues in search_issues(self._client, self._calls, self._marker):
                await self._note(issues, self._known(issues))
        newest = self._target_time.newest
        async for page in read_pages(self._client, self._calls, cursor):
            await self._read_page(page.items, self._known(page.items))
            newest = newest or self._target_time.newest
            self._scan.keep_place(time.time(), newest, page.next_cursor or "")
        self._since = inf if cursor else -inf  # what was shown before it was broken off isn't known any more

    async def _read_list(self, back_to: float) -> None:
        pages = NewestFirst(self._client, self._calls, back_to)
        async for page in pages:
            await self._read_page(page, self._known(page), pages.reaches)

    async def _read_page(
        self, page: Sequence[Issue], known_ids: Collection[str], is_new: Callable[[Issue], bool] | None = None
    ) -> None:
        """Note the issues of a page, with `is_new` only those."""
        self._target_time.note_earlier(page)
        issues = page
        if is_new:
            issues = list(filter(is_new, page))
        await self._note(issues, known_ids)
        self._reached += len(page)
        self._progress.reach(self._reached)

    def _note_lacking(self) -> list[str]:
        """Note the ledger's own issues that the list lacks, so that the run reads them; return their numbers.

        As of a Triage that was set back to an earlier state: it would be said of all of them that they are in.
        """
        numbers = list[str]()
        last = list[KnownCreate]()  # an emptied Triage lacks all, and snapshots are large
        own_issues: Iterator[KnownCreate] = iter(())
        if self._since < inf:
            own_issues = self._scan.own_since(self._since)
        for create in own_issues:
            if create.issue_id in self._shown or not create.returned:
                continue
            if is_missing(create.returned):
                continue
            numbers.append(create.triage_id)
            if len(last) < LACKING_READ:
                last.append(create)
        changed = list[KnownCreate]()
        for create in last:
            snapshot = Snapshot.parse(create.returned).without_issue(NOT_LISTED)
            changed.append(create._replace(returned=snapshot.dump()))
        self._scan.remember(changed)
        return numbers

    async def _forget_gone(self) -> None:
        """Forget issues that were to be settled and are surely not there any more."""
        absence = Absence(self._client, self._calls)
        workers = Workers(self._calls, 1, FailureCap())

        async def forget(duplicate: DuplicateIssue) -> None:
            read_issue = partial(absence.read_once, duplicate.issue_id)
            if await workers.when_sure(read_issue) is None:
                self._scan.drop(duplicate.issue_id)

        duplicates = self._scan.duplicates()[:DUPLICATES_READ]
        await workers.work_through(duplicates, forget)

    def _known(self, page: Sequence[Issue]) -> set[str]:
        numbers = {issue.id: issue.triage_id for issue in page}
        known_ids = self._scan.known(numbers)
        self._shown |= known_ids
        return known_ids

    async def _note(self, page: Sequence[Issue], known_ids: Collection[str]) -> None:
        """Keep the unknown issues of a page with this source's marker, and perhaps those without any marker."""
        new = list[Found]()
        cut = self._wholes.cuts
        not_known = [issue for issue in page if issue.id not in known_ids]
        unknown = [issue for issue in not_known if issue.id not in self._examined]
        await self._wholes.probe(unknown)
        if self._wholes.cuts and not cut and self._examined:
            raise _ListCuts
        for listed in unknown:
            self._examined.add(listed.id)
            issue = await self._wholes.read(listed)
            if issue is not None:
                identified = self._identify(issue)
                if identified is not None:
                    new.append(identified)
            elif listed.id in self._unread:  # at the second time there is nothing to trust
                raise TargetUnreachable(
                    f"The list of issues shows {listed.triage_id}, but Triage says that it doesn't exist.",
                    hint="Nothing is sent until both agree. Run the same command again later.",
                )
            else:
                self._unread.add(listed.id)
        is_closing = self._find_keys is not None
        for new_issue in new:
            if new_issue.marker or not is_closing:
                self._issue_ids.add(new_issue.issue_id)
        if is_closing:
            new = list(self._name_strangers(new))
        self._scan.note(new, self._state)

    def _name_strangers(self, new: Sequence[Found]) -> Iterator[Found]:
        """Yield what a closing scan has found; what has only the title of a row counts as that row's."""
        assert self._find_keys is not None
        unmarked = [issue for issue in new if not issue.marker]
        titles = {issue.title for issue in unmarked if issue.created_at > self._unmarked_since}
        keys = self._find_keys(titles) if titles else {}
        for issue in new:
            if issue.marker:
                yield issue
            elif issue.title in keys and issue.title in titles:
                key = keys[issue.title]
                yield issue._replace(marker=record_marker(key), key=key)

    def _identify(self, issue: Issue) -> Found | None:
        """Return an issue that may be a record's by any marker in it, but for records whose issue the ledger knows."""
        lines = find_marker_lines(issue.description)
        own_records = [record for source, record in lines if source == self._marker]
        last_records = [record for _, record in lines[-1:]]
        records = list(dict.fromkeys([*own_records, *last_records]))
        if len(records) > 1:
            records = self._scan.without_known(records) or records[-1:]
        if set(own_records).isdisjoint(records) if lines else not self._unmarked:
            return None
        key = find_key(issue.description, "".join(records[-1:]))
        snapshot = Snapshot.take(issue)
        if not records:
            snapshot = snapshot.with_length(issue.description)
        created = created_seconds(issue, 0.0)
        return Found(issue.id, issue.triage_id, " ".join(records), issue.title, created, snapshot.dump(), key)


def _is_finished(text: str) -> bool:
    """Whether a text ends with the marker line of an import."""
    last_line = text.rstrip().rpartition("\n")[2]
    return bool(find_marker(last_line))


def discover(context: ImportContext, *, thorough: bool) -> Discovered:
    """Add to the ledger what it lacks before anything is sent, and warn about keys with two issues.

    `thorough` reads all that there is. Where an issue is found that the ledger should know, it may lack additions, too:
    that is noted in it.
    """
    say = context.progress.say
    say("Looking in Triage for issues of this source …")
    scan = context.ledger.target_scan(context.target.name, context.job.source_name, writable=True)
    discovered = run_discovery(context, scan, lambda discovery: discovery.discover(thorough=thorough))
    if discovered.taken:
        singular = "issue of this source that was missing in the ledger was"
        plural = "issues of this source that were missing in the ledger were"
        say(f"{counted(discovered.taken, singular, plural)} found in Triage.")
    for sentence in discovered.warnings:
        say(f"warning: {sentence}")
    if scan.count((State.DONE, *UNDECIDED)):  # a create without an outcome yet is no sign of a loss
        scan.doubt()
    return discovered


def find_hidden(context: ImportContext, checked: Checked) -> bool:
    """Test a full discovery, and return whether the list and the search had ended too early.

    A few of the rows that would be created are searched for, each by its own marker. If Triage has one, all of them
    are, and what is found is taken in; the next run doesn't trust the list either.
    """
    scan = context.ledger.target_scan(context.target.name, context.job.source_name, writable=True)
    if scan.is_complete():
        return False

    def search(markers: Sequence[str]) -> bool:
        return run_discovery(context, scan, lambda discovery: discovery.search(markers))

    if not (context.target_time.has_shown_any and search(checked.probes)):
        scan.complete()
        return False
    context.progress.say(
        "warning: Triage has issues of this source that neither its list nor its search had shown: their pages end too "
        f"early. So each issue to be created is searched for by its own marker first ({checked.creates:,})."
    )
    history = context.history()
    markers = list[str]()
    for run in examine(context.job):
        gather(run, checked.verdicts, checked.leaders, history)
        plan_rows(run, checked.verdicts, history)
        markers += markers_to_create(run.rows)
    search(markers)
    scan.doubt()
    return True


def note_discovered(run: Run, scan: TargetScan, issue_ids: Collection[str]) -> None:
    """Record unanswered or refused creates as done if a search has just found their issues."""
    if not issue_ids:
        return
    undecided = dict[str, str]()  # marker → key
    for create in (*run.find_refused(), *run.find_undecided()):
        undecided[create.marker] = create.key
    decisions = list[Decision]()
    for marker, (issue, *duplicates) in scan.find(undecided).items():
        if issue.issue_id not in issue_ids or issue.marker != marker or duplicates:
            continue
        # One that was changed since is left to settling, where the body is known that it is to be compared with.
        if is_touched(issue.returned):
            continue
        key = undecided[marker]
        decisions.append(Decision(key, State.DONE, 0, 0.0, issue.issue_id, issue.triage_id, issue.returned))
    run.decide(decisions)


def run_discovery(context: ImportContext, scan: TargetScan, work: Callable[[Discovery], Awaitable[T]]) -> T:
    """Run the discovery of an import, with a client of its own, and return what `work` makes of it."""

    async def main() -> T:
        calls = context.calls
        source_name = context.job.source_name
        async with TriageClient(context.target.url, context.target.api_key) as client:
            discovery = Discovery(client, calls, scan, source_name, context.target_time, progress=context.progress)
            return await work(discovery)

    return run_loop(main())


DUPLICATES_SAID = 20
"""Most duplicates named on the screen and in the summary."""


def scan_back(context: ImportContext, run: Run, result: Sent) -> Sent:
    """Run the closing scan if it is due: something was created since the last one, or a duplicate isn't settled.

    An error that stops it is in the result; then the command that continues scans.
    """
    if result.stopped is not None or result.interrupted:
        return result
    try:
        scan = context.ledger.target_scan(context.target.name, context.job.source_name, writable=True)
        back_to = scan.unswept()
        # With undecided creates the run goes on: its last attempt makes the scan, as far back.
        if (back_to is None and not scan.duplicates()) or run.find_undecided():
            return result
        issue_ids = run_discovery(context, scan, lambda discovery: discovery.sweep(back_to, run.find_keys))
        note_discovered(run, scan, issue_ids)
        scan.number_own()
        for sentence in _correct_ids(run, scan):
            context.progress.say(f"warning: {sentence}")
        scan.end_span()
        for sentence in name_duplicates(scan.duplicates()):
            context.progress.say(f"warning: {sentence}")
    except RunStopped as error:
        return replace(result, stopped=error)
    except KeyboardInterrupt:
        return replace(result, stopped=RunStopped(INTERRUPTED), interrupted=True)
    finally:
        context.progress.finish()
    return result


def _correct_ids(run: Run, scan: TargetScan) -> Iterator[str]:
    """Record the right ids of issues whose create was answered with another issue's; yield a sentence on each.

    Numbers are unique in an organisation: a second issue with the key's marker and its very number is its own.
    """
    wrong = dict[str, DuplicateIssue]()  # by the id of the second issue
    for duplicate in scan.duplicates():
        if duplicate.number == duplicate.triage_id:
            wrong[duplicate.issue_id] = duplicate
    markers = [record_marker(duplicate.key) for duplicate in wrong.values()]
    for issue in chain.from_iterable(scan.find(markers).values()):
        if issue.issue_id in wrong:
            duplicate = wrong[issue.issue_id]
            at = issue.issue_id
            number = issue.triage_id
            decision = Decision(duplicate.key, State.DONE, 0, issue_id=at, triage_id=number, returned=issue.returned)
            run.decide([decision])
            yield (
                f"Triage answered the create of {duplicate.key} with the id of another issue, which may have got its "
                f"comments and links; its own is {duplicate.number}, and the next run sends to that."
            )


def name_duplicates(duplicates: Sequence[DuplicateIssue]) -> list[str]:
    """Return a sentence for each of the first duplicates, and one for the others."""
    sentences = [str(duplicate) for duplicate in duplicates[:DUPLICATES_SAID]]
    remaining = len(duplicates) - len(sentences)
    if remaining:
        sentences.append(f"{counted(remaining, 'more has', 'more have')} the marker of another issue: see results.csv.")
    return sentences
