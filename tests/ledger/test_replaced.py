"""What fields were before a run wrote them: kept with the intent of the first write, until they are given back."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from importer.ledger.journal import Decision, Run
from importer.ledger.replaced import Replaced, Replacement
from importer.ledger.schema import RunKind, State
from importer.ledger.store import Ledger, RunIdentity
from importer.records import Act, Operation
from tests.harness.ledger_sending import TARGET, begin, send

KEY = "k1"
LONG = "It began on a Monday. " * 400


@pytest.fixture
def first(ledger: Ledger) -> Run:
    """Give a run that has made the key's issue."""
    run = begin(ledger)
    send(run, KEY)
    return run


def change(key: str = KEY, **fields: Any) -> Operation:
    body = orjson.dumps(fields)
    return Operation(key, "PATCH", "/v1/triage/issues/x", body, "tir", act=Act.UPDATE, issue_id=f"id-{key}")


def write(run: Run, *writes: tuple[str, Any, Any], stood_for: Any = None, state: State = State.DONE) -> None:
    """Write fields of the issue: name, value before, value after."""
    operation = change(**{name: after for name, _, after in writes})
    before = {name: value for name, value, _ in writes}
    ours = before if stood_for is None else dict.fromkeys(before, stood_for)

    async def main() -> None:
        async with run.sending(1):
            await run.intend(operation, b"{}", Replacement(before, ours, {name: after for name, _, after in writes}))
            if state is not State.SENT:
                run.record(Decision(KEY, state, issue_id=operation.issue_id, triage_id="T-1", operation=operation))

    asyncio.run(main())


def kept(run: Run) -> Replaced:
    """Give what is known of the one issue that a run has changed."""
    (issue,) = run.replaced.issues()
    return issue


def undo(ledger: Ledger, run: Run, details: bytes | None = None) -> None:
    """Record that an undo of a run has given back its fields, but for those in conflict."""
    identity = RunIdentity(TARGET, "jira-acme", run.name, "fields", RunKind.UNDO)
    own = ledger.begin_run(identity, options={"of": run.name, "digest": "fields"})
    code = "conflict" if details else ""
    operation = change(title="old")
    own.decide([Decision(KEY, State.DONE, issue_id="id-k1", code=code, details=details, operation=operation)])


def test_it_is_kept_with_the_intent(ledger: Ledger, first: Run) -> None:
    """Also where no answer ever comes; texts are whole, and the issue's own row is known."""
    run = begin(ledger, digest="s2")
    write(run, ("description", LONG, "digest"), state=State.SENT)
    assert run.replaced.before(KEY) == {"description": LONG}
    assert kept(run).wrote == {"description": "digest"}
    assert (kept(run).create.pending, kept(run).create.issue_id, kept(run).later) == (b"{}", "id-k1", {})
    assert kept(run).create.body_sha != b""
    assert first.replaced.before(KEY) == {}
    assert list(first.replaced.issues()) == []


def test_the_first_value_counts(ledger: Ledger, first: Run) -> None:
    """What a run finds by its own earlier write is not what was there before; what a person wrote since is."""
    run = begin(ledger, digest="s2")
    write(run, ("title", "old", "new"), state=State.SENT)
    write(run, ("title", "old", "new"))
    assert run.replaced.before(KEY) == {"title": "old"}
    write(run, ("title", "new", "newer"), ("severity", "low", "high"))
    assert run.replaced.before(KEY) == {"title": "old", "severity": "low"}
    assert kept(run).wrote == {"title": "newer", "severity": "high"}
    write(run, ("title", "theirs", "newest"))
    assert run.replaced.before(KEY) == {"title": "theirs", "severity": "low"}


def test_what_triage_made_of_our_value_is_ours(ledger: Ledger, first: Run) -> None:
    """The value may read otherwise than it was sent."""
    run = begin(ledger, digest="s2")
    write(run, ("category", "old", "new"))
    write(run, ("category", "NEW", "newer"), stood_for="new")
    assert run.replaced.before(KEY) == {"category": "old"}


def test_a_repair_s_writes_are_the_import_s(ledger: Ledger, first: Run) -> None:
    """They are taken back together, and an undo's own are not kept at all."""
    run = begin(ledger, digest="s2")
    write(run, ("title", "old", "new"))
    for kind in (RunKind.REPAIR, RunKind.UNDO):
        identity = RunIdentity(TARGET, "jira-acme", run.name, "m", kind)
        own = ledger.begin_run(identity, options={"of": run.name, "digest": "m"})
        write(own, ("title", "new", kind.value), state=State.SENT)
    assert run.replaced.before(KEY) == {"title": "old"}
    assert kept(run).wrote == {"title": "repair"}


def test_later_runs_are_named(ledger: Ledger, first: Run) -> None:
    """For each field the last that wrote it, until that is undone."""
    runs = [begin(ledger, digest=f"s{number}") for number in (2, 3, 4)]
    write(runs[0], ("title", "a", "b"), ("severity", "low", "high"), ("status", "todo", "done"))
    write(runs[1], ("title", "b", "c"), ("severity", "high", "low"))
    write(runs[2], ("title", "c", "d"))
    assert kept(runs[0]).later == {"title": runs[2].name, "severity": runs[1].name}
    assert list(kept(runs[0]).later.values())[-1] == runs[2].name
    assert kept(runs[2]).later == {}
    undo(ledger, runs[2])
    assert kept(runs[0]).later == {"title": runs[1].name, "severity": runs[1].name}
    undo(ledger, runs[1])
    assert kept(runs[0]).later == {}


def test_what_was_given_back_is_forgotten(ledger: Ledger, first: Run) -> None:
    """Except what a person has changed, and what a later run still stands in the way of."""
    run, later = begin(ledger, digest="s2"), begin(ledger, digest="s3")
    write(run, ("title", "a", "b"), ("severity", "low", "high"), ("status", "todo", "done"))
    write(later, ("severity", "high", "low"))
    undo(ledger, run, orjson.dumps([["status", "done", "todo", "theirs"]]))
    assert run.replaced.before(KEY) == {"severity": "low", "status": "todo"}
    undo(ledger, later)
    undo(ledger, run)
    assert run.replaced.before(KEY) == {}
    assert list(run.replaced.issues()) == []


def test_of_another_issue_nothing_is_known(ledger: Ledger, first: Run) -> None:
    """A key whose issue was deleted and made again has none of its old values."""
    run = begin(ledger, digest="s2")
    write(run, ("title", "old", "new"))
    later = begin(ledger, digest="s3")
    later.decide([Decision(KEY, State.DONE, issue_id="another", triage_id="T-2")])
    assert list(run.replaced.issues()) == []
    operation = change(title="x")._replace(issue_id="another")

    async def main() -> None:
        async with run.sending(1):
            await run.intend(operation, b"{}", Replacement({"title": "its"}, {"title": "its"}, {"title": "x"}))

    asyncio.run(main())
    assert run.replaced.before(KEY) == {"title": "its"}
