"""Commands of which every start is recorded, in the ledger, a log and metrics; of several files each is a start."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from importer import __version__
from importer.cli.answers import ANSWER, HOLDS, START, TRIES_AGAIN, print_data, summarise_error
from importer.cli.config import REPORTS
from importer.cli.console import LOG_BEGINS, LOG_OPTION, Console, log_end, logging_to
from importer.cli.options import Command
from importer.codes import OLDER_FILE_OPEN
from importer.errors import ExitCode, ImporterError
from importer.library.declared import declared
from importer.library.deliveries import (
    EACH_ONCE,
    IS_IN,
    NEWEST,
    Deliveries,
    Delivery,
    Order,
    find_due,
    has_dates,
    is_in,
    read_keys,
    read_moved,
    source_name_of,
)
from importer.library.options import RowLimit
from importer.library.recording import Start
from importer.library.targets import target_name
from importer.outputs import METRICS, refusal, refuse_others
from importer.phrases import counted, listed
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from importer.cli.run_options import RunOptions
    from importer.ledger.overview import Note
    from importer.report.summary import Summary
    from importer.transform.aliases import Aliases


def deliver(options: RunOptions, deliveries: Deliveries, read_aliases: Callable[[], Aliases], carry_out: Carry) -> int:
    """Import files one after another; returns the exit code that counts."""
    console = Console(quiet=options.quiet)
    codes = list[int]()
    open_ = list[Delivery]()
    are_in = [] if has_dates(options) else deliveries.are_in
    read_each_once = cache(partial(read_keys, options))
    order = Order(read_each_once, read_aliases, are_in, waits=options.files != NEWEST)
    for delivery in deliveries.due:
        is_partly_in = False
        try:
            ended = carry_out(delivery, partial(order.holds, delivery))
            codes.append(ended.exit_code)
            # What waits in it is that of an older file, and the rest of it is there.
            is_partly_in = bool(ended.run_id and ended.findings.get(OLDER_FILE_OPEN) and not ended.stopped_because)
        except ImporterError as error:
            console.speak()
            console.show_error(error)
            codes.append(int(error.exit_code))
        if codes[-1] not in IS_IN:
            open_.append(delivery)
            if not is_partly_in:
                order.keep_open(delivery)
        if ExitCode.of(codes[-1]).stops_others:
            break
    if open_:
        console.speak()
        names = ", ".join(delivery.name for delivery in open_)
        console.say(f"Not in yet: {names}. The same command tries the oldest first.")
    return min(codes, key=lambda code: ExitCode.of(code).rank)


Carry = Callable[[Delivery, Callable[[], Mapping[str, str]]], "Summary"]
"""Imports a file but for the rows of some keys, which it asks for once its start is recorded."""


def describe_open(starts: Sequence[Note], undone: Collection[str]) -> Iterator[str]:
    """Yield the deliveries that are not in yet, or no more as their runs were undone, with why, and what to type."""
    # By name: a file that was exported again takes the place of the one before.
    last: dict[tuple[str, str, str], Note] = {}
    are_in = set[tuple[str, str, str]]()
    for start in starts:
        if start["digest"]:
            last[start["target"], start["source_name"], start["files"]] = start
        if is_in(start, undone):
            are_in.add((start["target"], start["source_name"], start["digest"]))
    for (target, source_name, _), start in last.items():
        if start["is_running"] or (target, source_name, start["digest"]) in are_in:
            continue
        code = "it did not end"
        if start["exit_code"] is not None:
            code = f"exit code {start['exit_code']}"
        command = "the same command"
        if start["import_name"]:
            command = f"triage-import run @{start['import_name']}"
        files = ", ".join(json.loads(start["files"]))
        reason = start["why"] or "no reason is known"
        if start["run"] in undone:
            reason = "its run was undone, or one before it with rows of the same issues"
        yield f"Not in yet: {files}: {code}, {reason}; {command}"


AGAIN = "rejected-again"
"""The folder for the reports of rows that are tried again, in that of the others."""
AGES = ("max_source_age", "max_file_age")
"""Options that the newest of several files answers for all of them."""


class Recorded(Command):
    """A command of which every start is recorded."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the words of the command; one whose words can't be used was started, too."""
        words = [*args]
        lenient = {"resilient_parsing": True, "ignore_unknown_options": True}
        try:
            return super().make_context(info_name, args, parent, **extra)
        except (click.UsageError, ImporterError) as error:
            if parent is not None and parent.invoked_subcommand == info_name:
                with suppress(click.ClickException, ImporterError):  # as much as can be read of it
                    context = super().make_context(info_name, words, parent, **lenient)
                    _end(context, _begin(context), error)
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Carry it out, and leave as many folders of reports as the configuration says."""
        out = ctx.params["out"]
        _refuse_others(ctx)
        with logging_to(ctx.params.get("log_file")):
            code = self._start(ctx)
            if ctx.info_name == "run" and code in IS_IN and not ctx.params["dry_run"]:
                code = self._try_rejected(ctx, code)
        configuration, _, settings = ctx.find_root().obj or (None, "", dict[str, Any]())
        if configuration is None or REPORTS not in settings:
            return code
        if out.is_dir() and not ctx.params["dry_run"]:
            from importer.report.folder import remove_old

            with _warning():
                remove_old(out, settings[REPORTS]["keep"], configuration.text)
        return code

    def _start(self, ctx: click.Context) -> int:
        params = ctx.params
        if params.get("files") not in (EACH_ONCE, NEWEST) or params["dry_run"]:
            return self._carry_out(ctx)
        from importer.cli.run_options import RunOptions

        try:
            options = RunOptions(**{name: params[name] for name in declared(RunOptions)})
            target = target_name(options.sandbox, options.api_url)
            place = {"target": target, "source_name": source_name_of(options)}
            deliveries = find_due(params["sources"], options, **place)
        except ImporterError as error:
            _end(ctx, _begin(ctx), error)
            raise
        if not deliveries.due:
            return self._end_without_news(ctx, place)
        names = Counter(Path(source).name for source in params["sources"])
        ages = {name: params[name] for name in AGES}
        read_aliases = partial(read_moved, options.ledger, **place)
        import_one = partial(self._import_one, ctx, place, params["out"], names, ages)
        return deliver(options, deliveries, read_aliases, import_one)

    def _try_rejected(self, ctx: click.Context, code: int) -> int:
        """Give rows back that Triage refused, or another mapping rejected: a run of its own, with limits of its own."""
        from importer.ledger.opening import read_ledger
        from importer.library.still_rejected import choose_rejected, may_be_due, write_rejected

        params = ctx.params
        ended = ctx.meta[ANSWER]
        if not may_be_due(ended, params):
            return code
        with TemporaryDirectory(prefix="triage-import-") as folder:
            with read_ledger(params["ledger"]) as book:
                due = choose_rejected(book, ended, params)
                if not due:
                    return code
                files = write_rejected(book, ended.target, ended.source_name, Path(folder), due)
            params.update(dict.fromkeys((*AGES, "min_rows")), sources=tuple(map(str, files)))
            ctx.meta[TRIES_AGAIN] = True
            params["as_json"] = False  # stdout has the summary of what was asked for
            params["max_rejected"] = RowLimit.read("100%")
            if params["out"]:
                params["out"] /= AGAIN
            rows = f"{counted(len(due), 'row')} that earlier runs rejected, or Triage refused"
            Console(quiet=params["quiet"]).say(f"{rows}: they are tried again.")
            code_of_rejected = self._carry_out(ctx, target=ended.target, source_name=ended.source_name)
        return min(code, code_of_rejected, key=lambda code: ExitCode.of(code).rank)

    def _end_without_news(self, ctx: click.Context, place: Mapping[str, str]) -> int:
        """All files are in: that is a start, too."""
        from importer.report.summary import Summary, times

        start = _begin(ctx, **place)
        details = {**place, "version": __version__, **times(time.time())}
        summary = Summary(run_id="", exit_code=int(ExitCode.DONE), rows=0, **details)
        ctx.meta[ANSWER] = summary
        _end(ctx, start)
        sources = listed(ctx.params["sources"], 3)
        Console(quiet=bool(ctx.params["quiet"])).say(f"No new file: {sources} are in already.")
        if ctx.params["as_json"]:
            print_data(summary.as_text())
        return summary.exit_code

    def _carry_out(
        self, ctx: click.Context, holds: Callable[[], Mapping[str, str]] = dict[str, str], **details: str
    ) -> int:
        start = _begin(ctx, **details)
        try:
            ctx.meta[HOLDS] = holds()
            code = int(super().invoke(ctx) or 0)
        except (Exception, KeyboardInterrupt) as error:
            _end(ctx, start, error)
            raise
        _end(ctx, start)
        return code

    def _import_one(
        self,
        ctx: click.Context,
        place: Mapping[str, str],
        out: Path | None,
        names: Mapping[str, int],
        ages: Mapping[str, float | None],
        delivery: Delivery,
        holds: Callable[[], Mapping[str, str]],
    ) -> Summary:
        """Import one of several files, with reports in a folder of its own; `place` is target and source name of all.

        `ages` are what the newest of them may have.
        """
        ctx.params["sources"] = (delivery.name,)
        ctx.params.update(ages if delivery.is_newest else dict.fromkeys(ages))
        name = Path(delivery.name).name
        if names[name] != 1:
            name = f"{delivery.digest[:8]}-{name}"
        ctx.params["out"] = out and out / name
        self._carry_out(ctx, holds, digest=delivery.digest, **place)
        ended: Summary = ctx.meta[ANSWER]
        return ended


def _begin(context: click.Context, **details: str) -> Start:
    params = context.params
    root = context.find_root()
    files = params.get("sources") or [params.get("name") or ""]
    import_name = root.obj[1] if root.obj else ""
    start = Start(context.info_name or "", files, params, import_name, **details)
    context.meta[START] = start
    return start


def _end(context: click.Context, start: Start, error: Exception | KeyboardInterrupt | None = None) -> None:
    """Record how it ended, and write what other programs read."""
    ended: Summary = context.meta[ANSWER] if error is None else summarise_error(error)
    summary = start.end(ended, failed=error is not None)
    log_end(summary)
    if (file := context.params.get("metrics_file")) is not None:
        from importer.report.summary import write_metrics

        with _warning():
            _refuse_others(context)
            write_metrics(file, summary, start.import_name or summary.source_name, start.at)


def _refuse_others(context: click.Context) -> None:
    """Raise UsageError for an output that the command uses otherwise, or that something else has written."""
    from importer.report.folder import is_report

    params = context.params
    ways = {"log_file": (LOG_OPTION, LOG_BEGINS), "metrics_file": METRICS}
    for name, (option, begins) in ways.items():
        path = params.get(name)
        if path is None:
            continue
        if params["out"] is not None and is_report(path, params["out"]):
            raise refusal(path, option, "has the place of a report")
        paths = list[Path]()
        for other_name, value in params.items():
            if other_name == name:
                continue
            words = value if isinstance(value, tuple) else (value,)
            paths += [Path(word) for word in words if isinstance(word, (str, Path))]
        refuse_others(path, option, begins, paths)


@contextmanager
def _warning() -> Iterator[None]:
    """Show an error as a warning: the import itself is done."""
    try:
        yield
    except ImporterError as error:
        click.echo(redact(f"warning: {error.message}"), err=True)
