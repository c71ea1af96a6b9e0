"""The HTTP transport: httpx's interface over aiohttp's connections, which never resends a POST."""

from __future__ import annotations

import urllib.request
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import NamedTuple

import aiohttp
import httpx
import yarl
from multidict import CIMultiDict

from importer.triage.target import is_loopback

LONGEST_ANSWER = 32_000_000
"""Bytes that are read of an answer: five times a list of a hundred issues whose descriptions are all escapes."""


PIECE = 4096
"""Bytes of a compressed answer that are unpacked at a time: they may become a thousand times as many."""


def too_long() -> httpx.DecodingError:
    """Return the error for an answer that is longer than LONGEST_ANSWER, compressed or not."""
    return httpx.DecodingError(f"the answer is longer than {LONGEST_ANSWER // 1_000_000} MB")


class Plain(httpx.ByteStream):
    """An answer that is there as a whole, and that nobody has compressed."""


class _Pieces(httpx.AsyncByteStream):
    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for first in range(0, len(self._raw), PIECE):
            yield self._raw[first : first + PIECE]


class Timeouts(NamedTuple):
    """Seconds to connect, and to send a request and read its answer."""

    connect: float = 10.0
    answer: float = 30.0


class AiohttpTransport(httpx.AsyncBaseTransport):
    """httpx's transport interface over aiohttp.

    Honours HTTPS_PROXY, ALL_PROXY and NO_PROXY, except for loopback addresses, but no .netrc. Trusts the certificates
    of Python's default TLS context, follows no redirects and keeps no cookies.
    """

    def __init__(self, timeouts: Timeouts) -> None:
        # One total timeout, as aiohttp has none for writing; each further timer costs 5 µs a request.
        self._timeout = aiohttp.ClientTimeout(total=timeouts.connect + timeouts.answer, sock_connect=timeouts.connect)
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; a POST or PATCH leaves only once. Raises httpx's exceptions, and no others of the network."""
        session = self._session = self._session or self._open()
        try:
            answer = await session.request(
                request.method,
                yarl.URL(str(request.url), encoded=True),
                data=request.read() or None,
                headers=_headers_of(tuple(request.headers.raw)),
                proxy=_proxy_for(request.url.scheme, request.url.host),
                allow_redirects=False,
            )
            try:
                raw = await _read(answer)
            finally:
                answer.release()
            stream = _Pieces(raw) if "Content-Encoding" in answer.headers else Plain(raw)
            return httpx.Response(answer.status, headers=answer.raw_headers, stream=stream, request=request)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise _translate(error)(_describe(error), request=request) from error

    def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            # No limit on connections: the callers limit how many requests are under way.
            connector=aiohttp.TCPConnector(limit=0),
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # httpx.Response does
        )

    async def aclose(self) -> None:
        """Close the kept connections."""
        if self._session is not None:
            await self._session.close()


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """Read an answer. Raises DecodingError where it is too long, without reading on."""
    if answer.content_length is not None and answer.content_length <= LONGEST_ANSWER:
        return await answer.read()
    parts, size = [], answer.content_length or 0
    while size <= LONGEST_ANSWER and (part := await answer.content.readany()):
        parts.append(part)
        size += len(part)
    if size > LONGEST_ANSWER:
        answer.close()
        raise too_long()
    return b"".join(parts)


@lru_cache(maxsize=8)  # all requests of a client have the same few
def _headers_of(raw: tuple[tuple[bytes, bytes], ...]) -> CIMultiDict[str]:
    return CIMultiDict((name.decode(), value.decode()) for name, value in raw)


@lru_cache(maxsize=8)
def _proxy_for(scheme: str, host: str) -> str | None:
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(scheme) or proxies.get("all")


TRANSLATIONS: tuple[tuple[type[Exception], type[httpx.RequestError]], ...] = (
    # First match wins, so subclasses come before their bases.
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (TimeoutError, httpx.ReadTimeout),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.NonHttpUrlClientError, httpx.UnsupportedProtocol),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
    (Exception, httpx.ReadError),
)


def _describe(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionRefusedError):
        return f"nothing listens on {error.host}:{error.port}"
    return str(error)


def _translate(error: Exception) -> type[httpx.RequestError]:
    return next(httpx_error for aiohttp_error, httpx_error in TRANSLATIONS if isinstance(error, aiohttp_error))
