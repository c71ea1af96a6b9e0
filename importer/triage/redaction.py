"""Redaction: once a target has echoed the API key, it is taken out of everything that is shown or kept.

What a target answers is parsed as it came: a text with `***` in it would not be the text that is in Triage. So the
client notices an echo, and what writes to the screen, to a report or to the ledger calls `redact`.
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
T = TypeVar("T", str, bytes)

_ESCAPE = re.compile(
    rb"%(?P<url>[0-9a-fA-F]{2})"
    rb"|\\(?:u00(?P<json>[0-9a-fA-F]{2})|x(?P<python>[0-9a-fA-F]{2})|(?P<itself>/))"
    rb"|&#(?:[xX]0*(?P<html>[0-9a-fA-F]{1,2})|0*(?P<decimal>\d{1,3}));?"
    rb"|\0"
)
"""A sign that is written as URLs, JSON or HTML write it; and the NULs of UTF-16, which stand for nothing."""
_BACKSLASHED = re.compile(rb"\\(?:u00|x|/)")
_HEAD = 12
"""Bytes of a form that are looked for first: those of a whole one take three times as long."""
_BETWEEN = r"(?:\0|\\u0000|\\x00|%00)*"
"""What stands between two signs in UTF-16."""


class Secret:
    """A text that is found in every form in which it may be echoed.

    These are the text itself, as UTF-16 too, its hex and its base64, with each sign as JSON, URLs or HTML may write it.
    """

    def __init__(self, text: str) -> None:
        self._forms = sorted(_forms(text), key=len, reverse=True)
        self._plain = [form.encode() for form in self._forms]
        self._heads = [(form[:_HEAD], form) for form in self._plain]

    def is_in(self, raw: bytes) -> bool:
        """Whether it is in there, in any form; fast, as every answer is looked through."""
        if self._is_plain_in(raw):
            return True
        return _has_escape(raw) and self._is_plain_in(_ESCAPE.sub(_read, raw))

    def _is_plain_in(self, raw: bytes) -> bool:
        found = [form for head, form in self._heads if head in raw and form in raw]  # `any` takes twice as long
        return bool(found)

    def mask(self, value: T) -> T:
        """Replace it in any form."""
        if isinstance(value, str):
            return self._text.sub(MASK, value)
        return self._bytes.sub(MASK.encode(), value)

    # Compiled when the first text has to be masked: it takes a tenth of a second, and hardly a target echoes a key.

    @cached_property
    def _text(self) -> re.Pattern[str]:
        return re.compile(self._pattern())

    @cached_property
    def _bytes(self) -> re.Pattern[bytes]:
        return re.compile(self._pattern().encode())

    def _pattern(self) -> str:
        return "|".join(_BETWEEN.join(map(_in_any_writing, form)) for form in self._forms)


_echoed: dict[Secret, None] = {}


def note_echo(secret: Secret) -> None:
    """Take a secret out of everything that is shown or kept from now on."""
    _echoed[secret] = None


def redact(value: T) -> T:
    """Return a text without the secrets that were echoed."""
    for secret in _echoed:
        value = secret.mask(value)
    return value


def find_redaction() -> Callable[[T], T] | None:
    """Return `redact` once there is something to take out: the ledger asks for each statement."""
    return redact if _echoed else None


def _forms(text: str) -> set[str]:
    """Return the text, its hex, and its base64 at each offset within a longer text: that depends on it modulo 3."""
    code = text.encode().hex()
    forms = {text, html.escape(text), json.dumps(text)[1:-1], code, code.upper()}
    for before in ("", "x", "xx"):
        encoded = b64encode((before + text).encode()).decode()
        within = encoded[(8 * len(before) + 5) // 6 : (8 * (len(before) + len(text))) // 6]
        forms |= {within, within.replace("+", "-").replace("/", "_")}  # the latter in URLs
    return forms


def _has_escape(raw: bytes) -> bool:
    """Whether there may be an escape; single signs are asked for first, as they are found fast."""
    if b"%" in raw or b"\0" in raw or (b"&" in raw and b"&#" in raw):
        return True
    return b"\\" in raw and _BACKSLASHED.search(raw) is not None


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
