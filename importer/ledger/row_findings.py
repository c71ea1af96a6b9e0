"""What the ledger adds to the findings of a registered row: missing additions, duplicates, incomplete groups."""

from __future__ import annotations

from collections.abc import Collection

from importer.codes import (
    DUPLICATE_IN_TRIAGE,
    FOUND_AT_TARGET,
    GONE_AT_TARGET,
    GROUP_INCOMPLETE,
    INCOMPLETE,
    MARKER_CUT,
    PERHAPS_GONE,
    RELATION_END_MISSING,
    RELATION_END_REJECTED,
    TEXT_CUT,
)
from importer.ledger.added import Added
from importer.ledger.schema import UNDECIDED, State
from importer.records import Act, Outcome, Row

THE_REST = "the same command sends the rest"
IN_TRIAGE = (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED, Outcome.CHANGED)


def with_finding(row: Row, code: str, message: str, hint: str = "") -> Row:
    """Append a finding to those that a row has already."""
    return row._replace(
        codes=(*row.codes, code),
        fields=(*row.fields, ""),
        messages=(*row.messages, message),
        hints=(*row.hints, hint),
    )


def is_in(row: Row) -> bool:
    """Whether a row is imported completely, so that there is nothing to correct."""
    return row.outcome in IN_TRIAGE and not {INCOMPLETE, GROUP_INCOMPLETE} & set(row.codes)


def with_duplicate(row: Row, sentence: str) -> Row:
    """Name the other issue of a row's key."""
    if row.follows or row.outcome is Outcome.SKIPPED:
        return row
    return with_finding(row, DUPLICATE_IN_TRIAGE, sentence)


def may_have_more(row: Row) -> bool:
    """Whether additions are planned for a row's issue, or it may own a relation that another row states."""
    return bool(row.additions_planned) or (row.outcome is not Outcome.SKIPPED and not row.follows)


def with_additions(row: Row, added: Collection[Added], run_id: int) -> Row:
    """Add a row's counts of additions and name the missing ones; waiting ones only in the run that tried them."""
    if not row.issue_id or row.outcome in (Outcome.PLANNED, Outcome.REJECTED) or not (added or row.additions_planned):
        return row
    # Their issue has a code of its own, but for what this run has made.
    if {GONE_AT_TARGET, PERHAPS_GONE}.intersection(row.codes) and row.outcome is not Outcome.CREATED:
        return row
    # A row that plans no additions may still own relations that other rows state.
    added = [each for each in added if row.additions_planned or (each.act is Act.RELATION and each.run_id == run_id)]
    done = sum(each.state in (State.DONE, State.SAME) for each in added)
    lacking = [each for each in added if each.state is State.REFUSED or each.state in UNDECIDED]
    waiting = [each for each in added if each.state is State.LEFT]
    # The check has reported those whose code the row has already; that of a rejected end it calls otherwise.
    told = {*row.codes, *({RELATION_END_MISSING} if RELATION_END_REJECTED in row.codes else ())}
    cut = [each for each in added if each.state is State.DONE and each.code in (TEXT_CUT, MARKER_CUT)]
    new = [each for each in (*waiting, *cut) if each.run_id == run_id and each.code not in told]
    known = done + len(lacking) + len(waiting)
    if any(each.code == FOUND_AT_TARGET and each.run_id == run_id for each in added):
        # The plan didn't know what was in Triage already, nor how an earlier import had folded the comments.
        row = row._replace(additions_planned=known)
    unsent = sum(each.act is Act.RELATION and each.state is State.UNSENT and each.run_id == run_id for each in added)
    rest = max(row.additions_planned - known, unsent)
    row = row._replace(
        additions_planned=max(row.additions_planned, known + rest), additions_done=done, additions_failed=len(lacking)
    )
    for code, message in dict.fromkeys((each.code, each.message) for each in new):
        row = with_finding(row, code, message)
    if lacking or rest > 0:
        whys = dict.fromkeys(f"{each.act}: {each.message or 'it was on its way'}" for each in lacking)
        why = "; ".join([*list(whys)[:3], *([f"{rest} not sent yet"] if rest > 0 else [])])
        missing = len(lacking) + rest
        message = f"{missing} of {row.additions_planned} operations are missing: {why}"
        row = with_finding(row, INCOMPLETE, message, THE_REST)
    return row


class Followers:
    """Marks the other rows of an issue as incomplete if its first row is. Call it with all rows in order."""

    def __init__(self) -> None:
        self._leader: Row | None = None

    def __call__(self, row: Row) -> Row:
        """Return the row, with a finding where the first row of its issue lacks something."""
        leader = self._leader
        if not row.follows:
            self._leader = row if row.key else leader  # a row that is left out may stand between
        elif leader is not None and leader.key == row.key and INCOMPLETE in leader.codes:
            message = f"see line {leader.line}, the first row of the same issue"
            return with_finding(row, GROUP_INCOMPLETE, message, THE_REST)
        return row
