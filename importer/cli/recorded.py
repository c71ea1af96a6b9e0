"""Commands of which every start is recorded, in the ledger, a log and metrics; of several files each is a start."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer import __version__
from importer.cli.answers import ANSWER, START, print_data, summarise_error
from importer.cli.config import REPORTS
from importer.cli.console import Console, log_end, logging_to
from importer.cli.options import Command
from importer.errors import DecisionNeeded, ExitCode, ImporterError
from importer.library.declared import declared
from importer.library.deliveries import (
    EACH_ONCE,
    IS_IN,
    NEWEST,
    Delivery,
    find_due,
    may_meet,
    read_keys,
    source_name_of,
)
from importer.library.recording import Start
from importer.library.targets import target_name
from importer.phrases import listed
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from importer.cli.run_options import RunOptions
    from importer.ledger.overview import Note
    from importer.report.summary import Summary


def deliver(options: RunOptions, due: Sequence[Delivery], carry_out: Carry) -> int:
    """Import files one after another; returns the exit code that counts."""
    console, codes, open_ = Console(quiet=options.quiet), list[int](), list[Delivery]()
    keys_of = cache(partial(read_keys, options))
    for each in due:
        first = options.files != NEWEST and next((other for other in open_ if may_meet(keys_of, other, each)), None)
        refusal = Waits(each, first) if first else None
        try:
            codes.append(carry_out(each, refusal))
        except ImporterError as error:
            console.speak()
            console.show_error(error)
            codes.append(int(error.exit_code))
        if codes[-1] not in IS_IN:
            open_.append(each)
        if ExitCode.of(codes[-1]).stops_others:
            break
    if open_:
        console.speak()
        console.say(f"Not in yet: {', '.join(each.name for each in open_)}. The same command tries the oldest first.")
    return min(codes, key=lambda code: ExitCode.of(code).rank)


Carry = Callable[[Delivery, ImporterError | None], int]
"""Imports a file, or only records the start of one that is refused."""


class Waits(DecisionNeeded):
    """A file could overtake an older one that isn't in yet."""

    def __init__(self, newer: Delivery, older: Delivery) -> None:
        super().__init__(
            f"{newer.name} waits for {older.name}, which isn't in yet: they have rows of the same issues.",
            hint=f"See above what {older.name} needs; the same command goes on. --files {NEWEST} doesn't wait.",
        )


def describe_open(starts: Sequence[Note]) -> Iterator[str]:
    """Yield the deliveries that are not in yet, with why, and what to type."""
    # By name: a file that was exported again takes the place of the one before.
    last = {(each["target"], each["source_name"], each["files"]): each for each in starts if each["digest"]}
    are_in = {(each["target"], each["source_name"], each["digest"]) for each in starts if each["exit_code"] in IS_IN}
    for (*its, _), each in last.items():
        if (*its, each["digest"]) not in are_in and not each["is_running"]:
            code = "it did not end" if each["exit_code"] is None else f"exit code {each['exit_code']}"
            again = f"triage-import run @{each['import_name']}" if each["import_name"] else "the same command"
            files = ", ".join(json.loads(each["files"]))
            yield f"Not in yet: {files}: {code}, {each['why'] or 'no reason is known'}; {again}"


class Recorded(Command):
    """A command of which every start is recorded."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the words of the command; one whose words can't be used was started, too."""
        words, lenient = [*args], {"resilient_parsing": True, "ignore_unknown_options": True}
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
        with logging_to(ctx.params.get("log_file")):
            code = self._start(ctx)
        found, _, said = ctx.find_root().obj or (None, "", dict[str, Any]())
        if found is not None and REPORTS in said and out.is_dir() and not ctx.params["dry_run"]:
            from importer.report.folder import remove_old

            with _warning():
                remove_old(out, said[REPORTS]["keep"], found.text)
        return code

    def _start(self, ctx: click.Context) -> int:
        given = ctx.params
        if given.get("files") not in (EACH_ONCE, NEWEST) or given["dry_run"]:
            return self._carry_out(ctx)
        from importer.cli.run_options import RunOptions

        try:
            options = RunOptions(**{name: given[name] for name in declared(RunOptions)})
            its = {"target": target_name(options.sandbox, options.api_url), "source_name": source_name_of(options)}
            due = find_due(given["sources"], options, **its)
        except ImporterError as error:
            _end(ctx, _begin(ctx), error)
            raise
        if not due:
            return self._end_without_news(ctx, its)
        names = Counter(Path(each).name for each in given["sources"])
        return deliver(options, due, partial(self._import_one, ctx, its, given["out"], names))

    def _end_without_news(self, ctx: click.Context, its: Mapping[str, str]) -> int:
        """All files are in: that is a start, too."""
        from importer.report.summary import Summary, times

        start = _begin(ctx, **its)
        known = {**its, "version": __version__, **times(time.time())}
        ctx.meta[ANSWER] = summary = Summary(run_id="", exit_code=int(ExitCode.DONE), rows=0, **known)
        _end(ctx, start)
        Console(quiet=bool(ctx.params["quiet"])).say(f"No new file: {listed(ctx.params['sources'], 3)} are in already.")
        if ctx.params["as_json"]:
            print_data(summary.as_text())
        return summary.exit_code

    def _carry_out(self, ctx: click.Context, refusal: ImporterError | None = None, **known: str) -> int:
        start = _begin(ctx, **known)
        try:
            if refusal is not None:
                raise refusal
            code = int(super().invoke(ctx) or 0)
        except (Exception, KeyboardInterrupt) as error:
            _end(ctx, start, error)
            raise
        _end(ctx, start)
        return code

    def _import_one(
        self,
        ctx: click.Context,
        its: Mapping[str, str],
        out: Path | None,
        names: Mapping[str, int],
        one: Delivery,
        refusal: ImporterError | None,
    ) -> int:
        """Import one of several files, with reports in a folder of its own; `its` are target and source name of all."""
        ctx.params["sources"] = (one.name,)
        name = Path(one.name).name
        ctx.params["out"] = out and out / (name if names[name] == 1 else f"{one.digest[:8]}-{name}")
        return self._carry_out(ctx, refusal, digest=one.digest, **its)


def _begin(context: click.Context, **known: str) -> Start:
    given, root = context.params, context.find_root()
    files = given.get("sources") or [given.get("name") or ""]
    start = context.meta[START] = Start(context.info_name or "", files, given, root.obj[1] if root.obj else "", **known)
    return start


def _end(context: click.Context, start: Start, error: Exception | KeyboardInterrupt | None = None) -> None:
    """Record how it ended, and write what other programs read."""
    ended: Summary = context.meta[ANSWER] if error is None else summarise_error(error)
    summary = start.end(ended, failed=error is not None)
    log_end(summary)
    if (file := context.params.get("metrics_file")) is not None:
        from importer.report.summary import write_metrics

        with _warning():
            write_metrics(file, summary, start.import_name or summary.source_name, start.at)


@contextmanager
def _warning() -> Iterator[None]:
    """Show an error as a warning: the import itself is done."""
    try:
        yield
    except ImporterError as error:
        click.echo(redact(f"warning: {error.message}"), err=True)
