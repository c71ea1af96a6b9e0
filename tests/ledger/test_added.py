"""What was added to issues, as the ledger keeps it: beside the create, for as long as that issue is the key's."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from importer.errors import ExitCode
from importer.ledger.added import Added, encode_details
from importer.ledger.journal import Decision, Run
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.records import Act, Operation, Outcome
from tests.harness.ledger_sending import NOON, TARGET, begin, operation, row, send


def addition(key: str, name: str, *, act: Act = Act.COMMENT, issue_id: str = "", body: bytes = b"{}") -> Operation:
    """Make an addition to the issue that `send` gives a key."""
    return Operation(
        key, "POST", "", body, "", act=act, whole_sha=b"print", issue_id=issue_id or f"id-{key}", name=name
    )


def add(run: Run, made: Operation, details: bytes | None, *states: State) -> None:
    """Write an intent and then these states, as a follower does."""

    async def main() -> None:
        async with run.sending(1):
            await run.intend(made, details)
            for state in states:
                run.record(Decision(made.key, state, 1, issue_id=made.issue_id, operation=made, details=details))
                await run.flush()

    asyncio.run(main())


def of(run: Run, key: str) -> list[tuple[Act, str, State]]:
    """What is known of a key's issue, in order."""
    added = run.additions.of([key]).get(key, [])
    return sorted((each.act, each.name, each.state) for each in added)


def test_an_addition_stands_beside_its_create(ledger: Ledger) -> None:
    """Several of one act have names; what is known of one is all that was written down."""
    run = begin(ledger)
    send(run, "k1", "k2")
    details = encode_details(["c1", "c2"], body=b'{"detail": "x"}')
    add(run, addition("k1", "a"), details)
    add(run, addition("k1", "b"), None, State.DONE)
    add(run, addition("k1", "a", act=Act.FLAG), None, State.REFUSED)
    (sent,) = [each for each in run.additions.of(["k1"])["k1"] if each.state is State.SENT]
    assert (
        sent[:9]
        == Added(Act.COMMENT, "a", State.SENT, b'{"detail": "x"}', ("c1", "c2"), NOON, 0.0, b"print", "", "")[:9]
    )
    assert of(run, "k1") == [
        (Act.COMMENT, "a", State.SENT),
        (Act.COMMENT, "b", State.DONE),
        (Act.FLAG, "a", State.REFUSED),
    ]
    assert run.additions.of(["k2", "k3"]) == {}


def test_places(ledger: Ledger) -> None:
    """A key has a place once its create is done, and a look that found it is told."""
    run = begin(ledger)
    send(run, "k1")
    send(run, "k2", state=State.REFUSED)
    found = Decision("k3", State.DONE, 0, issue_id="id-k3", triage_id="T-k3", returned=b"{}", code="found-at-target")
    run.decide([found], [operation("k3")])
    places = run.additions.places(["k1", "k2", "k3", "k4"])
    assert places.keys() == {"k1", "k3"}
    facts = [(each.issue_id, each.triage_id, each.was_found, each.is_older, each.returned) for each in places.values()]
    assert facts == [("id-k1", "T-k1", False, False, b""), ("id-k3", "T-k3", True, False, b"{}")]
    assert {each.body_sha for each in places.values()} == {hashlib.sha256(b"{}").digest()}
    later = begin(ledger, digest="s2").additions.places(["k1", "k3"])
    assert [place.is_older for place in later.values()] == [True, True]


def test_ends(ledger: Ledger) -> None:
    """A key that names its project, and has no issue, is that of the one other source of the target that has it."""
    own, one, other = (begin(ledger, name=name, digest=name) for name in ("own", "one", "other"))
    away = begin(ledger, target="https://elsewhere.example", name="one", digest="away")
    send(own, "own:A-1")
    send(one, "one:A-1", "one:A-2", "one:A-3", "one:acme/shop#12", "one:7", "one:ticket-7")
    send(one, "one:A-4", state=State.REFUSED)
    send(other, "other:A-3")
    send(away, "one:A-5")
    keys = [f"own:{key}" for key in ("A-1", "A-2", "A-3", "A-4", "A-5", "acme/shop#12", "7", "ticket-7")]
    ends = {key: place.key for key, place in own.additions.ends(keys).items()}
    assert ends == {"own:A-1": "own:A-1", "own:A-2": "one:A-2", "own:acme/shop#12": "one:acme/shop#12"}
    assert own.additions.places(keys).keys() == {"own:A-1"}
    several = own.additions.elsewhere(["own:A-3"])
    assert {key: sorted(each.key for each in known) for key, known in several.items()} == {
        "own:A-3": ["one:A-3", "other:A-3"]
    }
    # The first import of a source asks before the ledger knows it.
    new = [f"new:{key}" for key in ("A-2", "A-3")]
    assert {key: end.issue_id for key, end in ledger.additions(TARGET, "new").ends(new).items()} == {
        "new:A-2": "id-one:A-2"
    }


