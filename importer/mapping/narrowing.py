"""Narrowing: a mapping as it concerns one file, since a preset names dozens of columns of which a file has one."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, TypeVar

from pydantic import BaseModel

from importer.mapping.introspect import fields_with_models
from importer.mapping.texts import Text
from importer.records import Ref

Part = TypeVar("Part", bound=BaseModel)


def narrow(part: Part, present: Set[Ref]) -> Part:
    """A mapping, or a part of one, without the lines, and the choices of texts, that a file can't have.

    `present` are the columns and paths that the file has. What a text is made of stays the same, and so do its `refs`:
    reports name a rule by all that it may read.
    """
    narrowed: Part = _narrow(part, present)
    return narrowed


def _narrow(node: Any, present: Set[Ref]) -> Any:
    if isinstance(node, list):
        return [_narrow(each, present) for each in node]
    if isinstance(node, dict):
        parts = {key: each for key, each in node.items() if not isinstance(each, Text) or each.may_be_in(present)}
        return {key: _narrow(each, present) for key, each in parts.items()}
    if not isinstance(node, BaseModel):
        return node
    parts = {name: part for name in fields_with_models(type(node)) if (part := getattr(node, name))}
    if isinstance(node, Text) and node.first:
        parts |= {"first": node.choices_in(present), "refs": node.refs}
    return node.model_copy(update={name: _narrow(part, present) for name, part in parts.items()})
