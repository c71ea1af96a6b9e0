"""A time of bad weather at a target: which of its writes go wrong, and how."""

from __future__ import annotations

from random import Random

from importer.sandbox.faults import Fault, parse_fault

FAULTS = {"500-after": 15, "hang-after=0.1": 10, "429=0": 10, "reset-before": 10, "": 55}
"""Fault → of a hundred writes so many."""
WRITES = 400


def bad_weather(after: int) -> tuple[Fault, ...]:
    """Faults of the writes that come after so many good ones, always the same."""
    kinds = Random(7).choices(list(FAULTS), list(FAULTS.values()), k=WRITES)
    return tuple(parse_fault(f"{kind}:write@req={after + place}") for place, kind in enumerate(kinds, 1) if kind)
