"""One reading of a source by the check: each chunk is planned, and observers learn from it what they are for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from heapq import nsmallest

from importer.check.coverage.coverage import Coverage
from importer.check.duplicates import NO_VERDICTS, DuplicateVerdict
from importer.check.examine import Examined
from importer.check.job import Job
from importer.check.knowledge import Knows
from importer.check.observers.bad_values import Corrections
from importer.check.observers.before_after import Showcase
from importer.check.observers.completeness import Completeness
from importer.check.observers.drift import Drift
from importer.check.observers.observer import Observer, OpenWriter
from importer.check.observers.people_named import PeopleNamed, UnmatchedPeople
from importer.check.observers.raw_markup import RawMarkup
from importer.check.observers.tally import Tally
from importer.check.observers.unknowns import Unknowns
from importer.check.observers.untyped import (
    Untyped,
    name_finished_files,
    name_marks,
    propose_category,
    propose_columns,
)
from importer.check.observers.value_flow import ValueFlow
from importer.check.observers.workload import WorkCounter
from importer.check.plan import Plan, plan_rows
from importer.check.relation_targets import TargetFindings, without_unreachable
from importer.mapping.presets import is_shipped
from importer.mapping.vocabulary import ends_of_scale
from importer.progress import Progress
from importer.transform.sanitise import REPLACEMENT
from importer.transform.shown_people import ShownPeople

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
    ) -> None:
        self._job, self._known, self._verdicts = job, known, verdicts
        self._target_findings = target_findings
        self.shown = shown
        model, files = job.mapping.model, job.source.files
        self.tally = Tally(verdicts)
        has_scale = any(ends_of_scale(ref.name) for ref in model.severity.refs)
        self.flow = ValueFlow(lambda path: is_shipped(job.mapping.place(*path).file), has_scale=has_scale)
        self.unknowns = Unknowns(model.evidence, model.status.stage)
        self.corrections = Corrections(model, job.fixes, shown)
        self.work = WorkCounter(model)
        self.drift = Drift(
            job.source_name, known, has_comments_beside=_has_comments_beside(job), is_delta=model.input.kind == "delta"
        )
        self.coverage = Coverage(model, files, shown)
        self.completeness = Completeness(model, beside=job.source.comments is not None)
        self.showcase = Showcase(files, model.people.hides, job.show)
        self.people, self.unmatched = PeopleNamed(job, shown), UnmatchedPeople(job.people)
        self.probes, self._changes, self.untyped = Probes(), _TextChanges(), Untyped(model.category)
        self._markup = RawMarkup(model)
        self._observers: Sequence[Observer] = (
            *(self.tally, self.flow, self.unknowns, self.corrections, self.work, self.drift, self.coverage),
            *(self.completeness, self.showcase, self.people, self.unmatched, self.probes, self._changes, self.untyped),
            self._markup,
        )

    def read(
        self, chunks: Iterable[Examined], progress: Progress, writers: Sequence[OpenWriter], more: Sequence[Observer]
    ) -> None:
        """Plan each chunk, and show it to all observers, `more` of them besides its own, and to the writers."""
        source = self._job.source
        progress.start("checking", source.total_bytes, "B")
        with ExitStack() as stack:
            observers = [*self._observers, *more, *(stack.enter_context(open_writer()) for open_writer in writers)]
            for examined in chunks:
                if self._target_findings is not None:
                    self._target_findings.add_to(examined)
                plan = without_unreachable(plan_rows(examined, self._verdicts, self._known), examined)
                for observer in observers:
                    observer.add(examined, plan)
                progress.figures(f"{self.tally.rows:,} rows")
                progress.reach(source.bytes_read)
                del examined, plan  # their memory is free before the next chunk is read, not after
        progress.finish()

    def notices(self) -> Iterator[str]:
        """Say what somebody should look at, and what is not sent as the source has it, a sentence each."""
        yield from self.showcase.warnings()
        yield from self.unmatched.warnings(self._job)
        model, lines = self._job.mapping.model, list(self.coverage.lines())
        yield from propose_columns(model, self.flow, lines)
        yield from propose_category(model, self.flow, lines, self.untyped.titles)
        yield from name_marks(lines)
        yield from name_finished_files(self.flow, (file.name for file in self._job.source.files))
        if hidden := self.corrections.hidden:
            yield f"values that name people and reject rows: {hidden:,}, in errors.csv alone"
        yield from self._changes.warnings()
        yield from self._markup.warnings()


class Probes:
    """The markers of a few rows to be created; as they are hashes, the first ones are spread over all rows."""

    def __init__(self) -> None:
        self.markers: list[str] = []

    def add(self, examined: Examined, plan: Plan) -> None:
        """Choose among those of a chunk."""
        if len(self.markers) == PROBES and not any(map(self.markers[-1].__gt__, examined.records.keys.markers)):
            return  # as in most chunks
        self.markers = nsmallest(PROBES, [*self.markers, *plan.markers_to_create()])


class _TextChanges:
    """Counts what the transform changed in texts, and left out of comments."""

    def __init__(self) -> None:
        self._neutralised = self._private = 0

    def add(self, examined: Examined, _: Plan) -> None:
        """Count those of a chunk."""
        self._neutralised += examined.records.neutralised
        self._private += examined.records.private.total()

    def warnings(self) -> Iterator[str]:
        """Say what there was."""
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
