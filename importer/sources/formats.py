"""What a file is: CSV, JSON lines or JSON, by its name, else by its beginning; or nothing that can be read here."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Literal

from importer.errors import SourceError
from importer.sources.encodings import BYTE_ORDER_MARKS, binary_file

Format = Literal["csv", "jsonl", "json"]

EXTENSIONS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
}
COMPRESSIONS = (".gz", ".zst")

FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel workbook (.xlsx)",
    b"\xd0\xcf\x11\xe0": "an Excel workbook (.xls)",
    b"%PDF": "a PDF document",
}
MARKUP = {"<?xml": "XML", "<!doctype": "HTML or XML", "<html": "HTML", "<table": "HTML", "<rss": "XML"}


def refuse_foreign(name: str, head: bytes, encoding: str | None) -> None:
    """Raise SourceError for what is plainly no text; `head` is the file's first bytes, decompressed.

    NUL bytes are accepted where the user names an encoding.
    """
    for magic, what in FOREIGN.items():
        if head.startswith(magic):
            raise SourceError(f"{name} is {what}.", hint="Export the issues as CSV or JSON and give that file.")
    if b"\0" in head and encoding is None and not head.startswith(tuple(BYTE_ORDER_MARKS)):
        raise binary_file(name)


def choose_format(name: str, sample: str, option: Format | None) -> Format:
    """Choose the format: the option, else the file's extension (below .gz and .zst), else its first character.

    A .json file that holds JSON lines is JSON lines. `sample` is the file's beginning.
    Raises SourceError for XML and HTML.
    """
    start = sample.lstrip()
    for tag, what in MARKUP.items():
        if start[: len(tag)].lower() == tag:
            raise SourceError(f"{name} is {what}.", hint="Export the issues as CSV or JSON and give that file.")
    if option is not None:
        return option
    path = PurePath(name.lower())
    if path.suffix in COMPRESSIONS:
        path = path.with_suffix("")
    by_content: Format = "json" if start[:1] in ("{", "[") else "csv"
    found = EXTENSIONS.get(path.suffix, by_content)
    return "jsonl" if found == "json" and _holds_json_lines(start) else found


def _holds_json_lines(start: str) -> bool:
    first, _, rest = start.partition("\n")
    if not rest.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except ValueError:
        return False
