"""Introspection of the mapping's model: which keys and values are allowed where. Only this reads its annotations."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, reduce
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Kind = Any
"""A type annotation of the model."""


@cache
def alternatives(kind: Kind) -> tuple[Kind, ...]:
    """The members of a union, without `Annotated`; any other type alone."""
    origin: Kind = get_origin(kind)
    if origin is Annotated:
        return alternatives(get_args(kind)[0])
    if origin in (Union, UnionType):
        return tuple(found for member in get_args(kind) for found in alternatives(member))
    return (kind,)


@cache
def model_of(kind: Kind) -> type[BaseModel] | None:
    """The pydantic model among the alternatives, if any; no union in the mapping has two."""
    models = (found for found in alternatives(kind) if isinstance(found, type) and issubclass(found, BaseModel))
    return next(models, None)


def group_model(kind: Kind) -> type[BaseModel] | None:
    """The model of a group of keys written here: the kind's own, or that of its items where it is a list."""
    return model_of(kind) or model_of(_item(kind))


@cache
def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model by their YAML keys."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


@cache
def holds_model(kind: Kind) -> bool:
    """Whether there can be a group of a model's keys at a place of this kind, or below it."""
    return model_of(kind) is not None or any(map(holds_model, get_args(kind)))


@cache
def fields_with_models(model: type[BaseModel]) -> tuple[str, ...]:
    """The fields of a model, by their names in Python, that can hold other models."""
    kinds: dict[str, Kind] = {name: field.annotation for name, field in model.model_fields.items()}
    return tuple(name for name, kind in kinds.items() if holds_model(kind))


def _item(kind: Kind) -> Kind:
    """The type of the items of a list among the alternatives; None if there is no list."""
    origins: list[Kind] = [get_origin(found) for found in alternatives(kind)]
    return get_args(alternatives(kind)[origins.index(list)])[0] if list in origins else None


def below(kind: Kind, part: str | int) -> Kind:
    """The type of the value under a key, or of the item with a number; None if there can be none."""
    model = model_of(kind)
    if model is not None:
        field = fields_of(model).get(str(part))
        return field.annotation if field else None
    for found in alternatives(kind):
        origin: Kind = get_origin(found)
        if origin is dict:
            return get_args(found)[1]
        if origin is list:  # a group may stand for a list of one
            item = get_args(found)[0]
            return item if isinstance(part, int) else below(item, part)
    return None


def kind_at(root: Kind, path: Iterable[str | int]) -> Kind:
    """The type of the value at a path."""
    return reduce(below, path, root)
