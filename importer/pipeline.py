"""The three pipelines: check a source, import it, rebuild its ledger. Nothing here prints.

Modules that talk to Triage or the ledger are imported where they are used, because a check needs neither.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from importer.authoring.suggest import suggest_for
from importer.check.check_pass import Checked, check
from importer.check.job import Job
from importer.check.knowledge import Knows
from importer.check.observers.completeness import COMMENTS, EVIDENCE
from importer.check.observers.samples import CanarySample
from importer.check.plan import OpenWriter
from importer.codes import (
    DUPLICATE_IN_TRIAGE,
    EVIDENCE_MISSING,
    EVIDENCE_PENDING,
    INCOMPLETE,
    by_frequency,
)
from importer.errors import INTERRUPTED, ExitCode, ImporterError, StorageFull, UsageError
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
    read_notices,
)
from importer.phrases import counted, format_iso, listed
from importer.progress import Progress
from importer.records import Outcome, Rejected
from importer.report.check_files import CheckFiles, open_check_files
from importer.report.error_files import Columns
from importer.report.folder import SUGGESTION, SUMMARY, ReportFolder, report_folder
from importer.report.page import NO_AIM, REPORT, Aim, collect_details, pack_details, write_pages
from importer.report.page_rows import PageRows
from importer.report.results import IssueUrl
from importer.report.summary import Summary, summarise, times
from importer.report.tables import write_coverage, write_fixes

if TYPE_CHECKING:
    from importer.check.history import LedgerHistory
    from importer.ledger.journal import Run
    from importer.ledger.target_scan import DuplicateIssue
    from importer.load.attempt import Sent
    from importer.load.context import ImportContext
    from importer.load.questions import Questions
    from importer.report.from_ledger import Comparison

CHECK_FOLDER = "triage-import-check"
PERHAPS_DELETED = (
    "if somebody has deleted any of them in Triage, it is created again, as nothing tells it from a new one"
)
MANY_CALLS, NAMED = 10, 3
"""From how many new calls on it is strange that Triage knows none of them; of how much evidence a warning tells."""


def run_check(
    job: Job,
    known: Knows,
    progress: Progress,
    out: Path | None = None,
    *,
    aim: Aim = NO_AIM,
    refuse: Callable[[Checked], ImporterError | None] = lambda checked: None,
) -> tuple[Checked, Summary]:
    """Check a source and write all reports: what `validate` does, and `run --dry-run`.

    `refuse` returns why nothing could be sent, if so; the exit code is that of this error.
    """
    reports = _CheckReports(job, out, aim)
    checked = check(job, known, progress, writers=[reports.open])
    return checked, reports.write(checked, refuse(checked))


def run_import(context: ImportContext, questions: Questions, out: Path | None = None) -> Summary:
    """Import a source: preflight, check, discover, confirm, load, report.

    If `confirm` refuses, the summary is that of a check, with the exit code of its error. An organisation that the
    ledger doesn't know yet gets a canary first: a few issues, which are read back.

    Raises:
        ImporterError: before anything was sent. An error that stops the send pass is in the summary instead.
    """
    from importer.check.history import LedgerHistory, with_last_run
    from importer.load.attempt import Attempt, begin_run
    from importer.load.canary import Canary
    from importer.load.discovery import note_discovered, scan_back
    from importer.load.nothing_to_send import SettledRows, find_same_run
    from importer.load.preflight import preflight
    from importer.load.probed import find_answers
    from importer.load.questions import Destination
    from importer.report.from_ledger import PAGE
    from importer.triage.organisation_lists import find_categories

    context = replace(context, job=with_last_run(context.job, context.ledger, context.target.name))
    if (answers := find_answers(context.ledger, context.target.name)) is not None:
        context = replace(context, settings=answers.limit(context.settings))
    job, target, ledger, settings = context.job, context.target, context.ledger, context.settings
    changes = context.changes
    found = preflight(context)
    if (same := find_same_run(context, found.organisation)) is not None:
        return _repeat(context, same, out)
    sample = CanarySample() if settings.canary and found.is_new else None
    settled = SettledRows()
    reports = _CheckReports(job, out, Aim(target.name, settings.rate))

    def check_now() -> tuple[LedgerHistory, Checked]:
        known = LedgerHistory(ledger, target.name, job.source_name, changes)
        writers: list[OpenWriter] = [partial(settled.open, known), *([reports.open] if questions.asks else [])]
        return known, check(job, known, context.progress, sample=sample, writers=writers)

    known, checked, seen = _check_and_discover(context, check_now, found.warnings)
    context = context.follow(checked.moves, checked.held.absence)
    job = context.job
    page = str(Path(reports.write(checked).out) / REPORT) if questions.asks else ""
    categories = partial(find_categories, target, context.calls)
    destination = Destination(target.name, found.organisation, settings.rate, categories)
    if refusal := questions.confirm(checked, destination, page):
        if not questions.asks:  # only now are its tables wanted: to write them for every run would cost as much again
            check(job, known, context.progress, writers=[reports.open])
        return reports.write(checked, refusal)
    details = replace(collect_details(job, checked), organisation=found.organisation)
    run = begin_run(context, checked, out, {PAGE: pack_details(details)})
    run.follow(checked.moves)
    folder = reports.folder_at(run.out)
    if out is None and not folder.make():  # it was typed when the run began
        ledger.move_reports(run)
        folder = reports.folder_at(run.out)
    folder.prepare()  # one that can't be written is said before anything is sent; people's changes are spared once
    note_discovered(run, ledger.seen(target.name, job.source_name), seen)
    if checked.creates:
        ledger.seen(target.name, job.source_name).begin_span(context.target_time.newest)
    if settled.are_all(run, known):
        tried = Attempt(context, run, checked, known).send(None, questions.confirm_rest, is_settled=True)
        sent = settled.hand_over(run, scan_back(context, run, tried))
    else:
        known = LedgerHistory(ledger, target.name, job.source_name, changes, run)
        canary = Canary(context, run, checked.sample) if checked.sample else None
        sent = scan_back(context, run, Attempt(context, run, checked, known).send(canary, questions.confirm_rest))
    return _Report(context, run, checked, sent, folder, reports.started).write(found.organisation)


def _check_and_discover(
    context: ImportContext, check_now: Callable[[], tuple[LedgerHistory, Checked]], warnings: tuple[str, ...]
) -> tuple[LedgerHistory, Checked, frozenset[str]]:
    """Check; if anything is to be created, run discovery, and check again if that found something.

    Where issues recur, a ledger's first night begins with it, too: that may only withdraw what a lost ledger knew.
    """
    from importer.load.discovery import discover, find_hidden
    from importer.load.preflight import check_rows

    known, checked = check_now()
    check_rows(checked.tally.rows, context.settings.min_rows)
    notes, seen = warnings, frozenset[str]()
    is_first = checked.leaders is not None and not known.is_complete()
    if checked.creates or known.matched or is_first:
        # What an earlier discovery has seen may be gone since: where it matters, all is looked up anew.
        discovered = discover(context, thorough=known.matched > 0)
        notes, seen = (*notes, *discovered.warnings), discovered.issue_ids
        if discovered.is_news or known.matched:
            known, checked = check_now()
        if find_hidden(context, checked):
            known, checked = check_now()
        if discovered.taken and checked.creates:
            many = counted(checked.creates, "row has", "rows have")
            notes = (*notes, f"the ledger lacked issues that are in Triage; {many} none there: {PERHAPS_DELETED}")
    return known, replace(checked, before=notes), seen


def _repeat(context: ImportContext, run: Run, out: Path | None) -> Summary:
    """End an import that would repeat the last one, with its figures and exit code."""
    from importer.ledger.overview import find_put_off, still_put_off
    from importer.ledger.previous_run import is_told_again, note_repeat
    from importer.load.context import FailOn
    from importer.report.from_ledger import describe_repeated, write_repeated

    now = time.time()
    age_seconds = context.job.source.age_seconds(now)
    repeats, last = note_repeat(context.ledger.transaction, run.name, now)
    put_off = find_put_off(context.ledger, run.target, run.source_name)
    left = still_put_off(put_off)
    notices = tuple(replace(each, new=0, put_off=left.get(each.cause, "")) for each in read_notices(run.summary))
    standing = context.settings.fail_on is FailOn.ANY
    summary = write_repeated(
        run,
        report_folder(context.job, out or run.out),
        notices=notices,
        exit_code=int(decide_exit_code(notices, stopped=None, standing=standing)),
        tells_known=is_told_again(put_off.values(), last, now),
        repeats=repeats,
        source_age_seconds=round(age_seconds) if isfinite(age_seconds) else None,
        requests=context.calls.requests,
        elapsed_seconds=0.0,
        **times(now),
    )
    context.progress.say(describe_repeated(summary))
    return summary


def rebuild_ledger(context: ImportContext, out: Path | None = None) -> Summary:
    """Search all of Triage for issues of a source, and add those that belong to its rows to the ledger.

    The summary is that of a check: rows with an issue are `unchanged`, `changed` or `skipped`, the others `planned`.

    Raises:
        ImporterError: the target or the source can't be read.
    """
    from importer.check.history import LedgerHistory
    from importer.ledger.schema import RunKind
    from importer.ledger.store import RunIdentity
    from importer.load.discovery import discover, find_hidden
    from importer.load.preflight import claim_source

    job, target, ledger, say = context.job, context.target, context.ledger, context.progress.say
    claim_source(target, ledger, job.source_name, say)
    discover(context, thorough=True)
    identity = RunIdentity(target.name, job.source_name, job.source.digest(), job.mapping.digest, RunKind.REBUILD)
    run = ledger.begin_run(identity)
    known = partial(LedgerHistory, ledger, target.name, job.source_name, context.changes, run, near=True)
    checked, summary = run_check(job, known(), context.progress, out, aim=Aim(target.name))
    if find_hidden(context, checked):
        _, summary = run_check(job, known(), context.progress, out, aim=Aim(target.name))
    run.finish(ExitCode.DONE, {})
    say("What was found is in the ledger; rows that are planned are not in Triage with their marker.")
    return summary


def write_proposals(job: Job, checked: Checked, folder: ReportFolder) -> Path | None:
    """Write proposals for a person: fixes.csv, and suggested-mapping.yaml if there is something to propose."""
    write_fixes(folder, checked.fixes)
    text = suggest_for(job.mapping, checked, folder.path)
    if not text:
        return None
    folder.write(SUGGESTION, text)
    return folder.file(SUGGESTION)


class _CheckReports:
    """The reports of a check: tables while its source is read, the others from its result."""

    def __init__(self, job: Job, out: Path | None, aim: Aim) -> None:
        self.folder = report_folder(job, out or Path(CHECK_FOLDER))
        self._job, self._aim, self.started = job, aim, time.time()
        self._rows = PageRows(url=IssueUrl(job.issue_url))

    def open(self) -> AbstractContextManager[CheckFiles]:
        """Open the tables of a reading."""
        source, absence = self._job.source, self._job.absence
        columns = Columns.of([file.header for file in source.files], absence.columns)
        return open_check_files(self.folder, columns, self._rows, source.form)

    def folder_at(self, path: Path) -> ReportFolder:
        """Return the folder at a path; that of the check already knows which files must not be overwritten."""
        return self.folder if path.resolve() == self.folder.path.resolve() else report_folder(self._job, path)

    def write(self, checked: Checked, refusal: ImporterError | None = None) -> Summary:
        """Write what the result of the check gives. `refusal` is why nothing was, or would be, sent."""
        job, folder = self._job, self.folder
        write_coverage(folder, checked.coverage)
        # What is only a warning of a row that is sent is the send pass's to say.
        held = Counter[str]({Outcome.REJECTED: checked.rejected, ROW_EDITED: len(checked.edited)})
        for (_, code), rows in checked.tally.passed_over.items():
            held[code] += rows
        notices = find_notices(held)
        summary = summarise(
            job,
            checked,
            checked.tally.outcomes,
            decide_exit_code(notices, stopped=refusal),
            run_id="",
            target=self._aim.target,
            findings=checked.tally.by_code(),
            notices=notices,
            elapsed_seconds=round(checked.elapsed_seconds, 3),
            stopped_because=refusal.message if refusal else "",
            out=str(folder.path),
            suggestion=str(write_proposals(job, checked, folder) or ""),
            errors=folder.errors,
            **times(self.started),
        )
        write_pages(folder, summary, self._rows, collect_details(job, checked, summary, self._aim.rate))
        folder.write(SUMMARY, summary.as_text())
        return summary


def _find_told(job: Job) -> Sequence[Rejected]:
    """Return the rejected rows of which somebody was told: who gives errors files back is told of them again."""
    is_given_back = any(file.errors_file for file in job.source.files)
    return () if is_given_back and not job.tries_again else job.rejected


class _Report:
    """The reports of a run after an attempt, from the ledger, including what earlier attempts did.

    If the reports can't be written, or the ledger can't be used any more, the summary still says what was done.
    """

    def __init__(
        self, context: ImportContext, run: Run, checked: Checked, sent: Sent, folder: ReportFolder, started: float
    ) -> None:
        from importer.report.from_ledger import NOTHING, News

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
        from importer.ledger.overview import find_put_off
        from importer.ledger.previous_run import is_told_again
        from importer.load.discovery import name_duplicates
        from importer.report.from_ledger import News, count_additions, find_last, find_vanished, write_end, write_rows
        from importer.report.recurring import Recurring

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
        from importer.load.context import FailOn

        # An earlier attempt may have sent what this one had not to send any more.
        checked = self._checked
        to_do = checked.planned or checked.workload.requests or checked.tally.holds_any
        had_nothing_to_do = self._run.attempts == 1 and not to_do
        is_old_news = self._context.settings.fail_on is FailOn.ANY or not any(each.is_news for each in notices)
        is_open = self._undecided or self._duplicates or self._waiting or self._sent.given_up
        return had_nothing_to_do and is_old_news and not (is_open or self._comparison.new)

    def _keep_fingerprint(self, organisation: str) -> None:
        from importer.ledger.previous_run import keep_fingerprint
        from importer.load.nothing_to_send import make_fingerprint

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
        from importer.ledger.overview import still_put_off

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
        from importer.ledger.commands import put_off_command, source_command

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
        from importer.load.context import FailOn

        return decide_exit_code(
            notices,
            stopped=self._stopped,
            interrupted=self._sent.interrupted,
            standing=self._context.settings.fail_on is FailOn.ANY,
        )
