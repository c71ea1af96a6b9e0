"""`triage-import sources`: lists the sources that the ledger knows, retires or resumes one, puts off a notice."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from importer.cli.answers import print_data
from importer.cli.console import Console
from importer.cli.option_types import SOURCE_NAME
from importer.cli.options import Command, Json, chosen_ledger, takes
from importer.errors import UsageError
from importer.library.declared import option
from importer.library.options import Folder, LedgerFile, Place
from importer.library.targets import target_name
from importer.notices import CAN_WAIT

if TYPE_CHECKING:
    from importer.ledger.source_list import KnownSource


class ListOptions(LedgerFile, Json):
    """The options of `sources` and `sources list`."""


class PlaceOptions(Place, LedgerFile):
    """The options of the commands about one source."""


class RejectedOptions(Place, LedgerFile):
    """The options of `sources rejected`."""

    title = "Selection and output"
    out: Folder | None = option("--out", metavar="DIR", help="Write the rows to errors.csv in this folder.")


@click.group(invoke_without_command=True)
@takes(ListOptions)
def sources(options: ListOptions) -> None:
    """List the sources in the ledger, and what waits in one; retire or resume one; put off what stands of it."""
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        context.invoke(list_command, ledger=options.ledger, as_json=options.as_json)


@sources.command("list", cls=Command)
@takes(ListOptions)
def list_command(options: ListOptions) -> None:
    """List the sources, their issues and their last runs."""
    from importer.ledger.opening import read_ledger
    from importer.ledger.source_list import list_sources

    parent = click.get_current_context().parent
    with read_ledger(chosen_ledger(options)) as book:
        known_sources = list_sources(book)
    if options.as_json or (parent is not None and parent.params.get("as_json")):
        documents = [show(source) for source in known_sources]
        print_data(json.dumps(documents, ensure_ascii=False, indent=2) + "\n")
    else:
        text = "".join(map(as_lines, known_sources))
        print_data(text or f"No source yet in the ledger {book.name}.\n")


@sources.command("retire", cls=Command)
@click.argument("name", type=SOURCE_NAME)
@takes(PlaceOptions)
def retire_command(options: PlaceOptions, name: str) -> None:
    """Refuse further runs of the source NAME, after its cut-over."""
    from importer.ledger.opening import open_ledger
    from importer.ledger.source_list import how_to_resume, set_retired

    target = target_name(options.sandbox, options.api_url)
    with Console() as console, open_ledger(chosen_ledger(options)) as book:
        set_retired(book, target, name, time.time())
        console.say(f"From now on every run of {name!r} into {target} is refused.")
        console.say(f"To revert this: {how_to_resume(book, target, name)}")


@sources.command("resume", cls=Command)
@click.argument("name", type=SOURCE_NAME)
@takes(PlaceOptions)
def resume_command(options: PlaceOptions, name: str) -> None:
    """Allow runs of the retired source NAME again."""
    from importer.ledger.opening import open_ledger
    from importer.ledger.source_list import set_retired

    target = target_name(options.sandbox, options.api_url)
    with Console() as console, open_ledger(chosen_ledger(options)) as book:
        before = set_retired(book, target, name, None)
        was = "was not retired: nothing has changed" if before.retired_at is None else "can be imported again"
        console.say(f"The source {name!r} in {target} {was}.")


@sources.command("rejected", cls=Command)
@click.argument("name", type=SOURCE_NAME)
@takes(RejectedOptions)
def rejected_command(options: RejectedOptions, name: str) -> None:
    """List the rows of the source NAME that were rejected and that nobody has dealt with since."""
    from importer.cli.terminal import printable
    from importer.ledger.opening import read_ledger
    from importer.ledger.rejected import read_rejected
    from importer.library.still_rejected import write_rejected
    from importer.phrases import format_time

    target = target_name(options.sandbox, options.api_url)
    with read_ledger(chosen_ledger(options)) as book:
        lines = list[str]()
        for rejected, row in read_rejected(book.transaction, target, name):
            messages = "; ".join(row.messages)
            lines.append(f"{rejected.name}: since {format_time(rejected.since)}, {messages}")
        if lines and options.out:
            lines += map(str, write_rejected(book, target, name, options.out))
    text = "".join(f"{printable(line)}\n" for line in lines)
    print_data(text or f"No row of {name!r} waits for anybody.\n")


@sources.command("dismiss", cls=Command)
@click.argument("name", type=SOURCE_NAME)
@click.argument("rows", nargs=-1, required=True, metavar="ROW...")
@takes(PlaceOptions)
def dismiss_command(options: PlaceOptions, name: str, rows: Sequence[str]) -> None:
    """Forget that rows of the source NAME were rejected: nobody wants them in Triage.

    ROW is what `sources rejected` calls it, with or without the source's name.
    """
    from importer.ledger.commands import source_command
    from importer.ledger.opening import open_ledger
    from importer.ledger.rejected import dismiss, find_rejected
    from importer.phrases import counted

    target = target_name(options.sandbox, options.api_url)
    with Console() as console, open_ledger(chosen_ledger(options)) as book:
        prefix = f"{name}:"
        row_names = {row.removeprefix(prefix) for row in rows}
        rejected = find_rejected(book.transaction, target, name)
        unknown = row_names - {row.name.removeprefix(prefix) for row in rejected}
        if unknown:
            hint = source_command(book.name, target, "sources", "rejected", name)
            names = ", ".join(sorted(unknown))
            raise UsageError(f"No rejected row of {name!r} is {names}.", hint=f"They are: {hint}")
        dismissed = [row for row in rejected if row.name.removeprefix(prefix) in row_names]
        dismiss(book.transaction, target, name, dismissed)
        console.say(f"{counted(len(dismissed), 'row')} dismissed.")


@sources.command("put-off", cls=Command)
@click.argument("name", type=SOURCE_NAME)
@click.argument("code", type=click.Choice(sorted(CAN_WAIT)), metavar="CODE")
@click.argument("date", type=click.DateTime(["%Y-%m-%d"]))
@takes(PlaceOptions)
def put_off_command(options: PlaceOptions, name: str, code: str, date: datetime) -> None:
    """Be told only from DATE on that what stands of the source NAME for the reason CODE still does.

    It is counted all the same, and anything new of it is told at once. A DATE that has passed takes this back.
    """
    from importer.ledger.opening import open_ledger
    from importer.ledger.overview import note_put_off
    from importer.ledger.source_list import list_sources, no_source

    target = target_name(options.sandbox, options.api_url)
    until = f"{date:%Y-%m-%d}"
    with Console() as console, open_ledger(chosen_ledger(options)) as book:
        places = {(source.target, source.name) for source in list_sources(book)}
        if (target, name) not in places:
            raise no_source(book, target, name)
        note_put_off(book, target, name, code, until)
        console.say(
            f"What stands of {name!r} in {target} as {code} is told again on {until}, what is new of it at once."
        )


def show(source: KnownSource) -> dict[str, Any]:
    """Make a source's JSON object; times are ISO 8601 in UTC."""
    from importer.phrases import format_iso

    return {
        **source._asdict(),
        "last_run": source.last_run or None,
        "last_started_at": format_iso(source.last_started_at or None),
        "retired_at": format_iso(source.retired_at),
    }


def as_lines(source: KnownSource) -> str:
    """Format a source as a few lines of text."""
    from importer.cli.terminal import printable
    from importer.phrases import counted, format_time

    retired = ""
    if source.retired_at is not None:
        retired = f", retired {format_time(source.retired_at)}"
    last = ""
    if source.last_run:
        last = f", the last {source.last_run} of {format_time(source.last_started_at)}"
    issues = counted(source.issues, "issue")
    imports = counted(source.imports, "run")
    lines = (f"{source.name} → {source.target}{retired}", f"  {issues}; {imports}{last}")
    return "".join(f"{printable(line)}\n" for line in lines)
