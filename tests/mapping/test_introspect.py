"""The shape of the model, read from its annotations."""

from __future__ import annotations

import pytest

from importer.mapping.introspect import fields_of, group_model, kind_at, model_of
from importer.mapping.model import Duplicates, MappingModel, Severity
from importer.mapping.texts import Condition, Text


@pytest.mark.parametrize(
    ("path", "model"),
    [
        (["severity"], Severity),
        (["input", "local_key"], Text),
        (["footer", "any label"], Text),
        (["duplicates"], Duplicates),
        (["skip", 0, "when", 0], Condition),
        (["skip", 0, "when", "first", 1], Text),
        (["severity", "rules", 0, "when", 0, "first", 0], Text),
        (["title", "column"], None),
        (["nothing", "here"], None),
    ],
)
def test_a_path_leads_to_its_model(path: list[str | int], model: type | None) -> None:
    """Through optional keys, unions, maps, lists, and a group that stands for a list of one."""
    assert model_of(kind_at(MappingModel, path)) is model


@pytest.mark.parametrize(
    ("path", "model"),
    [(["skip", 0, "when"], Condition), (["title", "first"], Text), (["severity"], Severity), (["footer"], None)],
)
def test_a_group_may_stand_for_a_list_of_one(path: list[str | int], model: type | None) -> None:
    """Its keys are then those of an item."""
    assert group_model(kind_at(MappingModel, path)) is model


def test_fields_go_by_the_name_that_a_mapping_uses() -> None:
    """`is` is a word of Python, so the model calls it otherwise."""
    assert "is" in fields_of(Condition)
    assert "is_" not in fields_of(Condition)
