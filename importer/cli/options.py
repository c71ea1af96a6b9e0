"""The sections of options that several commands share, and what prints a command's summary or error as JSON."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

import click
from click.core import ParameterSource

from importer import __version__
from importer.api import SEVERITIES
from importer.cli.colour import echo_painted
from importer.cli.completion import FILE, MAPPING
from importer.cli.declared import Section, option
from importer.cli.sentences import printable
from importer.errors import ExitCode, ImporterError, StorageFull
from importer.library.shortage import find_shortage
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from importer.report.summary import Summary

ANSWER = "importer.answer"
"""Where click's context has what a command has answered."""
UNASKED = ("--apply", "--yes", "--expect")

FILE_PATH = click.Path(path_type=Path)
FOLDER_PATH = click.Path(file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)


# fmt: off
@dataclass(frozen=True)
class Reading(Section):
    """How a source is read, and by which mapping."""

    title = "Input"
    mapping_name: str | None = option("-m", "--mapping", type=MAPPING, metavar="NAME_OR_PATH",
        help="A preset or a YAML file.  [default: recognised by the columns]")
    source_name: str | None = option("--source-name", metavar="NAME",
        help="Part of every key.  [default: the mapping's]")
    encoding: str | None = option("--encoding", metavar="E",
        help="Needed unless the file is UTF-8, or UTF-16 with a byte order mark.")
    delimiter: str | None = option("--delimiter", metavar="D", help="One character, or `tab`.  [default: detected]")
    skip_lines: int | None = option("--skip-lines", type=click.IntRange(min=0), metavar="N",
        help="Number of lines above the table.  [default: titles above a header are detected]")
    format_: str | None = option("--format", type=click.Choice(["csv", "jsonl", "json"]), help="[default: detected]")
    fixes: Path | None = option("--fixes", type=FILE_PATH, metavar="FILE",
        help="Corrected values: a filled-in fixes.csv.")
    comments: tuple[str, ...] = option("--comments", type=FILE, multiple=True, metavar="FILE",
        help="Separate file of comments, joined by the mapping; may be repeated.")


@dataclass(frozen=True)
class Severity(Section):
    """What the source doesn't say."""

    title = "Input"
    severity: str | None = option("--severity", type=click.Choice(SEVERITIES),
        help="Of the issues whose source says none.")


@dataclass(frozen=True)
class Matched(Reading):
    """The same, and who is who."""

    title = "Input"
    users: Path | None = option("--users", type=FILE_PATH, metavar="FILE",
        help="Matches people with Triage's users: a filled-in users.csv.")


@dataclass(frozen=True)
class Input(Severity, Matched):
    """All of the input."""

    title = "Input"


@dataclass(frozen=True)
class Workers(Section):
    """How many processes check."""

    title = "Input"
    workers: int | None = option("--workers", type=click.IntRange(1, 64), metavar="N", decides=False,
        help="Processes that check a CSV file.  [default: 1 below 200,000 rows, otherwise one per core, at most 4]")


@dataclass(frozen=True)
class Out(Section):
    """Where the reports go."""

    title = "Selection and output"
    out: Path | None = option("--out", type=FOLDER_PATH, metavar="DIR", decides=False, help="Folder for the reports.")


@dataclass(frozen=True)
class Json(Section):
    """Whether stdout gets data."""

    title = "Selection and output"
    as_json: bool = option("--json", is_flag=True, decides=False, help="Print the summary as JSON on stdout.")


@dataclass(frozen=True)
class Applied(Section):
    """Whether anything is done."""

    title = "What is done"
    apply: bool = option("--apply", is_flag=True, variable=False, configurable=False,
        help="Do it, instead of only showing what would be done.")


