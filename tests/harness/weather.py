"""A time of bad weather at a target: which of its writes go wrong, and how."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from importer.sandbox.gate import Fault
from tests.harness.additions import REWRITTEN
from tests.harness.hostile import HostileOptions, parse_fault

FAULTS = {"500-after": 15, "hang-after=0.1": 10, "429=0": 10, "reset-before": 10, "": 55}
"""Fault → of a hundred writes so many."""
WRITES = 400


def bad_weather(after: int) -> tuple[Fault, ...]:
    """Faults of the writes that come after so many good ones, always the same."""
    kinds = Random(7).choices(list(FAULTS), list(FAULTS.values()), k=WRITES)
    return tuple(parse_fault(f"{kind}:write@req={after + place}") for place, kind in enumerate(kinds, 1) if kind)


def draw_oddities(random: Random, options: HostileOptions, settle_seconds: float) -> HostileOptions:
    """Let reads lag behind writes, clocks be off, times be without a zone, and texts be rewritten: each, or not."""
    return replace(
        options,
        read_lag=random.choice((0.0, min(1.0, settle_seconds / 10))),
        clock_offset=random.choice((0.0, 61.0, 3600.0, -3600.0)),
        no_zone=random.random() < 0.5,
        rewrite_texts=random.choice((None, *REWRITTEN)),
    )
