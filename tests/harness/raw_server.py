"""A server that answers with the bytes that it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from importer.triage.actions import CallFailed
from importer.triage.client import TriageClient
from importer.triage.target import ApiKey

KEY = "org_canary_4711"


Answer = httpx.Response | Exception


def call(answer: Answer, use: Callable[[TriageClient], Awaitable[Any]], seen: list[httpx.Request] | None = None) -> Any:
    """Make one call of a client whose target gives one answer."""

    def handle(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def main() -> Any:
        async with TriageClient("https://t.example", ApiKey(KEY), transport=httpx.MockTransport(handle)) as client:
            return await use(client)

    return asyncio.run(main())


def envelope(data: Any, status: int = 200) -> httpx.Response:
    """Wrap data as the API does."""
    return httpx.Response(status, json={"data": data, "errors": None})


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)


class RawServer:
    """Counts requests; `answers` says for each, in order, what follows: an answer, then whether the line is cut."""

    def __init__(self, *answers: tuple[bytes, bool]) -> None:
        self.requests: list[bytes] = []
        self._answers = list(answers)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while self._answers:
                self.requests.append(await read_request(reader))
                answer, cut = self._answers.pop(0)
                writer.write(answer)
                await writer.drain()
                if cut:
                    return
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


def fail(answer: bytes, *, cut: bool = False) -> CallFailed:
    """How a create fails that is answered so."""

    async def main() -> CallFailed:
        async with await asyncio.start_server(RawServer((answer, cut)).handle, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            async with TriageClient(f"http://127.0.0.1:{port}", ApiKey("org_rehearsal")) as client:
                with pytest.raises(CallFailed) as caught:
                    await client.create_issue(b"{}")
                return caught.value

    return asyncio.run(main())
