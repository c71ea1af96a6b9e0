"""`triage-import validate`: checks every row and writes what would be sent, without network and ledger."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click
import cloup

from importer.cli.declared import takes
from importer.cli.options import (
    REPORTS_COMPLETE,
    Input,
    Json,
    Out,
    Selection,
    Workers,
    answers_with_summary,
    print_data,
    sources_argument,
)
from importer.errors import Unusable
from importer.library.targets import DEFAULT_RATE

if TYPE_CHECKING:
    from importer.report.summary import Summary


@dataclass(frozen=True)
class ValidateOptions(Input, Workers, Selection, Out, Json):
    """The options of `validate`."""


@click.command(cls=cloup.Command)
@sources_argument
@takes(ValidateOptions)
@answers_with_summary
def validate(options: ValidateOptions, sources: tuple[str, ...]) -> Summary:
    """Check every row and write what would be sent.

    It uses no network and no ledger. The findings go to stdout, or to stderr with --json. The reports go to
    ./triage-import-check/, which is replaced each time.
    """
    from importer.check.knowledge import NoLedger
    from importer.check.part_workers import choose_workers
    from importer.cli.check_screen import View, describe_check, describe_next
    from importer.cli.console import Console
    from importer.cli.inputs import open_job, reading_of
    from importer.pipeline import run_check
    from importer.report.page import Aim

    with Console() as console, open_job(sources, **reading_of(options)) as job:
        job = replace(job, workers=choose_workers(job, options.workers))
        refuse = lambda checked: Unusable(checked.refusal) if options.strict and checked.refusal else None  # noqa: E731
        checked, summary = run_check(job, NoLedger(), console, options.out, aim=Aim(rate=DEFAULT_RATE), refuse=refuse)
        view = View(DEFAULT_RATE, list(describe_next(job, summary)), is_verbose=options.verbose)
        lines = describe_check(job, checked, view, sys.stdout)
    if options.as_json:
        console.say("\n".join(lines))
    else:
        print_data("".join(f"{line}\n" for line in lines), has_colour=True, hint=REPORTS_COMPLETE)
    return summary
