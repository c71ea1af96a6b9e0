"""The three pipelines: check a source, import it, rebuild its ledger. Nothing here prints.

Modules that talk to Triage or the ledger are imported where they are used, because a check needs neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from importer.check.check_pass import Checked, check
from importer.check.job import Job
from importer.check.knowledge import Knows
from importer.check.observers.samples import CanarySample
from importer.check.plan import OpenWriter
from importer.errors import ExitCode, ImporterError
from importer.notices import (
    decide_exit_code,
    read_notices,
)
from importer.phrases import counted
from importer.pipeline.check_reports import CheckReports
from importer.progress import Progress
from importer.report.folder import report_folder
from importer.report.page import NO_AIM, REPORT, Aim, collect_details, pack_details
from importer.report.summary import Summary, times

if TYPE_CHECKING:
    from importer.check.history import LedgerHistory
    from importer.ledger.journal import Run
    from importer.load.context import ImportContext
    from importer.load.questions import Questions

PERHAPS_DELETED = (
    "if somebody has deleted any of them in Triage, it is created again, as nothing tells it from a new one"
)


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
    reports = CheckReports(job, out, aim)
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
    from importer.pipeline.run_report import RunReport
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
    reports = CheckReports(job, out, Aim(target.name, settings.rate))

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
    return RunReport(context, run, checked, sent, folder, reports.started).write(found.organisation)


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
