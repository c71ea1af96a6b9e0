"""The check pass: reads every row, plans what would become of it, counts the findings, and sends nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
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
from importer.check.relation_targets import RelationTargets, TargetFindings, leave_out_unreachable
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
    started, model = time.monotonic(), job.mapping.model
    age, signs = SourceAge(job, time.time()), DamageSigns(model, job.source.files, whole=job.limit is None)
    # Before anything is read: an old file is refused at once.
    age.check_files()
    shown = ShownPeople(model.people, job.people)
    with key_spool(job) as spool, id_spool(spool) as ids, ExitStack() as stack:
        keys, nameless, targets = _Keys(job, spool, ids), Nameless(job, known), None
        observers: list[Observer] = [keys, nameless, signs, age, *([sample] if sample else [])]
        if model.relations or model.references:
            targets = stack.enter_context(RelationTargets())
            observers.append(targets)
        leaders = None if model.recurring is None else Leaders(job.only, job.source_name)
        reading = Reading(job, known, shown, leaders=leaders)
        reading.read(progress, writers, observers)
        if moves := {new: first for new, first in known.moves.items() if new not in job.aliases}:
            # What another row says of the issue, before or behind it, is said of the one that is in Triage.
            return check(job.follow(moves), known, progress, sample=sample, writers=writers)
        age.check_dates()
        verdicts = spool.verdicts(ids)
        if verdicts.need_advice:
            verdicts.advice = advise(job, verdicts)
        if job.only and len(keys.absent) == len(job.only):
            limited = f"the first {job.limit:,} rows" if job.limit else "the source"
            raise UsageError(
                f"--only names no key in {limited}: {listed(sorted(job.only), NAMES_SHOWN)}.",
                hint="A key is what results.csv of `validate` shows, with or without the source's name: PROJ-1.",
            )
        links = None if targets is None else targets.find(known.in_triage, verdicts, known.elsewhere)
        target_findings = links.findings if links and links.findings else None

        def read_again(*more: Observer) -> Reading:
            """Read the source with what is known by now."""
            if sample:
                sample.clear()
            anew = Reading(job, known, shown, verdicts, target_findings, leaders)
            anew.read(progress, writers, [*([sample] if sample else []), *more])
            return anew

        if verdicts or target_findings:  # they change outcomes, and so all counts and reports
            leaders = None if leaders is None else Leaders(job.only, job.source_name)
            # What is to be added follows from the row that wins: the first reading may have seen it beside another's.
            again = RelationTargets() if targets and verdicts else None
            with again or nullcontext():
                reading = read_again(*([again] if again else []))
                links = again.find(known.in_triage, verdicts, known.elsewhere) if again else links
        if leaders is not None and leaders.is_outdated:  # the first row of an issue shows the worst severity of all
            reading = read_again()
        if braked := reading.held.find_braked(known):
            job = replace(job, absence=replace(job.absence, braked=braked))
            reading = read_again()
        if links:
            reading.work.count_links(links)
        if target_findings:
            stack.pop_all()  # their spool stays open: the send pass reads the findings again
    if reading.corrections.sentence:
        progress.say(reading.corrections.sentence)
    digest = job.source.digest()
    job.source.check_unchanged()  # after the digest: a file that was replaced in between is noticed, too
    is_whole = job.limit is None and not any(file.errors_file for file in job.source.files)
    beside = job.source.warnings() if is_whole else []  # of comments that belong to no record
    if is_whole:
        reading.completeness.add_pages(job.source.pages)
    notices = reading.shown.clean([*signs.warnings(), *beside, *reading.notices(), *signs.of_markup()])
    absent = [f"--only: no row has {listed(sorted(keys.absent), NAMES_SHOWN)}"] if keys.absent else []
    moved = _say_moved(job.moves) if job.moves else ()
    rare = filter(None, [rare_categories(reading.flow)])
    of_rows = [*reading.flow.suspicious_mappings(), *absent, *reading.coverage.warnings(), *rare]
    is_snapshot = model.input.is_snapshot and not reading.drift.is_delta
    still_rejected = reading.rejected.left(is_whole=job.is_whole and is_snapshot)
    return Checked(
        tally=reading.tally,
        flow=reading.flow,
        unknowns=reading.unknowns.as_list(),
        answers=reading.answers.counts,
        verdicts=verdicts,
        drift=reading.drift,
        is_snapshot=is_snapshot,
        criteria=reading.criteria,
        digest=digest,
        elapsed_seconds=time.monotonic() - started,
        suspicious=(*notices, *job.warnings, *moved, *shown.clean(list(nameless.warnings())), *of_rows),
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
        target_findings=target_findings,
        leaders=leaders,
        newest=age.newest,
        moves=job.moves,
        edited=nameless.edited(),
    )


class _Keys:
    """Collects the keys of the first reading: spools them to find duplicates, and strikes them off `--only`."""

    def __init__(self, job: Job, spool: KeySpool, ids: KeySpool) -> None:
        self._spool, self._ids, self._left = spool, ids, frozenset(job.aliases.values())
        self._prefix = len(job.source_name) + 1
        self.absent = set(job.only or ())

    def add(self, run: RowRun) -> None:
        sent = [row for row in run.rows if is_spooled(row)]
        if by_id := [spool_by_id(row, run.source.file) for row in sent if row.issue.key.fixed_id]:
            self._ids.add(by_id)
        self._spool.add([self._spool_row(row, run.source.file) for row in sent])
        if self.absent:
            keys = {key for row in run.rows for key in (row.issue.key.full, row.issue.key.own)}
            self.absent.difference_update(keys, (key[self._prefix :] for key in keys))

    def _spool_row(self, row: CheckedRow, file: int) -> SpooledRow:
        spooled = spool_row(row, file)
        # It has the first key of an issue that has moved: beside a row of that issue it doesn't count.
        is_former = spooled[0] in self._left and row.issue.key.own == spooled[0]
        return (*spooled[:-1], UNDATED) if is_former else spooled


def _say_moved(moves: Aliases) -> list[str]:
    names = listed([f"{new} was {first}" for new, first in moves.items()], NAMES_SHOWN)
    return [f"moved in the source: {counted(len(moves), 'issue')} with another key than before, by their ids: {names}"]


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
    model, names = job.mapping.model, [file.name for file in job.source.files]
    policy: Policy = "newest" if isinstance(model.duplicates, Duplicates) else model.duplicates
    recurs = model.recurring is not None
    return KeySpool(policy, names, known_by="occurrence" if recurs else "group" if model.group else "key")


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
        model, files = job.mapping.model, job.source.files
        self.tally = Tally()
        has_scale = any(ends_of_scale(ref.name) for ref in model.severity.refs)
        self.flow = ValueFlow(lambda path: is_shipped(job.mapping.place(*path).file), has_scale=has_scale)
        self.unknowns = Unknowns(model.evidence, model.status.stage)
        self.answers = UnknownAnswers(model.answer)
        self.corrections = Corrections(model, job.fixes, shown)
        self.work = Workload() if model.comments is None else Workload(model.comments.open, model.comments.closed)
        beside, recurs = _has_comments_beside(job), model.recurring is not None
        line = line_of_project(model, (name for file in files for name in file.header or ()))
        self.drift = Drift(job.source_name, known, has_comments_beside=beside, recurs=recurs, line_of_project=line)
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

    def read(self, progress: Progress, writers: Sequence[OpenWriter], more: Sequence[Observer]) -> None:
        """Examine and plan the rows; show them to all observers, `more` of them besides its own, and to the writers."""
        source = self._job.source
        progress.start("checking", source.total_bytes, "B")
        with ExitStack() as stack:
            observers = [*self._observers, *more, *(stack.enter_context(open_writer()) for open_writer in writers)]
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
        if hidden := self.corrections.hidden():
            yield f"values that name people and reject rows: {len(hidden):,}, in errors.csv alone"
        if self._private:
            yield f"private comments: {self._private:,} dropped, as the mapping says"
        if self._neutralised:
            what = f"@names that would notify people or agents, or import markers: {self._neutralised:,}"
            yield f"{what}, now written with {REPLACEMENT}, or as tir-…"


def _has_comments_beside(job: Job) -> bool:
    """Whether comments come from a table beside the rows: it may have the new ones alone."""
    comments = job.mapping.model.comments
    tables = [each.beside for each in comments.from_ if each.beside] if comments else []
    return any(table.in_ or job.source.comments is not None for table in tables)
