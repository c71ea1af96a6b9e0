"""A pull parser for JSON documents of any size, which reads them in small pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from json import JSONDecodeError
from typing import Any, NoReturn, TextIO

from importer.errors import SourceError
from importer.sources.files import LONGEST, cut_off, too_long
from importer.sources.json_values import decoder, lenient_decoder
from importer.sources.paging import Pages

PIECE_CHARACTERS = 64 * 1024
PIECES_AT_ONCE = 4
"""Of an object or array that is read as a whole where nobody needs it; a bigger one is gone through part by part."""

BIG = object()
SPACE = re.compile(r"[ \t\r\n]*")

# The end of a text that is cut inside a word, a number or a \uXXXX escape.
HALF_TOKEN = re.compile(r"t(ru?)?|f(a(ls?)?)?|n(ul?)?|-|\.|[eE][+-]?|u[0-9a-fA-F]{0,4}")

# The most characters that the parser takes at once: a pair of \uXXXX escapes.
TOKEN_CHARACTERS = 12

# The characters behind a whole number that make it a longer one: `e+5`.
NUMBER_CHARACTERS = 3


def ends_inside(text: str, position: int, reason: str) -> bool:
    """Whether an invalid text ends inside a value, judging by the position and the message of the parser's error."""
    rest = text[position : position + TOKEN_CHARACTERS]
    return not rest or HALF_TOKEN.fullmatch(rest) is not None or reason.startswith("Unterminated string")


def explain(text: str, position: int, reason: str) -> str:
    """Say what is wrong at a position, by the message of the parser's error."""
    is_python = text.startswith(("'", "None", "True", "False"), position)
    return "it is as Python prints it: write it with json.dumps" if is_python else reason


