"""What an operation means for its row: one table, consulted when an outcome is written, not when it is read."""

from __future__ import annotations

from collections.abc import Mapping

from importer.codes import FOUND_AT_TARGET
from importer.ledger.schema import State
from importer.records import ADDITIONS, Act, Outcome

_CREATE = {
    State.SENT: Outcome.UNKNOWN,
    State.UNKNOWN: Outcome.UNKNOWN,
    State.DONE: Outcome.CREATED,
    State.REFUSED: Outcome.FAILED,
}
_CHANGE = {
    State.SENT: Outcome.UNKNOWN,
    State.UNKNOWN: Outcome.UNKNOWN,
    State.DONE: Outcome.UPDATED,
    State.SAME: Outcome.UNCHANGED,
    State.LEFT: Outcome.SKIPPED,
    State.REFUSED: Outcome.FAILED,
}
_ADDITION = {
    State.SENT: Outcome.UNKNOWN,
    State.UNKNOWN: Outcome.UNKNOWN,
    State.DONE: Outcome.UPDATED,
    State.REFUSED: Outcome.FAILED,
}
OUTCOMES: Mapping[tuple[Act, State], str] = {
    (act, state): str(outcome)  # which SQLite takes as it is, while for a subclass it looks for an adapter each time
    for acts, outcomes in (((Act.CREATE,), _CREATE), ((Act.UPDATE, Act.DELETE), _CHANGE), (ADDITIONS, _ADDITION))
    for act in acts
    for state, outcome in outcomes.items()
}
"""Act and state of an operation → the outcome of its row; where there is none, the row stays as the check left it."""


def outcome_of(act: Act, state: State, code: str = "") -> str | None:
    """Return the outcome that an operation gives its row, as it is stored; what was there already gives none."""
    return None if code == FOUND_AT_TARGET else OUTCOMES.get((act, state))
