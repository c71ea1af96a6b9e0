"""Narrowing: a mapping as it concerns one file, since a preset names dozens of columns of which a file has one."""

from __future__ import annotations

from collections.abc import Set
from operator import is_
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
    """The node itself where nothing is left out: a mapping may have a line for each of 16,000 columns."""
    if isinstance(node, list):
        items = [_narrow(each, present) for each in node]
        return node if all(map(is_, items, node)) else items
    if isinstance(node, dict):
        parts = {key: _narrow(each, present) for key, each in node.items()}
        kept = {key: each for key, each in parts.items() if not isinstance(each, Text) or _may_be_in(each, present)}
        return node if len(kept) == len(node) and all(map(is_, kept.values(), node.values())) else kept
    if not isinstance(node, BaseModel):
        return node
    parts = {name: part for name in fields_with_models(type(node)) if (part := getattr(node, name))}
    if isinstance(node, Text) and node.first and len(choices := node.choices_in(present)) < len(node.first):
        parts["first"] = choices
    changed = {name: one for name, part in parts.items() if (one := _narrow(part, present)) is not getattr(node, name)}
    if "first" in changed:
        changed["refs"] = node.refs
    return node.model_copy(update=changed) if changed else node


def _may_be_in(line: Text, present: Set[Ref]) -> bool:
    return line.may_be_in(present) if line.first is None else bool(line.first)
