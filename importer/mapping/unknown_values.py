"""Source values that a mapping doesn't know, with the evidence for what they may become."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass

from importer.api import FieldName


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rows that have an unknown status also say, each counted by what is written there (empty ones too)."""

    status_category: Counter[str] = dataclasses.field(default_factory=Counter)
    resolution: Counter[str] = dataclasses.field(default_factory=Counter)
    closed: Counter[bool] = dataclasses.field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A source value that the mapping doesn't know, with its rows' number; `""` is the empty cell without `missing`."""

    field: FieldName
    value: str
    count: int
    samples: tuple[str, ...] = ()
    evidence: Evidence = dataclasses.field(default_factory=Evidence)
