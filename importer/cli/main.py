"""The command `triage-import`: its group of subcommands, the signals, and how an error ends the process."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise, takewhile
from pathlib import Path
from typing import NoReturn, TextIO, cast

import click

from importer import __version__
from importer.cli.answers import print_data, summarise_error
from importer.cli.terminal import AUTO, CHOICES, Stdout, choose_colour
from importer.errors import ExitCode, ImporterError, StorageFull, UsageError
from importer.library.recording import describe_bug
from importer.library.shortage import check_limits, find_shortage
from importer.phrases import listed, readable, shell_join
from importer.triage.redaction import KEY_VARIABLE, Secret, note_echo, redact

# Command → what `--help` says of it. Its module is imported when it is used, so that `--help` is instant and `validate`
# loads no httpx.
COMMANDS = {
    "run": "Check every row of a source, ask, send, and report.",
    "validate": "Check every row and write what would be sent.",
    "probe": "Ask Triage whether it does what an import assumes.",
    "explain": "Show what one row becomes, and why.",
    "verify": "Compare what a run sent with what is in Triage now.",
    "repair": "Correct severity, status or category of a run's issues.",
    "undo": "Revert a run's updates; close or delete its new issues.",
    "runs": "List every start of run, repair and undo, and its end.",
    "report": "Write a run's reports again, from the ledger alone.",
    "sources": "List the sources in the ledger; retire or resume one.",
    "settle": "Record an unknown outcome by hand.",
    "rebuild-ledger": "Add a source's issues in Triage to the ledger.",
    "users": "List a source's people, to match them with Triage's users.",
    "draft": "Draft a mapping for a source that no preset knows.",
    "mappings": "List or show presets; check or test mappings.",
    "config": "Check the configuration file; show where a value is from.",
    "sandbox": "Run a local simulation of Triage's API.",
}

UNUSED = {"OPENBLAS_NUM_THREADS": "1", "PYDANTIC_DISABLE_PLUGINS": "__all__"}
"""Keeps libraries from what they do when they are loaded: threads for linear algebra, a search for plugins."""

DAY_SECONDS = 24 * 60 * 60
ONLY_POSIX = "triage-import runs on Linux and macOS. It has not been tested on Windows and does not run there."


LEDGER_URL = re.compile("postgres(ql)?://.*", re.DOTALL)
"""It may have a password."""


class LazyGroup(click.Group):
    """A click group that imports the module of a subcommand only when it is used."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before the command: where it is an option of the command, that is shown behind it."""
        typed = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            place = None
            for number, word in enumerate(typed):
                if word in COMMANDS:
                    place = number
                    break
            if place is None:
                raise
            words = ["triage-import", typed[place], *typed[place + 1 :], *typed[:place]]
            behind = shell_join(LEDGER_URL.sub("URL", word) for word in words)
            ctx.fail(f"{error.option_name} is an option of the command, so put it after the command: {behind}")

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a subcommand; `help COMMAND` is its `--help`, and for a name that there isn't the nearest is shown."""
        if args[0] == "help":
            args = [*args[1:2], "--help"]
            if len(args) == 1:
                click.echo(ctx.get_help())
                ctx.exit()
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            if Path(args[0]).is_file():
                example = shell_join(["triage-import", "validate", args[0]])
                ctx.fail(f"{args[0]!r} is a file: name a command first, as in `{example}`.")
            meant = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{meant}")
        name, command, words = super().resolve_command(ctx, args)
        if command is not None:
            from importer.cli.config import configure
            from importer.cli.options import Setting

            refuse_other_bytes(command, words)
            if any(isinstance(parameter, Setting) for parameter in command.params):
                _, words = configure(ctx, args[0], command, words)
        return name, command, words

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand's module, in which the command has its own name."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"importer.cli.{name}")
        command: click.Command = getattr(module, name)
        return command


def refuse_other_bytes(command: click.Command, words: Sequence[str]) -> None:
    """Raise UsageError for a word that is neither UTF-8 nor the name of a source, as it couldn't be stored."""
    options = [param for param in command.params if isinstance(param, click.Option) and not param.is_flag]
    with_value = {name for option in options for name in option.opts}
    for before, word in pairwise(["", *words]):
        if readable(word) != word and (before in with_value or not Path(word).exists()):
            hint = "Only the files to be imported may have such names: type it in UTF-8, or rename the file."
            raise UsageError(f"{readable(word)} is not UTF-8.", hint=hint)


PRECEDENCE = "If several apply, what stopped it counts (130, else 3, 7 or 8), then the first of 4, 7, 1, 0."