@dataclass(frozen=True)
class Selection(Section):
    """Which rows, and what is said of them."""

    title = "Selection and output"
    strict: bool = option("--strict", is_flag=True,
        help="Refuse if a column that the mapping doesn't name under `drop` would be lost, or if the source counts "
        "comments or issues that the files don't have.")
    limit: int | None = option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N rows.")
    only: str | None = option("--only", type=FILE, metavar="KEY,...|FILE",
        help="Only these keys: a list, or a file with one per line.")
    show: str | None = option("--show", metavar="KEY,...",
        help="The issues that report.html shows before and after.  [default: five]")
    verbose: bool = option("-v", "--verbose", is_flag=True, decides=False,
        help="Show everything that the check finds, not only 24 lines.")
# fmt: on


sources_argument = click.argument("sources", nargs=-1, type=FILE, required=True, metavar="SOURCE...")


J = TypeVar("J", bound=Json)
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
    def answer(options: J, /, *arguments: P.args, **given: P.kwargs) -> int:
        summary = click.get_current_context().meta[ANSWER] = command(options, *arguments, **given)
        if options.as_json:
            print_data(summary.as_text(), hint=REPORTS_COMPLETE)
        return summary.exit_code

    return answer


def summarise_error(error: Exception | KeyboardInterrupt) -> Summary:
    """Make the summary that `--json` prints for a command that ended with an error."""
    from importer.report.summary import Summary

    match error:
        case KeyboardInterrupt() | click.Abort():
            code, because = int(ExitCode.INTERRUPTED), "Interrupted before anything was sent."
        case click.ClickException():
            code, because = error.exit_code, error.format_message()
        case ImporterError():
            code = int(error.exit_code)
            because = "\n".join(filter(None, (error.message, *map(str, error.problems), error.hint)))
        case _ if shortage := find_shortage(error):
            code, because = int(shortage.exit_code), f"{shortage.message}\n{shortage.hint}"
        case _:
            code, because = int(ExitCode.STOPPED), describe_bug(error)
    return Summary(run_id="", exit_code=code, rows=0, stopped_because=because, version=__version__)


def describe_bug(error: Exception) -> str:
    """Describe a bug: where it is, and that nothing is lost by it."""
    from traceback import extract_tb

    frame = extract_tb(error.__traceback__)[-1]
    return (
        f"{type(error).__name__} in {frame.filename}:{frame.lineno}: {error}\n"
        "This is a bug in triage-import. What is done is recorded: the same command continues."
    )


def _for_terminal(text: str) -> str:
    """Return a text in which nothing controls a terminal; into a file or a pipe it goes as it is."""
    return "\n".join(map(printable, text.split("\n")))


def typed_options(without: Collection[str] = ()) -> list[str]:
    """Return the options of the running command as they were typed, for a command that can be pasted.

    What lets it change something unasked is left out, as is `without`, and the password in a ledger's URL.
    """
    from importer.ledger.opening import name_ledger

    context, words = click.get_current_context(), list[str]()
    for parameter in context.command.params:
        name = parameter.opts[0]
        is_typed = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if not isinstance(parameter, click.Option) or not is_typed or name in (*UNASKED, *without):
            continue
        value = context.params[parameter.name or ""]
        if name == "--ledger":
            value = name_ledger(value)
        for each in value if parameter.multiple else [value]:
            words += [name] if parameter.is_flag else [name, f"{each:g}" if isinstance(each, float) else str(each)]
    return words


def print_data(text: str, *, has_colour: bool = False, hint: str = "") -> None:
    """Print to stdout. A reader that has gone (`| head`) changes nothing about how the command ends.

    With `has_colour` its lines are painted, where stdout wants that.

    Raises StorageFull with the hint if stdout takes no more.
    """
    shown = _for_terminal(redact(text)) if sys.stdout.isatty() else redact(text)
    try:
        if has_colour:
            echo_painted(shown, sys.stdout, nl=False)
        else:
            click.echo(shown, sys.stdout, nl=False)
    except StorageFull as error:
        raise StorageFull(error.message, hint=hint) from error
