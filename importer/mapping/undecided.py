"""Targets that a mapping leaves open (`?`), each with its file and line."""

from __future__ import annotations

from collections.abc import Iterator

from importer.api import CATEGORY_LIMIT
from importer.errors import Problem
from importer.mapping.model import TARGETS, UNDECIDED, Mapping
from importer.mapping.reader import LoadedMapping


def open_targets(mapping: LoadedMapping) -> list[Problem]:
    """A problem for each target that nobody has decided, at the line where it has to be filled in."""
    return [
        Problem(f"{what} is open", place.file, place.line, ".".join(map(str, path)), _hint(field))
        for field in TARGETS
        for path, what in _open_paths(mapping.model, field)
        for place in [mapping.place(*path)]
    ]


def _open_paths(model: Mapping, field: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    spec = getattr(model, field)
    for name, target in spec.values.items():
        if target == UNDECIDED:
            yield (field, "values", name), f"what {_shortened(name)} becomes"
    for number, rule in enumerate(spec.rules):
        if rule.then == UNDECIDED:
            yield (field, "rules", number, "then"), "what the rule makes of its rows"
    for key, what in (("missing", "what an empty cell becomes"), ("unknown", "what an unknown value becomes")):
        if getattr(spec, key) == UNDECIDED:
            yield (field, key), what


def _shortened(name: str) -> str:
    return repr(name if len(name) <= 60 else name[:59] + "…")


def _hint(field: str) -> str:
    return f"one of {', '.join(TARGETS[field])}" if TARGETS[field] else f"a text of 1 to {CATEGORY_LIMIT} characters"
