"""The HTTP transport: httpx's interface over aiohttp's connections, which never resends a request."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple

import aiohttp
import httpx
import yarl
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage

from importer.triage.proxies import find_proxy

LONGEST_ANSWER = 32_000_000
"""Bytes that are read of an answer: five times a list of a hundred issues whose descriptions are all escapes."""


OUR_HEADERS = (b"host", b"content-length")
"""Headers that follow from the rest of a request, and that httpx gives some requests, not all."""

PIECE = 4096
"""Bytes of a compressed answer that are unpacked at a time: they may become a thousand times as many."""


def too_long() -> httpx.DecodingError:
    """Return the error for an answer that is longer than LONGEST_ANSWER, compressed or not."""
    return httpx.DecodingError(f"the answer is longer than {LONGEST_ANSWER // 1_000_000} MB")


class Plain(httpx.ByteStream):
    """A complete, uncompressed answer."""


class _Written(bytes):
    """A request as it goes over the wire: its head has the API key, which a traceback with variables is not to show."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


class _Pieces(httpx.AsyncByteStream):
    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for first in range(0, len(self._raw), PIECE):
            yield self._raw[first : first + PIECE]


CODINGS = ("gzip", "deflate", "br", "zstd")
"""How an answer may be compressed that httpx unpacks; what else is said to be a coding, it passes over."""
UNPACKED = CODINGS[:2]
"""Those of them, each by itself, that are unpacked piece by piece, though none was asked for."""


Answer = tuple[RawResponseMessage, bytes]
"""The head of an answer, and its body."""


class Timeouts(NamedTuple):
    """Seconds to connect, and to send a request and read its answer."""

    connect: float = 10.0
    answer: float = 40.0


@dataclass(slots=True)
class _Due:
    """When an answer must be there, by the event loop's clock, and its body once that has begun."""

    at: float
    body: aiohttp.StreamReader | None = None


class AiohttpTransport(httpx.AsyncBaseTransport):
    """httpx's transport interface over aiohttp's pool of connections and its parser.

    Not over its session, which takes three times as long for a request: it makes a dozen objects, and a task to write
    the body. Honours HTTPS_PROXY, ALL_PROXY and NO_PROXY, except for loopback addresses, but no .netrc. Trusts the
    certificates of Python's default TLS context, follows no redirects and keeps no cookies.
    """

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeout = aiohttp.ClientTimeout(connect=timeouts.connect, sock_connect=timeouts.connect)
        self._answer_seconds = timeouts.answer
        self._connector: aiohttp.TCPConnector | None = None
        self._openings: dict[bytes, aiohttp.ClientRequest] = {}  # by host and port: what aiohttp connects for
        self._due: dict[Connection, _Due] = {}  # the first one is due first
        self._timer: asyncio.TimerHandle | None = None  # one for all: a timer for each request takes 8 µs

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, once and as a whole. Raises httpx's exceptions, and no others of the network."""
        connection: Connection | None = None
        try:
            host = request.url.netloc
            written = _as_written(request, host)
            connection = await self._connect(request.url, host)
            message, raw = await self._exchange_in_time(connection, written)
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:  # TimeoutError is an OSError
            raise translate(error, is_connected=connection is not None)(describe(error), request=request) from error
        stream = _packed(message, raw) if "Content-Encoding" in message.headers else Plain(raw)
        return httpx.Response(message.code, headers=message.raw_headers, stream=stream, request=request)

    async def _exchange_in_time(self, connection: Connection, written: bytes) -> Answer:
        """Exchange a request, as it is written, for its answer. Raises TimeoutError if that takes too long."""
        loop = asyncio.get_running_loop()
        due = self._due[connection] = _Due(loop.time() + self._answer_seconds)
        self._timer = self._timer or loop.call_later(self._answer_seconds, self._break_off)
        try:
            answer = await _exchange(connection, written, due)
        except (aiohttp.ClientError, OSError) as error:
            if connection not in self._due:
                raise TimeoutError from error
            raise
        else:
            if connection not in self._due:  # an answer without a length seems to end where it is broken off
                raise TimeoutError
            return answer
        finally:
            self._due.pop(connection, None)

    def _break_off(self) -> None:
        """End the connections whose answers are overdue, and look again when the next one may be."""
        loop, self._timer = asyncio.get_running_loop(), None
        for connection, due in tuple(self._due.items()):
            if due.at > loop.time():
                self._timer = loop.call_at(due.at, self._break_off)
                return
            del self._due[connection]
            if connection.transport is not None:
                connection.transport.abort()
            if due.body is not None:  # once aiohttp's parser has failed, nothing else wakes whoever reads it
                due.body.set_exception(TimeoutError())

    async def _connect(self, url: httpx.URL, host: bytes) -> Connection:
        # No limit on connections: the callers limit how many requests are under way.
        connector = self._connector = self._connector or aiohttp.TCPConnector(limit=0)
        opening = self._openings.get(host) or self._open(url, host)
        while True:
            connection = await connector.connect(opening, [], self._timeout)
            # An answer that came while it was kept answers no request of ours, and would be taken for the next one's.
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()

    def _open(self, url: httpx.URL, host: bytes) -> aiohttp.ClientRequest:
        origin, proxy = yarl.URL(str(url), encoded=True), find_proxy(url.scheme, url.host)
        opening = self._openings[host] = aiohttp.ClientRequest("GET", origin, proxy=proxy)
        return opening

    async def aclose(self) -> None:
        """Close the kept connections."""
        if self._timer is not None:
            self._timer.cancel()
        if self._connector is not None:
            await self._connector.close()


