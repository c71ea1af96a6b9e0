"""`triage-import report`: writes a run's reports again, from the ledger alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from importer.cli.answers import REPORTS_COMPLETE, print_data
from importer.cli.console import Console
from importer.cli.option_types import RUN, SOURCE_NAME
from importer.cli.options import Command, Json, takes, typed_options
from importer.errors import ExitCode, UsageError
from importer.library.declared import option
from importer.library.options import Folder, IssueUrls, LedgerFile, Place
from importer.library.targets import target_name
from importer.phrases import shell_join

if TYPE_CHECKING:
    from importer.ledger.store import Ledger


# fmt: off
class ReportOptions(LedgerFile, Place, Json, IssueUrls):
    """The options of `report`."""

    out: Folder | None = option("--out", metavar="DIR",
        help="Folder for the reports.  [default: where the run wrote them]")
    rehearsal: bool = option("--rehearsal", default=False,
        help="Also rehearsal.html, for a run with --sandbox: its issues as they will be in Triage.")
    source: str | None = option("--source", type=SOURCE_NAME, metavar="NAME",
        help="Instead of RUN: migration.csv, the state of every key of a source after all its runs.")
    tracker: str | None = option("--for", type=click.Choice(["jira"]),
        help="With --source: also a CSV to import Triage's issue numbers into the old tracker.")
# fmt: on


@click.command(cls=Command)
@click.argument("name", type=RUN, metavar="RUN", required=False)
@takes(ReportOptions)
def report(options: ReportOptions, name: str | None) -> int:
    """Write a run's reports again, from the ledger alone.

    It writes results.csv, the errors files, report.html and summary.json, without source or network, and does not
    overwrite errors files that you have changed. RUN is the import's name, or `last`.
    """
    source = options.source
    if (name is None) is (source is None):
        raise UsageError("Give either a RUN or --source NAME.", hint="triage-import report last")
    if source is None and options.tracker:
        raise UsageError("--for needs --source.", hint="triage-import report --source NAME --for jira")
    typed = click.get_current_context().get_parameter_source("sandbox")
    if source is None and options.sandbox and typed is ParameterSource.COMMANDLINE:
        raise UsageError(
            "--sandbox needs --source: the ledger knows the target of a run.",
            hint=shell_join(["triage-import", "report", name or "", *typed_options(without=("--sandbox",))]),
        )
    if source is not None and options.rehearsal:
        raise UsageError("--rehearsal needs a RUN.", hint="triage-import report last --rehearsal")
    if source is not None:
        return report_source(source, options)
    return report_run(name or "", options)


def report_run(name: str, options: ReportOptions) -> int:
    """Write the reports of a run again."""
    from importer.cli.run_screen import describe_folder, describe_outcomes, describe_rehearsal
    from importer.ledger.opening import read_ledger
    from importer.ledger.overview import find_import
    from importer.library.past_runs import rehearse
    from importer.report.from_ledger import write_again

    with Console() as console, read_ledger(options.ledger) as book:
        run, is_running, *_ = find_import(book, name, "report", typed_options())
        out = options.out or run.out
        summary = write_again(run, out, is_running=is_running, issue_url=options.issue_url or "")
        console.say_all(describe_outcomes(summary))
        console.say(describe_folder(summary))
        if options.rehearsal:
            console.say_all(describe_rehearsal(rehearse(run, out)))
        if not is_running and run.is_open:
            console.say(f"{run.name} is not finished: the same command continues it.")
    if options.as_json:
        print_data(summary.as_text(), hint=REPORTS_COMPLETE)
    return ExitCode.DONE


def report_source(name: str, options: ReportOptions) -> int:
    """Write where every key of a source stands by now."""
    from importer.ledger.opening import read_ledger
    from importer.ledger.source_list import walk
    from importer.report.folder import ReportFolder
    from importer.report.migration import describe_states, write_migration
    from importer.report.results import IssueUrl

    folder = ReportFolder(options.out or Path(f"triage-import-{name}"))
    target = target_name(options.sandbox, options.api_url)
    with Console() as console, read_ledger(options.ledger) as book:
        url = IssueUrl(options.issue_url or find_issue_url(book, target, name))
        written = write_migration(folder, lambda: walk(book, target, name), options.tracker, url)
        console.say(f"{name} → {target}: {describe_states(written.states)}.")
        paths = ", ".join(str(folder.path / file) for file in written.files)
        console.say(f"Reports: {paths}")
        if options.tracker:
            console.say(
                "It has the titles from Triage: importing it changes those in the old tracker, see "
                "importer/report/README.md."
            )
    if options.as_json:
        print_data(json.dumps(written.states, indent=2) + "\n")
    return ExitCode.DONE


def find_issue_url(ledger: Ledger, target: str, source_name: str) -> str:
    """Return the pattern of an issue's address that the newest run of a source has kept; "" if none has."""
    from importer.report.from_ledger import kept_details

    for run in ledger.list_runs():
        if (run.target, run.source_name) != (target, source_name):
            continue
        if url := kept_details(run).issue_url:
            return url
    return ""
