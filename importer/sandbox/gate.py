"""The gate before the API: counts requests, checks the key, limits the rate, and carries out faults."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import parse_qs

import orjson
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from importer.sandbox.bucket import TokenBucket
from importer.sandbox.faults import ISSUES_PATH, REFUSALS_AFTER, Fault, FaultPlan
from importer.sandbox.routes import error_response, path_kind, storage_failed
from importer.sandbox.storage import Store

_PAGE = "<html><body>This is not the answer that you expected.</body></html>"

_REFUSALS = {
    400: ("bad_request", "description: must be something else"),
    403: ("forbidden", "Not allowed"),
    404: ("not_found", "Issue not found"),
    409: ("conflict", "It is being changed by somebody else"),
    422: ("unprocessable", "It can't be processed"),
}
NO_ANSWER = 0
"""Counted as the status of a request that got no answer."""
_REFUSED_AFTER = {f"{status}-after": status for status in REFUSALS_AFTER}
_ACTS_FIRST = {"500-after", "hang-after", "reset-after", "not-json", *_REFUSED_AFTER}
EDITED_TITLE = "Edited by a person"


class _Request(NamedTuple):
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
        *,
        api_key: str | None,
        bucket: TokenBucket | None,
        faults: FaultPlan,
        drop: Callable[[tuple[str, int]], None],
    ) -> None:
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self._api, self._store = api, store
        self._api_key, self._bucket, self._faults = api_key, bucket, faults
        self._drop = drop
        self._stopping = asyncio.Event()
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, unless a fault prevents it."""
        body = await _read_body(receive)
        if body is None:
            return
        request = _Request(scope, body, receive, self._counting(send))
        refusal = self._note(request) or self._refuse(scope)
        if refusal is not None:
            await self._answer(request, refusal)
        elif (fault := self._faults.choose(scope["method"], scope["path"])) is not None:
            await self._misbehave(fault, request)
        else:
            await self._carry_out(request, request.send)

    def stop(self) -> None:
        """End every wait: drop hanging connections, and carry out late commits now."""
        self._stopping.set()

    async def finish(self) -> None:
        """Wait for the late commits."""
        await asyncio.gather(*self._late)

    def _counting(self, send: Send) -> Send:
        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.statuses[message["status"]] += 1
            await send(message)

        return counting

    def _note(self, request: _Request) -> Response | None:
        method, path = request.scope["method"], request.scope["path"]
        self.requests[f"{method} {path_kind(path)}"] += 1
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

    async def _misbehave(self, fault: Fault, request: _Request) -> None:
        status = await self._carry_out_unseen(request) if fault.kind in _ACTS_FIRST else 0
        match fault.kind:
            case "500-before" | "500-after":
                await self._answer(request, _internal_error())
            case "hang-before" | "hang-after":
                await self._drop_after(fault.seconds, request)
            case "reset-before" | "reset-after":
                await self._drop_after(0, request)
            case "late-commit":
                self._carry_out_later(fault.seconds, request)
                await self._answer(request, _internal_error())
            case "not-json":
                await self._answer(request, HTMLResponse(_PAGE, 200 if status == 204 else status))
            case "slow":
                await self._wait(fault.seconds)
                await self._carry_out(request, request.send)
            case "429":
                await self._answer(request, _too_many(math.ceil(fault.seconds)))
            case "gateway-404":
                await self._answer(request, JSONResponse({"message": "no Route matched with those values"}, 404))
            case "gateway-html":
                await self._answer(request, HTMLResponse(_PAGE, 404))
            case "endless":
                await self._carry_out(request, _leading_back(request))
            case "edit":
                await self._carry_out(request, request.send)
                self._edit_later(fault.seconds, request)
            case kind if kind in _REFUSED_AFTER:
                await self._answer(request, error_response(_REFUSED_AFTER[kind], *_REFUSALS[_REFUSED_AFTER[kind]]))
            case "503":
                await self._answer(request, _unavailable(math.ceil(fault.seconds)))

    async def _carry_out(self, request: _Request, send: Send) -> None:
        await self._api(request.scope, _replay(request.body), send)

    async def _carry_out_unseen(self, request: _Request) -> int:
        """Carry out a request, discard the answer, and return its status."""
        status = 0

        async def keep(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)

        await self._carry_out(request, keep)
        return status

    def _carry_out_later(self, seconds: float, request: _Request) -> None:
        async def later() -> None:
            await self._wait(seconds)
            await self._carry_out_unseen(request)

        task = asyncio.create_task(later())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _edit_later(self, seconds: float, request: _Request) -> None:
        """Let a person change the title of the issue that a request has read, if it has read one."""
        method, path = request.scope["method"], request.scope["path"]
        if method == "GET" and path_kind(path) == f"{ISSUES_PATH}/{{id}}":
            body = orjson.dumps({"title": EDITED_TITLE})
            self._carry_out_later(seconds, request._replace(scope={**request.scope, "method": "PATCH"}, body=body))

    async def _answer(self, request: _Request, response: Response) -> None:
        await response(request.scope, request.receive, request.send)

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _drop_after(self, seconds: float, request: _Request) -> None:
        """Wait for so many seconds, or until the client disconnects, then reset the connection."""
        self.statuses[NO_ANSWER] += 1
        gone = asyncio.ensure_future(request.receive())
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({gone, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        self._drop(request.scope["client"])
        await gone


def _leading_back(request: _Request) -> Send:
    """Return a `send` whose lists never end: the first page leads into itself, each other one back to itself."""
    begun: list[Message] = []
    asked = parse_qs(request.scope["query_string"]).get(b"cursor")

    async def send_back(message: Message) -> None:
        if message["type"] == "http.response.start":
            begun.append(message)
            return
        with suppress(orjson.JSONDecodeError, TypeError, KeyError, IndexError):
            answer = orjson.loads(message["body"])
            answer["data"]["next_cursor"] = asked[0].decode() if asked else answer["data"]["items"][0]["id"]
            message = {**message, "body": orjson.dumps(answer)}
        headers = [(name, value) for name, value in begun[0]["headers"] if name != b"content-length"]
        length = (b"content-length", b"%d" % len(message["body"]))
        await request.send({**begun[0], "headers": [*headers, length]})
        await request.send(message)

    return send_back


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


def _internal_error() -> Response:
    return error_response(500, "internal_error", "Something went wrong")


def _unavailable(wait_seconds: int) -> Response:
    return error_response(503, "service_unavailable", "Try again later", {"Retry-After": str(wait_seconds)})


def _too_many(wait_seconds: int) -> Response:
    message = "Too many requests, please try again later."
    return error_response(429, "Rate Limit Exceeded", message, {"Retry-After": str(wait_seconds)})