def test_more_keys_than_a_query_takes(ledger: Ledger) -> None:
    """Any number of keys may be asked for."""
    run = begin(ledger)
    keys = [f"k{number}" for number in range(1200)]
    send(run, *keys)
    for key in (keys[0], keys[-1]):
        add(run, addition(key, "a"), None, State.DONE)
    assert run.additions.of(keys).keys() == {keys[0], keys[-1]}
    assert run.additions.places(keys).keys() == set(keys)


@pytest.mark.parametrize("state", [State.UNSENT, State.REFUSED, State.UNKNOWN])
def test_a_relation_that_another_row_says(ledger: Ledger, state: State) -> None:
    """What its key owns and didn't get makes an issue incomplete, though its own row plans nothing; once."""
    run = begin(ledger)
    run.register([row(1), row(2, Outcome.UNCHANGED)])
    send(run, "k1", "k2")
    add(run, addition("k1", "blocks/k2", act=Act.RELATION), None, state)
    add(run, addition("k2", "blocks/k9", act=Act.RELATION), None, State.DONE)
    owner, other = run.results()
    assert (owner.codes, owner.additions_planned, owner.additions_done) == (("incomplete",), 1, 0)
    assert (other.codes, other.additions_planned, other.additions_done) == ((), 1, 1)
    run.finish(ExitCode.PARTLY, {})
    later = begin(ledger, digest="s2")
    later.register([row(1, Outcome.UNCHANGED), row(2, Outcome.UNCHANGED)])
    assert [(result.outcome, result.codes) for result in later.results()] == [(Outcome.UNCHANGED, ())] * 2


@pytest.mark.parametrize("state", [State.REFUSED, State.UNKNOWN])
def test_nothing_is_missing_of_an_issue_that_is_not_there(ledger: Ledger, state: State) -> None:
    """What was to follow a create waits for it: only of an issue that is in something can be missing."""
    run = begin(ledger)
    run.register([row(1)._replace(additions_planned=2)])
    send(run, "k1", state=State.SENT)
    run.decide([Decision("k1", state, 1, code="why")])
    (result,) = run.results()
    assert result.codes == ("why",)


def test_an_issue_that_is_made_again(ledger: Ledger) -> None:
    """What was added to an issue that was deleted since counts no more, for the ledger and for its runs."""
    run = begin(ledger)
    send(run, "k1")
    add(run, addition("k1", "a"), None, State.DONE)
    run.decide([Decision("k1", State.DONE, 1, issue_id="id-new", triage_id="T-9")])
    assert of(run, "k1") == []
    assert ledger.additions(TARGET, "jira-acme").of(["k1"]) == {}
    add(run, addition("k1", "a", issue_id="id-new"), None, State.DONE)
    assert of(run, "k1") == [(Act.COMMENT, "a", State.DONE)]


def test_another_source_is_another(ledger: Ledger) -> None:
    """Two sources may have the same keys."""
    run, other = begin(ledger), begin(ledger, name="other")
    send(run, "k1")
    send(other, "k1")
    add(run, addition("k1", "a"), None, State.DONE)
    assert of(other, "k1") == []
    nobody = ledger.additions(TARGET, "nobody")
    assert nobody.of(["k1"]) == {}
    assert nobody.places(["k1"]) == {}


def test_evidence_keeps_when_it_was_tried_first(ledger: Ledger) -> None:
    """Of what waits the first time is known, in whichever run that was."""
    run = begin(ledger)
    send(run, "k1")
    add(run, addition("k1", "call/c", act=Act.EVIDENCE), encode_details(first=NOON - 5), State.LEFT)
    (waiting,) = run.additions.of(["k1"])["k1"]
    assert (waiting.state, waiting.first) == (State.LEFT, NOON - 5)


def test_what_triage_has_acknowledged(ledger: Ledger) -> None:
    """One of a kind that was made before a time, on an issue that is still the key's."""
    run = begin(ledger)
    send(run, "k1", "k2")
    add(run, addition("k1", "a"), None, State.DONE)
    add(run, addition("k2", "b"), None, State.UNKNOWN)
    add(run, addition("k2", "c", issue_id="deleted"), None, State.DONE)
    assert run.additions.find_acknowledged(Act.COMMENT, NOON + 1) == ("id-k1", b"print")
    assert run.additions.find_acknowledged(Act.COMMENT, NOON) is None
    assert run.additions.find_acknowledged(Act.FLAG, NOON + 1) is None
