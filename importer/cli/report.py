"""`triage-import report`: writes a run's reports again, from the ledger alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.completion import RUN, SOURCE_NAME
from importer.cli.options import JSON_OPTION, REPORTS_COMPLETE, print_data, typed_options, with_options
from importer.cli.target_options import (
    API_URL_OPTION,
    ISSUE_URL_OPTION,
    LEDGER_OPTION,
    SANDBOX_OPTION,
    target_name,
)
from importer.errors import ExitCode, UsageError
from importer.phrases import shell_join

if TYPE_CHECKING:
    from importer.ledger.store import Ledger

OPTIONS = (
    LEDGER_OPTION,
    click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
                 help="Folder for the reports.  [default: where the run wrote them]"),
    click.option("--rehearsal", is_flag=True,
                 help="Also rehearsal.html, for a run with --sandbox: its issues as they will be in Triage."),
    click.option("--source", type=SOURCE_NAME, metavar="NAME",
                 help="Instead of RUN: migration.csv, the state of every key of a source after all its runs."),
    click.option("--for", "tracker", type=click.Choice(["jira"]),
                 help="With --source: also a CSV to import Triage's issue numbers into the old tracker."),
    SANDBOX_OPTION,
    API_URL_OPTION,
    ISSUE_URL_OPTION,
    JSON_OPTION,
)  # fmt: skip


@click.command()
@click.argument("name", type=RUN, metavar="RUN", required=False)
@with_options(*OPTIONS)
def report(name: str | None, source: str | None, rehearsal: bool, as_json: bool, **given: Any) -> int:
    """Write a run's reports again, from the ledger alone.

    It writes results.csv, the errors files, report.html and summary.json, without source or network, and does not
    overwrite errors files that you have changed. RUN is the import's name, or `last`.
    """
    if (name is None) is (source is None):
        raise UsageError("Give either a RUN or --source NAME.", hint="triage-import report last")
    if source is None and given["tracker"]:
        raise UsageError("--for needs --source.", hint="triage-import report --source NAME --for jira")
    if source is None and given["sandbox"]:
        raise UsageError(
            "--sandbox needs --source: the ledger knows the target of a run.",
            hint=shell_join(["triage-import", "report", name or "", *typed_options(without=("--sandbox",))]),
        )
    if source is not None and rehearsal:
        raise UsageError("--rehearsal needs a RUN.", hint="triage-import report last --rehearsal")
    if source is not None:
        return report_source(source, as_json=as_json, **given)
    return report_run(name or "", rehearsal=rehearsal, as_json=as_json, **given)


def report_run(name: str, *, rehearsal: bool, as_json: bool, out: Path | None, **given: Any) -> int:
    """Write the reports of a run again."""
    from importer.cli.console import Console
    from importer.cli.rehearse import rehearse
    from importer.cli.run_screen import describe_folder, describe_outcomes, describe_rehearsal
    from importer.ledger.opening import read_ledger
    from importer.ledger.overview import find_import
    from importer.report.from_ledger import write_again

    with Console() as console, read_ledger(given["ledger"]) as book:
        run, is_running, *_ = find_import(book, name, "report", typed_options())
        summary = write_again(run, out or run.out, is_running=is_running, issue_url=given["issue_url"] or "")
        console.say_all(describe_outcomes(summary))
        console.say(describe_folder(summary))
        if rehearsal:
            console.say_all(describe_rehearsal(rehearse(run, out or run.out)))
        if not is_running and run.is_open:
            console.say(f"{run.name} is not finished: the same command continues it.")
    if as_json:
        print_data(summary.as_text(), hint=REPORTS_COMPLETE)
    return ExitCode.DONE


def report_source(name: str, *, tracker: str | None, as_json: bool, out: Path | None, **given: Any) -> int:
    """Write where every key of a source stands by now."""
    from importer.cli.console import Console
    from importer.ledger.crosswalk import walk
    from importer.ledger.opening import read_ledger
    from importer.report.folder import ReportFolder
    from importer.report.issue_urls import IssueUrl
    from importer.report.migration import describe_states, write_migration

    folder = ReportFolder(out or Path(f"triage-import-{name}"))
    target = target_name(given["sandbox"], given["api_url"])
    with Console() as console, read_ledger(given["ledger"]) as book:
        url = IssueUrl(given["issue_url"] or find_issue_url(book, target, name))
        written = write_migration(folder, lambda: walk(book, target, name), tracker, url)
        console.say(f"{name} → {target}: {describe_states(written.states)}.")
        console.say(f"Reports: {', '.join(str(folder.path / file) for file in written.files)}")
        if tracker:
            console.say(
                "It has the titles from Triage: importing it changes those in the old tracker, see "
                "importer/report/README.md."
            )
    if as_json:
        print_data(json.dumps(written.states, indent=2) + "\n")
    return ExitCode.DONE


def find_issue_url(ledger: Ledger, target: str, source_name: str) -> str:
    """Return the pattern of an issue's address that the newest run of a source has kept; "" if none has."""
    from importer.report.from_ledger import kept_details

    its = (run for run in ledger.list_runs() if (run.target, run.source_name) == (target, source_name))
    return next((url for run in its if (url := kept_details(run).issue_url)), "")
