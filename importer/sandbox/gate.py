"""The gate before the API: checks the key, limits the rate, and carries out faults."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import time
from collections.abc import Callable
from typing import NamedTuple

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from importer.sandbox.faults import ISSUES_PATH, Fault, FaultPlan
from importer.sandbox.routes import error_response, storage_failed
from importer.sandbox.settings import SandboxOptions
from importer.sandbox.storage import Store


class GateRequest(NamedTuple):
    """A request that has arrived whole, and what the server gave to answer it."""

    scope: Scope
    body: bytes
    receive: Receive
    send: Send


class Gate:
    """The whole sandbox as an ASGI application: `api` behind key, rate limit and faults.

    The body of each create that arrives is kept, whatever its answer. `drop` resets the TCP connection of a client,
    given its address and port.
    """

    def __init__(
        self,
        api: ASGIApp,
        store: Store,
        options: SandboxOptions,
        seed: int,
        drop: Callable[[tuple[str, int]], None],
    ) -> None:
        self._api, self._store = api, store
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
        refusal = self._note(request) or self._refuse(scope)
        if refusal is not None:
            await self._answer(request, refusal)
        elif (fault := self._faults.choose(scope["method"], scope["path"])) is not None:
            await self._misbehave(fault, request)
        else:
            await self._carry_out(request, request.send)

    def stop(self) -> None:
        """End every wait: drop hanging connections."""
        self._stopping.set()

    def _note(self, request: GateRequest) -> Response | None:
        method, path = request.scope["method"], request.scope["path"]
        if method == "POST" and path == ISSUES_PATH:
            try:
                self._store.insert("creates", body=request.body)
            except sqlite3.OperationalError as error:
                return storage_failed(error)
        return None

    def _refuse(self, scope: Scope) -> Response | None:
        key = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").removeprefix("Bearer ").strip()
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
