"""The sections of options that several commands share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import click
from click.core import ParameterSource

from importer.cli.completion import FILE
from importer.library.declared import Section, option
from importer.library.options import LedgerFile

UNASKED = ("--apply", "--yes", "--expect")


# fmt: off
@dataclass(frozen=True)
class Json(Section):
    """Whether stdout gets data."""

    title = "Selection and output"
    as_json: bool = option("--json", default=False, decides=False, help="Print the summary as JSON on stdout.")


@dataclass(frozen=True)
class Verbose(Section):
    """How much is shown."""

    title = "Selection and output"
    verbose: bool = option("-v", "--verbose", default=False, decides=False,
        help="Show everything that the check finds, not only 24 lines.")


@dataclass(frozen=True)
class Applied(Section):
    """Whether anything is done."""

    title = "What is done"
    apply: bool = option("--apply", default=False, variable=False, configurable=False,
        help="Do it, instead of only showing what would be done.")
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


def chosen_ledger(options: LedgerFile) -> str | None:
    """Return the ledger of a subcommand: `--ledger` is taken before its name, too."""
    parent = click.get_current_context().parent
    return options.ledger or (parent.params.get("ledger") if parent is not None else None)
