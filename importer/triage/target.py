"""The target: its normalised URL, its name in the ledger, and the API key in a wrapper that doesn't print it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from importer.api import DEFAULT_URL
from importer.errors import UsageError
from importer.records import SANDBOX_PREFIX
from importer.triage.redaction import KEY_VARIABLE, SHORTEST_KEY, Secret, note_echo


class ApiKey:
    """The API key. It appears in no repr and no message; only `reveal` returns it.

    `origin` is where it was read. Raises UsageError for what can be no key; the message doesn't have it.
    """

    __slots__ = ("_secret", "origin")

    def __init__(self, key: Secret | str, origin: str = KEY_VARIABLE) -> None:
        self._secret, self.origin = key if isinstance(key, Secret) else Secret(key), origin
        hint = "Set BLAND_API_KEY to the key."
        if not _is_word(self._secret.reveal()):
            raise UsageError("The API key is empty or not one word of ASCII.", hint=hint)
        if len(self._secret) < SHORTEST_KEY:
            reason = "it couldn't be told from ordinary words, and masked, in what is shown"
            raise UsageError(f"The API key has fewer than {SHORTEST_KEY} characters: {reason}.", hint=hint)

    def reveal(self) -> str:
        """Return the key itself, for the Authorization header."""
        return self._secret.reveal()

    def hide(self) -> None:
        """Leave the key out of everything that is shown or kept from now on."""
        note_echo(self._secret)

    def watch(self, raw: bytes) -> None:
        """Look for the key in an answer: what a target echoes is in nothing that is shown or kept from then on."""
        if self._secret.is_in(raw):
            self.hide()

    def mask(self, raw: bytes) -> bytes:
        """Return what a target said, without the key: to be shown, not to be parsed."""
        return self._secret.mask(raw)

    def __repr__(self) -> str:
        return "ApiKey(***)"


def _is_word(text: str) -> bool:
    return text != "" and text.isascii() and text.isprintable() and " " not in text


def normalise_target(url: str) -> str:
    """Return a base URL in the normal form by which the ledger knows the target.

    Raises:
        UsageError: not https (or http on loopback), or with user, query or fragment.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
        _check_host(url.strip())
    except (ValueError, httpx.InvalidURL) as error:
        problem = f"{url!r} is not a URL: {error}"
        if "@" in url:  # there may be a password in it
            problem = "This is not a URL"
        raise UsageError(f"{problem}.", hint=f"Try --api-url {DEFAULT_URL}") from error
    if parts.username or parts.password or parts.query or parts.fragment or not host:
        hint = f"Give scheme, host and perhaps a port and path: --api-url {DEFAULT_URL}"
        raise UsageError(f"A target with the host {host!r} has parts missing or too many.", hint=hint)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        hint = f"Try --api-url https://{host}"
        raise UsageError(f"{parts.scheme}://{host} would send the API key unencrypted.", hint=hint)
    name = f"[{host}]" if ":" in host else host
    suffix = "" if port in (None, {"http": 80, "https": 443}[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{name}{suffix}{parts.path.rstrip('/')}"


def _check_host(url: str) -> None:
    """Raise ValueError or httpx.InvalidURL where nobody could connect to the host of a URL, if it has one."""
    parsed = httpx.URL(url)
    if parsed.host:  # reading it decodes what is written as `xn--…`
        parsed.raw_host.decode().encode("idna")  # as the resolver does, which wants 1 to 63 characters between two dots


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
