"""`triage-import rebuild-ledger`: makes a lost ledger again from the issues of a source that are in Triage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from importer.cli.answers import answers_with_summary
from importer.cli.console import Console
from importer.cli.options import Command, Json, sources_argument, takes
from importer.library.options import Input, KeyFile, LedgerFile, Out, Paced, Place
from importer.library.targets import choose_rate, open_target

if TYPE_CHECKING:
    from importer.report.summary import Summary


class RebuildOptions(Input, Place, KeyFile, LedgerFile, Paced, Out, Json):
    """The options of `rebuild-ledger`."""


@click.command("rebuild-ledger", cls=Command)
@sources_argument
@takes(RebuildOptions)
@answers_with_summary
def rebuild_ledger(options: RebuildOptions, sources: tuple[str, ...]) -> Summary:
    """Add a source's issues in Triage to the ledger.

    It sends nothing. Each run does this by itself if its ledger may be incomplete; this command always searches all of
    Triage. Rows without an issue are `planned` in results.csv; if an issue without a marker has nearly the same title,
    it is named.
    """
    from importer.cli.options import calling
    from importer.cli.run_screen import describe_end
    from importer.ledger.opening import open_ledger
    from importer.library.inputs import open_job, reading_of
    from importer.load.context import ImportContext, Settings
    from importer.pipeline.rebuilding import rebuild_ledger as rebuild

    with (
        Console() as console,
        open_job(sources, calling(console), **reading_of(options)) as job,
        open_ledger(options.ledger) as book,
        open_target(options.sandbox, options.api_url, options.api_key_file) as target,
    ):
        settings = Settings(choose_rate(options.rate, target.name))
        summary = rebuild(ImportContext(job, target, book, settings, console), options.out)
    console.say_all(describe_end(summary))
    return summary
