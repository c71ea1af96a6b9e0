"""Cells and lines of the files that are written: they run no formula, and control no terminal.

What people correct and give back (errors.csv, fixes.csv, users.csv, values.csv) keeps each sign, as it is compared with
the source.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

IMPORT_COLUMNS = ("import_row", "import_code", "import_field", "import_message", "import_hint")
"""The last five columns of errors.csv, the five added keys of errors.jsonl. `import_row` is `FILE row N`, a record."""

IMPORT_RAW = "import_raw"
"""In errors.jsonl, before the added keys: the text of a record that is no JSON object. Its own keys replace it."""

# What spreadsheets take for a formula, in full width, too, what they pass over before one, and the apostrophe itself,
# so that exactly one can be taken away again.
_ESCAPED = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "\ufeff", "'")
_SIGNS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""What controls a terminal, or changes the direction of writing."""
_QUOTED = ',"\r\n'


def escape_cell(text: str) -> str:
    """Put one apostrophe in front of a text that a spreadsheet could take for a formula."""
    return f"'{text}" if text.startswith(_ESCAPED) else text


def escape_cells(texts: Sequence[str]) -> Sequence[str]:
    """Texts as `escape_cell` makes them one by one."""
    return texts if {text[:1] for text in set(texts)}.isdisjoint(_ESCAPED) else list(map(escape_cell, texts))


def escape_signs(text: str) -> str:
    r"""Write what would control a terminal or change the direction of writing as JSON does: `\u001b`."""
    return text if text.isprintable() else _SIGNS.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)


def shown_cell(text: str) -> str:
    """Make a cell of a table that nobody gives back: no formula, and nothing that controls a terminal."""
    return escape_cell(escape_signs(text))


def shown_cells(texts: Sequence[str]) -> Sequence[str]:
    """Texts as `shown_cell` makes them one by one."""
    return escape_cells(texts if "".join(texts).isprintable() else list(map(escape_signs, texts)))


def write_cells(texts: Sequence[str]) -> Sequence[str]:
    """Texts as cells of a CSV file, as `csv.writer` makes them one by one: in quotes where they need them."""
    whole = "".join(texts)
    if not any(sign in whole for sign in _QUOTED):
        return texts
    quoted = ((text, any(sign in text for sign in _QUOTED)) for text in texts)
    return ['"' + text.replace('"', '""') + '"' if needs else text for text, needs in quoted]


def unescape_cell(text: str) -> str:
    """Take away the apostrophe that `escape_cell` put there; any other text stays."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_ESCAPED) else text
