"""Detecting a file's format: CSV, JSON lines or JSON, by its name, else its beginning; other formats are refused."""

from __future__ import annotations

import json
import re
from pathlib import PurePath
from typing import Literal

from importer.errors import SourceError
from importer.phrases import shell_quote
from importer.sources.archives import MAGICS, is_workbook
from importer.sources.encodings import BYTE_ORDER_MARKS, binary_file, can_decode
from importer.sources.files import GZIP_MAGIC, STDIN
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

SAVE_AS_CSV = "Open it in a spreadsheet, and save it as CSV or .xlsx."

FOREIGN = {
    MAGICS[0]: "a zip archive or a workbook, packed once more",
    OLE_MAGIC: "a workbook (.xls), packed once more",
    GZIP_MAGIC: "compressed twice",
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
UNPACK = {
    MAGICS[0]: "gunzip",
    OLE_MAGIC: "gunzip",
    GZIP_MAGIC: "gunzip",
    b"BZh": "bunzip2",
    b"\xfd7zXZ\0": "unxz",
    b"7z\xbc\xaf\x27\x1c": "7z x",
    b"Rar!": "unrar x",
}
"""The first bytes of a file → the command that unpacks it."""

_ISO_2022_JP = re.compile(rb"\x1b\$[@B](?:[!-~]{2})+\x1b\([BJ]")
"""Japanese as in mails: valid UTF-8, and nonsense."""
LFS_POINTER = "version https://git-lfs.github.com/spec/"

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
_SHEET = re.compile(r"\A<table|urn:schemas-microsoft-com:office:(excel|spreadsheet)|Excel\.Sheet", re.IGNORECASE)
"""What old trackers call a workbook: a table in HTML, or Excel's XML."""
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
            raise SourceError(f"{name} is {what}.", hint=_unpack(name, UNPACK.get(magic, "")))
    if head.startswith(TAR_MAGIC, TAR_OFFSET):
        raise SourceError(f"{name} is a tar archive.", hint=_unpack(name, "tar -xf"))
    if encoding is None and _ISO_2022_JP.search(head):
        raise SourceError(f"{name} is text in iso2022_jp.", hint="Name its encoding: --encoding iso2022_jp")
    if encoding is None and not head.startswith(tuple(BYTE_ORDER_MARKS)) and _is_binary(head):
        raise binary_file(name, head)


def _unpack(name: str, command: str) -> str:
    """What to do about a file that may hold the export; what is piped in has no name to be typed."""
    if not command:
        return EXPORT_AS_TEXT
    told = "" if name == STDIN else f": {command} {shell_quote(name)}"
    return f"Unpack it and give the file with the issues{told}"


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
        hint = SAVE_AS_CSV if _SHEET.search(start) or is_workbook(name) else EXPORT_AS_TEXT
        if what == "HTML":
            hint += " A login page may have been saved instead of the export."
        raise SourceError(f"{name} is {what or 'HTML or XML'}.", hint=hint)
    if start.startswith(LFS_POINTER):
        raise SourceError(f"{name} is a Git LFS pointer, not the file itself.", hint="Get it with: git lfs pull")
    if option is not None:
        return
    kinds = {"an SQL dump": _SQL, "an email": _MAIL}
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
    if found == "jsonl" and start.partition("\n")[0].strip() == "[":
        found = "json"
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
