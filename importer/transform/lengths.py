"""Cuts and splits texts to lengths in UTF-16 units."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from importer.api import COMMENT_LIMIT, count_units

REST_LIMIT = COMMENT_LIMIT - 40
"""In UTF-16 units: a part of a description that goes on in comments, below `Description, part 2 of 3`."""

CONTINUED = "[… goes on in the comments]"
"""Where a description ends that does so."""

SMALLEST_PIECE = 100
"""In UTF-16 units: a smaller piece could be filled by the fence of a code block alone."""

_BREAKS = (re.compile(r"\n[^\S\n]*\n"), re.compile(r"\n"))
"""Blank lines, and line ends: a text is best split at the white space that has one, the former first."""

_SEAMS = {
    re.compile(r"(?<=[.!?…])(?=\s)|(?<=[。！？])"): re.compile(r"[.!?…。！？]"),
    re.compile(r"\s(?<!\s\s)"): re.compile(r"\s"),
}
"""What begins where a text may be split else, the best first, and what such a text has, which is found faster.

It is white space, but for the end of a Chinese sentence.
"""
_LOOKAHEAD = 64  # characters of white space that a seam is recognised by
_NEAR = 256  # characters before a limit in which a seam is looked for first
_STEP_BACK = 32  # characters that a cut gives up at the most to fall between two that don't belong together

# It begins with its sign, so that Python's `re` passes over all others at once.
_FENCE = re.compile(r"(```(?:(?<=^```)|(?<=^ ```)|(?<=^  ```)|(?<=^   ```))`{0,5})([^`\n]*)$", re.MULTILINE)
_LONGEST_OPENING = 40
_CLOSING_UNITS = 9  # a line end and eight backticks; as many for shorter fences: ledgers know pieces by their texts
_LINE_ENDS = re.compile(r"[^\S\n]*\n")


class _Code(NamedTuple):
    """Where a text has a fenced block, from its opening line to before its closing one, and both as they are added."""

    start: int
    first_line: int
    end: int
    opening: str
    closing: str


def is_longer(text: str, limit: int) -> bool:
    """Whether a text has more than `limit` UTF-16 units; cheap for the usual text, which is far from it."""
    return len(text) * 2 > limit and count_units(text) > limit


def cut(text: str, units: int) -> str:
    """The longest beginning of a text within `units` UTF-16 units; no character is split."""
    text = text[:units]
    while (excess := count_units(text) - units) > 0:
        text = text[: -((excess + 1) // 2)]  # a character is two units at the most, so this never takes too much
    return text


def split_text(text: str, first: int, further: int) -> list[str]:
    """A text in pieces: the first of at most `first` UTF-16 units, the others of `further`, which is at least 100.

    Joined, the pieces are the text: white space at a seam begins the next piece. Only code fences are added to that:
    where a block is open, `\\n` and its backticks close it, and its opening line, without white space at its end, opens
    the next piece. Within a line one backtick more closes it, and a line end follows what opens it: what is the text's
    own can still be told. Where `first` has no room for anything, the first piece is `""`.
    """
    if further < SMALLEST_PIECE:
        raise ValueError(f"pieces of {further} units are too small, at least {SMALLEST_PIECE}")
    blocks = [block for block in _find_code(text) if count_units(block.opening) <= _LONGEST_OPENING]
    # What closes a block has to fit, wherever the seam falls.
    spare = 0
    if blocks:
        spare = max(_CLOSING_UNITS, *(len(block.closing) + 1 for block in blocks))
    pieces: list[str] = []
    start = 0
    opening = ""
    while True:
        room = further if pieces else first
        room -= count_units(opening)
        if len(text) - start <= room and not is_longer(text[start:], room):
            return [*pieces, opening + text[start:]]
        space = max(room - spare, 0)
        beginning = cut(text[start : start + space], space)
        end = _find_seam(text, start, start + len(beginning))
        block = next((block for block in blocks if block.start < end < block.end), None)
        if block is not None and end < block.first_line:  # no half of an opening line opens anything
            if block.start > start:
                end = block.start
            block = None
        pieces.append(opening + text[start:end])
        start = end
        opening = ""
        if block is not None:
            is_within_line = not _LINE_ENDS.match(text, end)
            pieces[-1] += block.closing + "`" * is_within_line
            opening = block.opening + "\n" * is_within_line


def _find_code(text: str) -> Iterator[_Code]:
    """The fenced code blocks of a text; an unclosed one reaches to its end."""
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text) if "```" in text else ():
        if opened is None:
            opened = fence
        elif len(fence[1]) >= len(opened[1]) and not fence[2].strip():
            yield _Code(_line_of(opened), opened.end(), _line_of(fence), opened[0].strip(), f"\n{opened[1]}")
            opened = None
    if opened is not None:
        yield _Code(_line_of(opened), opened.end(), len(text), opened[0].strip(), f"\n{opened[1]}")


def _line_of(match: re.Match[str]) -> int:
    """Where the line begins that a match is in."""
    return match.string.rfind("\n", 0, match.start()) + 1


def _find_seam(text: str, start: int, limit: int) -> int:
    """Where the piece that begins at `start` ends: the last seam of the best kind in its second half, or a cut."""
    # A piece of less than half of its room would make too many of them.
    half = start + (limit - start + 1) // 2
    for broken in _BREAKS:
        for begin in (max(half - 1, limit - _NEAR), half - 1):  # near the end first, where most texts have one
            for match in reversed([*broken.finditer(text, begin, limit + _LOOKAHEAD)]):
                place = half - 1 + len(text[half - 1 : match.start()].rstrip())  # where the white space begins
                if place < half:
                    break
                if place <= limit:
                    return place
    for seam, sign in _SEAMS.items():
        if sign.search(text, half - 1, limit + _LOOKAHEAD) is None:
            continue
        for begin in (max(half, limit - _NEAR), half):
            places = (match.start() for match in seam.finditer(text, begin, limit + _LOOKAHEAD))
            place = max(takewhile(limit.__ge__, places), default=start)
            if place > start:
                return place
    return _find_cut(text, start, limit)


def _find_cut(text: str, start: int, limit: int) -> int:
    """The last position near the limit that doesn't divide a character as readers see it; else the limit."""
    for place in range(limit, max(start, limit - _STEP_BACK), -1):
        if not _belong_together(text[place - 1], text[place]):
            return place
    return limit


def _belong_together(before: str, after: str) -> bool:
    """Whether readers see two characters as one: a base and its mark, a joined emoji, the backticks of a fence."""
    if before == after == "`" or "\u200d" in (before, after):
        return True
    if unicodedata.category(after).startswith("M"):
        return True
    return "\U0001f3fb" <= after <= "\U0001f3ff"
