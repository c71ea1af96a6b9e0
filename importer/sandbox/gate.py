"""The gate before the API: checks the key, limits the rate, and carries out faults, which are given as texts:

KIND[=SECONDS][:WHERE][@WHEN]    500-after:create@req=7      hang-after=5@1%      429=0.2:all
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import NamedTuple

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from importer.sandbox.routes import ISSUES_PATH, error_response
from importer.sandbox.storage import SandboxError

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
        self._faults = [(fault, Random(f"{seed} {index}"), count(1)) for index, fault in enumerate(faults)]

    def choose(self, method: str, path: str) -> Fault | None:
        """Return the first fault that strikes this request, None if none does; every fault counts the request."""
        struck = [
            fault
            for fault, random, numbers in self._faults
            if fault.covers(method, path)
            and (next(numbers) == fault.request if fault.request else random.random() < fault.chance)
        ]
        return struck[0] if struck else None


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


@dataclass(frozen=True)
class SandboxOptions:
    """The options of a sandbox, as `triage-import sandbox` takes them.

    db          the SQLite file that keeps its issues; None keeps them in memory
    rate_limit  requests a second before it answers 429; None for no limit
    faults      tried in this order; the first that strikes a request counts
    api_key     the only key accepted; None accepts any that is not empty
    seed        of the faults that strike by chance; None chooses one at random
    """

    db: Path | None = None
    rate_limit: float | None = None
    faults: tuple[Fault, ...] = ()
    api_key: str | None = None
    seed: int | None = None


class GateRequest(NamedTuple):
    """A request that has arrived whole, and what the server gave to answer it."""

    scope: Scope
    body: bytes
    receive: Receive
    send: Send


class Gate:
    """The whole sandbox as an ASGI application: `api` behind key, rate limit and faults.

    `drop` resets the TCP connection of a client, given its address and port.
    """

    def __init__(
        self, api: ASGIApp, options: SandboxOptions, seed: int, drop: Callable[[tuple[str, int]], None]
    ) -> None:
        self._api = api
        self._api_key, self._faults = options.api_key, FaultPlan(options.faults, seed)
        self._bucket = TokenBucket(options.rate_limit, time.monotonic) if options.rate_limit else None
        self._drop = drop
        self._stopping = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, unless a fault prevents it."""
        body = await _read_body(receive)
        if body is None:
            return
        request = GateRequest(scope, body, receive, send)
        refusal = self._refuse(request)
        if refusal is not None:
            await self._answer(request, refusal)
        elif (fault := self._faults.choose(scope["method"], scope["path"])) is not None:
            await self._misbehave(fault, request)
        else:
            await self._carry_out(request, request.send)

    def stop(self) -> None:
        """End every wait: drop hanging connections."""
        self._stopping.set()

    def _refuse(self, request: GateRequest) -> Response | None:
        header = dict(request.scope["headers"]).get(b"authorization", b"")
        key = header.decode("latin-1").removeprefix("Bearer ").strip()
        if not key or self._api_key not in (None, key):
            return error_response(401, "AUTH_FAILURE", "Unauthorized")
        wait_seconds = self._bucket.take() if self._bucket else 0
        return _too_many(wait_seconds) if wait_seconds else None

    async def _misbehave(self, fault: Fault, request: GateRequest) -> None:
        if fault.kind == "429":
            await self._answer(request, _too_many(math.ceil(fault.seconds)))
            return
        await self._carry_out_unseen(request)
        if fault.kind == "500-after":
            await self._answer(request, error_response(500, "internal_error", "Something went wrong"))
        else:
            await self._drop_after(fault.seconds, request)

    async def _carry_out(self, request: GateRequest, send: Send) -> None:
        await self._api(request.scope, _replay(request.body), send)

    async def _carry_out_unseen(self, request: GateRequest) -> int:
        """Carry out a request, discard the answer, and return its status."""
        status = 0

        async def keep(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)

        await self._carry_out(request, keep)
        return status

    async def _answer(self, request: GateRequest, response: Response) -> None:
        await response(request.scope, request.receive, request.send)

    async def _drop_after(self, seconds: float, request: GateRequest) -> None:
        """Wait for so many seconds, or until the client disconnects, then reset the connection."""
        gone = asyncio.ensure_future(request.receive())
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({gone, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        self._drop(request.scope["client"])
        await gone


async def _read_body(receive: Receive) -> bytes | None:
    """Return the whole body, None if the client disconnects before it is sent."""
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _too_many(wait_seconds: int) -> Response:
    message = "Too many requests, please try again later."
    return error_response(429, "Rate Limit Exceeded", message, {"Retry-After": str(wait_seconds)})


class TokenBucket:
    """Allows `rate` requests a second, and a burst of one second's worth at the start or after a rest.

    One second, because Retry-After is in whole seconds: a smaller bucket would overflow while a client waits, so that a
    client that obeys could never reach the rate.
    """

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self.rate = rate
        self.capacity = max(1.0, rate)
        self._clock = clock
        self._tokens = self.capacity
        self._filled_at = clock()

    def take(self) -> int:
        """Take a token and return 0; if there is none, return the whole seconds until there will be one."""
        now = self._clock()
        self._tokens = min(self.capacity, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0
        return max(1, math.ceil((1 - self._tokens) / self.rate))
