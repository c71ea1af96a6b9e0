"""`triage-import verify`: reads back what a run sent, and shows what differs in Triage now."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup

from importer.cli.completion import RUN
from importer.cli.declared import takes
from importer.cli.options import Json, Out, answers_with_summary, typed_options
from importer.cli.sentences import name_last_change
from importer.cli.target_options import IssueUrls, KeyFile, LedgerFile, Rate
from importer.errors import ImporterError
from importer.library.targets import choose_rate, open_target_named
from importer.phrases import counted

if TYPE_CHECKING:
    from importer.cli.console import Console
    from importer.ledger.journal import Run
    from importer.report.verify import VerifySummary

FIELDS_SHOWN = 8
MANY = 10_000
"""Issues of a run whose reports take more than a second or two to be written."""


@dataclass(frozen=True)
class VerifyOptions(KeyFile, LedgerFile, Rate, Out, Json, IssueUrls):
    """The options of `verify`."""


@click.command(cls=cloup.Command)
@click.argument("name", type=RUN, metavar="RUN")
@takes(VerifyOptions)
@answers_with_summary
def verify(options: VerifyOptions, name: str) -> VerifySummary:
    """Compare what a run sent with what is in Triage now.

    It reads back every issue that the run created or changed, with its comments, evidence, flags and relations (one
    request for each kind), and changes nothing in Triage. It also lists issues with the source's marker that are not in
    the ledger, which may be duplicates. RUN is the import's name, or `last`. The report goes to
    ./triage-import-RUN-verify/, and the run's own reports are updated.
    """
    from importer.cli.console import Console
    from importer.ledger.opening import read_ledger
    from importer.ledger.overview import find_import
    from importer.load.preflight import find_organisation
    from importer.runs.verify import verify_run
    from importer.triage.event_loop import run_loop

    issue_url = options.issue_url or ""
    with Console() as console, read_ledger(options.ledger) as book:
        run = find_import(book, name, "verify", typed_options()).run
        with open_target_named(run.target, options.api_key_file) as target:
            # With the key of another organisation all issues would seem to be missing.
            book.check_org(run.target, run_loop(find_organisation(target, console.say)))
            folder = options.out or run.folder_of("verify")
            summary = verify_run(run, target, choose_rate(options.rate, run.target), folder, console, issue_url)
        console.say(describe(summary, name_last_change(book, run, "verify", typed_options())))
    with Console() as console:
        keep(summary, run, options.ledger, console, issue_url)
        console.say(f"Report: {Path(summary.out) / 'report.html'}")
    return summary


def keep(summary: VerifySummary, run: Run, ledger: str | None, console: Console, issue_url: str) -> None:
    """Keep in the ledger what was found, and write the run's own page again, which shows it from now on.

    Where the ledger can't be written, that is said: what was found is in the report of the verification all the same.
    """
    from importer.ledger.opening import open_ledger
    from importer.ledger.verifications import keep_verification
    from importer.report.from_ledger import write_again
    from importer.triage.redaction import find_redaction

    try:
        with open_ledger(ledger) as book:
            book.redact_with(find_redaction)
            keep_verification(book, run.name, {**asdict(summary), "at": time.time()})
            verified = book.find_run(run.name)
            is_elsewhere = Path(summary.out).resolve() != run.out
            if is_elsewhere and (run.out / "report.html").exists():
                if summary.same > MANY:
                    console.say(f"Writing the reports of {run.name} again …")
                write_again(verified, run.out, issue_url=issue_url)
    except ImporterError as error:
        console.say(f"The page of {run.name} doesn't show what was read back: {error.message}")


def describe(summary: VerifySummary, last_change: str = "") -> str:
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
