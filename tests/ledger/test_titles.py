"""Titles in the snapshots of issues."""

from __future__ import annotations

import asyncio

import orjson

from importer.ledger.journal import Decision, Run
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from tests.harness.ledger_sending import begin, operation


def make_issue(run: Run, title: str) -> None:
    """Make the issue of one key, and begin that of another."""

    async def main() -> None:
        async with run.sending(2):
            await run.intend(operation("k1"))
            await run.intend(operation("k2"))
            returned = orjson.dumps({"title": title})
            run.record(Decision("k1", State.DONE, issue_id=f"u-{title}", triage_id=f"T-{title}", returned=returned))

    asyncio.run(main())


def test_titles_of_issues(ledger: Ledger) -> None:
    """Each key that has an issue has its title as it was last written; keys of other sources are not mixed up."""
    for name in ("jira-acme", "jira-other"):
        make_issue(begin(ledger, name=name), f"One of {name}")
    for name in ("jira-acme", "jira-other"):
        assert begin(ledger, name=name).find_titles(["k1", "k2", "k3"]) == {"k1": f"One of {name}"}
