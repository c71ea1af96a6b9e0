"""Change detection: compares each row with the ledger: unchanged, changed, deleted at the target, or not sent yet."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import cached_property, partial
from hashlib import sha256
from itertools import chain

import orjson

from importer.api import ISSUE_FIELDS
from importer.check.brake import add_up, scopes_of
from importer.check.held import DESCRIPTION, find_absence
from importer.check.job import Job
from importer.check.knowledge import (
    ChangePolicy,
    Create,
    FindAbsence,
    KnownIssue,
    KnownSample,
    Knows,
    LedgerStatus,
    find_no_absence,
)
from importer.check.known import UNCHANGED, Terms, decide, find_difference, hold, remark, with_issue
from importer.check.sameness import Move, issue_facts, row_facts, weigh_move
from importer.codes import (
    CODES,
    FOUND_AT_TARGET,
    MARKER_AMBIGUOUS,
    MOVE_UNSURE,
    NEWER_FILE_IN,
    ROW_CORRECTED,
)
from importer.ledger.added import AddedOperations, find_already_added, relation_targets
from importer.ledger.commands import settle_command
from importer.ledger.journal import Decision, Run
from importer.ledger.previous_run import (
    EMPTIED,
    CorrectedRow,
    find_corrected_rows,
    read_kept,
    read_recent,
    reasons_of,
)
from importer.ledger.rejected import find_rejected
from importer.ledger.schema import UNDECIDED, State
from importer.ledger.source_list import IssueSample, list_names, read_keys, sample_issues
from importer.ledger.store import Ledger
from importer.ledger.target_scan import Found
from importer.phrases import listed
from importer.records import AlreadyAdded, Finding, Operation, Outcome, Row
from importer.transform.description_parts import TEXT, decode_parts, digest_label
from importer.transform.markers import record_marker
from importer.transform.occurrences import read_covered
from importer.triage.snapshot import Snapshot, is_gone, is_missing

NO_ROW = bytes(32)
"""In place of a body's SHA-256: no row equals the issue as it is, so that the next run finds a change."""


UNSURE = (
    "it may be that issue under a new key. If it is, an export with the date of creation shows it; if it is another "
    "site's issue, the mapping should say of which site an id is: `input: {id: {site: COLUMN}}`"
)
SAMPLE = 1000
"""Most known issues that are held in memory, to recognise rows that come under new keys."""
WEEK = 7 * 24 * 3600
"""Seconds in which emptied values are added up."""
NEAR = 0.8
"""Least similarity, from 0 to 1, at which a title in Triage is shown beside that of a row; see `difflib`."""


def with_last_run(job: Job, ledger: Ledger, target: str) -> Job:
    """Give a job what its source's last import kept: its columns, compared with those of now, and its criteria.

    Of the rows that it holds for what a newer file has brought, those stay whose issues are in Triage.
    """
    read_last = partial(read_kept, ledger.transaction, target, job.source_name)
    columns = read_last("columns", mapping=job.mapping.short_name)
    is_own = columns is not None
    if not is_own:
        columns = read_last("columns")
    absence = find_absence(job, columns, is_own=is_own)
    week_ago = time.time() - WEEK
    runs = read_recent(ledger.transaction, target, job.source_name, EMPTIED, week_ago)
    absence = replace(absence, emptied=add_up(runs))
    # The newer file's row may have been rejected: an issue that isn't there is made from the older one.
    holds = dict(job.holds)
    in_newer_file = [key for key in holds if holds[key] == NEWER_FILE_IN]
    if in_newer_file:
        places = ledger.additions(target, job.source_name).places(in_newer_file)
        for key in set(in_newer_file).difference(places):
            del holds[key]
    aliases = ledger.read_aliases(target, job.source_name)
    # An import that was broken off is continued: the criteria that were new to it still are.
    criteria = read_last("criteria", is_finished=True)
    rejected = find_rejected(ledger.transaction, target, job.source_name)
    return replace(job, aliases=aliases, absence=absence, criteria=criteria or {}, holds=holds, rejected=rejected)


TakenIn = tuple[list[Decision], list[Operation]]
"""Issues that discovery found, as their rows' own: what `Run.decide` records of them."""


