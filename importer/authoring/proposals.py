"""Proposals for values that a mapping doesn't know: what they may become, and why. Pure.

The known name that a value spells differently is found with care: `-1` is not `P1`, `Not done` is not `Done`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import takewhile
from typing import NamedTuple

from importer.api import BUILT_IN_CATEGORIES, FINISHED, SEVERITIES, STATUSES, VALUE_FIELDS, FieldName
from importer.mapping.model import UNDECIDED, Category, MappingModel, Severity, Status, fold
from importer.mapping.patterns import is_pattern
from importer.mapping.scorecards import VERDICTS
from importer.mapping.vocabulary import is_denied, is_turned, meaning, normalised
from importer.records import Evidence, Unknown
from importer.row.value_maps import ValueMap, stage_of

_LONGEST = 64
_RATIO = 0.85
_RANK = re.compile(r"(?:(?:p|prio|priority|sev|severity)(?:-|[\s_:]*))?(\d+)")
_NUMBER = re.compile(r"(?<!\w)[-+]\d+|\d+")


class Near(NamedTuple):
    """A known name near to a value, the target of that name, and a reason for doubt, if there is one."""

    name: str
    target: str
    doubt: str = ""


class Spellings:
    """The known names of a field, indexed to look up many values."""

    def __init__(self, targets: Mapping[str, str]) -> None:
        self._targets = {fold(name): Near(name, target) for name, target in targets.items()}
        self._bare: dict[str, set[Near]] = defaultdict(set)
        self._by_rank: dict[str, set[Near]] = defaultdict(set)
        self._by_initial: dict[str, list[str]] = defaultdict(list)
        for folded, near in self._targets.items():
            self._bare[_without_punctuation(folded)].add(near)
            self._by_initial[folded[:1]].append(folded)
            if rank := _RANK.fullmatch(folded):
                self._by_rank[rank[1]].add(near)

    def spelling(self, value: str) -> Near | None:
        """Return the name that a value spells with other punctuation, a typing error, or the same rank, else None.

        A bare number that equals only the rank of a name is in doubt: its scale may begin at the other end.
        """
        folded = fold(value)
        if not folded or len(folded) > _LONGEST:
            return None
        if folded in self._targets:
            return self._targets[folded]
        rank = _RANK.fullmatch(folded)
        if rank:
            near = _only(self._by_rank.get(rank[1], set()))
            return near._replace(doubt="if its numbers mean the same") if near and folded == rank[1] else near
        bare = {near for near in self._bare.get(_without_punctuation(folded), ()) if _same_numbers(folded, near)}
        return _only(bare) or _only(self._close(folded))

    def word_inside(self, value: str) -> Near | None:
        """Return the name that is one word of a value: `Done by vendor`; None if its words have several targets.

        Words before it put it in doubt: `Very high`, `Code done`.
        """
        words = re.findall(r"\w+", fold(value))
        if len(value) > _LONGEST or is_turned(value):
            return None
        known = [word for word in words if len(word) > 2 and word in self._targets]
        near = _only({self._targets[word] for word in known})
        before = " ".join(word for word in takewhile(lambda word: word not in known, words) if not word.isdigit())
        return near._replace(doubt=f'but for "{before}"') if near and before else near

    def _close(self, folded: str) -> set[Near]:
        # A typing error in the first letter is rare; `Unresolved` and `Inactive` are not.
        names = get_close_matches(folded, self._by_initial.get(folded[0], []), n=3, cutoff=_RATIO)
        found = [self._targets[name] for name in names]
        return {near for near in found if _same_numbers(folded, near)}


def _only(found: set[Near]) -> Near | None:
    """Return one of the names found, None unless all have the same target."""
    return min(found) if len({near.target for near in found}) == 1 else None


def _without_punctuation(folded: str) -> str:
    return re.sub(r"[\W_]+", "", folded) or folded


def _same_numbers(folded: str, near: Near) -> bool:
    return _NUMBER.findall(folded) == _NUMBER.findall(fold(near.name))


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


_ASIDE = re.compile(r"\([^()]*\)")


def propose_answer(text: str) -> tuple[str, str]:
    """What an answer may mean, as `VERDICTS` call it, and why: failed if nobody knows, so that no finding is lost."""
    words = normalised(_ASIDE.sub(" ", text)).split()
    for length in range(len(words), 0, -1):
        begins = " ".join(words[:length])
        found = meaning("answer", begins)
        if found is not None and (found.target != "passed" or length == len(words)):
            target = found.target if found.target in VERDICTS else "failed"
            return target, f"it begins with {begins!r}" if length < len(words) else "beside what is in brackets"
    return "failed", "no word tells: a finding, so that none is lost"


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
