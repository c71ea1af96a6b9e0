"""`triage-import validate`: checks every row and writes what would be sent, without network and ledger."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from importer.cli.answers import REPORTS_COMPLETE, answers_with_summary, print_data
from importer.cli.console import Console
from importer.cli.options import Command, Json, Verbose, arguments_of, calling, sources_argument, takes
from importer.library import options as library

if TYPE_CHECKING:
    from importer.library.caller import CheckView
    from importer.report.summary import Summary


class ValidateOptions(library.ValidateOptions, Verbose, Json):
    """The options of `validate`."""


@click.command(cls=Command)
@sources_argument
@takes(ValidateOptions)
@answers_with_summary
def validate(options: ValidateOptions, sources: tuple[str, ...]) -> Summary:
    """Check every row and write what would be sent.

    It uses no network and no ledger. The findings go to stdout, or to stderr with --json. The reports go to
    ./triage-import-check/, which is replaced each time.
    """
    import importer
    from importer.cli.check_screen import describe_check, describe_next

    lines = list[str]()

    def show(check: CheckView) -> None:
        below = list[str]()
        if check.summary:
            below += describe_next(check.job, check.summary)
        described = describe_check(
            check.job,
            check.checked,
            sys.stdout,
            check.rate,
            below,
            is_verbose=options.verbose,
        )
        lines.extend(described)

    with Console() as console:
        result = importer.validate(
            *sources, caller=calling(console, show=show), **arguments_of(options, library.ValidateOptions)
        )
    if options.as_json:
        console.say("\n".join(lines))
    else:
        print_data("".join(f"{line}\n" for line in lines), has_colour=True, hint=REPORTS_COMPLETE)
    return result.summary