def exit_codes_help() -> str:
    """Format the exit codes for `--help`, a sentence each."""
    lines = "\n".join(f"  {int(code):>3}  {code.sentence}" for code in ExitCode)
    codes = [str(int(code)) for code in ExitCode if code.may_be_repeated]
    repeatable = listed(codes, len(ExitCode))
    return f"\b\nExit codes:\n{lines}\n{PRECEDENCE}\nA script may repeat the same command after {repeatable}."


@click.group(cls=LazyGroup, epilog=exit_codes_help(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="triage-import")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Values of options, and imports by name.  [default: triage-import.toml here or in a folder above]",
)
@click.option("--color", type=click.Choice(CHOICES), default=AUTO, help="Colour the output; NO_COLOR is honoured.")
def cli(color: str, config: Path | None) -> None:
    """Import issues from other trackers into Bland's Triage. Every row is checked, sent once, and accounted for.

    \b
    Begin with a rehearsal in a local sandbox:
      triage-import run export.csv -m jira --sandbox
    """
    choose_colour(color)
    check_limits()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and exit: every error ends with an exit code and a sentence, never with a traceback."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if sys.platform == "win32":  # pandas would be there, but neither SIGHUP nor fcntl
        sys.exit(end_with(UsageError(ONLY_POSIX), words))
    atexit.register(gc.freeze)  # the process ends: no search for cycles in what the system frees
    for name, value in UNUSED.items():
        os.environ.setdefault(name, value)
    for ending in (signal.SIGTERM, signal.SIGHUP):  # ended by a scheduler or a lost terminal, as by Ctrl-C
        if signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, signal.default_int_handler)
    if abs(time.localtime().tm_gmtoff) >= DAY_SECONDS:  # TZ says so, and no time could be shown
        os.environ["TZ"] = "UTC"
        time.tzset()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the parent process: the work goes on all the same
            devnull = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open to the end
            setattr(sys, name, devnull)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # an export may hold what a terminal can't show
    sys.stdout = cast("TextIO", Stdout(sys.stdout))
    from importer.ledger.lock import holding_folders  # not on Windows

    note_echo(Secret(os.environ.get(KEY_VARIABLE, "")))  # a check, which needs no key, shows no more of it than a run
    try:
        with holding_folders():
            code = cli.main(words, prog_name="triage-import", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else ExitCode.DONE)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line of defence
        exec("")  # after a Ctrl-C in an `exec`, as of a library that loads, Python would end by the signal instead
        if was_interrupted(error):
            error = KeyboardInterrupt()
        sys.exit(end_with(error, words))


def was_interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C or a signal led to an error: what a library makes of it may be any, as while a class is made."""
    while error is not None and not isinstance(error, KeyboardInterrupt | ImporterError):
        error = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt)


def end_with(error: Exception | KeyboardInterrupt, words: Sequence[str]) -> int:
    """Show how a command failed, with `--json` on stdout, too, and return the exit code."""
    code = show_error(error)
    # Not from click: where the options can't be parsed, it doesn't know of `--json`. After `--` come file names.
    if "--json" in takewhile(lambda word: word != "--", words):
        with suppress(StorageFull):  # shown on stderr already
            print_data(summarise_error(error).as_text())
    return code


def show_error(error: Exception | KeyboardInterrupt) -> int:
    """Show on stderr how a command failed, a bug as a sentence, too, and return the exit code."""
    from importer.cli.console import Console

    match error:
        case click.Abort() | KeyboardInterrupt():
            Console().say("Interrupted. The same command continues.")
            return ExitCode.INTERRUPTED
        case click.ClickException():
            with suppress(OSError):  # nobody reads it, or the disk is full
                error.show()
            return error.exit_code
        case ImporterError():
            Console().show_error(error)
            return error.exit_code
        case _ if shortage := find_shortage(error):
            Console().show_error(shortage)
            return shortage.exit_code
        case _:
            with suppress(OSError):
                show_bug(error)
            return ExitCode.STOPPED


def show_bug(error: Exception) -> None:
    """Show where a bug is; the traceback only with TRIAGE_IMPORT_DEBUG."""
    click.echo(redact(f"Error: {describe_bug(error)}"), err=True)
    if os.environ.get("TRIAGE_IMPORT_DEBUG"):
        from traceback import format_exception

        click.echo(redact("".join(format_exception(error))), err=True)
    else:
        click.echo("Set TRIAGE_IMPORT_DEBUG=1 to print a traceback.", err=True)
