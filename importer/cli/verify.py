"""`triage-import verify`: reads back what a run sent, and shows what differs in Triage now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from importer.cli.answers import answers_with_summary
from importer.cli.console import Console
from importer.cli.option_types import RUN
from importer.cli.options import Command, Json, arguments_of, calling, takes
from importer.library import options as library

if TYPE_CHECKING:
    from importer.report.tables import VerifySummary


class VerifyOptions(library.VerifyOptions, Json):
    """The options of `verify`."""


@click.command(cls=Command)
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
    import importer

    with Console() as console:
        arguments = arguments_of(options, library.VerifyOptions)
        return importer.verify(name, caller=calling(console), **arguments).summary
