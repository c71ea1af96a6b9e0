"""Decoding files without guessing: by a byte order mark, else as the user says, else as UTF-8."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple, TextIO

from importer.errors import SourceError, SourceNotReady, UsageError
from importer.sources.encoding_hints import rank_encodings, wide_encoding
from importer.sources.files import StoredFile, cut_off, open_file, still_written

# UTF-32 comes first, as its mark begins with that of UTF-16.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
USUAL = "cp1252"
"""The most frequent encoding of exports that are not UTF-8."""
ANY_ENCODING = "Name its encoding with --encoding, or export it as UTF-8."
OTHERS_SHOWN = 3
BEFORE_SHOWN, SHOWN = 15, 40
"""The characters of a text that a hint shows: those before the first non-ASCII one, and in all."""

BLOCK_BYTES = 64 * 1024


class OpenText(NamedTuple):
    """An open text file: `stored` tells how many stored bytes were read, `text` yields characters."""

    stored: BinaryIO
    text: TextIO


def check_encoding(name: str) -> None:
    """Raise UsageError if Python knows no text encoding of this name."""
    try:
        "a".encode(name)
    except (LookupError, ValueError) as error:
        raise UsageError(
            f"{name!r} is not an encoding.", hint=f"Try for example --encoding {USUAL} or --encoding utf-8."
        ) from error


def choose_encoding(head: bytes, option: str | None) -> str:
    """Return the encoding of a file by its first bytes; a byte order mark overrides the option."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return encoding
    return option or "utf-8"


@contextmanager
def open_text(file: StoredFile, encoding: str) -> Iterator[OpenText]:
    """Open a file as text; line ends are kept.

    Raises, now or while it is read, SourceError for bytes that are invalid in the encoding, SourceNotReady if the file
    ends inside a character.
    """
    with open_file(file) as (stored, data):
        try:
            yield OpenText(stored, io.TextIOWrapper(data, encoding=encoding, newline=""))
        except UnicodeError as error:
            with open_file(file) as (_, again):
                raise find_bad_bytes(file.name, lambda: again.read(BLOCK_BYTES), encoding) from error


def find_bad_bytes(name: str, read: Callable[[], bytes], encoding: str) -> SourceError | SourceNotReady:
    """Return the error that locates invalid bytes by line and offset, which the text reader doesn't know.

    `read` returns the next block of the file, b"" at its end.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    # Counts lines as the readers do: CR LF is one line end, even across blocks.
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    line, offset = 1, 0
    while True:
        block = read()
        if not offset and _lacks_mark(block, encoding):
            message = f"{name} has no byte order mark, which {encoding} requires."
            return SourceError(message, hint=_suggest_wide(block) or ANY_ENCODING)
        waiting = decoder.getstate()[0]
        try:
            line += newlines.decode(decoder.decode(block, final=not block), final=not block).count("\n")
        except UnicodeDecodeError as error:
            if not block:
                return _ends_in_character(name, line, error)
            good = block[: max(0, error.start - len(waiting))]  # the decoder still holds the waiting bytes
            line += newlines.decode(decoder.decode(good), final=True).count("\n")
            return _undecodable(name, encoding, line, offset - len(waiting) + error.start, error)
        except UnicodeError as error:
            return SourceError(f"{name}:{line}: is not {encoding}: {error}.")
        if not block:
            return still_written(name)
        offset += len(block)


def _lacks_mark(head: bytes, encoding: str) -> bool:
    """Whether it is an encoding without a byte order, and nothing says which the text has."""
    return codecs.lookup(encoding).name in ("utf-16", "utf-32") and not head.startswith(tuple(BYTE_ORDER_MARKS))


def _suggest_wide(head: bytes) -> str:
    """Return a hint with the encoding that explains the NUL bytes, if one does."""
    encoding = wide_encoding(head)
    return f"It seems to be {encoding} without a byte order mark: --encoding {encoding}" if encoding else ""


def _undecodable(name: str, encoding: str, line: int, offset: int, error: UnicodeDecodeError) -> SourceError:
    sample = error.object
    if b"\0" in sample and not encoding.startswith(("utf-16", "utf-32")):
        return binary_file(name, sample)
    bad = sample[error.start : error.end].hex(" ")
    message = f"{name}:{line}: the bytes {bad} at byte {offset:,} of the text are not valid {encoding}."
    # From the beginning of the line, so that the sample begins with a whole character.
    return SourceError(message, hint=_suggest(sample[sample.rfind(b"\n", 0, error.start) + 1 :], encoding))


def _suggest(sample: bytes, encoding: str) -> str:
    """Return a hint with the likeliest encoding and the text in it, so that the user can see whether it is right."""
    # A file that mixes encodings: try the line alone.
    ranked = rank_encodings(sample, encoding) or rank_encodings(sample.partition(b"\n")[0], encoding)
    if not ranked:
        return ANY_ENCODING
    best, text = ranked[0]
    first = next(place for place, character in enumerate(text) if character >= "\x80")
    shown = " ".join(text[max(0, first - BEFORE_SHOWN) :][:SHOWN].split())
    others = ", ".join([name for name, other in ranked[1:] if other != text][:OTHERS_SHOWN])
    return f"Try --encoding {best}: the text then reads “{shown}”." + (
        f" If that is wrong: {others}." if others else ""
    )


def _ends_in_character(name: str, line: int, error: UnicodeDecodeError) -> SourceNotReady:
    half = error.object[error.start :].hex(" ")
    return cut_off(
        name,
        f"in the middle of a character (line {line:,}, bytes {half})",
        f"If it is complete, its encoding isn't {error.encoding}: name the right one with --encoding.",
    )


def can_decode(sample: bytes, encoding: str) -> bool:
    """Whether bytes are valid in an encoding; the last character may be cut off."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeError:
        return False
    return True


def binary_file(name: str, head: bytes) -> SourceError:
    """Return the error for a file with NUL bytes; the hint names UTF-16 or UTF-32 if it is valid in that."""
    hint = _suggest_wide(head) or "Export the issues as CSV or JSON."
    return SourceError(f"{name} is not text: it contains NUL bytes.", hint=hint)
