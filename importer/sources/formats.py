"""What a file is: CSV, JSON lines or JSON, by its name, else by its beginning; or nothing that can be read here."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Literal

from importer.errors import SourceError
from importer.sources.encodings import BYTE_ORDER_MARKS, binary_file, can_decode

Format = Literal["csv", "jsonl", "json"]

EXTENSIONS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
}
# A few NULs are a matter of their rows. UTF-16 has one in every second byte, at least one a delimiter.
FEW_NULS = 3
NUL_SHARE = 0.02

COMPRESSIONS = (".gz", ".zst")

FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel workbook (.xlsx)",
    b"\xd0\xcf\x11\xe0": "an Excel workbook (.xls)",
    b"%PDF": "a PDF document",
}
MARKUP = {"<?xml": "XML", "<!doctype": "HTML or XML", "<html": "HTML", "<table": "HTML", "<rss": "XML"}


def refuse_foreign(name: str, head: bytes, encoding: str | None) -> None:
    """Raise SourceError for what is plainly no text; `head` is the file's first bytes, decompressed.

    NUL bytes are accepted where the user names an encoding, and a few of them in what is valid UTF-8.
    """
    for magic, what in FOREIGN.items():
        if head.startswith(magic):
            raise SourceError(f"{name} is {what}.", hint="Export the issues as CSV or JSON and give that file.")
    if encoding is None and not head.startswith(tuple(BYTE_ORDER_MARKS)) and _is_binary(head):
        raise binary_file(name)


def _is_binary(head: bytes) -> bool:
    nuls = head.count(b"\0")
    return nuls > max(FEW_NULS, NUL_SHARE * len(head)) or (nuls > 0 and not can_decode(head, "utf-8"))


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
        return isinstance(json.loads(first, strict=False), dict)
    except ValueError:
        return False
