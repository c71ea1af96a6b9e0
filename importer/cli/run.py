"""`triage-import run`: its questions, and what it shows; `importer.run` does it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from importer.cli.answers import answers_with_summary
from importer.cli.console import Console
from importer.cli.options import calling, sources_argument, takes
from importer.cli.recorded import Recorded
from importer.cli.run_options import RunOptions

if TYPE_CHECKING:
    from importer.library.caller import CheckView, Question
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
    import importer
    from importer.cli.check_screen import describe_check
    from importer.cli.run_screen import (
        describe_end,
        describe_new_categories,
        describe_outcomes,
        describe_question,
        describe_quietly,
        requiring_terminal,
    )

    def show(check: CheckView) -> None:
        """Show a check, and above a question what is asked."""
        below = list[str]()
        destination = check.destination
        if destination and check.checked.workload.requests and not check.refusal:
            if check.asks:
                below += describe_question(check.checked, destination, check.page, check.doubts)
            else:
                below += describe_new_categories(check.checked, destination)
        lines = describe_check(
            check.job,
            check.checked,
            sys.stderr,
            check.rate,
            below,
            is_asked=check.asks,
            names_new=destination is not None,
            is_verbose=options.verbose,
        )
        console.say_all(lines)

    def confirm(question: Question) -> bool:
        if not question.canary:
            return console.ask()
        try:
            return console.ask_again(question.left, question.way_back)
        except click.Abort:
            raise KeyboardInterrupt from None  # what was sent is still accounted for

    console = Console(quiet=options.quiet, dated=True)
    with console, requiring_terminal(console, asks=options.is_asked) as ready:
        key_command = lambda: options.key_command  # noqa: E731
        caller = calling(console, key_command=key_command, ready=ready, show=show)
        agreed = confirm if options.is_asked else importer.YES
        result = importer.run(*sources, confirm=agreed, caller=caller, **options.arguments())
        summary = result.summary
    if options.quiet:
        console.speak()
        console.say_all(describe_quietly(summary))
        return summary
    if summary.run_id:  # without a run there was only a check, which is shown already
        console.say_all(describe_outcomes(summary))
    console.say_all(describe_end(summary))
    return summary
