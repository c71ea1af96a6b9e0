"""`triage-import validate`: checks every row and writes what would be sent, without network and ledger."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.options import (
    INPUT_OPTIONS,
    REPORTS_COMPLETE,
    SELECT_OPTIONS,
    WORKERS_OPTION,
    answers_with_summary,
    print_data,
    sources_argument,
    with_options,
)
from importer.cli.target_options import DEFAULT_RATE

if TYPE_CHECKING:
    from importer.report.summary import Summary


@click.command()
@sources_argument
@with_options(*INPUT_OPTIONS, WORKERS_OPTION, *SELECT_OPTIONS)
@answers_with_summary
def validate(
    sources: tuple[str, ...], strict: bool, verbose: bool, out: Path | None, workers: int | None, **given: Any
) -> Summary:
    """Check every row and write what would be sent.

    It uses no network and no ledger. The findings go to stdout, or to stderr with --json. The reports go to
    ./triage-import-check/, which is replaced each time.
    """
    from importer.check.knowledge import NoLedger
    from importer.check.part_workers import choose_workers
    from importer.cli.check_screen import View, describe_check, describe_next
    from importer.cli.console import Console
    from importer.cli.inputs import open_job
    from importer.pipeline import run_check
    from importer.report.page import Aim

    with Console() as console, open_job(sources, **given) as job:
        job = replace(job, workers=choose_workers(job, workers))
        refuse = lambda checked: strict * checked.refusal  # noqa: E731
        checked, summary = run_check(job, NoLedger(), console, out, aim=Aim(rate=DEFAULT_RATE), refuse=refuse)
        view = View(DEFAULT_RATE, list(describe_next(job, summary)), is_verbose=verbose)
        lines = describe_check(job, checked, view, sys.stdout)
    if click.get_current_context().params["as_json"]:
        console.say("\n".join(lines))
    else:
        print_data("".join(f"{line}\n" for line in lines), has_colour=True, hint=REPORTS_COMPLETE)
    return summary
