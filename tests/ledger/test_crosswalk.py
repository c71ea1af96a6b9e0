"""Where every key of a source stands after all its runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import orjson
import pytest

from importer.errors import ExitCode, UsageError
from importer.ledger.journal import Decision, Run
from importer.ledger.schema import State
from importer.ledger.source_list import KeyState, walk
from importer.ledger.store import Ledger
from importer.records import Outcome, Row
from tests.harness.ledger_sending import begin, send

STATES = {"k1": State.DONE, "k2": State.REFUSED, "k3": State.UNKNOWN, "k4": State.UNSENT}


def row(record: int, key: str, outcome: Outcome, *codes: str) -> Row:
    found = (codes, codes, tuple(f"because of {code}" for code in codes), codes)
    return Row(0, "f.csv", record, record, key, outcome, *found, title=f"Title of {key}")


def send_all(run: Run) -> None:
    """Send a create for each of STATES, which ends so; one that was made has a snapshot."""
    for key, state in STATES.items():
        send(run, key, state=state)

    async def snapshot() -> None:
        async with run.sending(1):
            returned = orjson.dumps({"title": "Sent as k1"})
            run.record(Decision("k1", State.DONE, issue_id="id-k1", triage_id="T-k1", returned=returned))

    asyncio.run(snapshot())


def entries_of(ledger: Ledger, run: Run) -> Iterable[tuple[str, str, KeyState, str, str, str]]:
    """The keys of a run's source: key, title, state, number, reason, run."""
    return [(e.key, e.title, e.state, e.triage_id, e.message, e.run) for e in walk(ledger, run.target, "jira-acme")]


def test_every_key_over_all_runs(ledger: Ledger) -> None:
    """One that has an issue by its create; any other by its newest row, or by what became of its create."""
    first = begin(ledger, name="jira-acme")
    planned = [row(n, f"k{n}", Outcome.PLANNED) for n in range(1, 5)]
    first.register(
        [*planned, row(5, "k5", Outcome.REJECTED, "title-missing"), row(6, "", Outcome.SKIPPED, "row-empty")]
    )
    send_all(first)
    first.finish(ExitCode.DONE, {})
    second = begin(ledger, name="jira-acme", digest="other")
    second.register(
        [
            row(1, "k1", Outcome.REJECTED, "severity-unknown"),
            row(2, "k5", Outcome.REJECTED, "secret-found"),
            row(3, "k5", Outcome.SKIPPED, "same-as"),
            row(4, "k6", Outcome.SKIPPED, "skip-old"),
        ]
    )
    a, b = first.name, second.name
    assert entries_of(ledger, second) == [
        ("k1", "Sent as k1", KeyState.IN_TRIAGE, "T-k1", "", a),
        ("k2", "Title of k2", KeyState.FAILED, "", "why", a),
        ("k3", "Title of k3", KeyState.UNKNOWN, "", "why", a),
        ("k4", "Title of k4", KeyState.PLANNED, "", "", a),
        ("k5", "(not shown: a secret was found in the row)", KeyState.REJECTED, "", "because of secret-found", b),
        ("k6", "Title of k6", KeyState.SKIPPED, "", "because of skip-old", b),
    ]


def test_keys_whose_rows_were_pruned(ledger: Ledger) -> None:
    """What was sent is known all the same."""
    run = begin(ledger, name="jira-acme")
    send_all(run)
    assert {key: state.value for key, _, state, *_ in entries_of(ledger, run)} == {
        "k1": "in Triage",
        "k2": "failed",
        "k3": "unknown",
        "k4": "planned",
    }


def test_no_such_source(ledger: Ledger) -> None:
    """The error says where it was looked for."""
    with pytest.raises(UsageError, match="knows no source 'jira' in sandbox:x"):
        list(walk(ledger, "sandbox:x", "jira"))
