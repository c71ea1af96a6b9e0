"""`triage-import rebuild-ledger`: makes a lost ledger again from the issues of a source that are in Triage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.options import (
    INPUT_OPTIONS,
    JSON_OPTION,
    OUT_OPTION,
    answers_with_summary,
    sources_argument,
    with_options,
)
from importer.cli.target_options import (
    API_KEY_OPTION,
    API_URL_OPTION,
    LEDGER_OPTION,
    RATE_OPTION,
    SANDBOX_OPTION,
    choose_rate,
    open_target,
)

if TYPE_CHECKING:
    from importer.report.summary import Summary


@click.command("rebuild-ledger")
@sources_argument
@with_options(
    *INPUT_OPTIONS,
    SANDBOX_OPTION,
    API_URL_OPTION,
    API_KEY_OPTION,
    LEDGER_OPTION,
    RATE_OPTION,
    OUT_OPTION,
    JSON_OPTION,
)
@answers_with_summary
def rebuild_ledger(
    sources: tuple[str, ...],
    sandbox: bool,
    api_url: str | None,
    api_key_file: Path | None,
    ledger: str | None,
    rate: float | None,
    out: Path | None,
    **given: Any,
) -> Summary:
    """Add a source's issues in Triage to the ledger.

    It sends nothing. Each run does this by itself if its ledger may be incomplete; this command always searches all of
    Triage. Rows without an issue are `planned` in results.csv; if an issue without a marker has nearly the same title,
    it is named.
    """
    from importer.cli.console import Console
    from importer.cli.inputs import open_job
    from importer.cli.run_screen import describe_end
    from importer.ledger.opening import open_ledger
    from importer.load.context import ImportContext, Settings
    from importer.pipeline import rebuild_ledger as rebuild

    with (
        Console() as console,
        open_job(sources, **given) as job,
        open_ledger(ledger) as book,
        open_target(sandbox, api_url, api_key_file) as target,
    ):
        settings = Settings(choose_rate(rate, target.name))
        summary = rebuild(ImportContext(job, target, book, settings, console), out)
    console.say_all(describe_end(summary))
    return summary
