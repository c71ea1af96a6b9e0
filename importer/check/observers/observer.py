"""What a reading's observers have in common: each sees every chunk with its plan, and keeps a bounded part of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from importer.check.examine import Examined
from importer.check.plan import Plan

DISTINCT_LIMIT = 10_000
"""Distinct things, such as values or people, that an observer keeps apart: free text must not fill the memory."""
SAMPLES = 2
"""Rows or texts that it keeps of each, for people to look at."""
SAMPLE_CHARACTERS = 40


class Observer(Protocol):
    """Learns something of a source while it is read."""

    def add(self, examined: Examined, plan: Plan) -> None:
        """Look at the next chunk."""


OpenWriter = Callable[[], AbstractContextManager[Observer]]
"""Opens an observer that writes what one reading shows it; a second reading replaces what the first has written."""
