"""What identifies the comments of a row, so that none is sent twice and none is taken for another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

import orjson

from importer.row.comment_entries import Entry
from importer.row.remembered import Remembered


class Identifier:
    """Gives the comments of a row their ids. A discussion has few authors, and days: each is quoted once."""

    def __init__(self) -> None:
        self._quoted = Remembered[str, bytes](_quote)

    def identify(self, entries: Sequence[Entry]) -> list[tuple[str, str]]:
        """(id, content) of each comment: `content` is "" unless the source has an id of its own for it.

        By the text as the source has it: a better conversion must not make another comment of it.
        """
        quoted = self._quoted
        written = [b"[%b, %b, %b" % (quoted[entry.author], quoted[entry.date], _quote(entry.text)) for entry in entries]
        contents = _hash(written)
        source_ids = [entry.id.strip() for entry in entries]
        if not any(source_ids):
            return [(content, "") for content in contents]
        hashed_ids = iter(_hash([b"[" + _quote(source_id) for source_id in source_ids if source_id]))
        names: list[tuple[str, str]] = []
        for source_id, content in zip(source_ids, contents, strict=True):
            names.append((next(hashed_ids), content) if source_id else (content, ""))
        return names


def _quote(text: str) -> bytes:
    """A text in JSON, in ASCII; what is ASCII already orjson writes in the same way, but for DEL, and far faster."""
    if text.isascii() and "\x7f" not in text:
        return orjson.dumps(text)
    return json.encoder.encode_basestring_ascii(text).encode()


def _hash(written: Sequence[bytes]) -> list[str]:
    """The first digits of a hash of each of these texts in JSON, and of its number among equal ones.

    A comment's content is one of its author, date and text in the source, its id one of the source's own.
    """
    numbers: dict[bytes, int] = {}
    hashes: list[str] = []
    for text in written:
        numbers[text] = number = numbers.get(text, 0) + 1
        hashes.append(sha256(b"%b, %d]" % (text, number)).hexdigest()[:16])
    return hashes
