"""The reports of a run after an attempt, from the ledger, and its summary."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime

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
        self, context: ImportContext, run: Run, checked: Checked, sent: Sent, folder: ReportFolder, started: float
    ) -> None:
        self._context, self._run, self._checked, self._sent, self._folder = context, run, checked, sent, folder
        self._stopped, self._started = sent.stopped, started
        self._comparison: Comparison = NOTHING
        self._news = News()
        self._before: Sequence[Notice] = ()
        self._put_off: Mapping[str, str] = {}
        self._tells_known = False  # also what isn't news
        self._earlier = dict[str, Earlier]()
        self._undecided = self._duplicates = 0  # additions, and issues beside the right ones
        self._whole_run: Mapping[str, int] = {}
        self._recurring: Mapping[str, int] = {}
        self._waiting = 0  # issues without evidence that Triage doesn't know

    def write(self, organisation: str) -> Summary:
        """Write all reports of a run, and record the summary in the ledger."""
        run, folder, job, checked = self._run, self._folder, self._context.job, self._checked
        counts: Mapping[Outcome, int] = self._count_alone()
        codes, suggestion, unknown_until, sent = Counter[str](), None, "", self._sent
        ends = {"No longer tried": sent.given_up, "Refused, and tried again by the next run": sent.refused}
        notes = [f"{what}: {listed(some, NAMED)}" for what, some in ends.items() if some]
        duplicates: list[DuplicateIssue] = []
        page: PageRows | None = None
        try:
            recurring = None if job.mapping.model.recurring is None else Recurring()
            last = find_last(self._context.ledger, run, checked.tally.rows)
            self._before = last.notices if last is not None else ()
            self._news = News(last, recurs=recurring is not None, rejected=_find_told(job))
            counted, codes, page = write_rows(run, folder, job.issue_url, self._news, recurring)
            self._earlier = self._news.find_earlier()
            self._put_off = find_put_off(self._context.ledger, run.target, run.source_name)
            self._tells_known = last is not None and is_told_again(self._put_off.values(), last.last_at, run.started_at)
            self._recurring = {} if recurring is None else recurring.write(run, folder)
            counts, unknown_until = self._count_all(counted)
            suggestion = write_proposals(job, checked, folder)
            write_coverage(folder, checked.coverage)
            last = find_last(self._context.ledger, run, checked.tally.rows, snapshots=True)
            self._comparison = find_vanished(last, folder)
            if last is not None:
                vanished = self._comparison
                self._earlier[VANISHED] = Earlier(vanished.vanished - vanished.new, vanished.keys)
            self._undecided = run.additions.count_undecided()
            # What this attempt doesn't assign, an earlier one may have.
            may_assign = checked.assignments.planned > 0 or (checked.assignments.people > 0 and run.attempts > 1)
            self._whole_run = count_additions(self._context.ledger, run, may_assign=may_assign)
            seen = self._context.ledger.seen(run.target, run.source_name)
            duplicates = seen.duplicates()
            self._duplicates = len(duplicates) + seen.count_settled()
            # Also those of keys that the source doesn't have.
            codes[DUPLICATE_IN_TRIAGE] = len(duplicates)
            self._earlier[DUPLICATE_IN_TRIAGE] = self._compare_with_last([each.other for each in duplicates])
            codes[EVIDENCE_MISSING] = max(codes[EVIDENCE_MISSING], len(sent.given_up))
            codes[INCOMPLETE] = max(codes[INCOMPLETE], len(sent.refused))
            notes += self._look_at_waiting(codes, organisation)
        except (StorageFull, UsageError) as error:
            self._stopped = self._stopped or StorageFull(error.message, hint=error.hint)
            with suppress(StorageFull):
                counts, unknown_until = self._count_all(run.count())
        notices = self._find_notices(counts, codes)
        code = self._exit_code(notices)
        summary = replace(
            self._summarise(counts, codes, code),
            notices=notices,
            suggestion=str(suggestion or ""),
            errors=folder.errors,
            unknown_until=unknown_until,
            **times(self._started),
        )
        for note in notes:
            self._context.progress.say(f"warning: {note}")
        warnings = (*summary.warnings, *name_duplicates(duplicates), *notes)
        summary = replace(summary, warnings=tuple(dict.fromkeys(warnings)))
        try:
            run.finish(code, asdict(summary), is_over=code is ExitCode.DECIDE and self._stopped is None)
            if code in (ExitCode.DONE, ExitCode.PARTLY) and self._is_settled(notices):
                self._keep_fingerprint(organisation)
        except StorageFull as error:
            self._stopped = self._stopped or error
            code = self._exit_code(notices)
            summary = replace(summary, exit_code=int(code), stopped_because=self._because(code))
        return write_end(run, folder, summary, page)

    def _look_at_waiting(self, codes: Counter[str], organisation: str) -> Iterator[str]:
        """Count the issues that lack evidence; yield a warning if this run has tried many calls first, all in vain."""
        waiting = self._run.additions.find_waiting()
        new = [(key, each.name) for key, its in waiting.items() for each in its if each.first >= self._run.started_at]
        self._waiting = codes[EVIDENCE_PENDING] = len(waiting)
        known = len(waiting.keys() - {key for key, _ in new})
        self._earlier[EVIDENCE_PENDING] = Earlier(known, sorted(waiting)[:KEYS_KEPT])
        calls = sorted({name.removeprefix("call/") for _, name in new if name.startswith("call/")})
        if len(calls) >= MANY_CALLS and not self._whole_run[EVIDENCE]:
            yield (
                f"Triage knows none of the {len(calls):,} calls of this run ({listed(calls, NAMED)}): look whether the "
                "mapping names the column of their ids (`resource_links`, `flags`), and whether they were made in "
                f"organisation {organisation or 'unknown'}."
            )

    def _is_settled(self, notices: Sequence[Notice]) -> bool:
        """Whether repeating the run would give the same exit code: it had nothing to do and found nothing new."""
        # An earlier attempt may have sent what this one had not to send any more.
        checked = self._checked
        to_do = checked.planned or checked.workload.requests or checked.tally.holds_any
        had_nothing_to_do = self._run.attempts == 1 and not to_do
        is_old_news = self._context.settings.fail_on is FailOn.ANY or not any(each.is_news for each in notices)
        is_open = self._undecided or self._duplicates or self._waiting or self._sent.given_up
        return had_nothing_to_do and is_old_news and not (is_open or self._comparison.new)

    def _keep_fingerprint(self, organisation: str) -> None:
        fingerprint = make_fingerprint(self._context, organisation, self._checked.digest)
        keep_fingerprint(self._context.ledger.transaction, self._run.name, fingerprint)

    def _summarise(self, counts: Mapping[Outcome, int], codes: Counter[str], code: ExitCode) -> Summary:
        calls, sent = self._context.calls, self._sent
        return summarise(
            self._context.job,
            self._checked,
            counts,
            code,
            stopped_because=self._because(code),
            run_id=self._run.name,
            target=self._context.target.name,
            findings=by_frequency(codes),
            additions={str(act): number for act, number in sent.additions.items()},
            sent={COMMENTS: sent.comments, **self._whole_run},
            requests=calls.requests,
            retries=calls.retries,
            rate_limited=calls.rate_limited,
            elapsed_seconds=round(sent.elapsed_seconds, 3),
            issues_per_second=round(sent.outcomes[Outcome.CREATED] / max(sent.elapsed_seconds, 0.001), 1),
            out=str(self._run.out),
            duplicates=self._duplicates,
            known=self._news.known_rows,
            new=self._news.first,
            tells_known=self._tells_known,
            recurring=self._recurring,
            vanished=self._comparison.vanished,
            vanished_since=self._comparison.run,
        )

    def _because(self, code: ExitCode) -> str:
        """Why the attempt ended early, if it did."""
        if self._stopped is not None:
            return f"{self._stopped.message}\n{self._stopped.hint}".strip()
        return INTERRUPTED if code == ExitCode.INTERRUPTED else ""

    def _count_all(self, counted: Mapping[Outcome, int]) -> tuple[Counter[Outcome], str]:
        """Count the rows that aren't registered yet as planned, too; say when the undecided creates can be decided."""
        counts = Counter(counted)
        counts[Outcome.PLANNED] += max(0, self._checked.tally.rows - counts.total())
        return counts, self._unknown_until() if counts[Outcome.UNKNOWN] else ""

    def _count_alone(self) -> Counter[Outcome]:
        """The counts without the ledger: those of the check, with the outcomes of this attempt."""
        counts = Counter(self._checked.tally.outcomes)
        counts[Outcome.PLANNED] -= self._sent.outcomes.total()
        counts[Outcome.UNCHANGED] -= self._sent.completed.total()
        return counts + self._sent.outcomes + self._sent.completed

    def _unknown_until(self) -> str:
        """When the last of the undecided creates can be decided."""
        last = max((each.since for each in self._run.find_undecided()), default=time.time())
        deadline = datetime.fromtimestamp(last + self._context.settings.settle_seconds).astimezone()
        return deadline.isoformat(timespec="seconds")

    def _find_notices(self, counts: Mapping[Outcome, int], codes: Mapping[str, int]) -> tuple[Notice, ...]:
        every = Counter({**codes, VANISHED: self._comparison.vanished})
        every[STILL_REJECTED] = still = len(self._checked.still_rejected)
        self._earlier[STILL_REJECTED] = Earlier(still)
        every[ROW_EDITED] = len(self._checked.edited)
        self._earlier[ROW_EDITED] = Earlier(keys=[each.new for each in self._checked.edited][:KEYS_KEPT])
        every.update(counts)
        every[Outcome.UNKNOWN] += self._undecided
        return find_notices(
            every,
            self._earlier,
            before=self._before,
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
        named = {key for each in self._before if each.cause == DUPLICATE_IN_TRIAGE for key in each.keys}
        return Earlier(len(named.intersection(keys)), keys[:KEYS_KEPT])

    def _exit_code(self, notices: Sequence[Notice]) -> ExitCode:
        return decide_exit_code(
            notices,
            stopped=self._stopped,
            interrupted=self._sent.interrupted,
            standing=self._context.settings.fail_on is FailOn.ANY,
        )
