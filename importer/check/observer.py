"""What a reading's observers have in common: each sees every chunk with its plan, and keeps what it wants to know."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from importer.check.examine import Examined
from importer.check.plan import Plan


class Observer(Protocol):
    """Learns something of a source while it is read."""

    def add(self, examined: Examined, plan: Plan) -> None:
        """Look at the next chunk."""


OpenWriter = Callable[[], AbstractContextManager[Observer | None]]
"""Opens what writes the reports of one reading; a second reading replaces what the first has written."""
