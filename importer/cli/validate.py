"""`triage-import validate`: checks every row and writes what would be sent, without network and ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.options import INPUT_OPTIONS, SELECT_OPTIONS, answers_with_summary, sources_argument, with_options
from importer.cli.target_options import DEFAULT_RATE

if TYPE_CHECKING:
    from importer.report.summary import Summary


@click.command()
@sources_argument
@with_options(*INPUT_OPTIONS, *SELECT_OPTIONS)
@answers_with_summary
def validate(sources: tuple[str, ...], strict: bool, out: Path | None, **given: Any) -> Summary:
    """Check every row and write what would be sent. No network, no ledger.

    The reports go to ./triage-import-check/, which is replaced each time.
    """
    from importer.check.knowledge import know_nothing
    from importer.cli.console import Console
    from importer.cli.inputs import open_job
    from importer.pipeline import run_check

    with Console() as console, open_job(sources, **given) as job:
        checked, summary = run_check(job, know_nothing, console, out, refuse=lambda checked: strict * checked.refusal)
        console.show_check(job, checked, DEFAULT_RATE)
    console.show_reports(summary)
    return summary
