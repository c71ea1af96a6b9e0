"""Source values that a mapping doesn't know, with the evidence for proposing targets."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass

from importer.api import FieldName


@dataclass(frozen=True, slots=True)
class Evidence:
    """Other columns of the rows with an unknown status: text → rows that have it, empty texts included."""

    status_category: Counter[str] = dataclasses.field(default_factory=Counter)
    resolution: Counter[str] = dataclasses.field(default_factory=Counter)
    closed: Counter[bool] = dataclasses.field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A source value that the mapping doesn't know, and in how many rows it is; `""` is an empty cell."""

    field: FieldName
    value: str
    count: int
    samples: tuple[str, ...] = ()
    evidence: Evidence = dataclasses.field(default_factory=Evidence)
