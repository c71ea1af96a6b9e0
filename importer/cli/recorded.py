"""Commands of which every start is recorded, also one that ends before anything is read: how it ended, and why."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import click
import cloup

from importer import __version__
from importer.cli.answers import ANSWER, print_data, summarise_error
from importer.cli.console import Console
from importer.cli.deliveries import EACH_ONCE, NEWEST, Delivery, deliver, find_due, source_name_of
from importer.cli.log_file import log_end, logging_to
from importer.codes import EVIDENCE_PENDING, OPEN
from importer.errors import ExitCode, ImporterError
from importer.library.targets import target_name
from importer.phrases import clip, listed, readable
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from importer.report.summary import Summary

SAID = ("dry_run", "sandbox", "apply")
"""Flags that are part of what was started."""
SOURCE = "importer.source"
"""Where a command notes the name of its source in click's context, as soon as it knows it."""
WHY_LIMIT = 200
FIGURES = ("new", "updated", "failed", "rejected", "waiting")


class Recorded(cloup.Command):
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
                    Start(super().make_context(info_name, words, parent, **lenient)).end(error)
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Carry it out."""
        given = ctx.params
        with logging_to(given.get("log_file")):
            if given.get("files") not in (EACH_ONCE, NEWEST) or given["dry_run"]:
                return self._carry_out(ctx)
            try:
                its = {"target": target_name(given["sandbox"], given["api_url"]), "source_name": source_name_of(given)}
                due = find_due(given, **its)
            except ImporterError as error:
                Start(ctx).end(error)
                raise
            if not due:
                return self._end_without_news(ctx, its)
            return deliver(given, due, partial(self._import_one, ctx, its, given["out"]))

    def _end_without_news(self, ctx: click.Context, its: Mapping[str, str]) -> int:
        """All files are in: that is a start, too."""
        from importer.report.summary import Summary, times

        start = Start(ctx, **its)
        known = {**its, "version": __version__, **times(time.time())}
        ctx.meta[ANSWER] = summary = Summary(run_id="", exit_code=int(ExitCode.DONE), rows=0, **known)
        start.end()
        Console(quiet=bool(ctx.params["quiet"])).say(f"No new file: {listed(ctx.params['sources'], 3)} are in already.")
        if ctx.params["as_json"]:
            print_data(summary.as_text())
        return summary.exit_code

    def _carry_out(self, ctx: click.Context, refusal: ImporterError | None = None, **known: str) -> int:
        start = Start(ctx, **known)
        try:
            if refusal is not None:
                raise refusal
            code = int(super().invoke(ctx) or 0)
        except (Exception, KeyboardInterrupt) as error:
            start.end(error)
            raise
        start.end()
        return code

    def _import_one(
        self, ctx: click.Context, its: Mapping[str, str], out: Path | None, one: Delivery, refusal: ImporterError | None
    ) -> int:
        """Import one of several files, with reports in a folder of its own; `its` are target and source name of all."""
        ctx.params["sources"] = (one.name,)
        ctx.params["out"] = out and out / Path(one.name).name
        return self._carry_out(ctx, refusal, digest=one.digest, **its)


class Start:
    """The start of a command, from its beginning to its end; `known` is what else is recorded of it."""

    def __init__(self, context: click.Context, **known: str) -> None:
        given, root = context.params, context.find_root()
        said = (f"--{flag.replace('_', '-')}" for flag in SAID if given.get(flag))
        files: Sequence[str] = given.get("sources") or [given.get("name") or ""]
        self._meta, self._place, self._began = context.meta, given.get("ledger"), time.monotonic()
        self._metrics, self._out = given.get("metrics_file"), given.get("out")
        self._source_name = known.pop("source_name", "") or given.get("source_name") or ""
        self._import = root.obj[1] if root.obj else ""
        self._id, self._started = token_hex(8), time.time()
        self._note(
            pid=os.getpid(),
            command=" ".join((context.info_name or "", *said)),
            import_name=self._import,
            files=json.dumps(list(map(readable, files)), ensure_ascii=False),
            source_name=self._source_name,
            **known,
        )

    def end(self, error: Exception | KeyboardInterrupt | None = None) -> None:
        """Record how it ended: with an error, or with the summary that the command has answered."""
        from importer.ledger.opening import open_ledger
        from importer.ledger.starts import read_notes

        summary: Summary = self._meta[ANSWER] if error is None else summarise_error(error)
        source_name = summary.source_name or self._meta.get(SOURCE) or self._source_name
        if error is not None:
            from importer.report.summary import times

            summary = replace(summary, source_name=source_name, **times(self._started))
        self._publish(summary, is_written=error is None)
        known = {"source_name": source_name, "run": summary.run_id}
        if error is None:
            known["figures"] = json.dumps(figures_of(asdict(summary)))
        is_taken_in = self._id not in read_notes(self._place)
        self._note(
            seconds=round(time.monotonic() - self._began, 3),
            exit_code=summary.exit_code,
            why=clip(_why(summary), WHY_LIMIT),
            **{name: value for name, value in known.items() if value},
        )
        if is_taken_in:  # by this process, which has opened the ledger to write: it takes in the end as well
            with suppress(ImporterError), open_ledger(self._place):
                pass

    def _publish(self, summary: Summary, *, is_written: bool) -> None:
        """Write what other programs read: the log, metrics, and if nobody has written it summary.json."""
        log_end(summary)
        if self._metrics is not None:
            from importer.report.metrics import write_metrics

            try:
                write_metrics(self._metrics, summary, self._import or summary.source_name, self._started)
            except ImporterError as unwritten:  # the import itself is done
                click.echo(redact(f"warning: {unwritten.message}"), err=True)
        if self._out is not None and not is_written:
            from importer.report.folder import SUMMARY, ReportFolder

            folder = ReportFolder(self._out)
            with suppress(ImporterError):  # the error itself is said
                folder.prepare([SUMMARY])
                folder.write(SUMMARY, summary.as_text())

    def _note(self, **known: Any) -> None:
        from importer.ledger.starts import note_start

        masked = {name: redact(value) if isinstance(value, str) else value for name, value in known.items()}
        note_start(self._place, {"id": self._id, "started_at": self._started, **masked})


def figures_of(summary: Mapping[str, Any]) -> dict[str, int]:
    """Return the figures of a summary that are shown of a start."""
    waiting = summary.get("findings", {}).get(EVIDENCE_PENDING, 0)
    return dict(zip(FIGURES, (*(summary.get(name, 0) for name in ("created", *FIGURES[1:4])), waiting), strict=True))


def _why(summary: Summary) -> str:
    if summary.stopped_because or summary.same_as:
        return summary.stopped_because.partition("\n")[0] or f"nothing has changed since {summary.same_as}"
    numbers = {"rejected": summary.rejected, "failed": summary.failed, "unknown": summary.unknown}
    numbers |= {code: summary.findings.get(code, 0) for code in OPEN}
    return ", ".join(f"{number:,} {what}" for what, number in numbers.items() if number)
