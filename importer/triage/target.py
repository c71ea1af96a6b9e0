"""The target: its normalised URL, its name in the ledger, and the API key in a wrapper that doesn't print it."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from importer.errors import UsageError

SANDBOX_PREFIX = "sandbox:"
"""How the name of a target begins that is a sandbox inside this process."""


class ApiKey:
    """The API key. It appears in no repr and no message; only `reveal` returns it."""

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
        """Return the key itself, for the Authorization header."""
        return self._text

    def scrub(self, raw: bytes) -> bytes:
        """Replace the key in an answer that echoes it by `***`: as it is, and as JSON, URLs and base64 encode it."""
        for way in self._ways:
            raw = raw.replace(way, b"***")
        return self._escaped.sub(b"***", raw) if b"\\u00" in raw else raw

    def __repr__(self) -> str:
        return "ApiKey(***)"


def _write_all_ways(key: str) -> list[bytes]:
    """Return the encodings in which a key may appear in an answer, the longest first."""
    ways = {key, quote(key, safe=""), quote(key), key.replace("/", "\\/")}
    for before in ("", "x", "xx"):  # within a longer text, base64 depends on the offset modulo 3
        encoded = b64encode((before + key).encode()).decode()
        ways.add(encoded[(8 * len(before) + 5) // 6 : (8 * (len(before) + len(key))) // 6])
    return [way.encode() for way in sorted(ways, key=len, reverse=True)]


def normalise_target(url: str) -> str:
    """Return a base URL in the normal form by which the ledger knows the target.

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
    """Whether a host name or address means this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True)
class Target:
    """Where issues are sent. `url` is the base URL; `name` identifies it in the ledger: the URL, or `sandbox:FILE`."""

    url: str
    name: str
    api_key: ApiKey

    @property
    def is_shared(self) -> bool:
        """Whether another process may send to it at the same time, as to any but a sandbox inside this one."""
        return not self.name.startswith(SANDBOX_PREFIX)
