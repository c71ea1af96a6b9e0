"""Whom the calls go to, and the key that they carry."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from importer.errors import UsageError


class ApiKey:
    """The key, in a wrapper that shows it to nobody who doesn't ask by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        text = text.strip()
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise UsageError("The API key is empty or not one word of ASCII.", hint="Set BLAND_API_KEY to the key.")
        self._text = text

    def reveal(self) -> str:
        """Give the key itself, for the Authorization header."""
        return self._text

    def scrub(self, raw: bytes) -> bytes:
        """Take the key out of what a target echoes."""
        return raw.replace(self._text.encode(), b"***")

    def __repr__(self) -> str:
        return "ApiKey(***)"


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
