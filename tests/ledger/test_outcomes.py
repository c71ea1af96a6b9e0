"""What becomes of a row by its operation: written with the decision, for every act and state."""

from __future__ import annotations

import pytest

from importer.codes import FOUND_AT_TARGET
from importer.errors import ExitCode
from importer.ledger.journal import Decision, Run
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.records import ADDITIONS, Act, Operation, Outcome
from tests.harness.ledger_sending import begin, row, send

WHAT_A_CREATE_GIVES = {
    State.SENT: Outcome.UNKNOWN,
    State.UNKNOWN: Outcome.UNKNOWN,
    State.DONE: Outcome.CREATED,
    State.REFUSED: Outcome.FAILED,
    State.UNSENT: Outcome.PLANNED,
    State.DELETED: Outcome.PLANNED,
}
WHAT_A_CHANGE_GIVES = {
    State.SENT: Outcome.UNKNOWN,
    State.UNKNOWN: Outcome.UNKNOWN,
    State.DONE: Outcome.UPDATED,
    State.REFUSED: Outcome.FAILED,
    State.UNSENT: Outcome.PLANNED,
    State.LEFT: Outcome.SKIPPED,
    State.SAME: Outcome.UNCHANGED,
}
WHAT_AN_ADDITION_GIVES = {
    State.SENT: Outcome.UNKNOWN,
    State.UNKNOWN: Outcome.UNKNOWN,
    State.DONE: Outcome.UPDATED,
    State.REFUSED: Outcome.FAILED,
    State.UNSENT: Outcome.UNCHANGED,
    State.LEFT: Outcome.UNCHANGED,
    State.SAME: Outcome.UNCHANGED,
}


def decide(run: Run, key: str, act: Act, state: State, *, name: str = "", code: str = "") -> None:
    """Write the outcome of an operation on a key's issue."""
    path = f"/v1/triage/issues/id-{key}"
    of = Operation(key, "POST", path, b"{}", "", act=act, issue_id=f"id-{key}", triage_id=f"T-{key}", name=name)
    issue = {"issue_id": of.issue_id, "triage_id": of.triage_id, "code": code}
    if act is Act.CREATE:
        create = of._replace(issue_id="", triage_id="")
        run.decide([Decision(key, state, **issue)] if state is not State.SENT else [], [create])  # type: ignore[arg-type] # all are texts
    else:
        run.decide([Decision(key, state, operation=of, **issue)])  # type: ignore[arg-type] # all are texts


def work_through(ledger: Ledger) -> dict[str, Outcome]:
    """Let one run decide each kind of operation in each state; give what becomes of each row, by its key."""
    expected, number = dict[str, Outcome](), 0
    earlier, run = begin(ledger, digest="earlier"), begin(ledger)
    for acts, outcomes in (
        ((Act.CREATE,), WHAT_A_CREATE_GIVES),
        ((Act.UPDATE, Act.DELETE), WHAT_A_CHANGE_GIVES),
        (ADDITIONS, WHAT_AN_ADDITION_GIVES),
    ):
        for act in acts:
            for state, outcome in outcomes.items():
                key, number = f"{act}-{state}", number + 1
                registered = Outcome.UNCHANGED if act in ADDITIONS else Outcome.PLANNED
                if act is not Act.CREATE:
                    send(earlier, key)
                run.register([row(number, registered, key)])
                decide(run, key, act, state)
                # The issue of a deletion is gone for later runs, of which this is none.
                expected[key] = outcome
    return expected


def test_every_act_and_state(ledger: Ledger) -> None:
    """A row gets the outcome of its operation, in the results and in the counts; without one it keeps its own."""
    expected = work_through(ledger)
    run = ledger.find_run("last")
    assert {each.key: each.outcome for each in run.results()} == expected
    counts = {outcome: list(expected.values()).count(outcome) for outcome in Outcome}
    assert run.count() == counts
    run.finish(ExitCode.DONE, {})
    assert {each.key: each.outcome for each in ledger.find_run("last").results()} == expected
    assert ledger.find_run("last").count() == counts


def test_what_was_found_is_nobody_s_work(ledger: Ledger) -> None:
    """An issue or an addition that a look has found leaves its row as the check has registered it."""
    run = begin(ledger)
    run.register([row(1, Outcome.UNCHANGED), row(2, Outcome.UNCHANGED)])
    decide(run, "k1", Act.CREATE, State.DONE, code=FOUND_AT_TARGET)
    send(begin(ledger, digest="earlier"), "k2")
    decide(run, "k2", Act.COMMENT, State.DONE, name="c1", code=FOUND_AT_TARGET)
    assert [each.outcome for each in run.results()] == [Outcome.UNCHANGED, Outcome.UNCHANGED]


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        ((State.REFUSED, State.DONE), Outcome.UPDATED),
        ((State.DONE, State.UNKNOWN, State.REFUSED), Outcome.UNKNOWN),
        ((State.LEFT, State.REFUSED), Outcome.FAILED),
    ],
)
def test_many_additions(ledger: Ledger, states: tuple[State, ...], outcome: Outcome) -> None:
    """Of an issue's additions one whose outcome is open counts most, then one that was made, then a refused one."""
    send(begin(ledger, digest="earlier"), "k1")
    run = begin(ledger)
    run.register([row(1, Outcome.UNCHANGED)])
    for number, state in enumerate(states):
        decide(run, "k1", Act.COMMENT, state, name=str(number))
    assert [each.outcome for each in run.results()] == [outcome]
    assert run.count()[outcome] == 1


def test_an_undecided_create_of_an_earlier_run(ledger: Ledger) -> None:
    """It keeps its row unknown in a run that hasn't come to it; what was refused there is planned again."""
    earlier = begin(ledger, digest="earlier")
    send(earlier, "k1", state=State.UNKNOWN)
    send(earlier, "k2", state=State.REFUSED)
    run = begin(ledger)
    run.register([row(1), row(2)])
    assert [each.outcome for each in run.results()] == [Outcome.UNKNOWN, Outcome.PLANNED]
