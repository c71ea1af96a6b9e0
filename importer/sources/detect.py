"""Detecting a file's format, by its name, else its beginning, and the delimiter of a CSV file; others are refused."""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import suppress
from itertools import islice
from pathlib import Path, PurePath
from typing import get_args

from importer.errors import SourceError, UsageError
from importer.phrases import clip, shell_join, shell_quote
from importer.records import Format
from importer.sources.archives import MAGICS, is_workbook
from importer.sources.csv import CELL_CHARACTERS, LINE_ENDS
from importer.sources.encodings import BYTE_ORDER_MARKS, binary_file, can_decode
from importer.sources.errors_file import is_errors_header
from importer.sources.files import GZIP_MAGIC, STDIN
from importer.sources.formats import EXTENSIONS
from importer.sources.header import HEAD_ROWS, HEADER_CELLS, count_above, fits, least_width
from importer.sources.workbooks import OLE_MAGIC
from importer.sources.wrappers import is_pair

FEW_NULS = 3
NUL_SHARE = 0.02

COMPRESSIONS = (".gz", ".zst")

NAME_FORMAT = f"If its extension is wrong, name its format: --format {', '.join(get_args(Format))}"

EXPORT_AS_TEXT = "Export the issues as CSV or JSON and give that file."

SAVE_AS_CSV = "Open it in a spreadsheet, and save it as CSV or .xlsx."

FOREIGN = {
    MAGICS[0]: ("a zip archive or a workbook, packed once more", "gunzip"),
    OLE_MAGIC: ("a workbook (.xls), packed once more", "gunzip"),
    GZIP_MAGIC: ("compressed twice", "gunzip"),
    b"%PDF": ("a PDF document", ""),
    b"{\\rtf": ("an RTF document", ""),
    b"SQLite format 3\0": ("an SQLite database", ""),
    b"PAR1": ("a Parquet file", ""),
    b"Obj\x01": ("an Avro file", ""),
    b"\x89PNG": ("a picture", ""),
    b"\xff\xd8\xff": ("a picture", ""),
    b"GIF8": ("a picture", ""),
    b"BZh": ("compressed with bzip2", "bunzip2"),
    b"\xfd7zXZ\0": ("compressed with xz", "unxz"),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "7z x"),
    b"Rar!": ("a RAR archive", "unrar x"),
}
"""The first bytes of a file that isn't read → what it is, and the command that unpacks it."""
TAR_MAGIC, TAR_OFFSET = b"ustar", 257
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
    for magic, (what, command) in FOREIGN.items():
        if head.startswith(magic):
            raise SourceError(f"{name} is {what}.", hint=_unpack(name, command))
    # A tar archive begins with the name of its first file: its own sign comes after that.
    if head.startswith(TAR_MAGIC, TAR_OFFSET):
        raise SourceError(f"{name} is a tar archive.", hint=_unpack(name, "tar -xf"))
    if encoding is None and _ISO_2022_JP.search(head):
        raise SourceError(f"{name} is text in iso2022_jp.", hint="Name its encoding: --encoding iso2022_jp")
    # A few NULs concern only their rows. UTF-16 has one in nearly every second byte.
    nuls = head.count(b"\0")
    is_binary = nuls > max(FEW_NULS, NUL_SHARE * len(head)) or (nuls > 0 and not can_decode(head, "utf-8"))
    if encoding is None and is_binary and not head.startswith(tuple(BYTE_ORDER_MARKS)):
        raise binary_file(name, head)


def _unpack(name: str, command: str) -> str:
    """What to do about a file that may hold the export; what is piped in has no name to be typed."""
    if not command:
        return EXPORT_AS_TEXT
    told = "" if name == STDIN else f": {command} {shell_quote(name)}"
    return f"Unpack it and give the file with the issues{told}"


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
    # A CSV file may begin like YAML: its extension is believed, unless its beginning can be nothing else.
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
    # A line of nothing but a bracket opens an array: there is no record in it.
    if found == "jsonl" and start.partition("\n")[0].strip() == "[":
        found = "json"
    if found == "csv" and _JSON.match(start):
        found = "json"
    return "jsonl" if found == "json" and _holds_json_lines(start) else found


