"""Proposals for values that a mapping doesn't know: what they may become, and why. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from importer.api import BUILT_IN_CATEGORIES, FINISHED, SEVERITIES, STATUSES, VALUE_FIELDS, FieldName
from importer.authoring.spelling import Near, Spellings
from importer.mapping.model import UNDECIDED, Category, MappingModel, Severity, Status, fold, is_pattern
from importer.mapping.vocabulary import is_denied, meaning
from importer.records import Evidence, Unknown
from importer.transform.value_maps import ValueMap, stage_of

DEFAULT_CATEGORY = "Bug"
NO_EVIDENCE = "no evidence: decide"
BY_WORDS, BY_A_WORD, KNOWN = "by its words", "by a word", "a known word"

_ENOUGH = 0.9
"""The share of a value's rows that must agree to count as evidence."""

_RANKED = re.compile(r"^\d\s*[-–—.:)]\s*(?=\D)")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a value may become, and why; `neutral` if nothing certain supports it, so that its rows get a warning."""

    target: str
    reason: str
    neutral: bool = False


class _Said(NamedTuple):
    """What the words of a value say; `in_doubt` where there are others beside them."""

    proposal: Proposal
    in_doubt: bool


class Proposer:
    """Makes proposals against a mapping, whose own values count before all that words mean elsewhere."""

    def __init__(self, mapping: MappingModel | None = None) -> None:
        names = {
            "severity": SEVERITIES,
            "status": STATUSES,
            "category": (*BUILT_IN_CATEGORIES, *(mapping.category.values.values() if mapping else ())),
        }
        self._own = {field: ValueMap(field, getattr(mapping, field)) for field in VALUE_FIELDS} if mapping else {}
        self._spellings = {
            field: Spellings(
                {**{name: name for name in names[field]}, **(_known(getattr(mapping, field)) if mapping else {})}
            )
            for field in VALUE_FIELDS
        }

    def propose(self, unknown: Unknown) -> Proposal:
        """Return a proposal for any value: from its spelling or its words, from evidence, else a neutral one."""
        own = self._own[unknown.field].resolve(unknown.value) if self._own else None
        if own and own.how == "mapped" and own.path[1] == "values" and own.target and not own.neutral:
            return Proposal(own.target, KNOWN)
        near = self._spellings[unknown.field].spelling(unknown.value)
        if near is not None and not is_denied(unknown.field, near.target, unknown.value):
            return _near(near)
        said = self._said(unknown)
        if unknown.field == "status":
            return self._status(unknown.evidence, said)
        if said is not None:
            return said.proposal
        return Proposal("medium" if unknown.field == "severity" else DEFAULT_CATEGORY, NO_EVIDENCE, neutral=True)

    def judge(self, name: FieldName, values: Iterable[str]) -> float:
        """Return the share of these values that are known words of a field."""
        verdicts = [not self.propose(Unknown(name, value, 1)).neutral for value in values]
        return sum(verdicts) / max(1, len(verdicts))

    def _said(self, unknown: Unknown) -> _Said | None:
        text = _RANKED.sub("", unknown.value) if unknown.field == "severity" else unknown.value
        if found := meaning(unknown.field, text):
            return _Said(Proposal(found.target, BY_WORDS if found.is_whole else BY_A_WORD), not found.is_whole)
        near = self._spellings[unknown.field].word_inside(unknown.value)
        if near is None or is_denied(unknown.field, near.target, unknown.value):
            return None
        return _Said(_near(near), bool(near.doubt))

    def _status(self, evidence: Evidence, said: _Said | None) -> Proposal:
        """Propose a status: by words in its name, by status category, by resolution, or by closing date.

        A status category that contradicts the words overrides them. Doubtful words count only if the status category
        agrees, or if there is no evidence at all.
        """
        category, resolution = _agreed(evidence.status_category), _agreed(evidence.resolution)
        known = self._spellings["status"].spelling(category) or meaning("status", category)
        stage = stage_of(known.target) if known else None
        how = meaning("resolution", resolution) or meaning("status", resolution)
        ended = how.target if how and how.target in FINISHED else None
        if said is not None and stage == stage_of(said.proposal.target):
            return replace(said.proposal, neutral=False)
        if said is not None and stage is None and not said.in_doubt:
            return said.proposal
        if stage is not None and not (stage == "done" and ended == "closed"):
            return Proposal(stage, f"status category {category}")
        if ended is not None:
            return Proposal(ended, f"resolution {resolution}")
        proposal = _by_closing_date(evidence.closed)
        return said.proposal if said is not None and stage is None and proposal.neutral else proposal


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


def _by_closing_date(filled: Counter[bool]) -> Proposal:
    closed, rows = filled[True], filled.total()
    if closed and closed >= _ENOUGH * rows:
        return Proposal("done", f"closed date in {closed:,} of {rows:,}")
    return Proposal("todo", NO_EVIDENCE, neutral=True)  # what Enter takes finishes no row that is open


def _agreed(counts: Counter[str]) -> str:
    """Return the text of nearly all rows, else ""; empty cells count as rows that disagree."""
    [(text, count)] = counts.most_common(1) or [("", 0)]
    return text.strip() if count >= _ENOUGH * counts.total() else ""
