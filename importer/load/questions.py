"""The questions to a person before anything is sent, and the figures in them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from importer.check.check_pass import Checked
from importer.check.observers.workload import Workload
from importer.load.attempt import ConfirmRest


@dataclass(frozen=True)
class Forecast:
    """What a run is about to do. `seconds` is None where nothing limits the rate.

    `first` is how many of the creates are a canary; `load` is all that there is to do, at `rate` requests a second;
    `categories` asks Triage for those that it has. `page` is the report of the check, "" where nobody is asked.
    """

    target: str
    organisation: str
    creates: int
    updates: int
    rejected: int
    seconds: float | None
    first: int = 0
    categories: Callable[[], Collection[str]] = tuple
    load: Workload = field(default_factory=Workload)
    rate: float = 0.0
    page: str = ""


class Questions(NamedTuple):
    """Callbacks that decide whether to send; each returns a refusal, or "".

    confirm       of all that was checked, before anything is sent
    confirm_rest  of the rows that are left, after a canary: what it found, how many they are, the way back
    asks          whether `confirm` asks a person, who may want to look at the reports of the check before
    """

    confirm: Callable[[Checked, Forecast], str]
    confirm_rest: ConfirmRest
    asks: bool = False
