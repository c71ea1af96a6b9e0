"""Detecting a file's format: CSV, JSON lines or JSON, by its name, else its beginning; other formats are refused."""

from __future__ import annotations

import json
import re
from pathlib import PurePath
from typing import Literal

from importer.errors import SourceError
from importer.sources.archives import MAGICS
from importer.sources.encodings import BYTE_ORDER_MARKS, binary_file, can_decode
from importer.sources.workbooks import OLE_MAGIC
from importer.sources.wrappers import is_pair

Format = Literal["csv", "jsonl", "json"]

EXTENSIONS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
}
# A few NULs concern only their rows. UTF-16 has one in nearly every second byte.
FEW_NULS = 3
NUL_SHARE = 0.02

COMPRESSIONS = (".gz", ".zst")

EXPORT_AS_TEXT = "Export the issues as CSV or JSON and give that file."

FOREIGN = {
    MAGICS[0]: "a zip archive or a workbook, packed once more",
    OLE_MAGIC: "a workbook (.xls), packed once more",
    b"%PDF": "a PDF document",
    b"{\\rtf": "an RTF document",
    b"SQLite format 3\0": "an SQLite database",
    b"PAR1": "a Parquet file",
    b"Obj\x01": "an Avro file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\0": "compressed with xz",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
}
TAR_MAGIC, TAR_OFFSET = b"ustar", 257

MARKUP = {
    "<?xml": "XML",
    "<!doctype html": "HTML",
    "<html": "HTML",
    "<head>": "HTML",
    "<body": "HTML",
    "<table": "HTML",
    "<div": "HTML",
}
_OTHER_MARKUP = re.compile(r"<(!--|!doctype\b|[a-z][\w:-]*[\s>/])", re.IGNORECASE)
_SQL = re.compile(
    r"(--[^\n]*\n)?--[^\n]*\b(dump|SQL)\b"
    r"|(--[^\n]*\n|/\*.*?\*/;?|\s)*+(INSERT INTO|CREATE (TABLE|DATABASE)|DROP TABLE|PRAGMA|BEGIN TRANSACTION"
    r"|LOCK TABLES|SET (NAMES|statement_timeout|SQL_MODE))\b",
    re.IGNORECASE | re.DOTALL,
)
_MAIL = re.compile(
    r"(From - |From \S+@\S+ |"
    r"(Return-Path|Received|Delivered-To|MIME-Version|Message-ID|From|To|Subject|Date|X-[\w-]+): [^\n]*\n"
    r"(\s[^\n]*\n)*+[A-Z][\w-]*: )"
)
_YAML = re.compile(
    r"(%YAML|---\s*\n|(- )?[\w.-]+:( [^,;\t|\n]*)?\r?\n([ -]*[\w.-]+:( [^\n]*)?\r?\n|[ ]*- [^\n]*\n){2})"
)

# A beginning of an array or object that no CSV header has.
_JSON = re.compile(r'(\[\s*\[?\s*)?\{\s*"|\[\s*\[\s*"|\[\s*\]')


def refuse_foreign(name: str, head: bytes, encoding: str | None) -> None:
    """Raise SourceError for a binary file; `head` is its first bytes, decompressed.

    NUL bytes are accepted if the user names an encoding, and a few of them in valid UTF-8.
    """
    for magic, what in FOREIGN.items():
        if head.startswith(magic):
            raise SourceError(f"{name} is {what}.", hint=EXPORT_AS_TEXT)
    if head.startswith(TAR_MAGIC, TAR_OFFSET):
        raise SourceError(f"{name} is a tar archive.", hint="Unpack it, and give the file in it that has the issues.")
    if encoding is None and not head.startswith(tuple(BYTE_ORDER_MARKS)) and _is_binary(head):
        raise binary_file(name, head)


def _is_binary(head: bytes) -> bool:
    nuls = head.count(b"\0")
    return nuls > max(FEW_NULS, NUL_SHARE * len(head)) or (nuls > 0 and not can_decode(head, "utf-8"))


def refuse_other_text(name: str, sample: str, option: Format | None) -> None:
    """Raise SourceError for markup; and, unless the user names the format, for SQL, mail and YAML.

    `sample` is the file's beginning.
    """
    start = sample.lstrip()
    what = next((what for tag, what in MARKUP.items() if start[: len(tag)].lower() == tag), "")
    if what or _OTHER_MARKUP.match(start):
        raise SourceError(
            f"{name} is {what or 'HTML or XML'}.",
            hint=f"{EXPORT_AS_TEXT} A page to log in may have been saved instead."
            if what == "HTML"
            else EXPORT_AS_TEXT,
        )
    if option is not None:
        return
    kinds = {"an SQL dump": _SQL, "a mail": _MAIL}
    if PurePath(name.lower()).suffix not in EXTENSIONS or start[:3] in ("---", "%YA"):
        kinds["YAML"] = _YAML
    for kind, pattern in kinds.items():
        if pattern.match(start):
            raise SourceError(f"{name} is {kind}.", hint=EXPORT_AS_TEXT)


def choose_format(name: str, sample: str, option: Format | None) -> Format:
    """Return the format: the option, else by the extension (before .gz or .zst), else by the first character.

    JSON lines in a .json file are read as JSON lines, and JSON in a .csv file as JSON. `sample` is the file's
    beginning. Raises SourceError for text of another kind.
    """
    refuse_other_text(name, sample, option)
    start = sample.lstrip()
    if option is not None:
        return option
    path = PurePath(name.lower())
    if path.suffix in COMPRESSIONS:
        path = path.with_suffix("")
    by_content: Format = "json" if start[:1] in ("{", "[") else "csv"
    found = EXTENSIONS.get(path.suffix, by_content)
    if found == "csv" and _JSON.match(start):
        found = "json"
    return "jsonl" if found == "json" and _holds_json_lines(start) else found


def _holds_json_lines(start: str) -> bool:
    first, _, rest = start.partition("\n")
    if not rest.lstrip().startswith(("{", "[")):
        return False
    try:
        value = json.loads(first, strict=False)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) or is_pair(value)