class LedgerHistory(Knows):
    """Asks a ledger about rows.

    With a `run`, issues found by discovery are recorded in the ledger as soon as their row comes by; otherwise `taken`
    has what is to be recorded of the last rows. With `near`, an issue without a marker is named beside rows with a
    similar title, not only with the same one. `matched` counts the rows whose issue only discovery knows.
    """

    def __init__(
        self,
        ledger: Ledger,
        target: str,
        source_name: str,
        policy: ChangePolicy,
        run: Run | None = None,
        *,
        near: bool = False,
    ) -> None:
        self._ledger = ledger
        self._target = target
        self._source_name = source_name
        self._policy = policy
        self._run = run
        self._target_scan = ledger.target_scan(target, source_name)
        # A key is asked for once: what is sent meanwhile changes nothing of those that are asked for later.
        self._open_changes = ledger.find_open_changes(target, source_name)
        self._titles = self._read_unmarked()
        self._any_found = self._target_scan.count() > 0
        self._knows_ids = ledger.knows_fixed_ids(target, source_name)
        self._near = near
        self.matched = 0
        self.taken: TakenIn = [], []
        self._moves = dict[str, str]()
        # Conflicts of an earlier attempt of this run are not tried again before the next run.
        self._conflicting = set[str]()
        if run is not None and run.attempts > 1:
            for key, *_ in run.conflicts():
                self._conflicting.add(key)

    def _read_unmarked(self) -> dict[str, list[Found]]:
        """Read the issues without a marker that no row has, by title."""
        titles = dict[str, list[Found]]()
        issues = self._target_scan.unmarked()
        if not issues:
            return titles
        triage_ids = {issue.issue_id: issue.triage_id for issue in issues}
        rows_issues = self._target_scan.known(triage_ids)
        for issue in issues:
            if issue.issue_id not in rows_issues:
                titles.setdefault(_fold(issue.title), []).append(issue)
        return titles

    @property
    def moves(self) -> Mapping[str, str]:
        return self._moves

    def __call__(
        self, bodies: Iterable[tuple[str, bytes]], create: Create, find_absence: FindAbsence = find_no_absence
    ) -> Mapping[str, LedgerStatus]:
        rows = dict(bodies)
        self.taken = [], []
        statuses = self._find_unchanged(rows)
        # The rows whose issue is known: each may have changed.
        remaining = [key for key in rows if key not in statuses]
        known_creates = self._ledger.find_known(self._target, self._source_name, remaining, self._open_changes)
        terms = self._find_terms()
        for key, issue in known_creates.items():
            if issue.state is State.DONE:
                status = decide(create(key), issue, find_absence, terms)
                statuses[key] = with_issue(status, issue)
        # Rows that the source has moved.
        if self._knows_ids and len(known_creates) < len(remaining):
            new_creates = [create(key) for key in remaining if key not in known_creates]
            statuses |= self._find_moved(new_creates)
        # Rows whose issue only discovery knows. Creates without an outcome are read back by the settler.
        if self._any_found or self._titles:
            absent = rows.keys() - statuses.keys()
            for key, issue in known_creates.items():
                if issue.state in UNDECIDED:
                    absent.discard(key)
            absent_creates = [create(key) for key in absent]
            statuses |= self._match_discovered(absent_creates)
        return statuses

    def _find_unchanged(self, rows: Mapping[str, bytes]) -> dict[str, LedgerStatus]:
        """Find the rows that are as they were last sent, with nothing open: most of a night need no more than this."""
        statuses = dict[str, LedgerStatus]()
        for issue in self._ledger.find_standing(self._target, self._source_name, rows):
            if issue.key in self._open_changes or is_missing(issue.returned):
                continue
            # A row that only withdraws an occurrence has no body.
            body = rows[issue.key]
            if not body or issue.body_sha == sha256(body).digest():
                statuses[issue.key] = with_issue(UNCHANGED, issue)
        return statuses

    def _find_terms(self) -> Terms:
        settle = partial(settle_command, self._ledger.name, self._target)
        return Terms(self._policy, self._conflicting, self._has_row, settle)

    @property
    def _additions(self) -> AddedOperations:
        return self._ledger.additions(self._target, self._source_name)

    def had(self, keys: Iterable[str]) -> Mapping[str, AlreadyAdded]:
        additions = self._additions
        keys = dict.fromkeys(keys)
        operations = additions.of(keys)
        # A relation whose other issue was deleted and made anew is to be added again.
        targets = relation_targets(chain.from_iterable(operations.values()))
        ends = additions.ends(targets)
        already_added = dict[str, AlreadyAdded]()
        for key in operations:
            already_added[key] = find_already_added(operations[key], ends)
        if self._policy.recurring:
            for key in self._find_lost(keys, additions):
                added = already_added.get(key, AlreadyAdded())
                already_added[key] = added._replace(was_lost=True)
        return already_added

    def _find_lost(self, keys: Iterable[str], additions: AddedOperations) -> Iterator[str]:
        """Find the keys whose issues were found by discovery: they may have additions that the ledger doesn't know."""
        places = additions.places(keys)
        for key, issue in places.items():
            if issue.was_found:
                yield key
        if self._any_found:
            remaining = [key for key in keys if key not in places]
            markers = {record_marker(key): key for key in remaining}
            for marker in self._target_scan.find(markers):
                yield markers[marker]

    def in_triage(self, keys: Collection[str]) -> Collection[str]:
        return self._additions.places(keys).keys()

    def elsewhere(self, keys: Collection[str]) -> Mapping[str, int]:
        counts = dict[str, int]()
        for key, issues in self._additions.elsewhere(keys).items():
            # One alone may be deleted.
            if len(issues) == 1 and is_gone(issues[0].returned):
                continue
            counts[key] = len(issues)
        return counts

    @cached_property
    def _corrected_rows(self) -> Mapping[str, CorrectedRow]:
        """Corrected rows by key: they are read once there is a rejected row."""
        recurs = bool(self._policy.recurring)
        return find_corrected_rows(self._ledger.transaction, self._target, self._source_name, recurs=recurs)

    def find_corrected(self, row: Row) -> LedgerStatus | None:
        corrected = self._corrected_rows.get(row.key)
        if corrected is None:
            return None
        raw = row.raw if self._policy.recurring else None
        reasons = reasons_of(row.codes, row.fields, row.messages, raw)
        if reasons not in corrected.reasons:
            return None
        number = corrected.triage_id
        status = hold(ROW_CORRECTED, f"its issue, {number}, comes from the corrected row, imported in {corrected.run}")
        return status._replace(issue_id=corrected.issue_id, triage_id=number)

    def is_complete(self) -> bool:
        """Whether discovery has looked for all issues of the source since the ledger was last found to lack any."""
        return self._target_scan.is_complete()

    @cached_property
    def _sampled(self) -> IssueSample:
        return sample_issues(self._ledger, self._target, self._source_name, SAMPLE)

    @property
    def undecided(self) -> int:
        """The creates whose outcome was unknown when the sample was taken."""
        return self._sampled.undecided

    def sample(self) -> KnownSample:
        sampled = self._sampled
        issues = list(_read_issues(sampled.issues))
        return KnownSample(sampled.total, sampled.step, issues)

    def all_keys(self) -> Iterator[Sequence[str]]:
        return read_keys(self._ledger, self._target, self._source_name)

    def count_stored(self, scope: str, name: str) -> int:
        is_description = name == DESCRIPTION
        label = digest_label(TEXT if is_description else name)
        field = name.casefold()
        is_field = field in ISSUE_FIELDS and not is_description
        count = 0
        for page in self.all_keys():
            keys = [key for key in page if scope in scopes_of(key)]
            for issue in self._ledger.find_standing(self._target, self._source_name, keys):
                snapshot = Snapshot.parse(issue.returned)
                parts = snapshot.known_parts
                has_part = parts is not None and label in decode_parts(parts)
                has_field = is_field and bool(snapshot.ours.get(field))
                if has_part or has_field:
                    count += 1
        return count

    def issues(self, keys: Iterable[str]) -> Iterator[KnownIssue]:
        return self._issues_of(self._source_name, keys)

    def in_other_sources(self, native_keys: Collection[str]) -> Iterator[tuple[str, Iterator[KnownIssue]]]:
        for name in self._other_names:
            keys = [f"{name}:{key}" for key in native_keys]
            yield name, self._issues_of(name, keys)

    def count_issues(self, source_name: str) -> int:
        return sample_issues(self._ledger, self._target, source_name, 1).total

    @cached_property
    def _other_names(self) -> list[str]:
        names = list_names(self._ledger, self._target)
        return [name for name in names if name != self._source_name]

    def _issues_of(self, source_name: str, keys: Iterable[str]) -> Iterator[KnownIssue]:
        standing = self._ledger.find_standing(self._target, source_name, keys)
        return _read_issues((issue.key, issue.content, issue.returned) for issue in standing)

    def _find_moved(self, creates: Sequence[Operation]) -> dict[str, LedgerStatus]:
        """Hold new rows whose issue is in Triage under another key, by their id: it would be there twice.

        Those that were surely moved go on once the source is read with what `moves` has of them.
        """
        rows = dict[str, Operation]()
        for create in creates:
            if create.fixed_id and create.body:
                rows[create.fixed_id] = create
        statuses = dict[str, LedgerStatus]()
        for issue in self._ledger.find_by_fixed_ids(self._target, self._source_name, rows):
            row = rows[issue.fixed_id]
            move = weigh_move(row_facts(row), issue_facts(issue))
            if move is Move.NONE:
                continue
            if move is Move.SURE:
                self._moves[row.key] = issue.key
            place = f"{issue.key}, which is {issue.triage_id} in Triage"
            message = f"its id, {row.fixed_id}, is that of {place}: {UNSURE}"
            statuses[row.key] = hold(MOVE_UNSURE, message)
        return statuses

    def _has_row(self, create: Operation) -> bool:
        """Whether an issue that recurs has the deciding row already, with another severity: the mapping has changed."""
        row = create.content.hex()
        severity = orjson.loads(create.body)["severity"]
        additions = self.had([create.key])
        already_added = additions.get(create.key, AlreadyAdded())
        words = read_covered(already_added.covered).values()
        severities = {word.severity for word in words if word.row == row}
        return bool(severities - {severity})

    def _match_discovered(self, creates: list[Operation]) -> dict[str, LedgerStatus]:
        """Match creates that the ledger doesn't know with issues that discovery found: by marker, or only by title."""
        candidates = self._find_candidates(creates)
        self.matched += len(candidates)
        statuses = dict[str, LedgerStatus]()
        matches = list[tuple[Operation, Found]]()
        for create in creates:
            issues = candidates.get(create.marker, ())
            # Nothing was found by the marker: an issue without one may have the title.
            if not issues:
                titled = self._find_titled(create)
                if titled is not None:
                    statuses[create.key] = self._suggest(create.key, *titled)
                continue
            # Several may be the row's. So may one that has another row's marker, too, as what somebody pasted.
            issue = issues[0]
            if len(issues) > 1 or issue.marker not in (create.marker, ""):
                statuses[create.key] = self._ask(create.key, issues)
                continue
            matches.append((create, issue))
            statuses[create.key] = self._compare_found(create, issue)
        self.taken = _take_in(matches)
        if self._run is not None and matches:
            self._run.decide(*self.taken)
        return statuses

    def _find_candidates(self, creates: list[Operation]) -> dict[str, list[Found]]:
        """Find the issues that may be those of creates, by the creates' markers."""
        candidates = self._target_scan.find(create.marker for create in creates)
        if not self._titles:
            return candidates
        for create in creates:
            if create.marker in candidates or not create.body:
                continue
            cut = self._find_cut(create)
            if cut:
                candidates[create.marker] = cut
        return candidates

    def _compare_found(self, create: Operation, issue: Found) -> LedgerStatus:
        """Compare a row with its issue, which discovery found."""
        snapshot = Snapshot.parse(issue.returned)
        changes = dict[str, object]()
        if create.body:
            changes = snapshot.changes(create.body)
            changes = self._policy.limit(snapshot.ours, changes)
        finding = remark(FOUND_AT_TARGET, CODES[FOUND_AT_TARGET])
        status = LedgerStatus(Outcome.UNCHANGED, finding)
        if changes:
            names = ", ".join(changes)
            finding = remark("found-changed", f"{CODES['found-changed']} It differs in: {names}.")
            difference = find_difference(snapshot, changes)
            status = LedgerStatus(Outcome.CHANGED, finding, differs=difference)
        return status._replace(issue_id=issue.issue_id, triage_id=issue.triage_id)

    def _find_cut(self, create: Operation) -> list[Found]:
        """Find the issues with a row's title whose description is the beginning of its own: their marker was cut off.

        One alone is the row's, and no other one's.
        """
        row = orjson.loads(create.body)
        title = _fold(row["title"])
        description = row.get("description") or ""
        issues = self._titles.get(title, [])
        cut = list[Found]()
        for issue in issues:
            snapshot = Snapshot.parse(issue.returned)
            if snapshot.has_beginning_of(description):
                cut.append(issue)
        if len(cut) == 1:
            issues.remove(cut[0])
            if not issues:
                del self._titles[title]
        return cut

    def _settle(self, key: str, number: str) -> str:
        """Give the command that says of a key that an issue is its own."""
        return settle_command(self._ledger.name, self._target, key, number)

    def _ask(self, key: str, issues: Sequence[Found]) -> LedgerStatus:
        """Hold a row back until a person has said which of these issues is its own."""
        numbers = [issue.triage_id for issue in issues]
        commands = [self._settle(key, number) for number in numbers]
        message = (
            f"{listed(numbers, len(numbers))} may be the row's issue by marker, or by title and text, and only a "
            "person can say whose it is. Take the marker's line out where it doesn't belong, or type one of these:\n"
        )
        return hold(MARKER_AMBIGUOUS, message + "\n".join(commands))

    def _suggest(self, key: str, title: str, number: str) -> LedgerStatus:
        """Send a row, and name an issue beside it that may be its own."""
        message = f'{number} "{title}" has the same or a similar title and no marker; if it is this row\'s issue:'
        hint = self._settle(key, number)
        finding = Finding("title-in-triage", "title", message, hint, rejects=False)
        return LedgerStatus(Outcome.PLANNED, finding)

    def _find_titled(self, create: Operation) -> tuple[str, str] | None:
        """Find an issue without a marker whose title is that of a row, or nearly so: its title and its number."""
        if not self._titles or not create.body:
            return None
        row = orjson.loads(create.body)
        title = _fold(row["title"])
        if self._near and title not in self._titles:
            for near_title in get_close_matches(title, self._titles, n=1, cutoff=NEAR):
                title = near_title
        issues = self._titles.get(title)
        if issues is None:
            return None
        return title, issues[-1].triage_id


