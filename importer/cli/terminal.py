"""Streams: a reader that has gone, the width of a terminal, and colours, which never mean anything by themselves."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import get_terminal_size
from typing import IO, Any, TextIO
from unicodedata import east_asian_width

import click

from importer.errors import StorageFull
from importer.phrases import escape_controls
from importer.triage.redaction import redact


class Stdout:
    """Writes to a stream; a reader that has gone changes nothing about how the command ends."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write. Raises StorageFull if the stream takes no more."""
        if text == "":  # click tries so what kind of stream it is, and takes no notice of errors
            return 0
        with self._guarded():
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written. Raises StorageFull if the stream takes no more."""
        with self._guarded():
            self._stream.flush()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())  # else the flush at exit fails again
            if not isinstance(error, BrokenPipeError):
                raise StorageFull(f"stdout can't be written: {error.strerror}.") from error


UNBROKEN = 10_000
"""The width of what is no terminal: nothing is broken there."""
_WORDS = re.compile(r"\s*(?:`[^`]*`\S*|triage-import .*|\S+)")
"""Words with the white space before them. A command goes on to the end of its line: a break in it would be pasted,
too, while those that a terminal makes itself are not."""


def size_of(stream: IO[str]) -> tuple[int, int]:
    """Return how many columns and lines a terminal has: where there is none, no line is broken, and none is fitted."""
    try:
        columns, lines = get_terminal_size(stream.fileno())
    except (OSError, ValueError):  # no terminal; no file at all
        return UNBROKEN, 0
    return columns or UNBROKEN, lines


def wrap(line: str, width: int) -> list[str]:
    """Break a line between words, so that no part is wider than `width` but one that is a single word or command."""
    if measure(line) <= width:
        return [line]
    stripped = line.lstrip(" ")
    indent = " " * (len(line) - len(stripped) + 2)
    lines = [""]
    used = 0
    for word in _WORDS.findall(line):
        columns = measure(word)
        if used + columns > width and lines[-1].strip():
            word = indent + word.lstrip()
            lines.append("")
            used = 0
            columns = measure(word)
        lines[-1] += word
        used += columns
    return lines


def as_table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each row; each column is as wide as its widest cell."""
    widths = [max(map(measure, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [pad(cell, width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def pad(text: str, width: int) -> str:
    """Fill a text up to so many columns of a terminal."""
    return text + " " * (width - measure(text))


def can_ask() -> bool:
    """Whether somebody can be asked: a question is shown on a terminal, and the answer is typed there."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def count_lines(lines: Iterable[str], width: int) -> int:
    """Return how many lines of a terminal these take: one that can't be wrapped takes several."""
    total = 0
    for line in lines:
        for part in wrap(line, width):
            total += max(1, -(-measure(part) // width))
    return total


def measure(text: str) -> int:
    """Return how many columns of a terminal a text takes: a Chinese sign takes two."""
    if text.isascii():
        return len(text)
    return sum(1 + (east_asian_width(sign) in "WF") for sign in text)


AUTO, ALWAYS, NEVER = CHOICES = ("auto", "always", "never")
BAD: dict[str, Any] = {"fg": "red", "bold": True}
DOUBTFUL: dict[str, Any] = {"fg": "yellow"}
STRONG: dict[str, Any] = {"bold": True}
STYLES = {
    "Error:": BAD,
    "Stopped:": BAD,
    "Nothing was sent:": BAD,
    "rejected, not sent:": BAD,
    "Interrupted": DOUBTFUL,
    "warning:": DOUBTFUL,
    "with a warning:": DOUBTFUL,
    "Next:": {"fg": "green", "bold": True},
    "Target ": STRONG,
    "severity:": STRONG,
    "status:": STRONG,
    "category:": STRONG,
}
"""First words of a line → the style that they get."""

_chosen = [AUTO]


def choose_colour(when: str) -> None:
    """Take the value of `--color` for the rest of the process."""
    _chosen[0] = when


def wants_colour(stream: IO[str]) -> bool:
    """Whether a stream gets colours: by `--color`, else if it is a terminal, and neither NO_COLOR nor TERM object."""
    if _chosen[0] != AUTO:
        return _chosen[0] == ALWAYS
    if not stream.isatty():
        return False
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def echo_painted(text: str, stream: IO[str], *, nl: bool = True) -> None:
    """Print to a stream, broken between words where it is a terminal, in colour where it wants that. Raises OSError."""
    has_colour = wants_colour(stream)
    width, _ = size_of(stream)
    parts = list[str]()
    for line in text.split("\n"):
        parts += wrap(line, width)
    text = "\n".join(parts)
    if has_colour:
        text = paint(text)
    click.echo(text, file=stream, nl=nl, color=has_colour or None)


def paint(text: str) -> str:
    """Style the first words of each line, if they say what it is."""
    return "\n".join(map(_paint, text.split("\n")))


def _paint(line: str) -> str:
    for words, style in STYLES.items():
        if line.startswith(words):
            return f"{click.style(words, **style)}{line[len(words) :]}"
    return line


def printable(text: str) -> str:
    """Escape characters that would control a terminal, or change the direction of writing; redact the API key."""
    return escape_controls(redact(text))
