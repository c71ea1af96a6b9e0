"""Proposals for values that a mapping doesn't know: what they may become, and why. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from importer.api import SEVERITIES, STATUSES, FieldName
from importer.authoring.spelling import Near, Spellings
from importer.mapping.denials import is_denied
from importer.mapping.model import UNDECIDED, Category, MappingModel, Severity, Status, fold, is_pattern
from importer.mapping.unknown_values import Evidence, Unknown

DEFAULT_CATEGORY = "General"
NO_EVIDENCE = "no evidence: decide"

_ENOUGH = 0.9
"""The share of a value's rows that must agree to count as evidence."""

_BY_RESOLUTION = {
    **dict.fromkeys(("done", "fixed", "resolved", "completed", "complete"), "done"),
    **dict.fromkeys(("won't do", "won't fix", "wontfix", "duplicate", "cannot reproduce", "incomplete"), "closed"),
    **dict.fromkeys(("declined", "rejected", "invalid", "not a bug", "not_planned", "abandoned", "canceled"), "closed"),
}
_STATUS_NAMES = {
    **{name: name for name in STATUSES},
    **{"To Do": "todo", "In Progress": "in_progress", "Done": "done", "Complete": "done"},
    **{"review": "in_review", "progress": "in_progress"},
}
"""Triage's status names, the status categories of trackers, and words that mean a status wherever they occur."""

_STAGES = {"backlog": "todo", "in_review": "in_progress", "closed": "done"}
"""Status → the plainest status of the same status category, if that is another one."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a value may become, and why; `neutral` if nothing certain supports it, so that its rows get a warning."""

    target: str
    reason: str
    neutral: bool = False


class Proposer:
    """Makes proposals against one mapping."""

    def __init__(self, mapping: MappingModel) -> None:
        self._default_category = mapping.category.missing or DEFAULT_CATEGORY
        categories = {**{name: name for name in mapping.category.values.values()}, **_known(mapping.category)}
        self._spellings: dict[FieldName, Spellings] = {
            "severity": Spellings({**{name: name for name in SEVERITIES}, **_known(mapping.severity)}),
            "status": Spellings({**_STATUS_NAMES, **_known(mapping.status)}),
            "category": Spellings({**categories, self._default_category: self._default_category}),
        }

    def propose(self, unknown: Unknown) -> Proposal:
        """Return a proposal for any value: from its spelling, else from evidence, else a neutral one."""
        spellings = self._spellings[unknown.field]
        near, word = spellings.spelling(unknown.value), spellings.word_inside(unknown.value)
        near, word = (
            None if each and is_denied(unknown.field, each.target, unknown.value) else each for each in (near, word)
        )
        if near is not None:
            return _near(near)
        if unknown.field == "status":
            return self._status(unknown.evidence, word)
        if word is not None:
            return _near(word)
        return Proposal("medium" if unknown.field == "severity" else self._default_category, NO_EVIDENCE, neutral=True)

    def _status(self, evidence: Evidence, word: Near | None) -> Proposal:
        """Propose a status: by a word in its name, by status category, by resolution, or by closing date.

        A status category that contradicts the word overrides it. A doubtful word counts only if the status category
        agrees, or if there is no evidence at all.
        """
        category, resolution = _agreed(evidence.status_category), _agreed(evidence.resolution)
        known = self._spellings["status"].spelling(category)
        stage = _stage(known.target) if known else None
        ended = _BY_RESOLUTION.get(fold(resolution).replace("’", "'"))
        if word is not None and stage == _stage(word.target):
            return _near(word._replace(doubt=""))
        if word is not None and stage is None and not word.doubt:
            return _near(word)
        if stage is not None and not (stage == "done" and ended == "closed"):
            return Proposal(stage, f"status category {category}")
        if ended is not None:
            return Proposal(ended, f"resolution {resolution}")
        proposal = _by_closing_date(evidence.closed)
        return _near(word) if word is not None and stage is None and proposal.neutral else proposal


def _known(spec: Severity | Status | Category) -> dict[str, str]:
    return {
        name: target
        for name, target in spec.values.items()
        if not is_pattern(name) and target != UNDECIDED and fold(name) not in spec.undecided
    }


def _near(near: Near) -> Proposal:
    if near.doubt:
        return Proposal(near.target, f'near "{near.name}", {near.doubt}: decide', neutral=True)
    return Proposal(near.target, f'near "{near.name}"')


def _stage(status: str) -> str:
    return _STAGES.get(status, status)


def _by_closing_date(filled: Counter[bool]) -> Proposal:
    closed, rows = filled[True], filled.total()
    if closed and closed >= _ENOUGH * rows:
        return Proposal("done", f"closed date in {closed:,} of {rows:,}")
    return Proposal("todo", NO_EVIDENCE, neutral=True)  # what Enter takes finishes no row that is open


def _agreed(counts: Counter[str]) -> str:
    """Return the text of nearly all rows, else ""; empty cells count as rows that disagree."""
    [(text, count)] = counts.most_common(1) or [("", 0)]
    return text.strip() if count >= _ENOUGH * counts.total() else ""
