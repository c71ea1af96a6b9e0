"""Faults on request: what goes wrong, for which requests, and when.

KIND[=SECONDS][:WHERE][@WHEN]    500-after:create@req=7      late-commit=1.5@1%      slow=0.2:all
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from random import Random
from typing import NamedTuple

from importer.sandbox.refusals import SandboxError

GRAMMAR = "KIND[=SECONDS][:WHERE][@WHEN], as in 500-after:create@req=7 or slow=0.2:all@5%"
ISSUES_PATH = "/v1/triage/issues"
ADDED = ("comment", "resource", "flag", "relation")
"""Additions to an issue; the path of their POST ends in the plural."""
WHERES = ("create", "update", *ADDED, "write", "read", "all")

_SPEC = re.compile(r"(?P<kind>[^=:@]+)(=(?P<seconds>[^:@]*))?(:(?P<where>[^@]*))?(@(?P<when>.*))?")
_NUMBER = r"\d+(\.\d+)?"


REFUSALS_AFTER = (400, 403, 404, 409, 422)
"""Statuses of the API's own form with which a request can be refused that was carried out."""


class Kind(NamedTuple):
    """A kind of fault: what it does, and its default SECONDS; None if it takes none."""

    sentence: str
    seconds: float | None = None


KINDS: dict[str, Kind] = {
    "500-before": Kind("answers 500 and does nothing"),
    "500-after": Kind("does it, then answers 500"),
    "hang-before": Kind("does nothing and doesn't answer for SECONDS, then drops the connection", 60.0),
    "hang-after": Kind("does it, doesn't answer for SECONDS, then drops the connection", 60.0),
    "reset-before": Kind("does nothing and resets the connection"),
    "reset-after": Kind("does it, then resets the connection"),
    "late-commit": Kind("answers 500 at once and does it SECONDS later", 1.5),
    "not-json": Kind("does it, then answers with a page of HTML"),
    "slow": Kind("does it, but SECONDS late", 0.2),
    "503": Kind("does nothing and answers 503 with Retry-After: SECONDS", 1.0),
    "429": Kind("does nothing and answers 429 with Retry-After: SECONDS", 1.0),
    "gateway-404": Kind("does nothing and answers 404 in a gateway's JSON"),
    "gateway-html": Kind("does nothing and answers 404 with a page of HTML"),
    **{f"{status}-after": Kind(f"does it, then refuses it with {status}") for status in REFUSALS_AFTER},
    "endless": Kind("answers; of a list with a cursor that leads back, so that its pages come again"),
    "edit": Kind("answers, and SECONDS after the reading of an issue a person changes its title", 0.3),
}


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


def parse_fault(spec: str) -> Fault:
    """Parse the text of a fault. Raises SandboxError, which says what is wrong with it and how faults are written."""
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise _bad(spec, "it names no kind")
    kind = match["kind"]
    if kind not in KINDS:
        near = get_close_matches(kind, KINDS, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise _bad(spec, f"there is no kind {kind!r}{hint} Kinds: {', '.join(KINDS)}")
    where = match["where"] if match["where"] is not None else "write"
    if where not in WHERES:
        raise _bad(spec, f"WHERE is {', '.join(WHERES[:-1])} or {WHERES[-1]}, not {where!r}")
    chance, request = _parse_when(spec, match["when"])
    return Fault(kind, _parse_seconds(spec, kind, match["seconds"]), where, chance, request)


def _parse_seconds(spec: str, kind: str, text: str | None) -> float:
    default = KINDS[kind].seconds
    if text is None:
        return default or 0.0
    if default is None:
        raise _bad(spec, f"{kind} takes no seconds")
    if not re.fullmatch(_NUMBER, text):
        raise _bad(spec, f"SECONDS is a number like 0.2, not {text!r}")
    return float(text)


def _parse_when(spec: str, text: str | None) -> tuple[float, int]:
    if text is None:
        return 1.0, 0
    if re.fullmatch(rf"{_NUMBER}%", text) and float(text[:-1]) <= 100:
        return float(text[:-1]) / 100, 0
    if re.fullmatch(r"req=[1-9]\d*", text):
        return 1.0, int(text[4:])
    raise _bad(spec, f"WHEN is a share like 2% or the number of a request like req=7, not {text!r}")


def _bad(spec: str, problem: str) -> SandboxError:
    return SandboxError(f"The fault {spec!r} can't be used: {problem}. Write {GRAMMAR}.")
