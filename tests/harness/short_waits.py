"""Waits of the program made short, in tests of what comes after them."""

from __future__ import annotations

import pytest
from tenacity import wait_none

from importer.load.driver import RunConnection
from importer.triage import absence, paced
from importer.triage.absence import Absence
from importer.triage.breaker import Breaker

MOMENT = 0.05
SETTLE_SECONDS = 30.0
SOON = ("--settle-seconds", f"{MOMENT}")
"""The option of `run` that goes with `short_waits`."""


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a missing issue be believed in at once, and an outage be noticed.

    tests/triage/ shows how long that takes otherwise.
    """
    for name in ("FIRST_WAIT", "LONGEST_WAIT"):
        monkeypatch.setattr(absence, name, MOMENT)
    monkeypatch.setattr(absence, "ISSUE", absence.ISSUE._replace(apart=MOMENT))
    defaults = Absence.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "settle_seconds", MOMENT)
    settled = (MOMENT if each == SETTLE_SECONDS else each for each in RunConnection.__init__.__defaults__ or ())
    monkeypatch.setattr(RunConnection.__init__, "__defaults__", tuple(settled))
    monkeypatch.setattr(paced, "wait_random_exponential", lambda **options: wait_none())
    monkeypatch.setattr(Breaker, "LONGEST_PAUSE", MOMENT)
