"""What texts look like: whether there is anything in one, one on a single line, and the parts of a template."""

from __future__ import annotations

import re
from functools import lru_cache

from importer.mapping.scalars import PLACEHOLDER
from importer.records import Ref

_INTEGER = re.compile(r"\s*(-?[0-9]{1,9})(?:\.0+)?\s*")


def single_line(text: str) -> str:
    """The text on one line, with spaces in place of line breaks and tabs.

    A text without a visible character (only zero-width or control characters) becomes "".
    """
    if text.isprintable():  # as most are: it is one line
        return text.strip()
    lines = (line.strip() for line in text.replace("\t", " ").splitlines())
    text = " ".join(filter(None, lines))
    return text if any(map(str.isprintable, text)) else ""


def is_filled(text: str) -> bool:
    """Whether a text has anything but white space."""
    return bool(text) and not text.isspace()


@lru_cache(maxsize=256)
def split_template(template: str) -> tuple[tuple[str, ...], tuple[Ref, ...]]:
    """The literal parts of a template (one more than its placeholders) and what the placeholders name."""
    parts, refs, literal, end = [], [], "", 0
    for match in PLACEHOLDER.finditer(template):
        literal += template[end : match.start()]
        end = match.end()
        if match[2] is None:
            literal += match[0][0]
            continue
        parts.append(literal)
        refs.append(Ref("path" if match[1] else "column", match[2]))
        literal = ""
    return (*parts, literal + template[end:]), tuple(refs)


def read_integer(text: str) -> int | None:
    """The number that a text is, None if it is none of at most nine digits; a spreadsheet makes 7.0 of 7."""
    match = _INTEGER.fullmatch(text)
    return None if match is None else int(match[1])


def one_line(text: str) -> str:
    """The text with each run of white space as one space."""
    return " ".join(text.split())
