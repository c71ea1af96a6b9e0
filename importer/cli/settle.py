"""`triage-import settle`: records by hand which issue a row has, or that it has none, or whether it has all of it."""

from __future__ import annotations

from pathlib import Path

import click

from importer.api import DEFAULT_URL
from importer.cli.options import with_options
from importer.cli.target_options import (
    API_KEY_OPTION,
    API_URL_OPTION,
    LEDGER_OPTION,
    RATE_OPTION,
    SANDBOX_OPTION,
    choose_rate,
    open_target,
)


@click.command()
@click.argument("key")
@click.argument("answer", metavar="ISSUE|absent|added|not-added")
@with_options(SANDBOX_OPTION, API_URL_OPTION, API_KEY_OPTION, LEDGER_OPTION, RATE_OPTION)
def settle(
    key: str,
    answer: str,
    sandbox: bool,
    api_url: str | None,
    api_key_file: Path | None,
    ledger: str | None,
    rate: float | None,
) -> None:
    """Say which issue a KEY has, `T-1042`, or that it has none: `absent`. For the person who knows better.

    There is seldom a need: the next run finds out by itself what became of an unknown row. A key whose issue was
    deleted in Triage is made again after `absent`. Of comments, flags and relations of which nobody can tell whether
    they are there, `added` says that all are, `not-added` that none is.
    """
    from importer.cli.console import Console
    from importer.ledger.commands import default_path
    from importer.ledger.opening import open_ledger
    from importer.runs.settle_by_hand import settle_by_hand

    with (
        Console() as console,
        open_ledger(ledger or default_path()) as book,
        open_target(sandbox, api_url or DEFAULT_URL, api_key_file) as target,
    ):
        console.say(settle_by_hand(book, target, key, answer, choose_rate(rate, target.name), console.say))
