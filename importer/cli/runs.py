"""`triage-import runs`: lists what was started, shows a run; checks the ledger, prunes it, deletes texts from it."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from importer.cli.answers import print_data
from importer.cli.console import Console
from importer.cli.option_types import RUN, SOURCE_NAME, SinceType
from importer.cli.options import Applied, Command, Json, chosen_ledger, takes
from importer.cli.recorded import describe_open
from importer.cli.terminal import as_table
from importer.errors import ExitCode, UsageError
from importer.library.declared import option
from importer.library.options import Duration, LedgerFile, Positive
from importer.library.recording import FIGURES, list_lines, show, with_undone
from importer.notices import read_notices
from importer.phrases import counted, listed

if TYPE_CHECKING:
    from importer.ledger.journal import Run
    from importer.ledger.store import Ledger
    from importer.library.recording import Pair

REFRESH_SECONDS = 2.0
WHY_SHOWN = 80
SHOWN = 5
"""Keys named in a sentence."""
KEYS_HINT = "A key is as in results.csv, with or without its source's name."
FORGOTTEN = (
    "Afterwards nobody can tell whether a person has edited the titles of these issues, so imports leave these titles "
    "alone."
)


# fmt: off
class RunsOptions(LedgerFile, Json):
    """The options of `runs`."""

    watch: bool = option("--watch", default=False, help="Refresh every 2 seconds, until Ctrl-C.")
    source: str | None = option("--source", type=SOURCE_NAME, metavar="NAME",
        help="Only a source's starts, and its progress.")
    since: float | None = option("--since", type=SinceType(), metavar="TIME|DATE",
        help="Only starts since then: 12h, 7d, 2026-11-24.")
    last: Positive | None = option("--last", metavar="N", help="Only the last N starts.")


class ShowOptions(LedgerFile, Json):
    """The options of `runs show`."""


class PruneOptions(LedgerFile, Applied):
    """The options of `runs prune`."""

    keep: Positive | None = option("--keep", metavar="N",
        help="Keep the newest N runs of each source.")
    older_than: Duration | None = option("--older-than", metavar="TIME",
        help="Prune runs that ended longer ago: 90d.")
# fmt: on


class ForgetOptions(LedgerFile, Applied):
    """The options of `runs forget`."""


@click.group(invoke_without_command=True)
@takes(RunsOptions)
def runs(options: RunsOptions) -> int:
    """List every start of run, repair and undo, and how it ended.

    Also those that ended before there was a run, and runs of other commands. The newest comes first. The command does
    not disturb a running import.
    """
    watch = options.watch
    if click.get_current_context().invoked_subcommand is not None:
        return ExitCode.DONE
    try:
        while True:
            text = read(options)
            if watch and not options.as_json and sys.stdout.isatty():
                click.clear()
            print_data(text)
            if not watch:
                return ExitCode.DONE
            sys.stdout.flush()
            time.sleep(REFRESH_SECONDS)
    except KeyboardInterrupt:
        if watch:
            return ExitCode.DONE
        raise


@runs.command("check", cls=Command)
@takes(LedgerFile)
def check_command(options: LedgerFile) -> None:
    """Check the whole ledger for damage.

    A `run` does this by itself if the last one did not shut down cleanly.
    """
    from importer.ledger.integrity import check_ledger
    from importer.ledger.opening import read_ledger

    with Console() as console, read_ledger(chosen_ledger(options)) as book:
        if check_ledger(book):
            console.say(f"The ledger {book.name} is whole.")
        elif "://" in book.name:
            console.say(f"The ledger {book.name} is checked with the server's own pg_amcheck.")
        else:
            console.say(f"The ledger {book.name} is no file: there is nothing to check.")


@runs.command("prune", cls=Command)
@takes(PruneOptions)
def prune_command(options: PruneOptions) -> None:
    """Drop the rows of old runs from the ledger.

    These runs can't be verified, repaired or undone afterwards, but nothing is created twice. Their report folders
    stay.
    """
    from importer.ledger.forgetting import find_prunable, lost_ways, measure, prune
    from importer.ledger.opening import open_ledger, read_ledger

    keep = options.keep
    older_than = options.older_than
    apply = options.apply
    if keep is None and older_than is None:
        raise UsageError(
            "Neither --keep nor --older-than says which runs are old.", hint="triage-import runs prune --keep 30"
        )
    opens = open_ledger if apply else read_ledger
    with Console() as console, opens(chosen_ledger(options)) as book:
        ended_before = time.time() - (older_than or 0.0)
        old = find_prunable(book, keep or 1, ended_before)
        before = measure(book)
        for run in old:
            console.say(f"{run.name}: its rows will be dropped, its figures kept.")
        for name in lost_ways(old):
            console.say(f"{name} can't be verified, undone or repaired afterwards.")
        if apply:
            prune(book, old)
            console.say(f"{counted(len(old), 'run')} pruned; {book.name} had {_megabytes(before)}.")
        else:
            advice = " Add --apply to do it." if old else ""
            console.say(f"{counted(len(old), 'run')} to prune; {book.name} has {_megabytes(before)}.{advice}")


@runs.command("forget", cls=Command)
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@takes(ForgetOptions)
def forget_command(options: ForgetOptions, keys: Sequence[str]) -> None:
    """Delete what the ledger has in words on issues, such as all those of a person.

    Pages and sentences of all runs of their source go with it. The ledger still knows which issue belongs to which key,
    so nothing is created twice. Triage and the reports of runs are not changed; their folders are listed.
    """
    from importer.ledger.forgetting import find_traces, forget
    from importer.ledger.opening import open_ledger, read_ledger
    from importer.report.from_ledger import PAGE

    opens = open_ledger if options.apply else read_ledger
    with Console() as console, opens(chosen_ledger(options)) as book:
        traces = find_traces(book, keys, PAGE)
        unknown = listed([*map(repr, traces.unknown)], SHOWN)
        if len(traces.unknown) == len(keys):
            raise UsageError(f"{book.name} doesn't know {unknown}.", hint=KEYS_HINT)
        if unknown:
            console.say(f"warning: no key in {book.name}: {unknown}. {KEYS_HINT}")
        for name in sorted(traces.replacing_runs):
            console.say(f"{name} can't restore the values that it has replaced in them.")
        for folder in dict.fromkeys(traces.runs.values()):
            console.say(f"Reports that may still have it: {folder}")
        if options.apply:
            forget(book, traces, PAGE)
        issues = counted(len(traces.keys), "issue")
        rows = counted(len(traces.rows), "row")
        past_runs = counted(len(traces.runs), "run")
        amount = f"{issues} and {rows}, and what {past_runs} of their source say in words,"
        if not traces.runs and not traces.keys:
            console.say(f"{book.name} has nothing of them.")
        elif options.apply:
            console.say(f"The texts of {amount} are deleted from {book.name}. {FORGOTTEN}")
        else:
            console.say(f"{book.name} has texts of {amount}. Add --apply to delete them. {FORGOTTEN}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def read(options: RunsOptions) -> str:
    """List what was started with a ledger, as a table or as JSON."""
    from importer.ledger.commands import run_command
    from importer.ledger.forgetting import measure
    from importer.ledger.opening import read_ledger
    from importer.ledger.overview import find_undone, list_overviews, list_starts
    from importer.phrases import format_iso

    source = options.source
    with read_ledger(options.ledger) as book:
        pairs = {pair[0].run.name: pair for pair in with_undone(list_overviews(book))}
        starts = list_starts(book, options.ledger)
        since = options.since or 0.0
        lines = list[dict[str, Any]]()
        for line in list_lines(starts, pairs):
            if source in (None, line["source_name"]) and line["started_at"] >= since:
                lines.append(line)
        lines = lines[: options.last]
        if options.as_json:
            documents = [line | {"started_at": format_iso(line["started_at"])} for line in lines]
            return json.dumps(documents, ensure_ascii=False, indent=2) + "\n"
        if not lines:
            of_source = f" of {source}" if source else ""
            return f"No run yet{of_source} in the ledger {book.name}.\n"
        texts = [*describe_starts(lines)]
        starts_of_source = [start for start in starts if source in (None, start["source_name"])]
        undone = find_undone(book, pairs.values())
        texts += (f"{line}\n" for line in describe_open(starts_of_source, undone))
        texts += (f"{line}\n" for line in describe_standing(pairs.values(), book, source))
        texts += ["\n", f"Of one run: {run_command(book.name, 'runs', 'show', 'RUN')}\n"]
        if source is None:
            texts.append(f"The ledger takes {_megabytes(measure(book))}.\n")
        else:
            texts += _how_far(book, source)
        return "".join(texts)


def describe_standing(pairs: Iterable[Pair], book: Ledger, source: str | None) -> Iterator[str]:
    """Yield what stands of each source: the notices of its newest import over the whole source."""
    from importer.ledger.overview import find_put_off, still_put_off

    last: dict[tuple[str, str], Run] = {}
    for (run, *_), _ in pairs:  # the newest comes first
        is_asked = source in (None, run.source_name)
        if is_asked and run.kind == "import" and run.options.get("whole") and run.summary:
            last.setdefault((run.target, run.source_name), run)
    for place, run in last.items():
        dates = find_put_off(book, *place)
        put_off = still_put_off(dates)
        for notice in read_notices(run.summary):
            # Of a start that has ended nothing is new.
            notice = replace(notice, new=0, put_off=put_off.get(notice.cause, ""))
            first, *further = notice.lines
            yield f"{run.source_name}: {first}"
            yield from further


def describe_starts(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table: a start each."""
    from importer.cli.terminal import printable
    from importer.phrases import clip, format_duration, format_time, listed

    table = [("start", "import", "took", "exit code", " · ".join(FIGURES), "run", "file", "why")]
    for line in lines:
        command = "" if line["command"] == "run" else f"{line['command']} "
        name = line["import_name"] or line["source_name"]
        seconds = line["seconds"]
        code = line["exit_code"]
        figures = ""
        if FIGURES[0] in line:
            figures = " · ".join(f"{line[figure]:,}" for figure in FIGURES)
        row = (
            format_time(line["started_at"]),
            f"{command}{name}",
            "" if seconds is None else format_duration(seconds),
            line["state"] if code is None else str(code),
            figures,
            line["run"]["name"] if line["run"] else "",
            listed(line["files"], 1),
            clip(line["why"], WHY_SHOWN),
        )
        table.append(row)
    for text in as_table(table):
        yield f"{printable(text)}\n"


