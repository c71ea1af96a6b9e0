"""What a command prints on stdout: data, its summary as JSON, and that of one that ended with an error."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

import click

from importer.cli.terminal import echo_painted
from importer.errors import StorageFull
from importer.library.recording import summarise, summarise_end
from importer.phrases import escape_controls
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from importer.cli.options import Json
    from importer.report.summary import Summary

START, ANSWER, HOLDS, TRIES_AGAIN = "importer.start", "importer.answer", "importer.holds", "importer.tries_again"
"""Where click's context has the start of its command, what that has answered, which rows it leaves out, and
whether its rows are those that earlier runs rejected.
"""

J = TypeVar("J", bound="Json")
P = ParamSpec("P")

REPORTS_COMPLETE = "The reports are complete."
"""Where they are, and only what stdout was to show of them is missing."""


class Answer(Protocol):
    """The summary of any command."""

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""

    def as_text(self) -> str:
        """Return the JSON that `--json` prints."""


def answers_with_summary(command: Callable[Concatenate[J, P], Answer]) -> Callable[Concatenate[J, P], int]:
    """Decorate a command that returns its summary: its exit code is that of the command, and `--json` prints it."""

    @functools.wraps(command)
    def answer(options: J, /, *arguments: P.args, **keywords: P.kwargs) -> int:
        summary = click.get_current_context().meta[ANSWER] = command(options, *arguments, **keywords)
        if options.as_json:
            print_data(summary.as_text(), hint=REPORTS_COMPLETE)
        return summary.exit_code

    return answer


def summarise_error(error: Exception | KeyboardInterrupt) -> Summary:
    """Make the summary that `--json` prints for a command that ended with an error, click's among them."""
    match error:
        case click.Abort():
            error = KeyboardInterrupt()
        case click.ClickException():
            return summarise_end(error.exit_code, error.format_message())
    return summarise(error)


def print_data(text: str, *, has_colour: bool = False, hint: str = "") -> None:
    """Print to stdout. A reader that has gone (`| head`) changes nothing about how the command ends.

    On a terminal nothing in it controls that; into a file or a pipe it goes as it is. With `has_colour` its lines are
    painted, where stdout wants that.

    Raises StorageFull with the hint if stdout takes no more.
    """
    printed = redact(text)
    if sys.stdout.isatty():
        lines = map(escape_controls, printed.split("\n"))
        printed = "\n".join(lines)
    try:
        if has_colour:
            echo_painted(printed, sys.stdout, nl=False)
        else:
            click.echo(printed, sys.stdout, nl=False)
    except StorageFull as error:
        raise StorageFull(error.message, hint=hint) from error
