"""Known words of values and their targets: those of the preset `jira`, in many languages, and of other trackers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from importer.api import FieldName
from importer.authoring.proposals import Proposer
from importer.mapping.model import UNDECIDED, Mapping, fold, is_pattern
from importer.mapping.reader import load_mapping
from importer.mapping.unknown_values import Unknown

SEVERITY_WORDS = {
    "emergency": "critical", "immediate": "critical", "very high": "critical", "showstopper": "critical",
    "show stopper": "critical", "sofort": "critical", "dringend": "critical", "urgente": "critical",
    "severe": "critical", "fatal": "critical", "important": "high", "serious": "high", "dringlich": "high",
    "average": "medium", "moderate": "medium", "default": "medium", "normale": "medium", "none": "medium",
    "no priority": "medium", "undecided": "medium", "unprioritized": "medium", "not set": "medium",
    "cosmetic": "low", "wishlist": "low", "very low": "low", "nice to have": "low", "someday": "low", "gering": "low",
    "must have": "high", "should have": "medium", "could have": "low",
}  # fmt: skip
STATUS_WORDS = {
    "opened": "todo", "unassigned": "todo", "unstarted": "todo", "not started": "todo", "triggered": "todo",
    "planned": "todo", "unresolved": "todo", "to be done": "todo", "next": "todo",
    "unconfirmed": "backlog", "icebox": "backlog", "later": "backlog", "someday": "backlog", "maybe later": "backlog",
    "triage": "backlog", "untriaged": "backlog", "needs triage": "backlog", "new ideas": "backlog", "ideas": "backlog",
    "acknowledged": "in_progress", "assigned": "in_progress", "started": "in_progress", "ongoing": "in_progress",
    "working": "in_progress", "implementing": "in_progress", "investigating": "in_progress",
    "fix committed": "in_review", "testing": "in_review", "in testing": "in_review", "in qa": "in_review",
    "ready for review": "in_review", "delivered": "in_review", "on_qa": "in_review",
    "fixed": "done", "fix released": "done", "verified": "done", "accepted": "done", "finished": "done",
    "shipped": "done", "released": "done", "complete": "done", "merged": "done", "deployed": "done", "solved": "done",
    "implemented": "done", "true": "done", "yes": "done", "false": "todo", "no": "todo",
    "archived": "closed", "abandoned": "closed", "invalid": "closed", "wontfix": "closed", "not planned": "closed",
    "obsolete": "closed", "expired": "closed", "ignored": "closed", "dropped": "closed", "cantfix": "closed",
}  # fmt: skip


class Speller:
    """Makes proposals by known words; the values of a mapping take precedence."""

    def __init__(self, mapping: Mapping | None = None) -> None:
        self.proposer = Proposer(_widened(load_mapping("jira").model, mapping))

    def judge(self, name: FieldName, values: Iterable[str]) -> float:
        """Return the share of these values that are known words of a field."""
        verdicts = [not self.proposer.propose(Unknown(name, value, 1)).neutral for value in values]
        return sum(verdicts) / max(1, len(verdicts))


def _widened(model: Mapping, mapping: Mapping | None) -> Mapping:
    more: dict[FieldName, dict[str, str]] = {"severity": SEVERITY_WORDS, "status": STATUS_WORDS, "category": {}}
    update: dict[str, Any] = {
        name: getattr(model, name).model_copy(
            update={"values": {**words, **_words(model, name), **(_decided(mapping, name) if mapping else {})}}
        )
        for name, words in more.items()
    }
    return model.model_copy(update=update)


def _words(model: Mapping, name: FieldName) -> dict[str, str]:
    """Return the preset's words, without bare numbers: another tracker's scale may begin at the other end."""
    return {value: target for value, target in getattr(model, name).values.items() if not value.strip().isdigit()}


def _decided(mapping: Mapping, name: FieldName) -> dict[str, str]:
    """Return the values of a mapping whose targets are decided."""
    spec = getattr(mapping, name)
    return {
        value: target
        for value, target in spec.values.items()
        if target != UNDECIDED and not is_pattern(value) and fold(value) not in spec.undecided
    }
