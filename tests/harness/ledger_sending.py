"""What a loader does to a ledger, in a few words."""

from __future__ import annotations

import asyncio

from importer.ledger.journal import Decision, Run
from importer.ledger.schema import State
from importer.ledger.store import Ledger, RunIdentity
from importer.records import Operation, Outcome, Row

NOON = 1_795_521_600.0  # 2026-11-24, at noon in UTC
TARGET = "https://t.example"


def begin(ledger: Ledger, target: str = TARGET, name: str = "jira-acme", digest: str = "s1") -> Run:
    return ledger.begin_run(RunIdentity(target, name, digest, "m1"))


def operation(key: str) -> Operation:
    return Operation(key, "POST", "/v1/triage/issues", b"{}", "tir" + "0" * 20)


def row(record: int, outcome: Outcome = Outcome.PLANNED, key: str = "") -> Row:
    return Row(1, "a.csv", record, record + 1, key or f"k{record}", outcome, raw=("a", f"={record}"))


def send(run: Run, *keys: str, state: State = State.DONE) -> None:
    """Write intents and outcomes as a loader does."""

    async def main() -> None:
        async with run.sending(4):
            await asyncio.gather(*(run.intend(operation(key)) for key in keys))
            for key in keys:
                if state is not State.SENT:
                    run.record(Decision(key, state, 1, issue_id=f"id-{key}", triage_id=f"T-{key}", message="why"))

    asyncio.run(main())
