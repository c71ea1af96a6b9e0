"""The reference of mappings says of every key that a mapping may hold what it is, in one row of one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from importer.mapping.introspect import alternatives, fields_of
from importer.mapping.issue_parts import Person
from importer.mapping.model import MappingModel, Value
from importer.mapping.texts import Condition, Text
from tests.harness.documents import code, tables

SHARED: tuple[tuple[str, type[BaseModel]], ...] = (
    ("a condition", Condition),
    ("a value", Value),
    ("a person", Person),
    ("a text", Text),
)
"""What stands in many places has a table of its own."""
TEXT_KEYS = {*fields_of(Text), "too_long"}
Key = tuple[str, str]
"""What its table is of, and the key, dotted below the first level: `("a text", "lookup.in")`, `("", "input.name")`."""


def keys_of(model: type[BaseModel], of: str, prefix: str, seen: set[tuple[type[BaseModel], str, str]]) -> Iterator[Key]:
    """Every key that may stand in a model or below it, by the table that it belongs to."""
    if (model, of, prefix) in seen:
        return
    seen.add((model, of, prefix))
    shared = next((name for name, kind in SHARED if issubclass(model, kind)), "")
    for key, field in fields_of(model).items():
        if shared and key in TEXT_KEYS and issubclass(model, Text):
            place = ("a text", key)
        elif shared and shared != "a text":
            place = (shared, key)
        else:
            place = (of, f"{prefix}{key}")
        yield place
        for below in models_in(field.annotation):
            yield from keys_of(below, place[0], f"{place[1]}.", seen)


def models_in(kind: Any) -> Iterator[type[BaseModel]]:
    """The models in an annotation, however deep."""
    for found in alternatives(kind):
        if isinstance(found, type) and issubclass(found, BaseModel):
            yield found
        for part in get_args(found):
            yield from models_in(part)


EXPECTED = {*keys_of(MappingModel, "", "", set()), ("", "extends")}


def defined() -> Iterator[Key]:
    """The keys that the documents' tables define: a table of `PREFIX` has the keys below it."""
    for of, table in tables("key"):
        for row in table.rows:
            for key in code(row[0]):
                yield ("", f"{of.strip('`')}.{key}") if of.startswith("`") else (of, key)


def test_the_walk_reaches_every_corner() -> None:
    """Keys of nested lists, maps and unions are among those looked for."""
    keys = {key.rpartition(".")[2] for _, key in EXPECTED}
    assert {"take", "needs", "newest", "keep_unknown", "then", "matches", "split", "local_key", "too_long"} <= keys


@pytest.mark.parametrize(("of", "key"), sorted(EXPECTED), ids=str)
def test_each_key_is_defined_once(of: str, key: str) -> None:
    """In the table of what it belongs to."""
    count = Counter(defined())[of, key]
    assert count == 1, f"mappings/README.md: the key `{key}` of {of or 'a mapping'} has {count} rows"


def test_no_other_key_is_defined() -> None:
    """A row for a key that no mapping may hold misleads."""
    assert set(defined()) <= EXPECTED
