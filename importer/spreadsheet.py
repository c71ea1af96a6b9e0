"""What errors files add to a source: five columns at the end, and an apostrophe before what a spreadsheet would run."""

from __future__ import annotations

IMPORT_COLUMNS = ("import_row", "import_code", "import_field", "import_message", "import_hint")
"""The last five columns of errors.csv, the five added keys of errors.jsonl. `import_row` is `FILE:RECORD`."""

IMPORT_RAW = "import_raw"
"""In errors.jsonl, before the added keys: the text of a record that is no JSON object. Its own keys replace it."""

# What spreadsheets take for a formula, and the apostrophe itself, so that exactly one can be taken away again.
_ESCAPED = ("=", "+", "-", "@", "\t", "\r", "'")


def escape_cell(text: str) -> str:
    """Put one apostrophe in front of a text that a spreadsheet could take for a formula."""
    return f"'{text}" if text.startswith(_ESCAPED) else text


def unescape_cell(text: str) -> str:
    """Take away the apostrophe that `escape_cell` put there; any other text stays."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_ESCAPED) else text
