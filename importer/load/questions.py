"""What a person is shown and asked before anything is sent, and after a canary."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from importer.check.check_pass import Checked
from importer.errors import ImporterError
from importer.load.read_back import Findings

ConfirmRest = Callable[[Findings, int, str], str]
"""Shows what the canary found, the number of other issues and the way back; returns a refusal, or ""."""


class Destination(NamedTuple):
    """Where an import would go, and how fast.

    organisation  id of the target's organisation, "" where it gives none
    rate          requests a second; 0 is no limit
    categories    asks Triage for the categories that it has
    """

    target: str
    organisation: str
    rate: float
    categories: Callable[[], Collection[str]]


Confirm = Callable[[Checked, Destination, str], ImporterError | None]


class Questions(NamedTuple):
    """Callbacks that decide whether to send.

    confirm       of all that was checked, before anything is sent; also gets the page of the check, "" if not `asks`;
                  returns the error that refuses, or None
    confirm_rest  of the rows that are left, after a canary: what it found, how many they are, the way back; returns a
                  refusal, or ""
    asks          whether `confirm` asks a person, who may want to look at the reports of the check before
    """

    confirm: Confirm
    confirm_rest: ConfirmRest
    asks: bool = False