class Document:
    """A position in a JSON document, from which every method reads on. `line` is its physical line, from 1.

    `pages` learns what the document says beside its records.

    Every method raises SourceError if the document is damaged, SourceNotReady if it is cut off.
    """

    def __init__(self, text: TextIO, name: str, piece: int = PIECE_CHARACTERS, *, pages: Pages | None = None) -> None:
        self.name, self.line = name, 1
        self.pages = pages or Pages()
        self._text = text
        self._piece = piece
        self._buffer = ""
        self._place = 0
        self._before_line = 0  # characters of the current line that have left the buffer

    def peek(self) -> str:
        """Skip white space and return the next character, "" at the end of the document."""
        while True:
            space = SPACE.match(self._buffer, self._place)
            self._move(space.end() if space else self._place)
            if self._place < len(self._buffer):
                return self._buffer[self._place]
            if not self._read_on():
                return ""

    def peek_within(self) -> str:
        """Return the first character within the array or object that comes next, which stays unread; "" at the end."""
        self.peek()
        while True:
            space = SPACE.match(self._buffer, self._place + 1)
            if space and space.end() < len(self._buffer):
                return self._buffer[space.end()]
            if not self._read_on():
                return ""

    def value(self) -> tuple[Any, str]:
        """Read one value; return it and its raw text."""
        self.peek()
        while True:
            try:
                value, end = self._decode()
            except JSONDecodeError as error:
                if not (self._is_cut(error) and self._read_on()):
                    self._damaged(error.pos, error.msg)
            except RecursionError:
                self._damaged(self._place, "nested too deeply")
            else:
                # A number at the end of the buffer may continue: `1` may be `1e+5`.
                if end + NUMBER_CHARACTERS <= len(self._buffer) or not self._read_on():
                    raw = self._buffer[self._place : end]
                    self._move(end)
                    return value, raw

    def _decode(self) -> tuple[Any, int]:
        try:
            return decoder.raw_decode(self._buffer, self._place)
        except JSONDecodeError as error:
            if self._buffer[error.pos : error.pos + 1] != "\0":
                raise
            # A NUL in a string concerns its record, not the whole document.
            return lenient_decoder.raw_decode(self._buffer, self._place)

    def members(self) -> Iterator[str]:
        """Read an object: yield each key, before its value; the caller must read or skip the value."""
        self._take("{")
        if self.peek() != "}":
            while True:
                key, _ = self.value()
                if not isinstance(key, str):
                    self._damaged(self._place, "a key must be a text")
                self._take(":")
                self.peek()
                yield key
                if self.peek() == "}":
                    break
                self._take(",")
        self._take("}")

    def elements(self) -> Iterator[str]:
        """Read an array: yield the first character before each value; the caller must read or skip the value."""
        self._take("[")
        if self.peek() != "]":
            while True:
                yield self.peek()
                if self.peek() == "]":
                    break
                self._take(",")
        self._take("]")

    def skip(self) -> None:
        """Skip one value, without holding a big one in memory."""
        try:
            self._skip()
        except RecursionError:
            self._damaged(self._place, "nested too deeply")

    def _skip(self) -> None:
        first = self.peek()
        if first not in ("{", "["):
            self.value()
        elif self._at_once() is BIG:
            for _ in self.members() if first == "{" else self.elements():
                self._skip()

    def abridged(self, most: int) -> Any:
        """Read one value; of each array within a big one, only this many elements are kept."""
        try:
            return self._abridged(most)
        except RecursionError:
            self._damaged(self._place, "nested too deeply")

    def _abridged(self, most: int) -> Any:
        first = self.peek()
        if first not in ("{", "["):
            return self.value()[0]
        if (value := self._at_once()) is not BIG:
            return value
        if first == "{":
            return {key: self._abridged(most) for key in self.members()}
        kept: list[Any] = []
        for _ in self.elements():
            if len(kept) < most:
                kept.append(self._abridged(most))
            else:
                self._skip()
        return kept

    def _at_once(self) -> Any:
        """Read an object or an array; return BIG, and stay before it, if it is too big to be held, or damaged."""
        while True:
            try:
                value, end = self._decode()
            except RecursionError:
                return BIG
            except JSONDecodeError as error:
                small = len(self._buffer) - self._place < PIECES_AT_ONCE * self._piece
                if not (small and self._is_cut(error) and self._read_on()):
                    return BIG  # its parts are gone through, which also finds where it is damaged
            else:
                self._move(end)
                return value

    def end(self) -> None:
        """Raise SourceError if anything but white space follows."""
        if self.peek():
            raise SourceError(
                f"{self.name}:{self.line}: has more text after the end of its JSON document.",
                hint="Remove what follows, or name the file's format: --format jsonl or csv",
            )

    def _take(self, character: str) -> None:
        if self.peek() != character:
            self._damaged(self._place, f"expected {character}")
        self._move(self._place + 1)

    def _move(self, place: int) -> None:
        self.line += self._buffer.count("\n", self._place, place)
        self._place = place

    def _read_on(self) -> bool:
        # At least double the buffer, so that a long value is parsed again only a few times.
        rest = len(self._buffer) - self._place
        if rest >= LONGEST:
            raise too_long(self.name, self.line, "value")
        more = self._text.read(max(self._piece, min(rest, LONGEST - rest)))
        if not more:
            return False
        line_start = self._buffer.rfind("\n", 0, self._place) + 1
        self._before_line = self._place - line_start + (0 if line_start else self._before_line)
        self._buffer = self._buffer[self._place :] + more
        self._place = 0
        return True

    def _is_cut(self, error: JSONDecodeError) -> bool:
        """Whether the error may only be the end of the buffer; a damaged document is not read on."""
        near_end = error.pos >= len(self._buffer) - TOKEN_CHARACTERS
        return near_end or error.msg.startswith("Unterminated string")

    def _damaged(self, position: int, reason: str) -> NoReturn:
        line = self.line + self._buffer.count("\n", self._place, position)
        start = self._buffer.rfind("\n", 0, position) + 1
        column = position - start + 1 + (0 if start else self._before_line)
        if ends_inside(self._buffer, position, reason) and not self._text.read(1):
            raise cut_off(self.name, f"inside its JSON document (line {line:,})")
        raise SourceError(
            f"{self.name}:{line}: column {column:,} is not valid JSON: {explain(self._buffer, position, reason)}.",
            hint="Correct the file there, or export it again.",
        )
