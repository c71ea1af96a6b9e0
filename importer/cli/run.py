"""`triage-import run`: its questions, and the import itself, or with `--dry-run` the check alone."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli.declared import takes
from importer.cli.options import answers_with_summary, sources_argument
from importer.cli.recorded import SOURCE, Recorded
from importer.cli.run_options import RunOptions
from importer.errors import ImporterError, Unusable
from importer.library.targets import open_target, target_name

if TYPE_CHECKING:
    from importer.check.check_pass import Checked
    from importer.check.job import Job
    from importer.cli.console import Console
    from importer.load.canary_findings import CanaryFindings
    from importer.load.questions import Confirm, ConfirmRest, Destination
    from importer.report.summary import Summary

ENVIRONMENT = """
\b
Environment:
  BLAND_API_KEY        the API key, unless --api-key-file is given
  TRIAGE_IMPORT_…      each other option, such as TRIAGE_IMPORT_LEDGER; none
                       for --yes, --no-canary, --accept-… and --max-changes
  XDG_STATE_HOME       folder of ledger and sandbox  [default: ~/.local/state]
  HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE
                       proxy and certificates
  NO_COLOR             no colours, like `triage-import --color never run`
"""


@click.command(cls=Recorded, epilog=ENVIRONMENT)
@sources_argument
@takes(RunOptions)
@answers_with_summary
def run(options: RunOptions, sources: tuple[str, ...]) -> Summary:
    """Check every row of a source, ask, send, and report.

    The same command continues an import that stopped, and creates nothing twice. The reports go to
    ./triage-import-RUN/.
    """
    from importer.check.part_workers import choose_workers
    from importer.cli.console import Console
    from importer.cli.inputs import open_job, reading_of
    from importer.cli.question import requiring_terminal
    from importer.cli.run_screen import describe_end, describe_outcomes, describe_quietly

    with Console(quiet=options.quiet) as console, ExitStack() as stack:
        with requiring_terminal(console, asks=options.asks):
            opened = stack.enter_context(open_job(sources, console.say, **reading_of(options)))
        click.get_current_context().meta[SOURCE] = opened.source_name
        workers = choose_workers(opened, options.workers)
        job = replace(
            opened,
            max_age_seconds=options.max_source_age,
            workers=workers,
            issue_url=options.issue_url or "",
        )
        summary = (dry_run if options.dry_run else send)(job, options, console)
    if options.quiet:
        console.speak()
        console.say_all(describe_quietly(summary))
        return summary
    if summary.run_id:  # without a run there was only a check, which is shown already
        console.say_all(describe_outcomes(summary))
    console.say_all(describe_end(summary))
    return summary


def dry_run(job: Job, options: RunOptions, console: Console) -> Summary:
    """Check the source against the ledger, and send nothing."""
    from importer.check.history import LedgerHistory, with_absent
    from importer.cli.check_screen import View, describe_check
    from importer.cli.run_screen import describe_opening
    from importer.ledger.opening import read_ledger
    from importer.ledger.source_list import refuse_retired
    from importer.load.preflight import check_rows
    from importer.pipeline import run_check
    from importer.report.page import Aim

    name = target_name(options.sandbox, options.api_url)
    with read_ledger(options.ledger) as ledger:
        refuse_retired(ledger, name, job.source_name)
        console.say(describe_opening(name, ledger.name, ledger.read_facts(name, job.source_name)))
        job = with_absent(job, ledger, name)
        known = LedgerHistory(ledger, name, job.source_name, options.changes())
        aim = Aim(name, options.chosen_rate)
        checked, summary = run_check(job, known, console, options.out, aim=aim, refuse=options.refusal)
        check_rows(checked.tally.rows, options.min_rows)
    view = View(options.chosen_rate, is_verbose=options.verbose)
    console.say_all(describe_check(job, checked, view, sys.stderr))
    return summary


def send(job: Job, options: RunOptions, console: Console) -> Summary:
    """Check, ask and send: the whole import."""
    from importer.cli.run_screen import describe_opening
    from importer.ledger.opening import open_ledger
    from importer.library.rehearse import rehearse
    from importer.load.context import ImportContext
    from importer.load.questions import Questions
    from importer.pipeline import run_import

    refuse_open(job)  # before the ledger is locked and the target opened
    settings = options.settings()
    questions = Questions(make_confirm(job, options, console), make_confirm_rest(options, console), options.asks)
    with open_ledger(options.ledger, wait_seconds=options.wait_seconds) as ledger:
        with open_target(options.sandbox, options.api_url, options.api_key_file, options.key_command) as target:
            console.say(describe_opening(target.name, ledger.name, ledger.read_facts(target.name, job.source_name)))
            summary = run_import(ImportContext(job, target, ledger, settings, console), questions, options.out)
        if options.sandbox and summary.run_id:
            try:
                rehearse(ledger.find_run(summary.run_id), Path(summary.out))
            except ImporterError as error:  # the import is done all the same
                console.show_error(error)
        return summary


def refuse_open(job: Job) -> None:
    """Raise MappingError where the mapping has an undecided target (`?`), before any row is read."""
    from importer.errors import MappingError
    from importer.mapping.undecided import open_targets

    found = open_targets(job.mapping)
    if found:
        count, they = ("a target", "it is") if len(found) == 1 else (f"{len(found):,} targets", "they are")
        table = job.mapping.model.decisions
        raise MappingError(
            f"The mapping {job.mapping.name} leaves {count} undecided; nothing is sent until {they} decided.",
            problems=found,
            hint="Replace each `?`"
            + (f", in the mapping or in the column `decision` of {table}" if table else "")
            + "; on a terminal `triage-import draft` asks for them. Until then, a check rejects their rows.",
        )


def make_confirm(job: Job, options: RunOptions, console: Console) -> Confirm:
    """Make the function that decides after the check whether to send: by the options, then by a person.

    It returns the error that refuses, or None.
    """
    from importer.cli.check_screen import View, describe_check
    from importer.cli.question import describe_new_categories, describe_question

    def confirm(checked: Checked, destination: Destination, page: str) -> ImporterError | None:
        refusal, asks = options.refusal_to_send(checked), options.asks and bool(checked.workload.requests)
        below = list[str]()
        if asks and not refusal:
            below += describe_question(checked, destination, page, options.doubts(checked))
        elif checked.workload.requests and not refusal:
            below += describe_new_categories(checked, destination)
        view = View(destination.rate, below, asks and not refusal, names_new=True, is_verbose=options.verbose)
        console.say_all(describe_check(job, checked, view, sys.stderr))
        return refusal or (Unusable("The answer was no.") if view.is_asked and not console.ask() else None)

    return confirm


def make_confirm_rest(options: RunOptions, console: Console) -> ConfirmRest:
    """Make the function that shows what the canary found, and asks whether to send the rest; it returns the refusal."""

    def confirm_rest(findings: CanaryFindings, left: int, way_back: str) -> str:
        console.say_all(findings.sentences())
        try:
            return "The answer was no." if options.asks and left and not console.ask_again(left, way_back) else ""
        except click.Abort:
            raise KeyboardInterrupt from None  # what was sent is still accounted for

    return confirm_rest
