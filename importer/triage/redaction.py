"""Redaction: the API key is removed from everything that is shown or stored, whoever has written it there.

What a source says is sent, and what a target answers is parsed, as it came: a text with `***` in it would not be the
text that is in Triage. So what writes to the screen, to a report or to the ledger calls `redact`. The key of a sandbox
inside this process, which nobody else has, is only looked for once it was echoed.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

MASK = "***"
KEY_VARIABLE = "BLAND_API_KEY"
SHORTEST_KEY = 8
"""Characters of a key: a shorter one would be found in texts that have nothing to do with it."""
T = TypeVar("T", str, bytes)

_ESCAPE = re.compile(
    rb"%(?P<url>[0-9a-fA-F]{2})"
    rb"|\\(?:u00(?P<json>[0-9a-fA-F]{2})|x(?P<python>[0-9a-fA-F]{2})|(?P<itself>/))"
    rb"|&#(?:[xX]0*(?P<html>[0-9a-fA-F]{1,2})|0*(?P<decimal>\d{1,3}));?"
    rb"|\0"
)
"""A sign that is written as URLs, JSON or HTML write it; and the NULs of UTF-16, which stand for nothing."""
_PERCENT, _BACKSLASHED = re.compile(r"%(?:2[1-9A-Fa-f]|[013-7])"), re.compile(r"\\(?:u00|x|/)")
"""What an escaped sign of a key begins with, and no escaped blank or umlaut: found fast, as they begin alike."""
_BETWEEN = r"(?:\0|\\u0000|\\x00|%00)*"
"""What stands between two signs in UTF-16."""


class Secret:
    """A text that is shown by no repr, and that is found in every form in which it may be echoed.

    Whoever holds one in a variable gives it to no traceback that shows variables. Its forms are the text itself, as
    UTF-16 too, its hex and its base64, with each sign as JSON, URLs or HTML may write it.
    """

    def __init__(self, text: str) -> None:
        self._text = text.strip()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __len__(self) -> int:
        return len(self._text)

    def __repr__(self) -> str:
        return MASK

    def reveal(self) -> str:
        """Return the text itself, which no variable is to hold."""
        return self._text

    @cached_property
    def _forms(self) -> list[str]:
        return sorted(_forms(self._text), key=len, reverse=True)

    @cached_property
    def _plain(self) -> list[str]:
        return [_as_text(_encode(form)) for form in self._forms]

    @cached_property
    def _wide(self) -> set[str]:
        return {"\0".join(form[:2]) for form in self._plain}

    def is_in(self, raw: bytes) -> bool:
        """Whether the secret is in a text, in any form; fast, because every answer is searched for it."""
        text = _as_text(raw)
        if self._is_plain_in(text):
            return True
        has_escape = "&#" in text or ("\0" in text and any(map(text.__contains__, self._wide)))
        has_escape = has_escape or any(pattern.search(text) for pattern in (_PERCENT, _BACKSLASHED))
        return has_escape and self._is_plain_in(_as_text(_ESCAPE.sub(_read, raw)))

    def _is_plain_in(self, text: str) -> bool:
        return bool([form for form in self._plain if form in text])  # `any` takes twice as long

    def mask(self, value: T) -> T:
        """Replace the secret, in any form; a text without it is returned itself."""
        if isinstance(value, str):
            return self._in_texts.sub(MASK, value) if self.is_in(_encode(value)) else value
        return self._in_bytes.sub(MASK.encode(), value) if self.is_in(value) else value

    # Compiled when the first text has to be masked: it takes a tenth of a second, and hardly a target echoes a key.

    @cached_property
    def _in_texts(self) -> re.Pattern[str]:
        return re.compile(self._pattern())

    @cached_property
    def _in_bytes(self) -> re.Pattern[bytes]:
        return re.compile(_encode(self._pattern()))

    def _pattern(self) -> str:
        return "|".join(_BETWEEN.join(map(_in_any_writing, form)) for form in self._forms)


_echoed: dict[Secret, None] = {}


def note_echo(secret: Secret) -> None:
    """Remove a secret from everything that is shown or stored from now on; what is too short for a key is none."""
    if len(secret) >= SHORTEST_KEY:
        _echoed[secret] = None


def redact(value: T) -> T:
    """Return a text without the secrets; one that has none is returned itself."""
    for secret in _echoed:
        value = secret.mask(value)
    return value


def find_redaction() -> Callable[[T], T] | None:
    """Return `redact` once there is a secret to remove, otherwise None: the ledger asks before each statement."""
    return redact if _echoed else None


def _forms(text: str) -> set[str]:
    """Return the text, its hex, and its base64 at each offset within a longer text: that depends on it modulo 3."""
    code = _encode(text).hex()
    forms = {text, html.escape(text), json.dumps(text)[1:-1], code, code.upper()}
    for before in ("", "x", "xx"):
        encoded = b64encode(_encode(before + text)).decode()
        within = encoded[(8 * len(before) + 5) // 6 : (8 * (len(before) + len(text))) // 6]
        forms |= {within, within.replace("+", "-").replace("/", "_")}  # the latter in URLs
    return forms


def _encode(text: str) -> bytes:
    """Encode a text of any signs: an environment may have bytes that are no UTF-8."""
    return text.encode("utf-8", "surrogatepass")


def _as_text(raw: bytes) -> str:
    """Return bytes as a text with one character for each: a search in a text takes a fifth of the time."""
    return raw.decode("latin-1")


def _read(escape: re.Match[bytes]) -> bytes:
    for name, digits in escape.groupdict().items():
        if digits is not None:
            if name == "itself":
                return digits
            return bytes([int(digits, 10 if name == "decimal" else 16) & 0xFF]).strip(b"\0")
    return b""


def _in_any_writing(sign: str) -> str:
    number = ord(sign)
    escaped = rf"%{number:02x}|\\u{number:04x}|\\x{number:02x}|&#0*{number};?|&#x0*{number:x};?"
    return rf"(?:\\?{re.escape(sign)}|(?i:{escaped}))"
