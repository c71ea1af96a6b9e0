"""`triage-import settle`: records by hand which issue a row has, or that it has none, or whether it has all of it."""

from __future__ import annotations

import click

from importer.cli.console import Console
from importer.cli.options import Command, takes
from importer.library.options import KeyFile, LedgerFile, Paced, Place
from importer.library.targets import choose_rate, open_target


class SettleOptions(Place, KeyFile, LedgerFile, Paced):
    """The options of `settle`."""


@click.command(cls=Command)
@click.argument("key")
@click.argument("answer", metavar="ISSUE|absent|added|not-added")
@takes(SettleOptions)
def settle(options: SettleOptions, key: str, answer: str) -> None:
    """Record an unknown outcome by hand.

    This is seldom needed: the next run settles unknown rows by itself. ISSUE, such as `T-1042`, is the issue of the
    KEY. After `absent`, the next run creates it again, even if it was deleted in Triage. `added` says that all
    comments, flags and relations with an unknown outcome are in Triage, `not-added` that none is.

    If the KEY has two issues in Triage, ISSUE names the right one; the other is yours to delete, in Triage.
    """
    from importer.ledger.opening import open_ledger
    from importer.runs.settle_by_hand import HandSettling

    with (
        Console() as console,
        open_ledger(options.ledger) as book,
        open_target(options.sandbox, options.api_url, options.api_key_file) as target,
    ):
        settling = HandSettling(book, target, key, choose_rate(options.rate, target.name), console.say)
        console.say(settling.settle(answer))
