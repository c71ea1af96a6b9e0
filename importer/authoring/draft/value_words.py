"""Known words of values and their targets: those of the preset `jira`, in many languages, and of other trackers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from importer.api import FieldName
from importer.authoring.proposals import Proposal, Proposer
from importer.mapping.model import UNDECIDED, MappingModel, fold, is_pattern
from importer.mapping.reader import load_mapping
from importer.mapping.unfinished import is_unfinished
from importer.mapping.unknown_values import Unknown
from importer.transform.value_maps import ValueMap

BOARDS = "trello"

RANKS = {"0": "critical", "1": "critical", "2": "high", "3": "medium", "4": "low", "5": "low"}
SEVERITY_WORDS = {
    "emergency": "critical", "immediate": "critical", "very high": "critical", "showstopper": "critical",
    "show stopper": "critical", "sofort": "critical", "dringend": "critical", "urgente": "critical",
    "severe": "critical", "fatal": "critical", "important": "high", "serious": "high", "dringlich": "high",
    "average": "medium", "moderate": "medium", "default": "medium", "normale": "medium", "none": "medium",
    "no priority": "medium", "undecided": "medium", "unprioritized": "medium", "not set": "medium",
    "cosmetic": "low", "wishlist": "low", "very low": "low", "nice to have": "low", "someday": "low", "gering": "low",
    **{f"{sign}{rank}": target for sign in ("s", "sev", "sev ", "severity ") for rank, target in RANKS.items()},
    "blocking": "critical", "resolve immediately": "critical", "data loss": "critical", "crash/data loss": "critical",
    "high attention": "high", "major problem": "high", "minor problem": "low", "small": "low",
    "error": "high", "warning": "medium", "info": "low", "informational": "low", "debug": "low",
    "a": "high", "b": "medium", "c": "low", "must fix": "high",
    "vh": "critical", "h": "high", "m": "medium", "med": "medium", "l": "low",
    "fix if time": "low", "fix if time permits": "low",
    "must have": "high", "should have": "medium", "could have": "low",
}  # fmt: skip
STATUS_WORDS = {
    "opened": "todo", "unassigned": "todo", "unstarted": "todo", "not started": "todo", "triggered": "todo",
    "planned": "todo", "overdue": "todo", "unresolved": "todo", "to be done": "todo", "next": "todo",
    "unconfirmed": "backlog", "icebox": "backlog", "later": "backlog", "someday": "backlog", "maybe later": "backlog",
    "triage": "backlog", "untriaged": "backlog", "needs triage": "backlog", "new ideas": "backlog", "ideas": "backlog",
    "acknowledged": "in_progress", "assigned": "in_progress", "started": "in_progress", "ongoing": "in_progress",
    "working": "in_progress", "implementing": "in_progress", "investigating": "in_progress",
    "fix committed": "in_review", "testing": "in_review", "in testing": "in_review", "in qa": "in_review",
    "ready for review": "in_review", "ready for qa": "in_review", "blocked": "in_progress", "on hold": "in_progress",
    "mitigated": "in_review", "monitoring": "in_review", "stable": "in_review", "to be tested": "in_review",
    "trashed": "closed", "deleted": "closed", "escalated": "in_progress", "logged": "todo", "registered": "todo",
    "spam": "closed", "will not implement": "closed", "already exists": "closed", "clos": "closed",
    "will not fix": "closed", "won't fix": "closed", "delivered": "in_review", "on_qa": "in_review",
    "fixed": "done", "fix released": "done", "verified": "done", "accepted": "done", "finished": "done",
    "shipped": "done", "released": "done", "complete": "done", "merged": "done", "deployed": "done", "solved": "done",
    "implemented": "done", "true": "done", "yes": "done", "false": "todo", "no": "todo",
    "archived": "closed", "abandoned": "closed", "invalid": "closed", "wontfix": "closed", "not planned": "closed",
    "obsolete": "closed", "expired": "closed", "ignored": "closed", "dropped": "closed", "cantfix": "closed",
}  # fmt: skip


DONE_MARKS = {
    **dict.fromkeys(
        ("x", "✓", "✔", "☑", "✅", "1", "y", "yes", "true", "ja", "oui", "sí", "sim", "да", "fixed"), "done"
    ),
    **dict.fromkeys(
        ("", "-", "0", "n", "no", "false", "nein", "non", "não", "нет", "☐", "❌", "open", "not yet"), "todo"
    ),
}
"""What stands in a column that is called `Done`, `Fixed?` or `Erledigt`."""
NEIGHBOURS = ("mantis", "redmine")
"""Presets with words of their own in many languages."""

_RANKED = re.compile(r"\d\s*[-–—.:)]\s*(?=\D)")
_GIVEN_UP = re.compile(
    r"(?i)\bwon.?t\b|\bwont\b|\bwill not\b|\bduplicat|\binvalid\b|\bdeclined\b|\brejected\b|\bobsolete\b|\bby design\b"
    r"|\bnot reproducible\b|\bcannot reproduce\b|\bout of date\b|\bwon-t\b"
)
_REPEATS = re.compile(r"(?i)\bdup(?:e|licate)?s?(?:d by| of| with)\b")
_ENDED = re.compile(r"(?i)\b(?:closed|resolved)\b")
_FIXED = re.compile(r"(?i)\b(?:fixed|implemented|completed|done|accepted|responded)\b")


class Speller:
    """Makes proposals by known words; the values of a mapping take precedence."""

    def __init__(self, mapping: MappingModel | None = None) -> None:
        self.proposer = Proposer(_widened(load_mapping("jira").model, mapping))
        boards = load_mapping(BOARDS).model  # people name lists freely: its patterns know their words in many languages
        self._words = {"status": ValueMap("status", boards.status), "severity": ValueMap("severity", boards.severity)}

    def propose(self, unknown: Unknown) -> Proposal:
        """Return a proposal for any value: that of the proposer, or where it knows nothing, by the words in it."""
        if unknown.field == "status" and _REPEATS.search(unknown.value.replace("_", " ")):
            return Proposal("closed", "it says what it repeats")
        if unknown.field == "status" and _ENDED.search(unknown.value.replace("_", " ")):
            if _GIVEN_UP.search(unknown.value):
                return Proposal("closed", "it says why it was given up")
            if _FIXED.search(unknown.value) and not is_unfinished(unknown.value):
                return Proposal("done", "it says how it ended")
        proposal = self.proposer.propose(unknown)
        if proposal.neutral and unknown.field == "severity" and (rank := _RANKED.match(unknown.value)):
            proposal = self.proposer.propose(replace(unknown, value=unknown.value[rank.end() :]))
        if not proposal.neutral or unknown.field not in self._words or not unknown.value:
            return proposal
        step = self._words[unknown.field].resolve(unknown.value)
        if step.how == "mapped" and step.target:
            return Proposal(step.target, "by its words")
        goes_on = unknown.field == "status" and is_unfinished(unknown.value)
        return Proposal("in_progress", "it says that work goes on") if goes_on else proposal

    def judge(self, name: FieldName, values: Iterable[str]) -> float:
        """Return the share of these values that are known words of a field."""
        verdicts = [not self.proposer.propose(Unknown(name, value, 1)).neutral for value in values]
        return sum(verdicts) / max(1, len(verdicts))


def _widened(model: MappingModel, mapping: MappingModel | None) -> MappingModel:
    more: dict[FieldName, dict[str, str]] = {
        "severity": {**_agreed("severity"), **SEVERITY_WORDS},
        "status": {**_agreed("status"), **STATUS_WORDS},
        "category": {},
    }
    update: dict[str, Any] = {
        name: getattr(model, name).model_copy(
            update={"values": {**words, **_words(model, name), **(_decided(mapping, name) if mapping else {})}}
        )
        for name, words in more.items()
    }
    return model.model_copy(update=update)


def _agreed(name: FieldName) -> dict[str, str]:
    """Words that mean the same in every neighbouring preset that knows them."""
    said: dict[str, set[str]] = {}
    for preset in NEIGHBOURS:
        for word, target in _words(load_mapping(preset).model, name).items():
            said.setdefault(fold(word), set()).add(target)
    return {word: min(targets) for word, targets in said.items() if len(targets) == 1 and not is_pattern(word)}


def _words(model: MappingModel, name: FieldName) -> dict[str, str]:
    """Return the preset's words, without bare numbers: another tracker's scale may begin at the other end."""
    return {value: target for value, target in getattr(model, name).values.items() if not value.strip().isdigit()}


def _decided(mapping: MappingModel, name: FieldName) -> dict[str, str]:
    """Return the values of a mapping whose targets are decided."""
    spec = getattr(mapping, name)
    return {
        value: target
        for value, target in spec.values.items()
        if target != UNDECIDED and not is_pattern(value) and fold(value) not in spec.undecided
    }
