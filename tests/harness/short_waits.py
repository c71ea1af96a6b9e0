"""Waits of the program made short, in tests of what comes after them."""

from __future__ import annotations

import pytest

from importer.triage import absence
from importer.triage.absence import Absence

MOMENT = 0.05
SOON = ("--settle-seconds", f"{MOMENT}")
"""The option of `run` that goes with `short_waits`."""


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a missing issue be believed in at once; tests/triage/test_absence.py shows how long that takes otherwise."""
    for name in ("APART", "FIRST_WAIT", "LONGEST_WAIT"):
        monkeypatch.setattr(absence, name, MOMENT)
    defaults = Absence.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "settle_seconds", MOMENT)
