"""What is said of connections and answers that are none."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl

import pytest
import trustme

from importer.triage.actions import Action, CallFailed
from importer.triage.client import TriageClient
from importer.triage.target import ApiKey
from tests.harness.fake_triage import answer_bytes
from tests.harness.raw_server import fail

OK = answer_bytes(1)


def test_nobody_listens() -> None:
    """A refused connection was never a request, and says so in plain words."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        async def main() -> None:
            async with TriageClient(f"http://127.0.0.1:{port}", ApiKey("org_rehearsal")) as client:
                await client.create_issue(b"{}")

        with pytest.raises(CallFailed) as caught:
            asyncio.run(main())
    assert caught.value.action is Action.RETRY
    assert caught.value.message == f"no connection: nothing listens on 127.0.0.1:{port}"


def ask_over_tls(context: ssl.SSLContext | None) -> str:
    """Ask what listens on a socket, with TLS or without; give what is said of the failure, without the port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 welcome\r\n")
        writer.close()

    async def main() -> str:
        async with await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context) as listening:
            port = listening.sockets[0].getsockname()[1]
            async with TriageClient(f"https://127.0.0.1:{port}", ApiKey("org_rehearsal")) as client:
                with pytest.raises(CallFailed) as caught:
                    await client.create_issue(b"{}")
        assert caught.value.action is Action.RETRY
        return caught.value.message.replace(str(port), "PORT")

    return asyncio.run(main())


def test_a_certificate_of_nobody() -> None:
    """An authority that isn't known is told, and how to make it known: companies look into what leaves them."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    assert ask_over_tls(context) == (
        "no connection: the certificate of 127.0.0.1:PORT is not valid: unable to get local issuer certificate; "
        "SSL_CERT_FILE=FILE names the certificates of a company's own authority"
    )


def test_no_tls() -> None:
    """What answers without TLS is told in plain words."""
    assert ask_over_tls(None) == "no connection: 127.0.0.1:PORT doesn't speak TLS as it should: wrong version number"


HEAD = b"HTTP/1.1 201 Created\r\n"
NO_HTTP = r"the answer can't be read: it is no proper HTTP \([A-Z][^\n:'\"]*\)"
"""The words in brackets are the parser's, of which each version has its own; the bytes that they are about are gone."""
IMPROPER = {
    "a long line": (
        HEAD + b"X: " + b"a" * 10_000 + b"\r\n\r\n",
        NO_HTTP,
    ),
    "a broken line": (
        HEAD + b"X\x00: a\r\n\r\n",
        NO_HTTP,
    ),
    "no HTTP": (b"ICY 200 OK\r\n\r\n", NO_HTTP),
    "a broken chunk": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        NO_HTTP,
    ),
    "no end": (OK[:-20], "the connection broke off: the answer is not whole"),
    "no end of its head": (OK[:40], "the connection broke off: the answer is not whole"),
    "nothing": (b"", "the connection broke off: Server disconnected"),
}


@pytest.mark.parametrize(("answer", "said"), IMPROPER.values(), ids=IMPROPER)
def test_an_improper_answer(answer: bytes, said: str) -> None:
    """It leaves a create's outcome open, and is told in words, without Python's own."""
    error = fail(answer, cut=True)
    assert error.action is Action.SETTLE
    assert re.fullmatch(said, error.message)
