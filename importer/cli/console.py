"""The console: lines, progress and questions on stderr, and the same lines in a log; stdout is for data."""

from __future__ import annotations

import csv
import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from logging import INFO, WARNING
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

import click

from importer.cli.terminal import echo_painted, printable
from importer.errors import ImporterError
from importer.outputs import open_log, storing
from importer.phrases import format_iso
from importer.records import NEEDS_SOMEBODY
from importer.spreadsheet import escape_signs
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from tqdm import tqdm

    from importer.report.summary import Summary


LOG = logging.getLogger("triage-import")
LOG.disabled = True  # until there is a file: `logging` would print warnings
MAX_BYTES, BACKUPS = 10_000_000, 5
LOG_OPTION, LOG_BEGINS = "--log-file", b'{"time": "'
FIELDS = ("run", "event", "key", "code")


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object: time, level, of FIELDS those that it has, and its message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without the API key."""
        figures = {"time": format_iso(record.created), "level": record.levelname.lower()}
        for name in FIELDS:
            value = getattr(record, name, "")
            if value != "":
                figures[name] = value
        figures["message"] = record.getMessage()
        line = json.dumps(figures, ensure_ascii=False)
        return escape_signs(redact(line))


@contextmanager
def logging_to(path: Path | None) -> Iterator[None]:
    """Write what is logged to a file, which is rotated at 10 MB; without a path nowhere. Raises StorageFull."""
    if path is None:
        yield
        return
    from logging.handlers import RotatingFileHandler  # loads sockets

    class LogFile(RotatingFileHandler):
        """Says at the end what could not be written: a disk that is full is no reason for tracebacks."""

        error: BaseException | None = None

        def _open(self) -> Any:
            return open_log(self.baseFilename)

        def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
            self.error = self.error or sys.exc_info()[1]

    with storing(path, LOG_OPTION):
        handler = LogFile(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
    handler.setFormatter(JsonLines())
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    LOG.disabled = LOG.propagate = False
    try:
        yield
    finally:
        LOG.disabled = True
        LOG.removeHandler(handler)
        with suppress(OSError):  # what is left in its buffer has been tried
            handler.close()
        if isinstance(handler.error, OSError):
            text = f"warning: {LOG_OPTION} {path} can't be written: {handler.error.strerror}."
            click.echo(text, err=True)


def log_end(summary: Summary) -> None:
    """Log the rows that need somebody, each with its codes and messages, and how it ended."""
    if LOG.disabled:
        return
    run = {"run": summary.run_id}
    with suppress(OSError), (Path(summary.out) / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file) if summary.run_id else ():
            if row["outcome"] in NEEDS_SOMEBODY:
                extra = {**run, "event": row["outcome"], "key": row["key"], "code": row["code"]}
                LOG.warning("%s:%s: %s", row["file"], row["line"], row["message"], extra=extra)
    for notice in summary.notices:
        level = WARNING if notice.is_due and notice.is_news else INFO
        LOG.log(level, "%s", notice.line, extra={**run, "event": "notice", "code": notice.cause})
    numbers = [f"{number} {outcome}" for outcome, number in summary.outcomes().items() if number]
    counts = ", ".join(numbers)
    message = "; ".join(filter(None, [counts, summary.stopped_because]))
    level = logging.ERROR if summary.exit_code > 1 else logging.INFO
    LOG.log(level, "%s", message, extra={**run, "event": "end", "code": summary.exit_code})


PLAIN_SECONDS = 60.0
"""Seconds between two lines of progress where there is no terminal."""
SILENT_SECONDS = 2.0
"""For how long a bar may stand still before it says so."""
FIGURES_SECONDS = 0.5
"""Seconds between two refreshes of the bar and the figures beside it."""
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}, {rate_noinv_fmt}, {remaining} left{postfix}"
BAR_OF_BYTES = "{desc}: {percentage:3.0f}%|{bar}| {remaining} left{postfix}"
ERASE = "\x1b[J"
"""Erases what follows the cursor: a bar that a narrower window has broken left the rest of it on the next line."""


class Console:
    """Writes to stderr: on a terminal with a progress bar, else with a plain line now and then; a `Progress`.

    With `quiet` it says nothing until `speak` is called or an error ends the block. With `dated`, what it says where
    there is no terminal begins with the time, as in a log. As a context manager it removes the bar, whatever ends the
    block.
    """

    def __init__(self, *, quiet: bool = False, dated: bool = False) -> None:
        self.terminal = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._is_dated = dated and not quiet and not self.terminal and not _is_journal(sys.stderr)  # a mail has its own
        self._is_quiet = quiet
        self._bar: tqdm[Any] | None = None
        self._what = ""
        self._done = self._total = 0
        self._next_line = self._next_figures = self._moved = 0.0
        self._beside = ""
        self._is_bytes = False
        self._erase = ERASE if self.terminal and os.environ.get("TERM", "dumb") != "dumb" else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()
        if self._is_quiet and isinstance(error, ImporterError):
            self.speak()
            self.say(f"Exit code {error.exit_code:d}: {error.exit_code.sentence}")

    def speak(self) -> None:
        """Say each line from now on."""
        self._is_quiet = False

    def say(self, text: str = "", *, continues: bool = False) -> None:
        """Print lines, above the bar if there is one. If stderr was closed, the work goes on all the same.

        Only the first one is dated, and none if they continue what was said before, so that tables stay tables.
        """
        LOG.log(WARNING if text.startswith(("warning", "Error")) else INFO, "%s", text, extra={"event": "said"})
        if self._is_quiet:
            return
        with suppress(OSError):
            if self._bar is not None:
                self._bar.clear()
                sys.stderr.write(self._erase)
            dated = f"{format_iso(time.time())} " if self._is_dated and not continues else ""
            lines = map(printable, text.split("\n"))
            echo_painted(dated + "\n".join(lines), sys.stderr)

    def say_all(self, lines: Iterable[str]) -> None:
        """Print lines one after another, as they are made, as one text."""
        for number, line in enumerate(lines):
            self.say(line, continues=number > 0)

    def start(self, what: str, total: int, unit: str, done: int = 0) -> None:
        """Begin to show progress towards `total` units, of which some are done already."""
        self.finish()  # else this bar stands a line below the one before, and leaves the cursor at the end of it
        self._what = what
        self._done = done
        self._total = total
        self._beside = ""
        self._is_bytes = unit == "B"  # these say how far it is, but people count rows
        self._moved = time.monotonic()
        self._next_line = self._moved + PLAIN_SECONDS
        if self.terminal:
            from tqdm import tqdm

            self._bar = tqdm(
                desc=what,
                total=total,
                initial=done,
                unit=f" {unit}",
                # It ends at the beginning of its line, so that the `^C` which a terminal shows goes with it.
                bar_format=f"{BAR_OF_BYTES if self._is_bytes else BAR}{self._erase}\r" if total else None,
                mininterval=FIGURES_SECONDS,
                leave=False,
                dynamic_ncols=True,
            )

    def reach(self, done: int) -> None:
        """Show that `done` units are done in all."""
        amount = done - self._done
        self._done = done
        self._moved = time.monotonic()
        if self._bar is not None:
            self._bar.set_description_str(self._what, refresh=False)
            self._bar.update(amount)
        elif self._moved >= self._next_line and not self._is_quiet:
            self._next_line = self._moved + PLAIN_SECONDS
            share = f"({self._done / self._total:.0%})" if self._total else ""
            figures = self._beside if self._is_bytes else f"{self._done:,}"
            self.say(f"{self._what}: {' '.join(filter(None, (figures, share)))}")

    def figures(self, text: str) -> None:
        """Show figures beside the bar, if the last ones are half a second old."""
        self._beside = text
        if self._bar is not None and time.monotonic() >= self._next_figures:
            self._next_figures = time.monotonic() + FIGURES_SECONDS
            self._bar.set_postfix_str(text)

    def pause(self, seconds: float) -> None:
        """Show at the bar's beginning, which no screen is too narrow for, how long nothing can be sent."""
        if self._bar is not None:
            self._moved = time.monotonic()  # a pause is no standstill
            self._bar.set_description_str(f"paused for {seconds:.0f} s")

    def wait(self) -> None:
        """Show for how long nothing has moved, as where Triage takes its time: to be called each second."""
        still = time.monotonic() - self._moved
        if self._bar is not None and still >= SILENT_SECONDS:
            self._bar.set_description_str(f"{self._what}, waiting for {still:.0f} s")

    def finish(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
            with suppress(OSError):
                sys.stderr.write(self._erase)

    def show_error(self, error: ImporterError) -> None:
        """Show an error: what happened, where, and what to type next."""
        self.say(f"Error: {error.message}")
        for problem in error.problems:
            self.say(f"  {problem}".replace("\n", "\n  "))
        if error.hint:
            self.say(error.hint)

    def ask(self) -> bool:
        """Ask before anything is sent. For a terminal only."""
        return click.confirm("Send them?", default=False, err=True)

    def ask_again(self, remaining: int, way_back: str) -> bool:
        """Ask after the canary whether the others are sent, and show the way back. For a terminal only."""
        self.say(way_back)
        return click.confirm(f"Send the remaining {remaining:,}?", default=False, err=True)


def _is_journal(stream: IO[str] | None) -> bool:
    """Whether a stream goes to systemd's journal, which has the time of each line."""
    with suppress(AttributeError, OSError):  # closed, or no file
        status = os.fstat(stream.fileno())  # type: ignore[union-attr]
        return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
    return False
