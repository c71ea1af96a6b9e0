"""Tables for spreadsheets: columns of errors files, and cells that run no formula."""

from __future__ import annotations

from collections.abc import Sequence

IMPORT_COLUMNS = ("import_row", "import_code", "import_field", "import_message", "import_hint")
"""The last five columns of errors.csv, the five added keys of errors.jsonl. `import_row` is `FILE row N`, a record."""

IMPORT_RAW = "import_raw"
"""In errors.jsonl, before the added keys: the text of a record that is no JSON object. Its own keys replace it."""

# What spreadsheets take for a formula, and the apostrophe itself, so that exactly one can be taken away again.
_ESCAPED = ("=", "+", "-", "@", "\t", "\r", "'")
_QUOTED = ',"\r\n'


def escape_cell(text: str) -> str:
    """Put one apostrophe in front of a text that a spreadsheet could take for a formula."""
    return f"'{text}" if text.startswith(_ESCAPED) else text


def escape_cells(texts: Sequence[str]) -> Sequence[str]:
    """Texts as `escape_cell` makes them one by one."""
    return texts if {text[:1] for text in set(texts)}.isdisjoint(_ESCAPED) else list(map(escape_cell, texts))


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