async def _exchange(connection: Connection, written: bytes, due: _Due) -> Answer:
    """Write a request and read its answer, after which the connection is kept, or else closed."""
    try:
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None:
            raise aiohttp.ServerDisconnectedError
        protocol.set_response_params(read_until_eof=True, auto_decompress=False)  # httpx.Response does that
        transport.write(written)
        message, content = await protocol.read()
        while 100 <= message.code < 200 and message.code != 101:  # an answer is still to come
            message, content = await protocol.read()
        due.body = content
        raw = await _read(content, int(message.headers.get("Content-Length", 0)))
    # Its answer may still come, and must not be taken for that of the next request.
    except BaseException:
        connection.close()
        raise
    connection.release()
    return message, raw


def _packed(message: RawResponseMessage, raw: bytes) -> httpx.AsyncByteStream:
    """Return the body of an answer that may be compressed. Raises DecodingError where a piece may become any size."""
    words = ",".join(message.headers.getall("Content-Encoding")).lower().split(",")
    codings = [coding for coding in map(str.strip, words) if coding in CODINGS]
    if not codings:
        return Plain(raw)
    if len(codings) > 1 or codings[0] not in UNPACKED:
        raise httpx.DecodingError(f"it is compressed as {', '.join(codings)}, which nobody asked for")
    return _Pieces(raw)


def _as_written(request: httpx.Request, host: bytes) -> _Written:
    """Return a request as it goes over the wire, with its head and body in one."""
    assert isinstance(request.stream, httpx.SyncByteStream)  # `read` asks `typing`, which takes 5 µs
    body = b"".join(request.stream)
    lines = [b"%b: %b\r\n" % pair for pair in request.headers.raw if pair[0].lower() not in OUR_HEADERS]
    if body:
        lines.append(b"Content-Length: %d\r\n" % len(body))
    head = b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (request.method.encode(), request.url.raw_path, host)
    return _Written(b"%b%b\r\n%b" % (head, b"".join(lines), body))


async def _read(content: aiohttp.StreamReader, size: int) -> bytes:
    """Read an answer that says to have this size. Raises DecodingError where it is too long, without reading on."""
    parts = []
    received = 0
    while max(size, received) <= LONGEST_ANSWER and (part := await content.readany()):
        parts.append(part)
        received += len(part)
    if max(size, received) > LONGEST_ANSWER:
        raise too_long()
    return b"".join(parts)


TRANSLATIONS: tuple[tuple[type[Exception], type[httpx.RequestError]], ...] = (
    # First match wins, so subclasses come before their bases.
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (TimeoutError, httpx.ReadTimeout),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (HttpProcessingError, httpx.DecodingError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
    (Exception, httpx.ReadError),
)


def translate(error: Exception, *, is_connected: bool) -> type[httpx.RequestError]:
    """Return httpx's class for an error; without a connection no request has left."""
    if isinstance(error, TimeoutError) and not is_connected:
        return httpx.ConnectTimeout
    return next(httpx_error for aiohttp_error, httpx_error in TRANSLATIONS if isinstance(error, aiohttp_error))


UNKNOWN_AUTHORITY = range(18, 22)
"""OpenSSL's codes for a certificate that is signed by itself, or by an authority that isn't known."""


BYTES = re.compile(r":?\s*(?:\n|b['\"])")
"""What the parser's own words end with: behind it are the bytes that they are about."""


def describe(error: Exception) -> str:
    """Say in words what happened, unless the error's class says it."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return _explain(error)
    if isinstance(error, aiohttp.ClientHttpProxyError):  # its own text has the proxy's address, with the password
        return f"{error.status} {error.message}"
    if isinstance(error, HttpProcessingError):  # its own text has the bytes as Python writes them, and a status 400
        return f"it is no proper HTTP ({BYTES.split(error.message)[0]})"
    if isinstance(error, aiohttp.ClientPayloadError) or isinstance(getattr(error, "message", ""), RawResponseMessage):
        return "the answer is not whole"
    return str(error)


def _explain(error: aiohttp.ClientConnectorError) -> str:
    """Why there is no connection, without the names of Python's and aiohttp's errors."""
    place = f"[{error.host}]:{error.port}" if ":" in error.host else f"{error.host}:{error.port}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
        assert isinstance(cause, ssl.SSLCertVerificationError)  # aiohttp catches nothing else there
        advice = "; SSL_CERT_FILE=FILE names the certificates of a company's own authority"
        is_unknown = cause.verify_code in UNKNOWN_AUTHORITY
        return f"the certificate of {place} is not valid: {cause.verify_message}{advice if is_unknown else ''}"
    cause = error.os_error
    if isinstance(cause, ConnectionRefusedError):
        return f"nothing listens on {place}"
    if isinstance(cause, ssl.SSLError):
        return f"{place} doesn't speak TLS as it should: {(cause.reason or str(cause)).replace('_', ' ').lower()}"
    return f"{place}: {cause.strerror or cause}"
