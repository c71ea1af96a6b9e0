"""The reports of a run after an attempt, from the ledger, and its summary."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

from importer.check.check_pass import Checked
from importer.check.job import Job
from importer.check.observers.completeness import COMMENTS, EVIDENCE
from importer.codes import (
    DUPLICATE_IN_TRIAGE,
    EVIDENCE_MISSING,
    EVIDENCE_PENDING,
    INCOMPLETE,
    by_frequency,
)
from importer.errors import INTERRUPTED, ExitCode, StorageFull, UsageError
from importer.ledger.commands import put_off_command, source_command
from importer.ledger.journal import Run
from importer.ledger.overview import find_put_off, still_put_off
from importer.ledger.previous_run import is_told_again, keep_fingerprint
from importer.ledger.target_scan import DuplicateIssue
from importer.load.attempt import Sent
from importer.load.context import FailOn, ImportContext
from importer.load.discovery import name_duplicates
from importer.load.nothing_to_send import make_fingerprint
from importer.notices import (
    KEYS_KEPT,
    REJECTED,
    ROW_EDITED,
    STILL_REJECTED,
    VANISHED,
    Earlier,
    Notice,
    decide_exit_code,
    find_notices,
)
from importer.phrases import format_iso, listed
from importer.pipeline.checking import write_proposals
from importer.records import Outcome, Rejected
from importer.report.folder import ReportFolder
from importer.report.from_ledger import (
    NOTHING,
    Comparison,
    News,
    count_additions,
    find_last,
    find_vanished,
    write_end,
    write_rows,
)
from importer.report.page_rows import PageRows
from importer.report.recurring import Recurring
from importer.report.summary import Summary, summarise, times
from importer.report.tables import write_coverage

MANY_CALLS, NAMED = 10, 3
"""From how many new calls on it is strange that Triage knows none of them; of how much evidence a warning tells."""


def _find_told(job: Job) -> Sequence[Rejected]:
    """Return the rejected rows of which somebody was told: who gives errors files back is told of them again."""
    is_given_back = any(file.errors_file for file in job.source.files)
    return () if is_given_back and not job.tries_again else job.rejected


class RunReport:
    """The reports of a run after an attempt, from the ledger, including what earlier attempts did.

    If the reports can't be written, or the ledger can't be used any more, the summary still says what was done.
    """

    def __init__(
        self, context: ImportContext, run: Run, checked: Checked, attempt: Sent, folder: ReportFolder, started: float
    ) -> None:
        self._context, self._run, self._checked, self._attempt, self._folder = context, run, checked, attempt, folder
        self._stopped = attempt.stopped
        self._started = started
        self._codes = Counter[str]()
        self._counts: Mapping[Outcome, int] = self._count_alone()
        self._unknown_until = ""  # when the undecided creates can be decided
        self._comparison: Comparison = NOTHING
        self._news = News()
        self._last_notices: Sequence[Notice] = ()
        self._put_off: Mapping[str, str] = {}
        self._tells_known = False  # also what isn't news
        self._earlier = dict[str, Earlier]()
        self._undecided = 0  # additions
        self._duplicates: Sequence[DuplicateIssue] = ()
        self._duplicates_settled = 0  # and those that somebody has decided on
        self._whole_run: Mapping[str, int] = {}
        self._recurring: Mapping[str, int] = {}
        self._waiting = 0  # issues without evidence that Triage doesn't know

    def write(self, organisation: str) -> Summary:
        """Write all reports of a run, and record the summary in the ledger."""
        run, folder, attempt = self._run, self._folder, self._attempt
        ends = {"No longer tried": attempt.given_up, "Refused, and tried again by the next run": attempt.refused}
        notes = [f"{end}: {listed(keys, NAMED)}" for end, keys in ends.items() if keys]
        page: PageRows | None = None
        suggestion: Path | None = None
        try:
            page = self._write_rows()
            suggestion = write_proposals(self._context.job, self._checked, folder)
            write_coverage(folder, self._checked.coverage)
            self._compare_with_last_run()
            self._look_at_duplicates()
            self._look_at_additions()
            notes += self._look_at_waiting(organisation)
        except (StorageFull, UsageError) as error:
            self._stopped = self._stopped or StorageFull(error.message, hint=error.hint)
            with suppress(StorageFull):
                self._count_all(run.count())
        notices = self._find_notices()
        summary = self._summarise(notices, suggestion)
        for note in notes:
            self._context.progress.say(f"warning: {note}")
        warnings = (*summary.warnings, *name_duplicates(self._duplicates), *notes)
        summary = replace(summary, warnings=tuple(dict.fromkeys(warnings)))
        try:
            self._finish(summary, notices, organisation)
        except StorageFull as error:
            self._stopped = self._stopped or error
            code = self._exit_code(notices)
            summary = replace(summary, exit_code=int(code), stopped_because=self._because(code))
        return write_end(run, folder, summary, page)

    def _write_rows(self) -> PageRows:
        """Write what became of each row, and learn what of it the last run has told already."""
        run, job, ledger = self._run, self._context.job, self._context.ledger
        recurring = None if job.mapping.model.recurring is None else Recurring()
        last = find_last(ledger, run, self._checked.tally.rows)
        if last is not None:
            self._last_notices = last.notices
        self._news = News(last, recurs=recurring is not None, rejected=_find_told(job))
        counts, self._codes, page = write_rows(run, self._folder, job.issue_url, self._news, recurring)
        self._earlier = self._news.find_earlier()
        self._put_off = find_put_off(ledger, run.target, run.source_name)
        if last is not None:
            self._tells_known = is_told_again(self._put_off.values(), last.last_at, run.started_at)
        if recurring is not None:
            self._recurring = recurring.write(run, self._folder)
        self._count_all(counts)
        return page

    def _compare_with_last_run(self) -> None:
        """Find the issues that the source had at its last complete run, and hasn't now."""
        last = find_last(self._context.ledger, self._run, self._checked.tally.rows, snapshots=True)
        self._comparison = find_vanished(last, self._folder)
        if last is not None:
            vanished_before = self._comparison.vanished - self._comparison.new
            self._earlier[VANISHED] = Earlier(vanished_before, self._comparison.keys)

    def _look_at_duplicates(self) -> None:
        """Count the issues that Triage has twice, also those of keys that the source doesn't have."""
        scan = self._context.ledger.target_scan(self._run.target, self._run.source_name)
        self._duplicates = scan.duplicates()
        self._duplicates_settled = scan.count_settled()
        self._codes[DUPLICATE_IN_TRIAGE] = len(self._duplicates)
        keys = [duplicate.number for duplicate in self._duplicates]
        self._earlier[DUPLICATE_IN_TRIAGE] = self._compare_with_last(keys)

    def _look_at_additions(self) -> None:
        """Count what this run and its earlier attempts have added, and what was given up or refused."""
        attempt = self._attempt
        assignments = self._checked.assignments
        self._undecided = self._run.additions.count_undecided()
        # What this attempt doesn't assign, an earlier one may have.
        had_earlier_attempt = assignments.people > 0 and self._run.attempts > 1
        may_assign = assignments.planned > 0 or had_earlier_attempt
        self._whole_run = count_additions(self._context.ledger, self._run, may_assign=may_assign)
        self._codes[EVIDENCE_MISSING] = max(self._codes[EVIDENCE_MISSING], len(attempt.given_up))
        self._codes[INCOMPLETE] = max(self._codes[INCOMPLETE], len(attempt.refused))

    def _finish(self, summary: Summary, notices: Sequence[Notice], organisation: str) -> None:
        """Record in the ledger that the run has ended, and if the next one would be the same, by what it is known."""
        code = self._exit_code(notices)
        self._run.finish(code, asdict(summary), is_over=code is ExitCode.DECIDE and self._stopped is None)
        if code in (ExitCode.DONE, ExitCode.PARTLY) and self._is_settled(notices):
            self._keep_fingerprint(organisation)

    def _look_at_waiting(self, organisation: str) -> Iterator[str]:
        """Count the issues that lack evidence; yield a warning if this run has tried many calls first, all in vain."""
        waiting = self._run.additions.find_waiting()
        new_issues = set[str]()
        calls = set[str]()
        for key, links in waiting.items():
            for link in links:
                if link.first < self._run.started_at:
                    continue
                new_issues.add(key)
                if link.name.startswith("call/"):
                    calls.add(link.name.removeprefix("call/"))
        self._waiting = self._codes[EVIDENCE_PENDING] = len(waiting)
        waiting_before = len(waiting.keys() - new_issues)
        self._earlier[EVIDENCE_PENDING] = Earlier(waiting_before, sorted(waiting)[:KEYS_KEPT])
        if len(calls) >= MANY_CALLS and not self._whole_run[EVIDENCE]:
            yield (
                f"Triage knows none of the {len(calls):,} calls of this run ({listed(sorted(calls), NAMED)}): look "
                "whether the mapping names the column of their ids (`resource_links`, `flags`), and whether they were "
                f"made in organisation {organisation or 'unknown'}."
            )

    def _is_settled(self, notices: Sequence[Notice]) -> bool:
        """Whether repeating the run would give the same exit code: it had nothing to do and found nothing new."""
        # An earlier attempt may have sent what this one had not to send any more.
        if self._run.attempts != 1:
            return False
        checked = self._checked
        if checked.planned or checked.workload.requests or checked.tally.holds_any:
            return False
        tells_only_news = self._context.settings.fail_on is not FailOn.ANY
        if tells_only_news and any(notice.is_news for notice in notices):
            return False
        if self._undecided or self._duplicate_issues or self._waiting or self._attempt.given_up:
            return False
        return not self._comparison.new

    @property
    def _duplicate_issues(self) -> int:
        return len(self._duplicates) + self._duplicates_settled

    def _keep_fingerprint(self, organisation: str) -> None:
        fingerprint = make_fingerprint(self._context, organisation, self._checked.digest)
        keep_fingerprint(self._context.ledger.transaction, self._run.name, fingerprint)

    def _summarise(self, notices: tuple[Notice, ...], suggestion: Path | None) -> Summary:
        calls, attempt = self._context.calls, self._attempt
        code = self._exit_code(notices)
        return summarise(
            self._context.job,
            self._checked,
            self._counts,
            code,
            stopped_because=self._because(code),
            run_id=self._run.name,
            target=self._context.target.name,
            findings=by_frequency(self._codes),
            notices=notices,
            additions={str(act): number for act, number in attempt.additions.items()},
            sent={COMMENTS: attempt.comments, **self._whole_run},
            requests=calls.requests,
            retries=calls.retries,
            rate_limited=calls.rate_limited,
            elapsed_seconds=round(attempt.elapsed_seconds, 3),
            issues_per_second=round(attempt.outcomes[Outcome.CREATED] / max(attempt.elapsed_seconds, 0.001), 1),
            out=str(self._run.out),
            suggestion=str(suggestion or ""),
            errors=self._folder.errors,
            unknown_until=self._unknown_until,
            duplicates=self._duplicate_issues,
            known=self._news.known_rows,
            new=self._news.first,
            tells_known=self._tells_known,
            recurring=self._recurring,
            vanished=self._comparison.vanished,
            vanished_since=self._comparison.run,
            **times(self._started),
        )

    def _because(self, code: ExitCode) -> str:
        """Why the attempt ended early, if it did."""
        if self._stopped is not None:
            return f"{self._stopped.message}\n{self._stopped.hint}".strip()
        return INTERRUPTED if code == ExitCode.INTERRUPTED else ""

    def _count_all(self, counts: Mapping[Outcome, int]) -> None:
        """Count the rows that aren't registered yet as planned, too; learn when undecided creates can be decided."""
        all_counts = Counter(counts)
        all_counts[Outcome.PLANNED] += max(0, self._checked.tally.rows - all_counts.total())
        self._counts = all_counts
        self._unknown_until = self._find_deadline() if all_counts[Outcome.UNKNOWN] else ""

    def _count_alone(self) -> Counter[Outcome]:
        """The counts without the ledger: those of the check, with the outcomes of this attempt."""
        attempt = self._attempt
        counts = Counter(self._checked.tally.outcomes)
        counts[Outcome.PLANNED] -= attempt.outcomes.total()
        counts[Outcome.UNCHANGED] -= attempt.completed.total()
        return counts + attempt.outcomes + attempt.completed

    def _find_deadline(self) -> str:
        """When the last of the undecided creates can be decided."""
        last = max((create.since for create in self._run.find_undecided()), default=time.time())
        deadline = datetime.fromtimestamp(last + self._context.settings.settle_seconds).astimezone()
        return deadline.isoformat(timespec="seconds")

    def _find_notices(self) -> tuple[Notice, ...]:
        still_rejected = len(self._checked.still_rejected)
        edited = self._checked.edited
        self._earlier[STILL_REJECTED] = Earlier(still_rejected)
        self._earlier[ROW_EDITED] = Earlier(keys=[row.new for row in edited][:KEYS_KEPT])
        rows_of = Counter(self._codes)
        rows_of[VANISHED] = self._comparison.vanished
        rows_of[STILL_REJECTED] = still_rejected
        rows_of[ROW_EDITED] = len(edited)
        rows_of.update(self._counts)
        rows_of[Outcome.UNKNOWN] += self._undecided
        return find_notices(
            rows_of,
            self._earlier,
            before=self._last_notices,
            now=format_iso(self._run.started_at) or "",
            put_off=still_put_off(self._put_off),
            command=self._find_command,
        )

    def _find_command(self, cause: str) -> str:
        """Return what to paste about a cause."""
        run = self._run
        if cause == REJECTED:
            errors = (str(self._folder.path / name) for name in self._folder.errors)
            return self._context.job.typed.check_command(*errors)
        if cause == STILL_REJECTED:
            return source_command(run.ledger, run.target, "sources", "rejected", run.source_name)
        return put_off_command(run.ledger, run.target, run.source_name, cause)

    def _compare_with_last(self, keys: Sequence[str]) -> Earlier:
        """Say how many of these duplicates the last run named."""
        named_before = set[str]()
        for notice in self._last_notices:
            if notice.cause == DUPLICATE_IN_TRIAGE:
                named_before.update(notice.keys)
        return Earlier(len(named_before.intersection(keys)), keys[:KEYS_KEPT])

    def _exit_code(self, notices: Sequence[Notice]) -> ExitCode:
        return decide_exit_code(
            notices,
            stopped=self._stopped,
            interrupted=self._attempt.interrupted,
            standing=self._context.settings.fail_on is FailOn.ANY,
        )
