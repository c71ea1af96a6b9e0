"""A Triage that answers 201 at once: raw asyncio, one process, so that the client is what is measured.

It creates issues, lists them newest first, and shows one; all other lists are empty, and so is each search.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
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
ANSWER = b'{"data": %b, "errors": null}'
LIST = b'{"items": [%b], "next_cursor": %b}'
PAGE = 100
LISTED, SHOWN = re.compile(rb"/v1/triage/issues\?(.*)"), re.compile(rb"/v1/triage/issues/[0-9a-f-]{28}(\d{8})")
CURSOR = re.compile(rb"cursor=(\d+)")


class _Issues:
    """The issues as they are answered: JSON, in the order in which they were created."""

    def __init__(self) -> None:
        self._issues = list[bytes]()
        # What an answer adds to the fields that were sent: with the issue's number in its id and in its `T-…`.
        self._rest = json.dumps(ISSUE).encode().removeprefix(b"{").replace(b"00000000", b"%08d")

    def create(self, sent: bytes) -> bytes:
        number = len(self._issues)
        self._issues.append(sent[:-1] + b", " + self._rest % (number, number))
        return self._issues[-1]

    def read(self, path: bytes) -> bytes:
        if shown := SHOWN.fullmatch(path):
            return self._issues[int(shown[1])]
        listed = LISTED.fullmatch(path)
        if listed is None or b"search=" in listed[1]:
            return LIST % (b"", b"null")
        cursor = CURSOR.search(listed[1])
        end = int(cursor[1]) if cursor else len(self._issues)
        start = max(0, end - PAGE)
        return LIST % (b", ".join(reversed(self._issues[start:end])), b'"%d"' % start if start else b"null")


class _Instant(asyncio.Protocol):
    def __init__(self, issues: _Issues) -> None:
        self._issues = issues
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
            data = self._issues.create(sent) if sent else self._issues.read(head.split(b" ", 2)[1])
            body = ANSWER % data
            self._transport.write(HEAD % len(body) + body)


async def _serve() -> None:
    issues = _Issues()
    server = await asyncio.get_running_loop().create_server(lambda: _Instant(issues), "127.0.0.1", 0)
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
