"""The mapping reference in the README says every key that a mapping may hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from importer.mapping.introspect import alternatives, fields_of
from importer.mapping.model import Mapping

README = Path(__file__).parents[2] / "README.md"


def keys_of(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[tuple[str, str]]:
    """Every model that a mapping is built of, with each of its keys."""
    seen.add(model)
    for key, field in fields_of(model).items():
        yield model.__name__, key
        for below in models_in(field.annotation):
            if below not in seen:
                yield from keys_of(below, seen)


def models_in(kind: Any) -> Iterator[type[BaseModel]]:
    """The models in an annotation, however deep."""
    for found in alternatives(kind):
        if isinstance(found, type) and issubclass(found, BaseModel):
            yield found
        for part in get_args(found):
            yield from models_in(part)


def test_the_walk_reaches_every_corner() -> None:
    """Keys of nested lists, maps and unions are among those looked for."""
    keys = {key for _, key in keys_of(Mapping, set())}
    assert {"take", "needs", "newest", "keep_unknown", "then", "matches", "split", "local_key", "too_long"} <= keys


@pytest.mark.parametrize("key", sorted({key for _, key in keys_of(Mapping, set())} | {"extends"}))
def test_each_key_is_in_the_readme(key: str) -> None:
    """A key stands in the reference as code: `key`, or `key:` in an example."""
    text = README.read_text(encoding="utf-8")
    assert f"`{key}`" in text, f"README.md, mapping reference: the key `{key}` is missing"
