"""The wire, against a socket that misbehaves."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

import httpx
import pytest

from importer import __version__
from importer.triage.actions import Action, CallFailed
from importer.triage.client import TriageClient
from importer.triage.target import ApiKey
from importer.triage.transport import LONGEST_ANSWER, AiohttpTransport, Timeouts
from tests.harness.fake_triage import answer_bytes
from tests.harness.raw_server import RawServer, fail, read_request


async def create(server: RawServer, times: int, *, turns: int = 0, patience: float = 60) -> list[Action]:
    """Send creates one after the other, with so many turns of the loop between; say how each ended."""
    ends = []
    async with await asyncio.start_server(server.handle, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        timeouts = Timeouts(connect=patience, answer=patience)
        async with TriageClient(f"http://127.0.0.1:{port}", ApiKey("org_rehearsal"), timeouts=timeouts) as client:
            for number in range(times):
                try:
                    await client.create_issue(b'{"number": %d}' % number)
                    ends.append(Action.DONE)
                except CallFailed as error:
                    ends.append(error.action)
                for _ in range(turns):
                    await asyncio.sleep(0.001)
    return ends


OK = answer_bytes(1)


def test_kept_connection() -> None:
    """Two creates use one connection."""
    server = RawServer((OK, False), (OK, False))
    assert asyncio.run(create(server, 2)) == [Action.DONE, Action.DONE]
    assert len(server.requests) == 2


def test_answer_that_nobody_asked_for() -> None:
    """A kept connection on which another answer comes is not used again: that answer would be taken for the next."""
    connections = 0

    async def answer_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            await read_request(reader)
            writer.write(OK)
            await writer.drain()
            await asyncio.sleep(0.001)
            writer.write(OK)
            with suppress(ConnectionError):
                await reader.read()
        finally:
            writer.close()

    server = RawServer()
    server.handle = answer_twice  # type: ignore[method-assign]
    assert asyncio.run(create(server, 3, turns=20)) == [Action.DONE] * 3
    assert connections == 3


def test_what_leaves() -> None:
    """A request is written with its headers, the host and the length of its body, each once."""
    server = RawServer((OK, False))
    asyncio.run(create(server, 1))
    line, *headers, end, body = server.requests[0].decode().split("\r\n")
    assert (line, end, body) == ("POST /v1/triage/issues HTTP/1.1", "", '{"number": 0}')
    values = {name.lower(): value for name, value in (header.split(": ") for header in headers)}
    assert len(values) == len(headers)
    assert values.pop("host").startswith("127.0.0.1:")
    assert values == {
        "authorization": "org_rehearsal",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": f"triage-importer/{__version__}",
        "content-type": "application/json",
        "content-length": "13",
    }


def test_as_httpx_s_own_client_uses_it() -> None:
    """Host and length are written once, too, where the request has them already, and a read has no body."""
    server = RawServer((OK, False), (OK, False))

    async def main() -> None:
        async with await asyncio.start_server(server.handle, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            async with httpx.AsyncClient(transport=AiohttpTransport(Timeouts())) as client:
                answer = await client.post(f"http://127.0.0.1:{port}/a%20b?c=d", content=b"{}")
                assert answer.json()["data"]
                await client.get(f"http://127.0.0.1:{port}/")

    asyncio.run(main())
    post, get = (request.lower() for request in server.requests)
    assert post.startswith(b"post /a%20b?c=d http/1.1\r\n")
    assert (post.count(b"host:"), post.count(b"content-length:"), post[-6:]) == (1, 1, b"\r\n\r\n{}")
    assert (get.count(b"host:"), get.count(b"content-length:")) == (1, 0)


@pytest.mark.parametrize(
    "first", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 2]
)
def test_what_comes_before_the_answer(first: bytes) -> None:
    """An answer is waited for behind those that only say that one will come."""
    server = RawServer((first + OK, False), (OK, False))
    assert asyncio.run(create(server, 2)) == [Action.DONE, Action.DONE]


def test_no_connection_in_time() -> None:
    """Who never gets a connection has sent nothing: the request may be sent again."""

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as taken:
            for _ in range(3):  # more than its queue has room for
                other = taken.enter_context(socket.socket())
                other.setblocking(False)
                other.connect_ex(full.getsockname())
            url, timeouts = f"http://127.0.0.1:{full.getsockname()[1]}", Timeouts(connect=0.2, answer=5)
            async with TriageClient(url, ApiKey("org_rehearsal"), timeouts=timeouts) as client:
                await client.create_issue(b"{}")

    with pytest.raises(CallFailed, match="no connection in time") as caught:
        asyncio.run(main())
    assert caught.value.action is Action.RETRY


def test_kept_connection_that_dies_with_the_request() -> None:
    """A kept connection that closes on a POST without an answer: the POST is not sent again, its outcome is unknown."""
    server = RawServer((OK, False), (b"", True), (OK, False))
    assert asyncio.run(create(server, 2)) == [Action.DONE, Action.SETTLE]
    assert len(server.requests) == 2


def test_connection_closed_after_the_answer() -> None:
    """A server that closes after each answer gets each POST once."""
    server = RawServer((OK, True), (OK, True), (OK, True))
    assert asyncio.run(create(server, 3, turns=20)) == [Action.DONE] * 3
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "answer", [OK[:40], OK[:-20], b"nonsense\r\n\r\n", b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"]
)
def test_broken_answer(answer: bytes) -> None:
    """An answer that breaks off, or is none, leaves the outcome open, and nothing is sent again."""
    server = RawServer((answer, True), (OK, False))
    assert asyncio.run(create(server, 1)) == [Action.SETTLE]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "begun", [b"", b"HTTP/1.1 100 Continue\r\n\r\n", OK[:40], OK[:-20], b"HTTP/1.1 201 Created\r\n\r\n{}"]
)
def test_no_answer(begun: bytes) -> None:
    """A server that doesn't answer to the end leaves the outcome open once its time is over; the next is in time."""
    server = RawServer((OK, False), (begun, False), (OK, False))
    started = time.monotonic()
    assert asyncio.run(create(server, 3, patience=2)) == [Action.DONE, Action.SETTLE, Action.DONE]
    assert time.monotonic() - started >= 2
    assert len(server.requests) == 3


