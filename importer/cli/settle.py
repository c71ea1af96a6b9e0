"""`triage-import settle`: records by hand which issue a row has, or that it has none, or whether it has all of it."""

from __future__ import annotations

from pathlib import Path

import click

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
@click.option("--delete-other", is_flag=True, help="Delete the key's other issues, on which nobody has worked.")
@with_options(SANDBOX_OPTION, API_URL_OPTION, API_KEY_OPTION, LEDGER_OPTION, RATE_OPTION)
def settle(
    key: str,
    answer: str,
    delete_other: bool,
    sandbox: bool,
    api_url: str | None,
    api_key_file: Path | None,
    ledger: str | None,
    rate: float | None,
) -> None:
    """Record an unknown outcome by hand.

    This is seldom needed: the next run settles unknown rows by itself. ISSUE, such as `T-1042`, is the issue of the
    KEY. After `absent`, the next run creates it again, even if it was deleted in Triage. `added` says that all
    comments, flags and relations with an unknown outcome are in Triage, `not-added` that none is.

    If the KEY has two issues in Triage, ISSUE names the right one; `--delete-other` deletes the others, unless somebody
    has worked on them.
    """
    from importer.cli.console import Console
    from importer.ledger.opening import open_ledger
    from importer.runs.delete_duplicates import delete_duplicates
    from importer.runs.settle_by_hand import settle_by_hand

    with (
        Console() as console,
        open_ledger(ledger) as book,
        open_target(sandbox, api_url, api_key_file) as target,
    ):
        settle_key = delete_duplicates if delete_other else settle_by_hand
        console.say(settle_key(book, target, key, answer, choose_rate(rate, target.name), console.say))