def _holds_json_lines(start: str) -> bool:
    first, _, rest = start.partition("\n")
    # A second line that opens nothing goes on with the first one's value.
    if not rest.lstrip().startswith(("{", "[")):
        return False
    try:
        value = json.loads(first, strict=False)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) or is_pair(value)


DELIMITERS = (",", ";", "\t", "|")
LINE_SHOWN = 60
"""Characters of a line that an error shows."""
_WHOLE = re.compile(r'"(?:[^"]|"")*"\s*')
_SAID = re.compile(r'\s*"?sep=([^"\r\n\w])"?[ \t]*[\r\n]')


def check_delimiter(option: str) -> str:
    """Return the delimiter that `--delimiter` means. Raises UsageError if it is not one character."""
    delimiter = "\t" if option in ("tab", "\\t") else option
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UsageError(f"{option!r} is not a delimiter.", hint="Give one character, or the word tab: --delimiter ';'")
    return delimiter


def find_delimiter(sample: str) -> str:
    """Return the delimiter with which most rows fit the header, and the header is wider than one cell.

    A first line `sep=^` says which it is, as Excel reads it. Where there is none, it is one that gives the header and
    most rows several cells: they end early, which each says. `sample` is the file's beginning; its last row may be cut.
    A file of one column may get any delimiter.
    """
    if said := _SAID.match(sample):
        return said[1]
    tables = {delimiter: _parse_sample(sample, delimiter) for delimiter in DELIMITERS}

    def fitness(delimiter: str) -> tuple[bool, bool, bool, float, int]:
        rows = tables[delimiter]
        first = count_above(rows)
        above = any(rows[:first])
        header, *below = [row for row in rows[first:] if row] or [[]]
        if below and len(below[-1]) < len(header) and not sample.endswith(LINE_ENDS):
            below.pop()
        width, least = len(header), least_width(header)
        fitting = sum(least <= len(row) <= width or fits(row, header) for row in below)
        share = fitting / len(below) if below else float(width > 1)
        is_fit = width > 1 and share >= 0.5
        is_wide = width >= HEADER_CELLS and 2 * sum(len(row) >= HEADER_CELLS for row in below) > len(below)
        # In the order in which they decide: of two that fit, one that needs no titles above the header is likelier.
        return (is_fit, is_wide and not is_fit, not above, share, width)

    return max(DELIMITERS, key=fitness)


def check_quotes(name: str, sample: str) -> None:
    """Raise SourceError if the first row is a line that is in quotes as a whole; the header may be one, too."""
    lines = [line for line in sample.splitlines()[:HEAD_ROWS] if line.strip()][:2]
    if len(lines) < 2 or not _WHOLE.fullmatch(lines[1]):
        return
    inner = [line[1:].rstrip()[:-1].replace('""', '"') if _WHOLE.fullmatch(line) else line for line in lines]
    rows = [[(_parse_sample(line, delimiter) or [[]])[0] for line in inner] for delimiter in DELIMITERS]
    # A single column of quoted texts with commas is none of these: its header doesn't divide into as many names.
    if any(HEADER_CELLS <= len(names) <= len(cells) for names, cells in rows):
        unquote = shell_join(["sed", "-E", '/^"/{s///; s/"[[:space:]]*$//; s/""/"/g;}', name])
        raise SourceError(
            f"{name}: whole lines are in quotes, so that each is a single cell: {clip(lines[1], LINE_SHOWN)}",
            hint="Export it again, with quotes around cells alone; or take them off: "
            f"{unquote} > {shell_join([f'{Path(name).stem}-unquoted.csv'])}",
        )


def find_errors_delimiter(sample: str) -> str | None:
    """Return the delimiter with which a file's first row is the header of an errors file, as all others may be ragged.

    A spreadsheet may have saved it with another delimiter than ours. None if it is no errors file.
    """
    first = {delimiter: _parse_sample(sample, delimiter, rows=1) for delimiter in DELIMITERS}
    return next((delimiter for delimiter, rows in first.items() if rows and is_errors_header(rows[0])), None)


def _parse_sample(sample: str, delimiter: str, rows: int | None = None) -> list[list[str]]:
    """Return the rows of a sample; a blank line is one without cells."""
    csv.field_size_limit(CELL_CHARACTERS)
    parsed: list[list[str]] = []
    with suppress(csv.Error):  # the rows read so far show the structure
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, strict=True)
        parsed.extend(islice(reader, rows))
    return parsed