def _take_in(pairs: list[tuple[Operation, Found]]) -> TakenIn:
    """Take the issues that were found for their keys' own; one that differs from its row will count as changed."""
    decisions = list[Decision]()
    intents = list[Operation]()
    message = CODES[FOUND_AT_TARGET]
    for create, issue in pairs:
        snapshot = Snapshot.parse(issue.returned)
        intent = create._replace(body=b"", whole_sha=sha256(create.body).digest())
        returned = issue.returned
        is_same = False
        if create.body:
            is_same = not snapshot.changes(create.body)
            returned = snapshot.adopt(create.body).dump()
        if not is_same:
            intent = intent._replace(whole_sha=NO_ROW, content=b"", dated=0.0)
        intents.append(intent)
        decision = Decision(create.key, State.DONE, 0, code=FOUND_AT_TARGET, message=message)
        decisions.append(decision._replace(issue_id=issue.issue_id, triage_id=issue.triage_id, returned=returned))
    return decisions, intents


def _fold(title: str) -> str:
    words = title.casefold().split()
    return " ".join(words)


def _read_issues(rows: Iterable[tuple[str, bytes, bytes]]) -> Iterator[KnownIssue]:
    for key, content, returned in rows:
        if not is_gone(returned):
            title = Snapshot.parse(returned).ours.get("title")
            yield KnownIssue(key, content, str(title or ""))
