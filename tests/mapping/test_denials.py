"""A word and its opposite never become the same, whichever mapping or draft reads them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from importer.api import FINISHED
from importer.authoring.proposals import Proposer
from importer.mapping.presets import preset_names
from importer.mapping.reader import load_mapping
from importer.mapping.unknown_values import Unknown
from importer.mapping.vocabulary import TURNED, is_denied
from importer.transform.value_maps import ValueMap
from tests.harness.opposites import OPPOSITES

SIDES = {"status": FINISHED, "severity": TURNED["severity"]}


@cache
def speller() -> Proposer:
    """What a draft knows."""
    return Proposer()


def on_one_side(field: str, resolve: Callable[[str], str | None]) -> list[tuple[str, str]]:
    """The pairs of which both words are ended, or urgent."""
    return [pair for pair in OPPOSITES[field] if all(resolve(word) in SIDES[field] for word in pair)]


@pytest.mark.parametrize("field", OPPOSITES)
def test_there_are_many_pairs_and_none_twice(field: str) -> None:
    """The tests below would say little with few."""
    pairs = OPPOSITES[field]
    assert len(pairs) > 40
    assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize("preset", preset_names())
@pytest.mark.parametrize("field", OPPOSITES)
def test_no_preset_takes_a_word_for_its_opposite(preset: str, field: str) -> None:
    """Whether by a table or by a pattern."""
    values = ValueMap(field, getattr(load_mapping(preset).model, field))
    assert on_one_side(field, lambda word: values.resolve(word).target) == []


@pytest.mark.parametrize("field", OPPOSITES)
def test_no_draft_takes_a_word_for_its_opposite(field: str) -> None:
    """Nor does a suggestion."""
    assert on_one_side(field, lambda word: speller().propose(Unknown(field, word, 1)).target) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["Critical", "Urgent, no workaround", "No idea, but urgent", "Nicht wartbar, kritisch"]
)
def test_what_is_urgent(name: str) -> None:
    """A negation that is about something else denies nothing."""
    assert not is_denied("severity", "critical", name)
    assert not is_denied("severity", "low", "Not urgent")


def test_a_pattern_that_says_so_is_believed() -> None:
    """Where a person writes the very words, that is their decision."""
    model = load_mapping("trello").model
    severity = model.severity.model_copy(update={"values": {"/not urgent/": "high", "/urgent/": "critical"}})
    assert ValueMap("severity", severity).resolve("Not urgent at all").target == "high"
    assert ValueMap("severity", severity).resolve("Non-urgent").target != "critical"
