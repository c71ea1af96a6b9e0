"""A person's word on one key: what became of its create or its additions, or which of its issues is the right one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import cached_property, partial

from importer.api import ISSUES_PATH
from importer.codes import ADDITION_UNPROVEN, FOUND_AT_TARGET
from importer.errors import ExitCode, TargetUnreachable, UsageError
from importer.ledger.added import encode_details
from importer.ledger.commands import ABSENT, ADDED, NOT_ADDED, settle_command
from importer.ledger.journal import Decision
from importer.ledger.schema import UNDECIDED, FoundState, RunKind, State
from importer.ledger.store import Ledger, RunIdentity
from importer.ledger.target_scan import DuplicateIssue, Found, Seen
from importer.load.addition_log import IssueWork
from importer.load.driver import make_decision
from importer.load.preflight import claim_source
from importer.load.queue import QueueItem
from importer.phrases import counted, listed
from importer.records import IssueParts, Lesson, Operation
from importer.transform.markers import find_marker_lines, record_marker
from importer.triage.absence import Absence
from importer.triage.actions import CallFailed, stop_of
from importer.triage.answers import Issue
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.listing import NewestFirst, search_issues
from importer.triage.paced import PacedCalls
from importer.triage.snapshot import Snapshot, is_missing
from importer.triage.target import Target


class HandSettling:
    """Settles a key by hand; each way returns a sentence for the user."""

    def __init__(self, ledger: Ledger, target: Target, key: str, rate: float, say: Callable[[str], None]) -> None:
        """Lock the key's source. Raises UsageError for what is no key, and what `claim_source` raises."""
        source_name, colon, native = key.partition(":")
        if not (colon and native):
            hint = "A key is the source's name, a colon, and the native key: jira:PROJ-7"
            raise UsageError(f"{key} is not a full key.", hint=hint)
        claim_source(target, ledger, source_name, say)
        aliases = ledger.read_aliases(target.name, source_name)
        self.key = key = aliases.get(key, key)
        self._marker, self._source_name = record_marker(key), source_name
        # The description of an issue that has moved names the key that it had when it was last written.
        self._markers = {self._marker, *(record_marker(new) for new, first in aliases.items() if first == key)}
        self._ledger, self._target, self._calls = ledger, target, PacedCalls.at(rate, say)
        self._known = ledger.find_known(target.name, source_name, [key]).get(key)
        self._run = ledger.find_run_of(target.name, key)  # that last worked on the key

    def settle(self, answer: str) -> str:
        """Record what became of the key's create, or of its open additions.

        `answer` is the issue that was created, as `T-1042` or UUID, or ABSENT: there is none, or it was deleted. ADDED
        and NOT_ADDED say of all additions whose outcome is open that they are in Triage, or that none is.

        Raises:
            UsageError: the ledger or Triage contradicts the answer.
            RunStopped: Triage can't be read.
        """
        if answer in (ADDED, NOT_ADDED):
            return self._settle_additions(State.DONE if answer == ADDED else State.UNSENT)
        return self._connected(self._note_absence if answer == ABSENT else partial(self._name_issue, answer))

    def _connected(self, work: Callable[[TriageClient, Absence], Awaitable[str]]) -> str:
        async def connect() -> str:
            async with TriageClient(self._target.url, self._target.api_key) as client:
                try:
                    return await work(client, Absence(client, self._calls))
                except CallFailed as error:
                    raise stop_of(error) from error

        return run_loop(connect())

    @cached_property
    def _seen(self) -> Seen:
        return self._ledger.seen(self._target.name, self._source_name, writable=True)

    @property
    def _duplicates(self) -> list[DuplicateIssue]:
        return [each for each in self._seen.duplicates() if each.key == self.key]

    def _command(self, answer: str) -> str:
        return settle_command(self._ledger.name, self._target.name, self.key, answer)

    def _settle_additions(self, state: State) -> str:
        run, key = self._run, self.key
        place = run.additions.places([key]).get(key) if run is not None else None
        if run is None or place is None:
            hint = f"Record it first: {self._command('T-…')}"
            raise UsageError(f"The ledger knows no issue of {key}.", hint=hint)
        item, known = QueueItem(key, IssueParts()), run.additions.of([key]).get(key, ())
        work = IssueWork(item, place, {(each.act, each.name): each for each in known})
        left = [each for each in known if each.state in UNDECIDED or each.code == ADDITION_UNPROVEN]
        if not left:
            raise UsageError(f"No addition of {place.triage_id} has an unknown outcome.")
        run.decide(make_decision(work.earlier(each), state, details=encode_details(each.covers)) for each in left)
        names = listed([counted(number, act) for act, number in Counter(each.act for each in left).items()], shown=3)
        became = "in Triage" if state is State.DONE else "not in Triage: the next run sends it"
        return f"{names} of {key}: {became}."

    async def _name_issue(self, answer: str, client: TriageClient, absence: Absence) -> str:
        issue_id = await self._find_issue(client, answer)
        issue = None if issue_id is None else await absence.read(issue_id)
        if issue is None:
            hint = "Give its number as Triage shows it: T-1042"
            raise UsageError(f"There is no issue {answer} in {self._target.name}.", hint=hint)
        self._refuse_another(issue, answer)
        known, snapshot = self._known, Snapshot.take(issue)
        if known is not None and known.state is State.DONE:
            if sentence := self._choose(issue):
                return sentence
            if known.issue_id != issue.id:
                hint = f"If that issue is gone, record that first: {self._command(ABSENT)}"
                raise UsageError(f"{self.key} is {known.triage_id} already.", hint=hint)
            if self._run is not None:  # whatever told the row from the issue counts no more: its next one says it anew
                self._run.learn([Lesson(self.key, "", 0.0)])
            if known.triage_id and not is_missing(known.returned):
                return f"{self.key} is {issue.triage_id}, as the ledger knows."
            # What is there now may be a person's edit: it would count as ours.
            snapshot = Snapshot.parse(known.returned)._replace(gone=())
        done = self._done(issue, snapshot)
        if self._run is not None:
            self._run.decide([done])
        else:
            identity = RunIdentity(self._target.name, self._source_name, self.key, "", RunKind.REBUILD)
            settling = self._ledger.begin_run(identity)
            settling.decide([done._replace(code=FOUND_AT_TARGET)], [self._create()])
            settling.finish(ExitCode.DONE, {})
            self._seen.drop(issue.id)
        self._seen.settle([each.issue_id for each in self._duplicates])
        return f"{self.key} is {issue.triage_id}."

    async def _find_issue(self, client: TriageClient, name: str) -> str | None:
        """Return the id of an issue, found by its number in the list: the API has no look-up for numbers."""
        if name[:2].upper() != "T-":
            return name
        async for page in NewestFirst(client, self._calls):
            for issue in page:
                if issue.triage_id == name.upper():
                    return issue.id
        return None

    def _refuse_another(self, issue: Issue, answer: str) -> None:
        """Raise UsageError if an issue, named by this answer, is that of another record."""
        hint = "Compare the keys in the two descriptions."
        markers = [marker for _, marker in find_marker_lines(issue.description)]
        if markers and self._markers.isdisjoint(markers):
            raise UsageError(f"{answer} has the marker of another record.", hint=hint)
        owner = self._seen.owner_of(issue.id)
        if owner not in ("", self.key):
            raise UsageError(f"{answer} is {owner} already.", hint=hint)

    def _choose(self, issue: Issue) -> str:
        """Name the right one of the key's issues, of which looks have found several; returns "" if they haven't."""
        known, duplicates = self._known, self._duplicates
        others = {each.issue_id: each.other for each in duplicates if each.issue_id != issue.id}
        assert known is not None
        if not duplicates or (known.issue_id != issue.id and len(others) == len(duplicates)):
            return ""
        if known.issue_id != issue.id:
            assert self._run is not None
            done = self._done(issue, Snapshot.take(issue))
            # To a deleted one nothing was sent of late: its row is compared with the one that takes its place.
            anew = [self._create()] if is_missing(known.returned) else []
            self._run.decide([done._replace(code=FOUND_AT_TARGET)], anew)  # another import may have added to it
            own = Found(known.issue_id, known.triage_id, self._marker, "", 0.0, known.returned, self.key)
            self._seen.note([own], FoundState.SETTLED)
            others[known.issue_id] = known.triage_id
        self._seen.settle(others)
        if is_missing(known.returned) and known.issue_id != issue.id:
            return f"{self.key} is {issue.triage_id}; {known.triage_id} is deleted."
        return f"{self.key} is {issue.triage_id}; you may delete its duplicate {', '.join(others.values())}."

    def _create(self) -> Operation:
        """Make the create of an issue that no row is known to equal, so that the next one is compared with it."""
        return Operation(self.key, "POST", ISSUES_PATH, b"", self._marker, whole_sha=bytes(32))

    def _done(self, issue: Issue, snapshot: Snapshot) -> Decision:
        returned = snapshot.dump()
        return Decision(self.key, State.DONE, 0, issue_id=issue.id, triage_id=issue.triage_id, returned=returned)

    async def _note_absence(self, client: TriageClient, absence: Absence) -> str:
        key, known, run = self.key, self._known, self._run
        if known is None or run is None:
            raise UsageError(f"The ledger doesn't know {key}: the next run creates it, if no issue has its marker.")
        is_made = known.state is State.DONE
        if is_made:
            if await absence.read(known.issue_id, known.since) is not None:
                number = known.triage_id
                raise UsageError(f"{key} is {number}, and {number} is in Triage.", hint="Delete it there first.")
            # What answers 404 for a while to whoever reads an issue would have the next run make it again.
            for marker in self._markers:
                async for page in search_issues(client, self._calls, marker):
                    if any(issue.id == known.issue_id for issue in page):
                        raise TargetUnreachable(
                            f"Triage says that {known.triage_id} isn't there, and its search finds it.",
                            hint="Run the same command again later; nothing was recorded.",
                        )
        run.decide([Decision(key, State.DELETED if is_made else State.UNSENT, 0)])
        return f"{key} has no issue; the next run creates it."
