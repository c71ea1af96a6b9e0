"""`triage-import config`: lists what is wrong in a configuration file, and shows where each value is from."""

from __future__ import annotations

import click

from importer.cli.answers import print_data
from importer.cli.configuration import NAME, configure, origin
from importer.cli.declared import Setting
from importer.errors import ExitCode, UsageError
from importer.phrases import counted


@click.group()
def config() -> None:
    """Check a configuration file, or show where each value of an option is from."""


@config.command("check")
def check_command() -> int:
    """List every problem of the configuration file, with its line.

    The exit code is 2 if there are any, otherwise 0.
    """
    found, _ = configure(click.get_current_context().find_root(), files=True)
    if found is None:
        raise UsageError(f"There is no {NAME} here, nor in a folder above.", hint="Name one with --config FILE.")
    click.echo(f"{found.path} can be used: {counted(len(found.imports), 'import')}.")
    return ExitCode.DONE


@config.command("show", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="COMMAND...")
def show_command(words: tuple[str, ...]) -> int:
    """Show each option of a command as it would be: its value, and where that is from.

    COMMAND is typed as it would be, such as `run @nightly --rate 2`; without one it is `run`.
    """
    root = click.get_current_context().find_root()
    group = root.command
    assert isinstance(group, click.Group)
    name, command, rest = group.resolve_command(root, list(words or ("run",)))
    assert command is not None
    found, which, _ = root.obj or (None, "", {})
    takes_files = any(isinstance(each, click.Argument) and each.required for each in command.params)
    context = command.make_context(name, [*rest, *["SOURCE"] * takes_files], parent=root)
    options = [each for each in command.params if isinstance(each, Setting)]
    values = (_shown(each, context.params[each.name or ""]) for each in options)
    origins = (origin(context, each, found, which) for each in options)
    table = list(zip((each.opts[-1] for each in options), values, origins, strict=True))
    widths = [max(map(len, column)) for column in list(zip(*table, strict=True))[:2]]
    lines = (f"{option:{widths[0]}}  {value:{widths[1]}}  {where}\n" for option, value, where in table)
    print_data("".join(lines))
    return ExitCode.DONE


def _shown(option: Setting, value: object) -> str:
    from importer.ledger.opening import name_ledger

    match value:
        case None | ():
            return "-"
        case bool():
            return "true" if value else "false"
        case tuple() | list():
            return ", ".join(map(str, value))
    return name_ledger(str(value)) if option.name == "ledger" else str(value)
