"""The second pipeline: imports a source. A check needs nothing of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import isfinite
from pathlib import Path

from importer.check.check_pass import Checked, check
from importer.check.history import LedgerHistory, with_last_run
from importer.check.observers.samples import CanarySample
from importer.check.plan import OpenWriter
from importer.errors import ImporterError
from importer.ledger.journal import Run
from importer.ledger.overview import find_put_off, still_put_off
from importer.ledger.previous_run import is_told_again, note_repeat
from importer.load.attempt import Attempt, begin_run
from importer.load.canary import Canary
from importer.load.context import FailOn, ImportContext
from importer.load.discovery import discover, find_hidden, note_discovered, scan_back
from importer.load.nothing_to_send import SettledRows, find_same_run
from importer.load.preflight import check_rows, preflight
from importer.load.probed import find_answers
from importer.load.questions import Destination, Questions
from importer.notices import (
    decide_exit_code,
    read_notices,
)
from importer.phrases import counted
from importer.pipeline.checking import CheckReports
from importer.pipeline.run_report import RunReport
from importer.report.folder import ReportFolder, report_folder
from importer.report.from_ledger import PAGE, describe_repeated, write_repeated
from importer.report.page import REPORT, Aim, collect_details, pack_details
from importer.report.summary import Summary, times
from importer.triage.organisation_lists import find_categories

PERHAPS_DELETED = (
    "if somebody has deleted any of them in Triage, it is created again, as nothing tells it from a new one"
)


def run_import(context: ImportContext, questions: Questions, out: Path | None = None) -> Summary:
    """Import a source: preflight, check, discover, confirm, load, report.

    If `confirm` refuses, the summary is that of a check, with the exit code of its error. An organisation that the
    ledger doesn't know yet gets a canary first: a few issues, which are read back.

    Raises:
        ImporterError: before anything was sent. An error that stops the send pass is in the summary instead.
    """
    context = _with_ledger(context)
    arrival = preflight(context)
    last_run = find_same_run(context, arrival.organisation)
    if last_run is not None:
        return _repeat(context, last_run, out)
    sample = CanarySample() if context.settings.canary and arrival.is_new else None
    settled = SettledRows()
    reports = CheckReports(context.job, out, Aim(context.target.name, context.settings.rate))

    def check_source() -> tuple[LedgerHistory, Checked]:
        history = context.history()
        writers: list[OpenWriter] = [partial(settled.open, history)]
        if questions.asks:
            writers.append(reports.open)
        return history, check(context.job, history, context.progress, sample=sample, writers=writers)

    history, checked, found_ids = _check_and_discover(context, check_source, arrival.warnings)
    context = context.follow(checked.moves, checked.held.absence)
    refusal = _confirm(context, questions, checked, reports, arrival.organisation)
    if refusal is not None:
        if not questions.asks:  # only now are its tables wanted: to write them for every run would cost as much again
            check(context.job, history, context.progress, writers=[reports.open])
        return reports.write(checked, refusal)
    run, folder = _begin(context, checked, reports, out, arrival.organisation)
    scan = context.ledger.target_scan(context.target.name, context.job.source_name)
    note_discovered(run, scan, found_ids)
    if checked.creates:
        scan.begin_span(context.target_time.newest)
    if settled.are_all(run, history):
        attempt = Attempt(context, run, checked, history).send(None, questions.confirm_rest, is_settled=True)
        attempt = settled.hand_over(run, scan_back(context, run, attempt))
    else:
        canary = Canary(context, run, checked.sample) if checked.sample else None
        attempt = Attempt(context, run, checked, context.history(run)).send(canary, questions.confirm_rest)
        attempt = scan_back(context, run, attempt)
    return RunReport(context, run, checked, attempt, folder, reports.started).write(arrival.organisation)


def _with_ledger(context: ImportContext) -> ImportContext:
    """Give an import what the source's last run has kept, and what a probe has learned of the target."""
    context = replace(context, job=with_last_run(context.job, context.ledger, context.target.name))
    answers = find_answers(context.ledger, context.target.name)
    if answers is None:
        return context
    return replace(context, settings=answers.limit(context.settings))


def _confirm(
    context: ImportContext, questions: Questions, checked: Checked, reports: CheckReports, organisation: str
) -> ImporterError | None:
    """Ask whether to send; whoever is asked can look at the page of the check."""
    page = str(Path(reports.write(checked).out) / REPORT) if questions.asks else ""
    categories = partial(find_categories, context.target, context.calls)
    destination = Destination(context.target.name, organisation, context.settings.rate, categories)
    return questions.confirm(checked, destination, page)


def _begin(
    context: ImportContext, checked: Checked, reports: CheckReports, out: Path | None, organisation: str
) -> tuple[Run, ReportFolder]:
    """Begin a run, or continue one, with a folder that can be written."""
    details = replace(collect_details(context.job, checked), organisation=organisation)
    run = begin_run(context, checked, out, {PAGE: pack_details(details)})
    run.follow(checked.moves)
    folder = reports.folder_at(run.out)
    if out is None and not folder.make():  # it was typed when the run began
        context.ledger.move_reports(run)
        folder = reports.folder_at(run.out)
    folder.prepare()  # one that can't be written is said before anything is sent; people's changes are spared once
    return run, folder


def _check_and_discover(
    context: ImportContext, check_source: Callable[[], tuple[LedgerHistory, Checked]], warnings: tuple[str, ...]
) -> tuple[LedgerHistory, Checked, frozenset[str]]:
    """Check; if anything is to be created, run discovery, and check again if that found something.

    Where issues recur, a ledger's first night begins with it, too: that may only withdraw what a lost ledger knew.
    Returns the ids of the issues that discovery found, too.
    """
    history, checked = check_source()
    check_rows(checked.tally.rows, context.settings.min_rows)
    is_first = checked.leaders is not None and not history.is_complete()
    if not (checked.creates or history.matched or is_first):
        return history, replace(checked, before=warnings), frozenset()
    # What an earlier discovery has seen may be gone since: where it matters, all is looked up anew.
    discovered = discover(context, thorough=history.matched > 0)
    notes = (*warnings, *discovered.warnings)
    if discovered.is_news or history.matched:
        history, checked = check_source()
    if find_hidden(context, checked):
        history, checked = check_source()
    if discovered.taken and checked.creates:
        rows = counted(checked.creates, "row has", "rows have")
        notes = (*notes, f"the ledger lacked issues that are in Triage; {rows} none there: {PERHAPS_DELETED}")
    return history, replace(checked, before=notes), discovered.issue_ids


def _repeat(context: ImportContext, run: Run, out: Path | None) -> Summary:
    """End an import that would repeat the last one, with its figures and exit code."""

    now = time.time()
    age_seconds = context.job.source.age_seconds(now)
    repeats, last = note_repeat(context.ledger.transaction, run.name, now)
    put_off = find_put_off(context.ledger, run.target, run.source_name)
    still_off = still_put_off(put_off)
    notices = tuple(
        replace(notice, new=0, put_off=still_off.get(notice.cause, "")) for notice in read_notices(run.summary)
    )
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