def test_a_body_that_stops_being_http() -> None:
    """What comes behind its first chunk is none: that ends once its time is over, though the parser says nothing."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
        await asyncio.sleep(0.05)
        writer.write(b"not a length\r\n")
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(handle, "127.0.0.1", 0) as listening:
            url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            async with TriageClient(url, ApiKey("org_rehearsal"), timeouts=Timeouts(answer=0.3)) as client:
                with pytest.raises(CallFailed, match=r"^no answer in time$") as caught:
                    await asyncio.wait_for(client.create_issue(b"{}"), 5)
                assert caught.value.action is Action.SETTLE

    asyncio.run(main())


def test_each_answer_has_its_own_time() -> None:
    """Whoever sends later may wait until later."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.read()
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(handle, "127.0.0.1", 0) as listening:
            url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            loop = asyncio.get_running_loop()
            async with TriageClient(url, ApiKey("org_rehearsal"), timeouts=Timeouts(answer=0.3)) as client:

                async def send(after: float) -> float:
                    await asyncio.sleep(after)
                    started = loop.time()
                    with pytest.raises(CallFailed, match=r"^no answer in time$"):
                        await client.create_issue(b"{}")
                    return loop.time() - started

                took = await asyncio.gather(*map(send, (0, 0.1, 0.2, 0.5)))
        assert all(0.29 < seconds < 0.5 for seconds in took), took

    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "then", "said"),
    [
        (b"", b"", "no connection in time"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", b"", "the proxy lets nothing through: 403"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"\x16", "no connection: "),  # TLS begins
    ],
    ids=["silent", "refused", "not the target"],
)
def test_proxy(answer: bytes, then: bytes, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy is asked for a connection, and answers in time. It reads no request, and no error has its password."""
    asked = list[bytes]()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        asked.append(await reader.read(1))
        writer.close()
        ended.set()

    async def main() -> CallFailed:
        async with await asyncio.start_server(handle, "127.0.0.1", 0) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:password@127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
            timeouts = Timeouts(connect=0.5, answer=5)
            async with TriageClient(f"https://{host}", ApiKey("org_rehearsal"), timeouts=timeouts) as client:
                with pytest.raises(CallFailed) as caught:
                    await client.create_issue(b"{}")
            await ended.wait()
            return caught.value

    ended = asyncio.Event()
    host = f"triage-{len(said)}.example"  # one of its own: what the system says of proxies is asked once for a host
    failed = asyncio.run(main())
    assert asked[0].startswith(b"CONNECT %b:443 HTTP/1.1\r\n" % host.encode())
    assert b"org_rehearsal" not in asked[0]
    assert asked[1] == then
    assert failed.message.startswith(said)
    assert "password" not in failed.message
    assert failed.action is Action.RETRY


def test_redirect_is_not_followed() -> None:
    """A redirect ends the run: the key goes nowhere else."""
    server = RawServer((b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", False))
    assert asyncio.run(create(server, 1)) == [Action.STOP]


LONG = LONGEST_ANSWER + 1
BODY = OK.partition(b"\r\n\r\n")[2]


def packed(body: bytes) -> bytes:
    """An answer that is small on the wire."""
    body = gzip.compress(body)
    return b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


TOO_LONG: dict[str, Callable[[], bytes]] = {
    "by its length": lambda: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{" % LONG,
    "without a length": lambda: b"HTTP/1.1 200 OK\r\n\r\n" + bytes(LONG),
    "in chunks": lambda: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (2 * LONG) + bytes(LONG),
    "unpacked": lambda: packed(bytes(LONG)),
}


@pytest.mark.parametrize("answer", TOO_LONG.values(), ids=TOO_LONG)
def test_an_answer_that_is_too_long(answer: Callable[[], bytes]) -> None:
    """It is not read to its end, and a create's outcome is open."""
    error = fail(answer())
    assert error.action is Action.SETTLE
    assert "the answer is longer than 32 MB" in error.message


PACKED = "the answer can't be read: it is compressed as gzip, gzip, which nobody asked for"
TWICE = packed(gzip.compress(BODY))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (TWICE.replace(b": gzip", b": gzip, gzip"), PACKED),
        (TWICE.replace(b"ng: gzip", b"ng: gzip\r\nContent-Encoding: GZIP"), PACKED),
        (packed(BODY).replace(b": gzip", b": br"), PACKED.replace("gzip, gzip", "br")),
    ],
    ids=["in a line", "in two lines", "brotli"],
)
def test_what_is_not_unpacked(answer: bytes, said: str) -> None:
    """A few kilobytes of it may be gigabytes."""
    error = fail(answer)
    assert error.action is Action.SETTLE
    assert error.message == said


@pytest.mark.parametrize("coding", ["identity", "", "utf-8", "gzip, identity"])
def test_what_compresses_nothing(coding: str) -> None:
    """What stands there by mistake is passed over."""
    answer = packed(BODY) if "gzip" in coding else OK
    head, _, body = answer.replace(b"Content-Encoding: gzip\r\n", b"").partition(b"\r\n")
    answer = head + b"\r\nContent-Encoding: " + coding.encode() + b"\r\n" + body
    assert asyncio.run(create(RawServer((answer, False)), 1)) == [Action.DONE]


def test_a_long_answer() -> None:
    """Of some megabytes it is read, packed or not, with a length or without."""
    body = BODY + b" " * 3_000_000
    answers = (packed(body), b"HTTP/1.1 201 Created\r\n\r\n" + body)
    assert [asyncio.run(create(RawServer((answer, True)), 1)) for answer in answers] == [[Action.DONE]] * 2
