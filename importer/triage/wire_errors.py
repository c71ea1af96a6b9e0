"""Translates the errors of aiohttp's connections and parser into httpx's, and into words for people."""

from __future__ import annotations

import re
import ssl

import aiohttp
import httpx
from aiohttp.http import HttpProcessingError, RawResponseMessage

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
