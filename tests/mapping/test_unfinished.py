"""Open work is never finished by a word inside its name, whichever mapping or draft reads it."""

from __future__ import annotations

from functools import cache

import pytest

from importer.api import FINISHED as ENDED
from importer.authoring.draft.value_words import Speller
from importer.mapping.presets import preset_names
from importer.mapping.reader import load_mapping
from importer.mapping.unfinished import is_unfinished
from importer.mapping.unknown_values import Unknown
from importer.transform.value_maps import ValueMap
from tests.harness.status_names import FINISHED, OPEN


@cache
def speller() -> Speller:
    """What a draft knows."""
    return Speller()


def test_there_are_enough_names() -> None:
    """Three hundred of open work alone, and each once."""
    assert len(OPEN) >= 300
    assert len({*OPEN, *FINISHED}) == len(OPEN) + len(FINISHED)


def test_what_goes_on() -> None:
    """Every name of open work is known as such."""
    assert [name for name in OPEN if not is_unfinished(name)] == []


def test_what_has_ended() -> None:
    """And none of the others, among them those that end with a negation: `Won't fix`, `Not a bug`."""
    assert [name for name in FINISHED if is_unfinished(name)] == []


@pytest.mark.parametrize("preset", preset_names())
def test_no_preset_ends_open_work(preset: str) -> None:
    """Whether by a table or by a pattern."""
    status = ValueMap("status", load_mapping(preset).model.status)
    assert {name: step.target for name in OPEN if (step := status.resolve(name)).target in ENDED} == {}


def test_no_draft_ends_open_work() -> None:
    """Nor does a suggestion."""
    proposals = {name: speller().proposer.propose(Unknown("status", name, 1)) for name in OPEN}
    assert {name: found.target for name, found in proposals.items() if found.target in ENDED} == {}


@pytest.mark.parametrize(
    ("name", "target"),
    [("Building site", "in_progress"), ("Rejected by QA", "closed"), ("Site building", "in_progress")]
    + [(name, "in_progress") for name in ("Not in progress", "Not active", "Not yet in progress")],
)
def test_what_a_word_says_elsewhere(name: str, target: str) -> None:
    """A word that means something else beside others decides nothing."""
    found = {preset: ValueMap("status", load_mapping(preset).model.status).resolve(name) for preset in preset_names()}
    assert [preset for preset, step in found.items() if step.target == target] == []


def test_a_pattern_that_says_so_is_believed() -> None:
    """Where a person writes the very words, that is their decision."""
    model = load_mapping("trello").model
    status = model.status.model_copy(update={"values": {"/almost done/": "done", "/done/": "done"}})
    assert ValueMap("status", status).resolve("Almost done (B)").target == "done"
    assert ValueMap("status", status).resolve("Half done").target != "done"
