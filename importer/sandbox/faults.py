"""Faults on request: what goes wrong, for which requests, and when.

KIND[=SECONDS][:WHERE][@WHEN]    500-after:create@req=7      hang-after=5@1%      429=0.2:all
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from importer.sandbox.refusals import SandboxError

ISSUES_PATH = "/v1/triage/issues"
ADDED = ("comment", "resource", "flag", "relation")
"""Additions to an issue; the path of their POST ends in the plural."""
WHERES = ("create", "update", *ADDED, "write", "read", "all")
KINDS: dict[str, float | None] = {"500-after": None, "hang-after": 60.0, "429": 1.0}
"""Kind → default SECONDS; None if it takes none."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault as given by `--fault`.

    It strikes each request that `where` covers with the probability `chance` (0 to 1) or, if `request` is above 0,
    only the one with that number, counted from 1 over the requests that `where` covers.
    """

    kind: str
    seconds: float = 0.0
    where: str = "write"
    chance: float = 1.0
    request: int = 0

    def covers(self, method: str, path: str) -> bool:
        """Whether WHERE covers this request."""
        if self.where == "create":
            return method == "POST" and path == ISSUES_PATH
        if self.where == "update":
            return method == "PATCH"
        if self.where in ADDED:
            return method == "POST" and path.endswith(f"/{self.where}s")
        if self.where == "all":
            return True
        return (self.where == "read") == (method in ("GET", "HEAD"))


class FaultPlan:
    """Chooses the fault of each request. The same seed and order of requests give the same faults."""

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        # A generator for each fault, so that adding one doesn't shift the others.
        self._entries = [_Entry(fault, Random(f"{seed} {index}")) for index, fault in enumerate(faults)]

    def choose(self, method: str, path: str) -> Fault | None:
        """Return the first fault that strikes this request, None if none does; every fault counts the request."""
        struck = [entry.fault for entry in self._entries if entry.strikes(method, path)]
        return struck[0] if struck else None


@dataclass(slots=True)
class _Entry:
    fault: Fault
    random: Random
    seen: int = 0

    def strikes(self, method: str, path: str) -> bool:
        if not self.fault.covers(method, path):
            return False
        self.seen += 1
        if self.fault.request:
            return self.seen == self.fault.request
        return self.random.random() < self.fault.chance


def parse_fault(spec: str, kinds: Mapping[str, float | None] = KINDS) -> Fault:
    """Parse the text of a fault. Raises SandboxError, which says how faults are written."""
    number = r"\d+(?:\.\d+)?"
    match = re.fullmatch(
        rf"(?P<kind>{'|'.join(kinds)})(=(?P<seconds>{number}))?(:(?P<where>{'|'.join(WHERES)}))?"
        rf"(@((?P<percent>{number})%|req=(?P<request>[1-9]\d*)))?",
        spec.strip(),
    )
    if match is not None:
        default, percent = kinds[match["kind"]], float(match["percent"] or 100)
        if percent <= 100 and (default is not None or match["seconds"] is None):
            seconds, request = float(match["seconds"] or default or 0), int(match["request"] or 0)
            return Fault(match["kind"], seconds, match["where"] or "write", percent / 100, request)
    raise SandboxError(
        f"The fault {spec!r} can't be used. Write KIND[=SECONDS][:WHERE][@WHEN], as in 500-after:create@req=7 or "
        f"429=0.2:all@5%. KIND is one of {', '.join(kinds)} "
        f"({', '.join(kind for kind in kinds if kinds[kind] is None)} without SECONDS), WHERE one of "
        f"{', '.join(WHERES)}, WHEN a share like 2% or the number of a request like req=7."
    )
