"""The log of a start as JSON lines, by the standard library's `logging`: for programs that collect logs."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import StorageFull
from importer.phrases import format_iso
from importer.records import NEEDS_SOMEBODY
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from importer.report.summary import Summary

LOG = logging.getLogger("triage-import")
LOG.disabled = True  # until there is a file: `logging` would print warnings
MAX_BYTES, BACKUPS = 10_000_000, 5
FIELDS = ("run", "event", "key", "code")


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object: time, level, of FIELDS those that it has, and its message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without the API key."""
        shown = {"time": format_iso(record.created), "level": record.levelname.lower()}
        shown |= {name: value for name in FIELDS if (value := getattr(record, name, "")) != ""}
        return redact(json.dumps({**shown, "message": record.getMessage()}, ensure_ascii=False))


@contextmanager
def logging_to(path: Path | None) -> Iterator[None]:
    """Write what is logged to a file, which is rotated at 10 MB; without a path nowhere. Raises StorageFull."""
    if path is None:
        yield
        return
    try:
        handler = RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
    except OSError as error:
        hint = "Name a file that can be written, in a folder that is there."
        raise StorageFull(f"--log-file {path}: {error.strerror}.", hint=hint) from error
    handler.setFormatter(JsonLines())
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    LOG.disabled = LOG.propagate = logging.raiseExceptions = False  # a disk that is full is no reason for tracebacks
    try:
        yield
    finally:
        LOG.disabled = True
        LOG.removeHandler(handler)
        handler.close()


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
    counts = ", ".join(f"{number} {outcome}" for outcome, number in summary.outcomes().items() if number)
    said = "; ".join(filter(None, [counts, summary.stopped_because]))
    level = logging.ERROR if summary.exit_code > 1 else logging.INFO
    LOG.log(level, "%s", said, extra={**run, "event": "end", "code": summary.exit_code})
