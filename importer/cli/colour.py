"""Colours of lines on a terminal: they repeat what a line's first words say, and never mean anything by themselves."""

from __future__ import annotations

import os
from typing import IO, Any

import click

from importer.cli.wrapping import size_of, wrap

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
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def echo_painted(text: str, stream: IO[str], *, nl: bool = True) -> None:
    """Print to a stream, broken between words where it is a terminal, in colour where it wants that. Raises OSError."""
    has_colour, (width, _) = wants_colour(stream), size_of(stream)
    text = "\n".join(part for line in text.split("\n") for part in wrap(line, width))
    click.echo(paint(text) if has_colour else text, file=stream, nl=nl, color=has_colour or None)


def paint(text: str) -> str:
    """Style the first words of each line, if they say what it is."""
    return "\n".join(map(_paint, text.split("\n")))


def _paint(line: str) -> str:
    for words, style in STYLES.items():
        if line.startswith(words):
            return f"{click.style(words, **style)}{line[len(words) :]}"
    return line
