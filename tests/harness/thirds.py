"""A third of the cases of long proofs: all that the integration runs of each; the next commits run the others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

Case = TypeVar("Case")

_NAMED = os.environ.get("TRIAGE_TEST_THIRD")
THIRD = int(_NAMED) % 3 if _NAMED else None
"""Which third is run; None: all."""


def take_third(cases: Sequence[Case]) -> list[Case]:
    """Every third case, beginning with one that `TRIAGE_TEST_THIRD` names, at least one; without it all of them."""
    if THIRD is None:
        return list(cases)
    return list(cases[THIRD::3] or cases[:1])
