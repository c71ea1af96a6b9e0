"""The words that name a column, and where it stands in its record. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from importer.authoring.draft.profile import Column
from importer.mapping.header_names import has, is_internal, leaves, names_of
from importer.phrases import tokens_of

MARK_LENGTH = 20
"""The most characters of a flag's value."""
_FLATTENED = re.compile(r"\w+(?:\.\w+)+")
"""A path that became the name of a column: `fields.status.statusCategory.name`."""


def header_tokens(column: Column) -> tuple[str, ...]:
    """Return the words that name a column: `status.name` is the status, `fields.summary` the summary."""
    parts = [part.removesuffix("[]") for part in column.place.parts]
    if _FLATTENED.fullmatch(parts[0]):
        parts[:1] = parts[0].split(".")
    tokens = [token for part in parts for token in [tokens_of(part)] if token]
    while len(tokens) > 1 and tokens[0][0] in names_of("wrappers") and len(tokens[0]) == 1:
        tokens = tokens[1:]
    if parts[-1] == "__text__" and len(parts) > 1:  # XML's text
        return tokens_of(parts[-2])
    if len(parts) > 1 and len(tokens) == 1:  # `fields."System.Title"` is one key of several words
        return _unwrapped(tokens[0])
    if len(tokens) > 1 and " ".join(tokens[-1]) in leaves():
        return tokens[-2]
    return tuple(token for part in tokens for token in part)


def _unwrapped(tokens: tuple[str, ...]) -> tuple[str, ...]:
    while len(tokens) > 1 and tokens[0] in names_of("wrappers"):
        tokens = tokens[1:]
    return tokens


def is_leaf(column: Column) -> bool:
    """Whether a column is a field of an object in the record, which is a value and no title."""
    parts = [part for part in column.place.parts if part != "__text__"]
    return len(parts) > 2 or (len(parts) == 2 and not has(tokens_of(parts[0])[:1], "wrappers"))


def is_far_within(column: Column) -> bool:
    """Whether a column is a field of an object in another one: `limits.perCard.status` is no status of the issue."""
    parts = list(column.place.parts)
    while len(parts) > 1 and has(tokens_of(parts[0])[:1], "wrappers"):
        parts = parts[1:]
    return len(parts) > 2 and " ".join(tokens_of(parts[-1])) not in leaves()


def has_leaf(column: Column) -> bool:
    """Whether a column is the field of an object that names the object: `assignee.name`."""
    return len(column.place.parts) > 1 and leaf_rank(column) < len(leaves())


def leaf_rank(column: Column) -> int:
    """Return how well the last key of a column names its object, the best first."""
    leaf = " ".join(tokens_of(column.place.parts[-1]))
    return leaves().index(leaf) if leaf in leaves() else len(leaves())


def holds_internal(column: Column) -> bool:
    """Whether a column has texts for the team alone; `Internal` is one of them if it has more than yes and no."""
    is_flag = column.is_boolean or column.is_number
    return not is_flag and is_internal(column.place.name, alone=column.longest > MARK_LENGTH)


def is_of_another(tokens: Sequence[str], but: Collection[str] = ()) -> bool:
    """Whether the words before the last make it the name, id or type of something else: `assignees type`."""
    things = names_of("other_things").difference(but)
    return any(token in things or token.removesuffix("s") in things for token in tokens[:-1])
