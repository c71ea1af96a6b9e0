"""The sections of options that several commands share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import click
from click.core import ParameterSource

from importer.api import SEVERITIES
from importer.cli.completion import FILE, MAPPING
from importer.cli.declared import Section, option

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
