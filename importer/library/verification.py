"""Keeps what a verification has found, and says it in a line."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

from importer.errors import ImporterError
from importer.ledger.journal import Run
from importer.phrases import counted
from importer.progress import Progress
from importer.report.tables import VerifySummary

FIELDS_SHOWN = 8
MANY = 10_000
"""Issues of a run whose reports take more than a second or two to be written."""


def keep(summary: VerifySummary, run: Run, ledger: str | None, progress: Progress, issue_url: str) -> None:
    """Keep in the ledger what was found, and write the run's own page again, which shows it from now on.

    Where the ledger can't be written, that is said: what was found is in the report of the verification all the same.
    """
    from importer.ledger.opening import open_ledger
    from importer.report.from_ledger import write_again
    from importer.triage.redaction import find_redaction

    try:
        with open_ledger(ledger) as book:
            book.redact_with(find_redaction)
            book.find_run(run.name).keep_verification({**asdict(summary), "at": time.time()})
            verified = book.find_run(run.name)
            is_elsewhere = Path(summary.out).resolve() != run.out
            if is_elsewhere and (run.out / "report.html").exists():
                if summary.same > MANY:
                    progress.say(f"Writing the reports of {run.name} again …")
                write_again(verified, run.out, issue_url=issue_url)
    except ImporterError as error:
        progress.say(f"The page of {run.name} doesn't show what was read back: {error.message}")


def describe_verification(summary: VerifySummary, last_change: str = "") -> str:
    """Return the line of counts, the worst verdict first; where the run did nothing, `last_change` ends the line."""
    issues = summary.same + summary.different + summary.missing
    fields = ", ".join(f"{count:,} × {name}" for name, count in list(summary.fields.items())[:FIELDS_SHOWN])
    counts = (
        (summary.stranger, "not in the ledger but with our marker (duplicates?)"),
        (summary.missing, "missing"),
        (summary.different, f"different ({fields})"),
        (summary.unsettled, "not settled yet (the same import command settles them)"),
        (summary.same, "the same"),
    )
    parts = ", ".join(f"{count:,} {what}" for count, what in counts if count)
    if parts:
        return f"{summary.run_id}: {counted(issues, 'issue')} read back: {parts}"
    return f"{summary.run_id} created and changed nothing, so there is nothing to read back.{last_change}"