@runs.command("show", cls=Command)
@click.argument("name", type=RUN, metavar="RUN")
@takes(ShowOptions)
def show_command(options: ShowOptions, name: str) -> None:
    """Show a run: how it ended, its figures, what became of it, and what can be done about it.

    RUN is the run's name, or `last` for the newest import.
    """
    from importer.ledger.opening import read_ledger
    from importer.ledger.overview import list_overviews

    with read_ledger(chosen_ledger(options)) as book:
        run_name = book.find_run(name).name
        (document,) = (show(pair) for pair in with_undone(list_overviews(book)) if pair[0].run.name == run_name)
    if options.as_json:
        print_data(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    else:
        print_data(as_lines(document))


def _how_far(book: Ledger, source: str) -> Iterator[str]:
    """Yield a line for each target of a source: how many of its keys are there."""
    from importer.ledger.source_list import list_sources, walk
    from importer.report.migration import describe_states, name_state

    targets = [known_source.target for known_source in list_sources(book) if known_source.name == source]
    for target in targets:
        states = Counter(map(name_state, walk(book, target, source)))
        yield f"{source} → {target}: {describe_states(states)}.\n"


def as_lines(document: Mapping[str, Any]) -> str:
    """Format a run's JSON object as lines of text, but for what it has nothing of."""
    from importer.cli.terminal import printable

    lines = []
    for name, value in document.items():
        parts = value if isinstance(value, list) else [value]
        if isinstance(value, dict):
            parts = []
            for key, figure in value.items():
                number = f"{figure:,}" if isinstance(figure, int) else figure
                parts.append(f"{key}: {number}")
        if name.endswith("_at") and value:
            parts = [f"{datetime.fromisoformat(value).astimezone():%Y-%m-%d %H:%M:%S}"]
        label = name.replace("_", " ")
        for part in parts:
            if part not in (None, ""):
                lines.append(f"{label:12} {printable(str(part))}\n")
    return "".join(lines)
