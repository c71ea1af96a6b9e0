"""How a start that failed ended: its summary, for `--json`, the ledger and metrics; a bug is a sentence, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer import __version__
from importer.errors import ExitCode, ImporterError
from importer.library.shortage import find_shortage

if TYPE_CHECKING:
    from importer.report.summary import Summary


def summarise(error: Exception | KeyboardInterrupt) -> Summary:
    """Make the summary of what ended with an error."""
    match error:
        case KeyboardInterrupt():
            return summarise_end(ExitCode.INTERRUPTED, "Interrupted before anything was sent.")
        case ImporterError():
            return summarise_end(error.exit_code, error.told)
        case _ if shortage := find_shortage(error):
            return summarise_end(shortage.exit_code, f"{shortage.message}\n{shortage.hint}")
    return summarise_end(ExitCode.STOPPED, describe_bug(error))


def summarise_end(code: int, because: str) -> Summary:
    """Make the summary of what ended before there was a run."""
    from importer.report.summary import Summary

    return Summary(run_id="", exit_code=int(code), rows=0, stopped_because=because, version=__version__)


def describe_bug(error: BaseException) -> str:
    """Describe a bug: where it is, and that nothing is lost by it."""
    from traceback import extract_tb

    frame = extract_tb(error.__traceback__)[-1]
    return (
        f"{type(error).__name__} in {frame.filename}:{frame.lineno}: {error}\n"
        "This is a bug in triage-import. What is done is recorded: the same command continues."
    )
