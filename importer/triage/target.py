"""Where requests go, what the ledger calls that place, and the API key."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from importer.errors import UsageError


class ApiKey:
    """The key, in a wrapper that shows it to nobody who doesn't ask by name."""

    __slots__ = ("_escaped", "_text", "_ways")

    def __init__(self, text: str) -> None:
        text = text.strip()
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise UsageError("The API key is empty or not one word of ASCII.", hint="Set BLAND_API_KEY to the key.")
        self._text = text
        self._ways = _write_all_ways(text)
        signs = (rf"(?:{re.escape(sign)}|(?i:\\u{ord(sign):04x})|\\{re.escape(sign)})" for sign in text)
        self._escaped = re.compile("".join(signs).encode())

    def reveal(self) -> str:
        """Give the key itself, for the Authorization header."""
        return self._text

    def scrub(self, raw: bytes) -> bytes:
        """Take the key out of what a target echoes: as it is written, and as JSON, URLs and base64 write it."""
        for way in self._ways:
            raw = raw.replace(way, b"***")
        return self._escaped.sub(b"***", raw) if b"\\u00" in raw else raw

    def __repr__(self) -> str:
        return "ApiKey(***)"


def _write_all_ways(key: str) -> list[bytes]:
    """Write a key in the ways in which it may stand in an answer, the longest first."""
    ways = {key, quote(key, safe=""), quote(key), key.replace("/", "\\/")}
    for before in ("", "x", "xx"):  # in the base64 of a longer text it begins at one of three places
        encoded = b64encode((before + key).encode()).decode()
        ways.add(encoded[(8 * len(before) + 5) // 6 : (8 * (len(before) + len(key))) // 6])
    return [way.encode() for way in sorted(ways, key=len, reverse=True)]


def normalise_target(url: str) -> str:
    """Bring a base URL into the one form that the ledger knows it by.

    Raises:
        UsageError: not https (or http on loopback), or with user, query or fragment.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is not a URL: {error}.", hint="Try --api-url https://api.bland.ai") from error
    if parts.username or parts.password or parts.query or parts.fragment or not host:
        hint = "Give scheme, host and perhaps a port and path: --api-url https://api.bland.ai"
        raise UsageError(f"A target with the host {host!r} has parts missing or too many.", hint=hint)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        hint = f"Try --api-url https://{host}"
        raise UsageError(f"{parts.scheme}://{host} would send the API key unencrypted.", hint=hint)
    name = f"[{host}]" if ":" in host else host
    suffix = "" if port in (None, {"http": 80, "https": 443}[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{name}{suffix}{parts.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Whether a host, by name or address, is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True)
class Target:
    """Where issues go. `name` is what the ledger calls it: the normalised URL, or `sandbox:FILE`."""

    url: str
    name: str
    api_key: ApiKey
