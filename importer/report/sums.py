"""Does it add up: of each kind what the source says, what the file has, what is sent, and what was read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from importer.check.observers.completeness import ASSIGNMENTS, EVIDENCE, ISSUES
from importer.phrases import counted, format_time
from importer.records import Act
from importer.report.summary import Summary

ISSUE, ASSIGNMENT = "issue", "assignment"
ADDED_NAMES = {
    "comment": "Requests for comments",
    "evidence": "Calls, conversations and files",
    "flag": "Flags",
    "relation": "Relations",
    "refer": "Numbers in descriptions",
}
KINDS = {ISSUE: "Issues", ASSIGNMENT: "Owners and assignees", **ADDED_NAMES}
"""What is read back → its name on a page."""
ROWS = "Issues, by their rows"
"""Several rows may be one issue, and what is counted before a verification is rows."""
COUNTED_ACTS = {ASSIGNMENTS: ASSIGNMENT, EVIDENCE: str(Act.EVIDENCE)}
"""Kinds under `counted` whose figures are those of the whole run → what is read back of them."""
READ_BACK, AT = "read_back", "at"


class Sum(NamedTuple):
    """What a source has of a kind, and what became of it; None where nobody knows.

    note         what else there is to say of it
    read_back    how many a verification found, of how many it looked for
    """

    kind: str
    source_says: int | None
    file_has: int | None
    planned: int
    sent: int
    read_back: tuple[int, int] | None = None
    note: str = ""


def add_up(summary: Summary, verified: Mapping[str, Any]) -> list[Sum]:
    """Return the sums of a check or a run: of issues for the whole run, of what belongs to them as `summary` has it.

    `verified` are the figures of a verification, {} if there is none.
    """
    there = {kind: (each["found"], each["sent"]) for kind, each in verified.get(READ_BACK, {}).items()}
    arrived = summary.created + summary.updated
    to_send = arrived + summary.planned + summary.failed + summary.unknown
    every_kind: dict[str, Any] = dict(summary.counted)
    says = every_kind.pop(ISSUES, {}).get("source_says") or None
    sums = [Sum(ROWS, says, summary.rows, to_send, arrived, there.get(ISSUE))]
    for kind, figures in every_kind.items():
        says, has, planned, sent = (figures[name] for name in ("source_says", "file_has", "planned", "sent"))
        act, note = COUNTED_ACTS.get(kind, ""), ""
        if act:
            planned = max(planned, sent)  # of a continued run the last attempt has planned only what was left
        if kind == ASSIGNMENTS:
            people, matched = figures["people"], figures["matched"]
            note = f"{counted(people, 'person', 'people')} named, {matched:,} with a user in Triage"
        sums.append(Sum(KINDS.get(act, kind.capitalize()), says or None, has, planned, sent, there.get(act), note))
    for act, name in ADDED_NAMES.items():
        if act == str(Act.EVIDENCE) and EVIDENCE in every_kind:
            continue
        planned, sent, found = summary.forecast.get(act, 0), summary.additions.get(act, 0), there.get(act)
        if planned or sent or found:
            sums.append(Sum(name, None, None, planned, sent, found))
    return sums


def describe_verification(verified: Mapping[str, Any]) -> str:
    """Say when a run was read back, and what was found."""
    issues, others = verified["same"] + verified["different"] + verified["missing"], count_needing(verified)
    were = "was as it was" if verified["same"] == 1 else "were as they were"
    found = f"{verified['same']:,} of {counted(issues, 'issue')} {were} sent"
    rest = counted(others, "needs you", "need you") if others else "nothing differed"
    return f"Read back on {format_time(verified[AT])}: {found}; {rest}."


def count_needing(verified: Mapping[str, Any]) -> int:
    """Count the issues that a verification has found other than as sent, and those that may be duplicates."""
    return sum(verified.get(name, 0) for name in ("different", "missing", "stranger", "unsettled"))
