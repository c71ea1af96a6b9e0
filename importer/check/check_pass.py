"""The check pass: reads every row, plans what would become of it, counts the findings, and sends nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import repeat
from typing import Any, NamedTuple, Protocol

from importer.check.bad_values import Corrections
from importer.check.before_after import BeforeAfter, Showcase
from importer.check.completeness import Completeness
from importer.check.coverage.coverage import Coverage, rare_categories
from importer.check.coverage.kinds import propose_category
from importer.check.damage import DamageSigns
from importer.check.drift import Drift
from importer.check.duplicates import UNDATED, KeySpool, Policy, Verdict
from importer.check.job import Job
from importer.check.knowledge import Knows
from importer.check.part_workers import examine_all, open_executor
from importer.check.people_named import Named, PeopleNamed
from importer.check.plan import Plan, plan_rows
from importer.check.relation_targets import UNREACHABLE, RelationTargets, TargetFindings
from importer.check.rows import Examined
from importer.check.sample import CanarySample
from importer.check.source_age import SourceAge
from importer.check.tally import Tally
from importer.check.unknowns import Unknowns
from importer.check.unmatched_people import UnmatchedPeople
from importer.check.value_flow import ValueFlow
from importer.check.workload import WorkCounter, Workload
from importer.errors import UsageError
from importer.mapping.model import Duplicates
from importer.mapping.unknown_values import Unknown
from importer.phrases import listed
from importer.progress import Progress
from importer.records import PASSED_OVER, Act, Addition, Outcome, Row
from importer.transform.sanitise import REPLACEMENT
from importer.transform.shown_people import ShownPeople

NAMES_SHOWN = 5
PROBES = 5
"""Rows of which a whole look at Triage is tried out, before they are created."""
NAMELESS = "rows without a key of their own: {rows:,}. Their content is the key: an edited one comes again as another"


@dataclass(frozen=True)
class Checked:
    """The result of a check pass.

    tally     rows by outcome, and findings by cause
    flow      source value → target value of each value field, with the number of rows
    unknowns  values that the mapping doesn't cover, for suggested-mapping.yaml
    verdicts  place in the input → why that row loses against another one with its key
    absent    keys of `--only` that no row has
    digest    SHA-256 of the source, in hex
    sample    keys of the canary sample, if one was wanted
    damage    signs that the export was damaged before it came here, a sentence each
    values    the lines of fixes.csv: values that reject rows
    nameless  rows to be sent whose key is their content
    load      the requests that a send pass would take
    coverage  what becomes of every filled cell, column by column
    complete  what the source counts of its issues, beside what the file has
    other     findings on the issues that rows name; None if there are none
    drift     how far the rows are from what the ledger knows of them
    notes     warnings of preflight and discovery: about members, and issues that are in Triage twice
    newest    the newest date in the source, in seconds since 1970; None where its age doesn't matter
    issues    a few issues before and after, for the page
    people    whom the source names as owner or assignee
    probes    markers of a few rows to be created; as they are hashes, the first ones are spread over all rows
    """

    tally: Tally
    flow: ValueFlow
    unknowns: Sequence[Unknown]
    verdicts: Mapping[int, Verdict]
    drift: Drift
    absent: tuple[str, ...]
    digest: str
    elapsed_seconds: float
    sample: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()
    values: Sequence[Sequence[str]] = ()
    nameless: int = 0
    load: Workload = field(default_factory=Workload)
    coverage: Coverage | None = None
    complete: Completeness | None = None
    other: TargetFindings | None = None
    notes: tuple[str, ...] = ()
    newest: float | None = None
    issues: tuple[BeforeAfter, ...] = ()
    people: Sequence[Named] = ()
    probes: Sequence[str] = ()

    def warnings(self, of_headers: Iterable[str]) -> list[str]:
        """What is valid but suspicious, a sentence each, what is absent first: a screen may have room for that alone.

        `of_headers` are warnings from before the first row.
        """
        absent = [f"--only: no row has {listed(self.absent, NAMES_SHOWN)}"] if self.absent else []
        nameless = [NAMELESS.format(rows=self.nameless)] if self.nameless else []
        lost = [] if self.coverage is None else [*self.coverage.warnings(), *filter(None, [rare_categories(self.flow)])]
        absent_parts = [] if self.complete is None else self.complete.warnings(self.attachments)
        of_rows = [*nameless, *self.flow.suspicious_mappings(), *absent, *lost]
        return [*absent_parts, *self.notes, *self.damage, *of_headers, *of_rows]

    @property
    def refusal(self) -> str:
        """Why `--strict` sends nothing, or ""."""
        incomplete = "" if self.complete is None else self.complete.refusal
        return ("" if self.coverage is None else self.coverage.refusal) or (incomplete and f"--strict: {incomplete}")

    @property
    def attachments(self) -> int:
        """The attachments that the file names."""
        return 0 if self.coverage is None else self.coverage.named_attachments

    @property
    def planned(self) -> int:
        """Issues that a send pass would create or update."""
        return self.creates + self.updates

    @property
    def updates(self) -> int:
        """Issues that a send pass would update."""
        return self.load.operations[Act.UPDATE]

    @property
    def creates(self) -> int:
        """Issues that a send pass would create."""
        return self.load.operations[Act.CREATE]

    @property
    def rejected(self) -> int:
        """Rows that would not be sent."""
        return self.tally.outcomes[Outcome.REJECTED]


class PlanWriter(Protocol):
    """Receives the plan of each chunk while the source is read, and keeps it or writes it to the reports."""

    def write(self, plan: Plan) -> None:
        """Append a chunk."""


OpenWriter = Callable[[], AbstractContextManager[PlanWriter | None]]
"""Opens the writer of one reading; a second reading replaces what the first has written."""


def check(
    job: Job,
    known: Knows,
    progress: Progress,
    *,
    sample: CanarySample | None = None,
    open_writer: OpenWriter = nullcontext,
) -> Checked:
    """Read every row, and find out all that can be known without sending.

    With `sample`, the canary sample is chosen on the way. `open_writer` opens the writer of the reports.
    Duplicate keys and relation targets are known at the end only: with findings of these the source is read again.

    Raises:
        UsageError: the source has none of the keys that `--only` names.
        SourceNotReady: the source changed while it was read, or is older than the job allows.
        StorageFull: the temporary disk takes no more.
    """
    started = time.monotonic()
    age = SourceAge(job, time.time())
    age.check_files()
    with _key_spool(job) as spool, open_executor(job, progress) as executor, ExitStack() as stack:
        targets = stack.enter_context(RelationTargets())
        keys = _Keys(job, spool)
        signs = DamageSigns(job.mapping.model, job.source.files, whole=job.limit is None)
        observers = _Observers(WorkCounter(job.mapping.model, targets), sample, open_writer, executor)
        reading = _Reading(job, known, progress, observers)
        reading.read({}, keys=keys, signs=signs, age=age)
        age.check_dates()
        verdicts = spool.verdicts()
        if job.only and len(keys.absent) == len(job.only):
            raise _nothing_selected(job)
        other = reading.work.look_at_others(known.in_triage, verdicts)
        if verdicts or other:  # they change outcomes, and so all counts and reports
            reading.read(verdicts, other=other)
        reading.work.count_others()
        if other is not None:
            stack.pop_all()  # their spool stays open: the send pass reads the findings again
    if reading.corrections.sentence:
        progress.say(reading.corrections.sentence)
    digest = job.source.digest()
    job.source.check_unchanged()  # after the digest: a file that was replaced in between is noticed, too
    return Checked(
        reading.tally,
        reading.flow,
        reading.unknowns.as_list(),
        verdicts,
        reading.drift,
        tuple(sorted(keys.absent)),
        digest,
        time.monotonic() - started,
        sample.keys if sample else (),
        tuple(reading.shown.clean([*signs.warnings(), *_side_table_warnings(job), *reading.notices()])),
        reading.corrections.lines(),
        keys.nameless,
        **reading.result(),
        other=other,
        newest=age.newest,
    )


def _side_table_warnings(job: Job) -> Sequence[str]:
    """Warn of comments in files or arrays of their own that belong to no record: only a whole source can tell."""
    is_whole = job.limit is None and not any(file.errors_file for file in job.source.files)
    return job.source.warnings() if is_whole else ()


class _Keys:
    """Collects the keys of the first reading: spools them to find duplicates, and strikes them off `--only`."""

    def __init__(self, job: Job, spool: KeySpool) -> None:
        self._spool = spool
        self._prefix = len(job.source_name) + 1
        self.absent = set(job.only or ())
        self.nameless = 0

    def add(self, examined: Examined) -> None:
        chunk, records = examined.records.chunk, examined.records
        self.nameless += len(records.keys.nameless & examined.bodies.keys())
        rows = list(examined.bodies)
        keys, lines = ([column[row] for row in rows] for column in (records.keys.full, chunk.lines))
        dates = [None] * len(rows) if records.newest is None else [records.newest[row] for row in rows]
        stamps = [UNDATED if date is None else date.timestamp() for date in dates]
        places = [examined.first + row for row in rows]
        files, hashes = repeat(chunk.file, len(rows)), map(examined.digest, rows)
        self._spool.add(list(zip(keys, places, files, lines, hashes, stamps, strict=True)))
        if self.absent:
            self.absent.difference_update(records.keys.full, (key[self._prefix :] for key in records.keys.full))


def _nothing_selected(job: Job) -> UsageError:
    limited = f"the first {job.limit:,} rows" if job.limit else "the source"
    return UsageError(
        f"--only names no key that {limited} has: {listed(sorted(job.only or ()), NAMES_SHOWN)}.",
        hint="A key is what results.csv of `validate` shows, with or without the source's name: PROJ-1.",
    )


class _Observers(NamedTuple):
    """Those that see every row of a reading, besides the counters that each reading makes anew."""

    work: WorkCounter
    canary_sample: CanarySample | None
    open_writer: OpenWriter
    executor: Executor | None


class _Reading:
    """Reads a source once, or twice: a second reading has the findings that only the end of the first can give."""

    def __init__(self, job: Job, known: Knows, progress: Progress, observers: _Observers) -> None:
        self._job, self._known, self._progress = job, known, progress
        self.work, self._canary_sample, self._open_writer, self._executor = observers
        self.shown = ShownPeople(job.mapping.model.people, job.people)

    def read(
        self,
        verdicts: Mapping[int, Verdict],
        *,
        keys: _Keys | None = None,
        signs: DamageSigns | None = None,
        age: SourceAge | None = None,
        other: TargetFindings | None = None,
    ) -> None:
        """Read all rows, all counters at 0; `keys`, `signs` and `age` are fed by the first reading alone.

        `verdicts` and `other` are what that one has found: duplicate keys, and findings on issues that rows name.
        """
        job, model = self._job, self._job.mapping.model
        self.tally, self.flow = Tally(), ValueFlow()
        self.unknowns = Unknowns(model.evidence, model.status.fallback)
        self.corrections = Corrections(model, job.fixes, self.shown)
        self.coverage = Coverage(model, job.source.files, self.shown)
        self.showcase = Showcase(job.source.files, model.people.hides, job.show)
        self.people = PeopleNamed(job, self.shown)
        self.drift = Drift(job.source_name, self._known.sample())
        self.neutralised = self.private = 0
        self.probes: list[str] = []
        self.unmatched = UnmatchedPeople(job.people)
        self.completeness = Completeness(model, beside=job.source.comments is not None)
        self.work.clear()
        if self._canary_sample is not None:
            self._canary_sample.clear()
        self._progress.start("checking", job.source.total_bytes, "B")
        with self._open_writer() as writer:
            for examined in examine_all(job, self._executor, self._progress):
                for place, finding in other.between(*examined.span) if other else ():
                    examined.findings.add(place - examined.first, finding)
                plan = self._add(examined, verdicts, writer)
                if keys is not None:  # once: the second reading has the same keys
                    keys.add(examined)
                    self.work.take_ends(examined, plan)
                if signs is not None:
                    signs.add(examined)
                if age is not None:
                    age.add(examined)
                self._progress.figures(f"{self.tally.rows:,} rows")
                self._progress.reach(job.source.bytes_read)
        self._progress.finish()

    def result(self) -> dict[str, Any]:
        """The counters that the result has as they are, by its fields."""
        shown = {"issues": self.showcase.chosen(), "people": self.people.people()}
        counted = {"load": self.work.load, "coverage": self.coverage, "complete": self.completeness}
        return {**counted, **shown, "probes": self.probes}

    def notices(self) -> Iterator[str]:
        """Say what the transform changed in texts, and left out of comments, a sentence each."""
        yield from self.unmatched.sentences(self._job)
        yield from propose_category(self._job.mapping.model, self.flow, self.coverage.lines())
        if hidden := self.corrections.hidden:
            yield f"values that name people and reject rows: {hidden:,}, in errors.csv alone"
        if self.private:
            yield f"comments for the team alone: {self.private:,} left out, as the mapping says"
        if self.neutralised:
            yield f"@names that would call people or agents: {self.neutralised:,}, written with {REPLACEMENT} now"

    def _add(self, examined: Examined, verdicts: Mapping[int, Verdict], writer: PlanWriter | None) -> Plan:
        plan = without_unreachable(plan_rows(examined, verdicts, self._known), examined)
        rows = plan.rows
        _count(self.tally, examined, rows, verdicts)
        for place, note in plan.notes:
            self.tally.find(note, rows[place].key)
        self.flow.add(examined.records, examined.flowing())
        self.unknowns.add(examined)
        self.corrections.add(examined, rows)
        self.work.add(examined, plan)
        self.drift.add(examined.records.keys.full, plan)
        self.coverage.add(examined.records, rows)
        self.unmatched.add(examined.records, rows)
        self.completeness.add(examined.records, rows, plan.additions)
        self.showcase.add(examined, rows)
        self.people.add(examined)
        self.probes = nsmallest(PROBES, [*self.probes, *plan.markers_to_create()])
        self.neutralised += examined.records.neutralised
        self.private += examined.records.private.total()
        if self._canary_sample is not None:
            self._canary_sample.add(examined, rows)
        if writer is not None:
            writer.write(plan)
        return plan


def without_unreachable(plan: Plan, examined: Examined) -> Plan:
    """The plan without relations to issues that are neither in Triage nor will be: nothing of them is sent."""
    ends = {
        place: {finding.value for finding in found if finding.code in UNREACHABLE}
        for place, found in examined.findings.by_row.items()
        if place in plan.additions
    }

    def is_sent(place: int, addition: Addition) -> bool:
        key = examined.records.keys.full[place]
        end = addition.other if addition.key == key else addition.key
        return addition.act is not Act.RELATION or end.partition(":")[2] not in ends[place]

    sent = {
        place: [each for each in plan.additions[place] if is_sent(place, each)] for place, its in ends.items() if its
    }
    if not sent:  # as in nearly all chunks
        return plan
    return plan._replace(additions={place: added for place, added in (plan.additions | sent).items() if added})


def _count(tally: Tally, examined: Examined, rows: Sequence[Row], verdicts: Mapping[int, Verdict]) -> None:
    tally.add(rows)
    leaders = {member: leader for leader, members in examined.groups.items() for member in members}
    for place, row in enumerate(rows) if verdicts else ():
        verdict = verdicts.get(examined.first + leaders.get(place, place))
        if verdict is not None and row.outcome is Outcome.REJECTED:
            tally.find(verdict.finding, row.key)
    for place, found in sorted(examined.findings.by_row.items()):  # a row of `--only` that isn't selected is skipped
        if rows[place].outcome not in PASSED_OVER:
            for finding in found:
                tally.find(finding, rows[place].key)


def _key_spool(job: Job) -> KeySpool:
    model, names = job.mapping.model, [file.name for file in job.source.files]
    policy: Policy = "newest" if isinstance(model.duplicates, Duplicates) else model.duplicates
    return KeySpool(policy, names, grouped=bool(model.group))
