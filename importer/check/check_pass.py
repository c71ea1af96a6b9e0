"""The check pass: reads every row, plans what would become of it, counts the findings, and sends nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from heapq import nsmallest

from importer.check.checked_row import CheckedRow
from importer.check.coverage.coverage import Coverage
from importer.check.duplicates import (
    NO_VERDICTS,
    UNDATED,
    DuplicateVerdict,
    KeySpool,
    Policy,
    SpooledRow,
    advise,
    line_of_project,
)
from importer.check.examine import RowRun, examine
from importer.check.job import Job
from importer.check.knowledge import Knows
from importer.check.leaders import Leaders, gather
from importer.check.observers.bad_values import Corrections, UnknownAnswers, Unknowns
from importer.check.observers.causes import Tally
from importer.check.observers.completeness import Completeness
from importer.check.observers.criteria import Criteria
from importer.check.observers.damage import DamageSigns
from importer.check.observers.dealt_with import StillRejected
from importer.check.observers.drift import Drift
from importer.check.observers.held_values import HeldValues
from importer.check.observers.nameless import Edited, Nameless
from importer.check.observers.people_named import Assignments, Named, PeopleNamed
from importer.check.observers.samples import BeforeAfter, CanarySample, Showcase
from importer.check.observers.source_age import SourceAge
from importer.check.observers.untyped import Untyped, name_finished_files, name_marks, propose_category, propose_columns
from importer.check.observers.value_flow import ValueFlow, rare_categories
from importer.check.observers.workload import Workload
from importer.check.plan import Observer, OpenWriter, markers_to_create, plan_rows
from importer.check.relation_targets import RelationTargets, SendableLinks, TargetFindings, leave_out_unreachable
from importer.errors import UsageError
from importer.mapping.model import Duplicates
from importer.mapping.presets import is_shipped
from importer.mapping.vocabulary import ends_of_scale
from importer.phrases import counted, listed
from importer.progress import Progress
from importer.records import Act, KeptRejected, Outcome, Rejected, Unknown
from importer.row.issue import Issue
from importer.transform.aliases import Aliases
from importer.transform.sanitise import REPLACEMENT
from importer.transform.shown_people import ShownPeople

NAMES_SHOWN = 5


@dataclass(frozen=True)
class Checked:
    """The result of a check pass.

    tally            rows by outcome, and findings by cause
    flow             source value → target value of each value field, with the number of rows
    unknowns         values that the mapping doesn't cover, for suggested-mapping.yaml
    answers          answers that it doesn't know, and how many rows have each
    verdicts         place in the input → why that row loses against another one with its key
    drift            how far the rows are from what the ledger knows of them
    is_snapshot      whether it has all records: it is to, and has more than a few of the known keys
    digest           SHA-256 of the source, in hex
    criteria         of all rows, and which of them are new
    suspicious       what is valid, but should be looked at, such as signs of damage, a sentence each
    fixes            the lines of fixes.csv: values that reject rows
    workload         the requests that a send pass would take
    coverage         what becomes of every filled cell, column by column
    completeness     what the source counts of its issues, beside what the file has
    issues           a few issues before and after, for the page
    people           whom the source names as owner or assignee
    assignments      how often it does, and how many of these have a user in Triage
    probes           markers of a few rows to be created
    sample           keys of the canary sample, if one was wanted
    target_findings  findings on the issues that rows name; None if there are none
    leaders          the first rows of issues that recur; None where none does
    newest           the newest date in the source, in seconds since 1970; None where its age doesn't matter
    held             values that stay although the source has none
    still_rejected   rows of earlier runs that nobody has dealt with
    kept_rejected    what the next run needs to know of these and of the rows that are rejected now
    moves            the new keys of issues that the source has moved, and those that they had first
    edited           new rows without a key that were edited, it seems
    before           warnings of preflight and discovery: about members, and issues that are in Triage twice
    """

    tally: Tally
    flow: ValueFlow
    unknowns: Sequence[Unknown]
    answers: Mapping[str, int]
    verdicts: Mapping[int, DuplicateVerdict]
    drift: Drift
    is_snapshot: bool
    criteria: Criteria
    digest: str
    elapsed_seconds: float
    suspicious: tuple[str, ...]
    fixes: Sequence[Sequence[str]]
    workload: Workload
    coverage: Coverage
    completeness: Completeness
    issues: tuple[BeforeAfter, ...]
    people: Sequence[Named]
    assignments: Assignments
    probes: Sequence[str]
    held: HeldValues
    still_rejected: Sequence[Rejected] = ()
    kept_rejected: KeptRejected = field(default_factory=dict)
    sample: tuple[str, ...] = ()
    target_findings: TargetFindings | None = None
    leaders: Leaders | None = None
    newest: float | None = None
    moves: Aliases = field(default_factory=dict)
    before: tuple[str, ...] = ()
    edited: Sequence[Edited] = ()

    @property
    def warnings(self) -> list[str]:
        """What is valid but suspicious, in sentences; what is absent first, as a screen may have no room for more."""
        named = self.coverage.named_attachments
        return [*self.completeness.warnings(named), *self.before, *self.suspicious]

    @property
    def refusal(self) -> str:
        incomplete = self.completeness.refusal
        return self.coverage.refusal or (incomplete and f"--strict: {incomplete}")

    @property
    def planned(self) -> int:
        return self.creates + self.updates

    @property
    def updates(self) -> int:
        return self.workload.operations[Act.UPDATE]

    @property
    def creates(self) -> int:
        return self.workload.operations[Act.CREATE]

    @property
    def rejected(self) -> int:
        return self.tally.outcomes[Outcome.REJECTED]


def check(
    job: Job,
    known: Knows,
    progress: Progress,
    *,
    sample: CanarySample | None = None,
    writers: Sequence[OpenWriter] = (),
) -> Checked:
    """Read every row, and find out all that can be known without sending.

    With `sample`, the canary sample is chosen on the way. `writers` open what keeps the rows, as reports.
    Duplicate keys and relation targets are known at the end only: with findings of these the source is read again.

    Raises:
        UsageError: the source has none of the keys that `--only` names.
        SourceNotReady: the source changed while it was read, or is older than the job allows.
        StorageFull: the temporary disk takes no more.
    """
    started = time.monotonic()
    age = SourceAge(job, time.time())
    # Before anything is read: an old file is refused at once.
    age.check_files()
    model = job.mapping.model
    signs = DamageSigns(model, job.source.files, is_whole=job.limit is None)
    nameless = Nameless(job, known)
    readings = _Readings(job, known, progress, sample, writers)
    with key_spool(job) as spool, id_spool(spool) as ids, ExitStack() as stack:
        keys = _Keys(job, spool, ids)
        observers: list[Observer] = [keys, nameless, signs, age]
        targets = None
        if model.relations or model.references:
            targets = stack.enter_context(RelationTargets())
            observers.append(targets)
        reading = readings.read(*observers)
        moves = {new: first for new, first in known.moves.items() if new not in job.aliases}
        if moves:
            # What another row says of the issue, before or behind it, is said of the one that is in Triage.
            return check(job.follow(moves), known, progress, sample=sample, writers=writers)
        age.check_dates()
        readings.verdicts = spool.verdicts(ids)
        if readings.verdicts.need_advice:
            readings.verdicts.advice = advise(job, readings.verdicts)
        keys.check_only()
        reading, links = readings.repeat(reading, targets)
        if links:
            reading.work.count_links(links)
        if readings.target_findings:
            stack.pop_all()  # their spool stays open: the send pass reads the findings again
    if reading.corrections.sentence:
        progress.say(reading.corrections.sentence)
    digest = job.source.digest()
    job.source.check_unchanged()  # after the digest: a file that was replaced in between is noticed, too
    is_whole = job.limit is None and not any(file.errors_file for file in job.source.files)
    if is_whole:
        reading.completeness.add_pages(job.source.pages)
    is_snapshot = model.input.is_snapshot and not reading.drift.is_delta
    still_rejected = reading.rejected.left(is_whole=job.is_whole and is_snapshot)
    return Checked(
        tally=reading.tally,
        flow=reading.flow,
        unknowns=reading.unknowns.as_list(),
        answers=reading.answers.counts,
        verdicts=readings.verdicts,
        drift=reading.drift,
        is_snapshot=is_snapshot,
        criteria=reading.criteria,
        digest=digest,
        elapsed_seconds=time.monotonic() - started,
        suspicious=tuple(_suspicions(job, reading, signs, nameless, keys.absent, is_whole=is_whole)),
        fixes=reading.corrections.lines(),
        workload=reading.work,
        coverage=reading.coverage,
        completeness=reading.completeness,
        issues=reading.showcase.chosen(),
        people=reading.people.people(),
        assignments=reading.people.assignments(),
        probes=reading.probes,
        held=reading.held,
        still_rejected=still_rejected,
        kept_rejected=reading.rejected.keep(still_rejected),
        sample=sample.keys if sample else (),
        target_findings=readings.target_findings,
        leaders=readings.leaders,
        newest=age.newest,
        moves=job.moves,
        edited=nameless.edited(),
    )


class _Readings:
    """The readings of a source in one check: what one of them finds out may ask for another.

    verdicts         place in the input → why that row loses against another one with its key
    target_findings  findings on the issues that rows name; None if there are none
    leaders          the first rows of issues that recur; None where none does
    """

    def __init__(
        self,
        job: Job,
        known: Knows,
        progress: Progress,
        sample: CanarySample | None,
        writers: Sequence[OpenWriter],
    ) -> None:
        self._job, self._known, self._progress = job, known, progress
        self._sample, self._writers = sample, writers
        self._shown = ShownPeople(job.mapping.model.people, job.people)
        self.verdicts = NO_VERDICTS
        self.target_findings: TargetFindings | None = None
        self.leaders = self._new_leaders()

    def read(self, *observers: Observer) -> Reading:
        """Read the source with what is known by now."""
        reading = Reading(self._job, self._known, self._shown, self.verdicts, self.target_findings, self.leaders)
        if self._sample is not None:
            self._sample.clear()
            observers = (*observers, self._sample)
        reading.read(self._progress, self._writers, observers)
        return reading

    def repeat(self, reading: Reading, targets: RelationTargets | None) -> tuple[Reading, SendableLinks | None]:
        """Read the source again for what the first reading couldn't know; return the last reading, and the links.

        `targets` has seen the rows of the first reading.
        """
        links = None if targets is None else self._find_links(targets)
        if links and links.findings:
            self.target_findings = links.findings
        # Outcomes change, and so do all counts and reports.
        if self.verdicts or self.target_findings:
            self.leaders = self._new_leaders()
            if self.verdicts and targets is not None:
                # A row that wins may add more than it seemed to beside the one that loses.
                with RelationTargets() as targets_of_winners:
                    reading = self.read(targets_of_winners)
                    links = self._find_links(targets_of_winners)
            else:
                reading = self.read()
        # The first row of an issue shows the worst severity of all.
        if self.leaders is not None and self.leaders.is_outdated:
            reading = self.read()
        # Too many values would be emptied at once: they stay.
        braked = reading.held.find_braked(self._known)
        if braked:
            self._job = replace(self._job, absence=replace(self._job.absence, braked=braked))
            reading = self.read()
        return reading, links

    def _find_links(self, targets: RelationTargets) -> SendableLinks:
        return targets.find(self._known.in_triage, self.verdicts, self._known.elsewhere)

    def _new_leaders(self) -> Leaders | None:
        is_needed = self._job.mapping.model.recurring is not None
        return Leaders(self._job.only, self._job.source_name) if is_needed else None


def _suspicions(
    job: Job, reading: Reading, signs: DamageSigns, nameless: Nameless, absent: Set[str], *, is_whole: bool
) -> Iterator[str]:
    """Say what is valid, but should be looked at, a sentence each; `absent` are keys of `--only` that no row has."""
    notices = list(signs.warnings())
    if is_whole:
        notices += job.source.warnings()  # of comments that belong to no record
    notices += [*reading.notices(), *signs.of_markup()]
    yield from reading.shown.clean(notices)
    yield from job.warnings
    if job.moves:
        yield _say_moved(job.moves)
    yield from reading.shown.clean(list(nameless.warnings()))
    yield from reading.flow.suspicious_mappings()
    if absent:
        yield f"--only: no row has {listed(sorted(absent), NAMES_SHOWN)}"
    yield from reading.coverage.warnings()
    rare = rare_categories(reading.flow)
    if rare:
        yield rare


class _Keys:
    """Collects the keys of the first reading: spools them to find duplicates, and strikes them off `--only`.

    absent  keys of `--only` that no row has
    """

    def __init__(self, job: Job, spool: KeySpool, ids: KeySpool) -> None:
        self._job, self._spool, self._ids = job, spool, ids
        self._former = frozenset(job.aliases.values())
        self._prefix = len(job.source_name) + 1
        self.absent = set(job.only or ())

    def add(self, run: RowRun) -> None:
        compared = [row for row in run.rows if is_spooled(row)]
        with_id = [row for row in compared if row.issue.key.fixed_id]
        if with_id:
            self._ids.add([spool_by_id(row, run.source.file) for row in with_id])
        self._spool.add([self._spool_row(row, run.source.file) for row in compared])
        if self.absent:
            keys = {key for row in run.rows for key in (row.issue.key.full, row.issue.key.own)}
            self.absent.difference_update(keys, (key[self._prefix :] for key in keys))

    def _spool_row(self, row: CheckedRow, file: int) -> SpooledRow:
        spooled = spool_row(row, file)
        key = spooled[0]
        if key not in self._former or row.issue.key.own != key:
            return spooled
        # It has the first key of an issue that has moved: beside a row of that issue it doesn't count.
        return (*spooled[:-1], UNDATED)

    def check_only(self) -> None:
        """Make sure that some row has a key of `--only`. Raises UsageError."""
        job = self._job
        if not job.only or len(self.absent) < len(job.only):
            return
        limited = f"the first {job.limit:,} rows" if job.limit else "the source"
        raise UsageError(
            f"--only names no key in {limited}: {listed(sorted(job.only), NAMES_SHOWN)}.",
            hint="A key is what results.csv of `validate` shows, with or without the source's name: PROJ-1.",
        )


def _say_moved(moves: Aliases) -> str:
    names = listed([f"{new} was {first}" for new, first in moves.items()], NAMES_SHOWN)
    return f"moved in the source: {counted(len(moves), 'issue')} with another key than before, by their ids: {names}"


def is_spooled(row: CheckedRow) -> bool:
    """Whether a row is compared with others of its key: it would be sent, or is an occurrence."""
    return bool(row.body) or row.occurrence is not None


def spool_row(row: CheckedRow, file: int) -> SpooledRow:
    """A row of a file as it is compared with others of its key."""
    issue, key, occurrence = row.issue, row.key, row.occurrence
    if occurrence is None:
        # All that would be sent decides whether two rows say the same: additions, too.
        content = hash((row.body, issue.parts))
    else:
        key = f"{key}\n{occurrence.comment.id}"
        content = hash((occurrence.comment.content, occurrence.flags))
    return key, row.place, file, issue.row.line, content, _date_of(issue)


def spool_by_id(row: CheckedRow, file: int) -> SpooledRow:
    """A row of a file as it is compared with others of its id: with its key in place of its content."""
    key = row.issue.key
    return key.fixed_id, row.place, file, row.issue.row.line, hash(key.own), _date_of(row.issue)


def _date_of(issue: Issue) -> float:
    return UNDATED if issue.newest is None else issue.newest.timestamp()


def id_spool(keys: KeySpool) -> KeySpool:
    return KeySpool(keys.policy, keys.file_names, known_by="id")


def key_spool(job: Job) -> KeySpool:
    model = job.mapping.model
    names = [file.name for file in job.source.files]
    policy: Policy = "newest" if isinstance(model.duplicates, Duplicates) else model.duplicates
    if model.recurring is not None:
        return KeySpool(policy, names, known_by="occurrence")
    return KeySpool(policy, names, known_by="group" if model.group else "key")


PROBES = 5
"""Rows of which a whole look at Triage is tried out, before they are created."""


class Reading:
    """Reads a source once; each reading has observers of its own.

    `verdicts` and `target_findings` are what a first reading has found: rows that lose against another one with their
    key, by place in the input, and findings on the issues that rows name.
    """

    def __init__(
        self,
        job: Job,
        known: Knows,
        shown: ShownPeople,
        verdicts: Mapping[int, DuplicateVerdict] = NO_VERDICTS,
        target_findings: TargetFindings | None = None,
        leaders: Leaders | None = None,
    ) -> None:
        self._job, self._known, self._verdicts, self._leaders = job, known, verdicts, leaders
        self._target_findings = target_findings
        self.shown = shown
        model = job.mapping.model
        files = job.source.files
        recurs = model.recurring is not None
        has_scale = any(ends_of_scale(ref.name) for ref in model.severity.refs)
        headers = (name for file in files for name in file.header or ())
        self.tally = Tally()
        self.flow = ValueFlow(lambda path: is_shipped(job.mapping.place(*path).file), has_scale=has_scale)
        self.unknowns = Unknowns(model.evidence, model.status.stage)
        self.answers = UnknownAnswers(model.answer)
        self.corrections = Corrections(model, job.fixes, shown)
        self.work = Workload() if model.comments is None else Workload(model.comments.open, model.comments.closed)
        self.drift = Drift(
            job.source_name,
            known,
            has_comments_beside=_has_comments_beside(job),
            recurs=recurs,
            line_of_project=line_of_project(model, headers),
        )
        self.coverage = Coverage(model, files, shown)
        self.completeness = Completeness(model, beside=job.source.comments is not None)
        self.showcase = Showcase(files, model.people.hides, job.show)
        self.people = PeopleNamed(job, shown)
        self.untyped = Untyped(model.category)
        self.held = HeldValues(job)
        self.criteria = Criteria(job)
        self.rejected = StillRejected(job.rejected, recurs=recurs)
        self.probes: list[str] = []
        self._neutralised = self._private = 0
        self._observers: Sequence[Observer] = (
            *(self.tally, self.flow, self.unknowns, self.corrections, self.work, self.drift, self.coverage),
            *(self.completeness, self.showcase, self.people, self.untyped, self.answers, self.criteria, self.held),
            self.rejected,
        )

    def read(self, progress: Progress, writers: Sequence[OpenWriter], observers: Sequence[Observer]) -> None:
        """Examine and plan the rows; show them to its own observers, to these, and to the writers."""
        source = self._job.source
        progress.start("checking", source.total_bytes, "B")
        with ExitStack() as stack:
            opened = [stack.enter_context(open_writer()) for open_writer in writers]
            observers = [*self._observers, *observers, *opened]
            for run in examine(self._job):
                if self._target_findings is not None:
                    self._target_findings.add_to(run.rows)
                gather(run, self._verdicts, self._leaders, self._known)
                plan_rows(run, self._verdicts, self._known)
                leave_out_unreachable(run.rows)
                for observer in observers:
                    observer.add(run)
                self._neutralised += sum(row.issue.neutralised for row in run.rows)
                self._private += sum(row.issue.discussion.left_out for row in run.rows)
                # As markers are hashes, the first ones are spread over all rows.
                self.probes = nsmallest(PROBES, [*self.probes, *markers_to_create(run.rows)])
                progress.figures(f"{self.tally.rows:,} rows")
                progress.reach(source.bytes_read)
                del run  # their memory is free before the next rows are read, not after
        progress.finish()

    def notices(self) -> Iterator[str]:
        """Say what somebody should look at, and what is not sent as the source has it, a sentence each."""
        if self._job.is_whole and self._job.mapping.model.input.is_snapshot:
            yield from self.drift.warnings()
        yield from self.showcase.warnings()
        yield from self.people.warnings()
        yield from self.criteria.warnings()
        yield from self.held.warnings()
        model, lines = self._job.mapping.model, list(self.coverage.lines())
        yield from propose_columns(model, self.flow, lines)
        yield from propose_category(model, self.flow, lines, self.untyped.titles)
        yield from name_marks(lines)
        yield from name_finished_files(self.flow, (file.name for file in self._job.source.files))
        hidden = self.corrections.hidden()
        if hidden:
            yield f"values that name people and reject rows: {len(hidden):,}, in errors.csv alone"
        if self._private:
            yield f"private comments: {self._private:,} dropped, as the mapping says"
        if self._neutralised:
            marks = f"@names that would notify people or agents, or import markers: {self._neutralised:,}"
            yield f"{marks}, now written with {REPLACEMENT}, or as tir-…"


def _has_comments_beside(job: Job) -> bool:
    """Whether comments come from a table beside the rows: it may have the new ones alone."""
    comments = job.mapping.model.comments
    if comments is None:
        return False
    tables = [text.beside for text in comments.from_ if text.beside]
    return any(table.in_ or job.source.comments is not None for table in tables)
