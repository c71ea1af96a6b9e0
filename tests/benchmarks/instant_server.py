"""A server that answers 201 at once: raw asyncio, one process, so that the client is what is measured."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

ISSUE = {
    "id": "3f0c8f7e-51a0-4d1c-9a5e-2b6f00000000",
    "triage_id": "T-00000000",
    "org_id": "9a1f7c52-0f2b-4a4e-8a63-6f0a8f2f3c77",
    "number": 1001,
    "owner_id": None,
    "assignee_id": None,
    "author_id": "user_1",
    "external_link": None,
    "created_at": "2026-08-01T10:00:00.000Z",
    "updated_at": "2026-08-01T10:00:00.000Z",
    "last_activity_at": "2026-08-01T10:00:00.000Z",
    "resource_count": 0,
    "flag_count": 0,
    "relation_count": 0,
    "latest_agent_session": None,
    "is_processing": False,
    "has_unread_activity": False,
}


HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def _answer() -> bytes:
    """Make what an answer adds to the fields that were sent: with the issue's number in its id and in its `T-…`."""
    rest = json.dumps({"data": ISSUE, "errors": None}).encode().removeprefix(b'{"data": {')
    return rest.replace(b"00000000", b"%08d")


class _Instant(asyncio.Protocol):
    def __init__(self, answer: bytes, numbers: Iterator[int]) -> None:
        self._answer, self._numbers = answer, numbers
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            sent, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
            number = next(self._numbers)
            body = b'{"data": ' + sent[:-1] + b", " + self._answer % (number, number)  # what was sent comes back
            self._transport.write(HEAD % len(body) + body)


async def _serve() -> None:
    answer, numbers = _answer(), itertools.count(1001)
    server = await asyncio.get_running_loop().create_server(lambda: _Instant(answer, numbers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  the parent reads the port
    await server.serve_forever()


@contextmanager
def instant_server(core: int) -> Iterator[str]:
    """Run the server in a process of its own, pinned to a core; give its base URL."""
    command = [sys.executable, "-m", "tests.benchmarks.instant_server", str(core)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def _main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(sys.argv[1])})
    try:
        import uvloop
    except ImportError:
        asyncio.run(_serve())
    else:
        uvloop.run(_serve())


if __name__ == "__main__":
    _main()
