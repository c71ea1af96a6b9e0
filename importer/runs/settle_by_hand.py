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
from importer.ledger.target_scan import DuplicateIssue, Found, TargetScan
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
        self._marker = record_marker(key)
        self._source_name = source_name
        # The description of an issue that has moved names the key that it had when it was last written.
        aliases_of_key = [alias for alias, first in aliases.items() if first == key]
        self._markers = {self._marker, *map(record_marker, aliases_of_key)}
        self._ledger = ledger
        self._target = target
        self._calls = PacedCalls.at(rate, say)
        creates = ledger.find_known(target.name, source_name, [key])
        self._known = creates.get(key)
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
            state = State.DONE if answer == ADDED else State.UNSENT
            return self._settle_additions(state)
        if answer == ABSENT:
            return self._connected(self._note_absence)
        return self._connected(partial(self._name_issue, answer))

    def _connected(self, work: Callable[[TriageClient, Absence], Awaitable[str]]) -> str:
        async def connect() -> str:
            async with TriageClient(self._target.url, self._target.api_key) as client:
                try:
                    absence = Absence(client, self._calls)
                    return await work(client, absence)
                except CallFailed as error:
                    raise stop_of(error) from error

        return run_loop(connect())

    @cached_property
    def _target_scan(self) -> TargetScan:
        return self._ledger.target_scan(self._target.name, self._source_name, writable=True)

    @property
    def _duplicates(self) -> list[DuplicateIssue]:
        duplicates = self._target_scan.duplicates()
        return [duplicate for duplicate in duplicates if duplicate.key == self.key]

    def _command(self, answer: str) -> str:
        return settle_command(self._ledger.name, self._target.name, self.key, answer)

    def _settle_additions(self, state: State) -> str:
        run = self._run
        key = self.key
        place = None
        if run is not None:
            place = run.additions.places([key]).get(key)
        if run is None or place is None:
            hint = f"Record it first: {self._command('T-…')}"
            raise UsageError(f"The ledger knows no issue of {key}.", hint=hint)
        additions = run.additions.of([key]).get(key, ())
        by_name = {(addition.act, addition.name): addition for addition in additions}
        work = IssueWork(QueueItem(key, IssueParts()), place, by_name)
        undecided = [
            addition for addition in additions if addition.state in UNDECIDED or addition.code == ADDITION_UNPROVEN
        ]
        if not undecided:
            raise UsageError(f"No addition of {place.triage_id} has an unknown outcome.")
        decisions = list[Decision]()
        for addition in undecided:
            details = encode_details(addition.covers)
            decisions.append(make_decision(work.earlier(addition), state, details=details))
        run.decide(decisions)
        acts = Counter(addition.act for addition in undecided)
        numbers = [counted(number, act) for act, number in acts.items()]
        names = listed(numbers, shown=3)
        became = "in Triage" if state is State.DONE else "not in Triage: the next run sends it"
        return f"{names} of {key}: {became}."

    async def _name_issue(self, answer: str, client: TriageClient, absence: Absence) -> str:
        issue_id = await self._find_issue(client, answer)
        issue = None
        if issue_id is not None:
            issue = await absence.read(issue_id)
        if issue is None:
            hint = "Give its number as Triage shows it: T-1042"
            raise UsageError(f"There is no issue {answer} in {self._target.name}.", hint=hint)
        self._refuse_another(issue, answer)
        create = self._known
        snapshot = Snapshot.take(issue)
        if create is not None and create.state is State.DONE:
            if sentence := self._choose(issue):
                return sentence
            if create.issue_id != issue.id:
                hint = f"If that issue is gone, record that first: {self._command(ABSENT)}"
                raise UsageError(f"{self.key} is {create.triage_id} already.", hint=hint)
            if self._run is not None:  # whatever told the row from the issue counts no more: its next one says it anew
                self._run.learn([Lesson(self.key, "", 0.0)])
            if create.triage_id and not is_missing(create.returned):
                return f"{self.key} is {issue.triage_id}, as the ledger knows."
            # What is there now may be a person's edit: it would count as ours.
            snapshot = Snapshot.parse(create.returned)._replace(gone=())
        decision = self._done(issue, snapshot)
        if self._run is not None:
            self._run.decide([decision])
        else:
            identity = RunIdentity(self._target.name, self._source_name, self.key, "", RunKind.REBUILD)
            settling = self._ledger.begin_run(identity)
            decision = decision._replace(code=FOUND_AT_TARGET)
            settling.decide([decision], [self._create()])
            settling.finish(ExitCode.DONE, {})
            self._target_scan.drop(issue.id)
        duplicates = [duplicate.issue_id for duplicate in self._duplicates]
        self._target_scan.settle(duplicates)
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
        owner = self._target_scan.owner_of(issue.id)
        if owner not in ("", self.key):
            raise UsageError(f"{answer} is {owner} already.", hint=hint)

    def _choose(self, issue: Issue) -> str:
        """Name the right one of the key's issues, of which looks have found several; returns "" if they haven't."""
        create = self._known
        duplicates = self._duplicates
        assert create is not None
        is_known = create.issue_id == issue.id
        numbers = dict[str, str]()
        for duplicate in duplicates:
            if duplicate.issue_id != issue.id:
                numbers[duplicate.issue_id] = duplicate.number
        if not duplicates or (not is_known and len(numbers) == len(duplicates)):
            return ""
        is_deleted = is_missing(create.returned)
        if not is_known:
            assert self._run is not None
            decision = self._done(issue, Snapshot.take(issue))
            # To a deleted one nothing was sent of late: its row is compared with the one that takes its place.
            operations = [self._create()] if is_deleted else []
            # Another import may have added to it.
            self._run.decide([decision._replace(code=FOUND_AT_TARGET)], operations)
            duplicate_known = Found(create.issue_id, create.triage_id, self._marker, "", 0.0, create.returned, self.key)
            self._target_scan.note([duplicate_known], FoundState.SETTLED)
            numbers[create.issue_id] = create.triage_id
        self._target_scan.settle(numbers)
        if is_deleted and not is_known:
            return f"{self.key} is {issue.triage_id}; {create.triage_id} is deleted."
        return f"{self.key} is {issue.triage_id}; you may delete its duplicate {', '.join(numbers.values())}."

    def _create(self) -> Operation:
        """Make the create of an issue that no row is known to equal, so that the next one is compared with it."""
        return Operation(self.key, "POST", ISSUES_PATH, b"", self._marker, whole_sha=bytes(32))

    def _done(self, issue: Issue, snapshot: Snapshot) -> Decision:
        returned = snapshot.dump()
        return Decision(self.key, State.DONE, 0, issue_id=issue.id, triage_id=issue.triage_id, returned=returned)

    async def _note_absence(self, client: TriageClient, absence: Absence) -> str:
        key = self.key
        create = self._known
        run = self._run
        if create is None or run is None:
            raise UsageError(f"The ledger doesn't know {key}: the next run creates it, if no issue has its marker.")
        is_made = create.state is State.DONE
        if is_made:
            issue = await absence.read(create.issue_id, create.since)
            if issue is not None:
                number = create.triage_id
                raise UsageError(f"{key} is {number}, and {number} is in Triage.", hint="Delete it there first.")
            # What answers 404 for a while to whoever reads an issue would have the next run make it again.
            for marker in self._markers:
                async for page in search_issues(client, self._calls, marker):
                    if any(issue.id == create.issue_id for issue in page):
                        raise TargetUnreachable(
                            f"Triage says that {create.triage_id} isn't there, and its search finds it.",
                            hint="Run the same command again later; nothing was recorded.",
                        )
        state = State.DELETED if is_made else State.UNSENT
        run.decide([Decision(key, state, 0)])
        return f"{key} has no issue; the next run creates it."
