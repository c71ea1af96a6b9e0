"""Writes a sheet of a workbook as CSV, in a process of its own: see `workbooks.convert_sheet`.

The library holds all of a sheet in memory, which is given back when the process ends. The last line of stderr says how
it ended, as JSON: a word and a list of texts.

Of cells with an error, or with a formula that nobody has computed, the library says that they are empty; of notes,
links and parts of an .ods it says nothing. These are found in the XML of the workbook. An .xls has none.
"""

from __future__ import annotations

import csv
import json
import posixpath
import re
import resource
import sys
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from html import unescape
from itertools import product
from typing import BinaryIO, TextIO
from xml.etree import ElementTree

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    load_workbook,
)

from importer.phrases import counted

Value = int | float | str | bool | time | date | datetime | timedelta
Ending = tuple[str, list[str]]

ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""What a workbook with a password has inside; the library doesn't look for it."""
WRITTEN, SEVERAL, ABSENT, EMPTY = "written", "several", "absent", "empty"
LOCKED, DAMAGED, TOO_LARGE, DISK_FULL = "locked", "damaged", "too-large", "disk-full"

ROUNDED = 1e15
"""A spreadsheet keeps 15 digits of a number."""


def write_sheet(source: BinaryIO, wanted: str, out: TextIO) -> Ending:
    """Write the wanted sheet, else the only one that is visible and has rows; return how that ended.

    With the sheet that was written and what is to be said of it; with the sheets that there are, if that is not clear;
    with what is wrong.
    """
    try:
        workbook = load_workbook(source)
        names = _find_sheets(workbook, wanted)
        if len(names) > 1:
            return SEVERAL, names
        if not names:
            return (ABSENT if wanted else EMPTY), [sheet.name for sheet in workbook.sheets_metadata]
        sheet = workbook.get_sheet_by_name(names[0])
        if not sheet.height:
            return EMPTY, names
        facts = find_facts(source, names[0])
        writer = csv.writer(out)  # line ends of CR LF: with others Python quotes no lone CR before 3.13
        for row in read_sheet(sheet, facts):
            writer.writerow(row if any(row) else ())
        out.flush()
    except PasswordError:
        return LOCKED, []
    except MemoryError:
        return TOO_LARGE, []
    except CalamineError as error:
        source.seek(0)
        return (LOCKED, []) if ENCRYPTED in source.read() else (DAMAGED, [str(error)])
    except OSError as error:
        return DISK_FULL, [error.strerror or str(error)]
    return WRITTEN, [*names, *facts.notices()]


def _find_sheets(workbook: CalamineWorkbook, wanted: str) -> list[str]:
    sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    if wanted:
        return [sheet.name for sheet in sheets if sheet.name == wanted]
    names = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
    return [name for name in names if workbook.get_sheet_by_name(name).height] if len(names) > 1 else names


def read_sheet(sheet: CalamineSheet, facts: CellFacts) -> Iterator[list[str]]:
    """Yield the rows of a sheet from its first one on, as text; a cell merged downwards stands in each of its rows."""
    merged: dict[int, list[tuple[int, int]]] = defaultdict(list)
    offset = (sheet.start or (0, 0))[1]
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or facts.merged:
        if bottom > top:
            merged[top].append((left - offset, bottom))
    filled: dict[int, tuple[int, str]] = {}
    for number, values in enumerate(sheet.iter_rows()):
        row = _read_row(number, values, offset, facts)
        for column, (bottom, text) in [*filled.items()]:
            if number > bottom:
                del filled[column]
            elif not row[column]:
                row[column] = text
        filled |= {column: (bottom, row[column]) for column, bottom in merged.get(number, ())}
        yield row


def _read_row(number: int, values: Sequence[Value], offset: int, facts: CellFacts) -> list[str]:
    """Return the cells of a row as text, and add what can't be seen in them to the facts."""
    row = list(map(cell_text, values))
    for column, value in enumerate(values):
        if isinstance(value, float) and abs(value) >= ROUNDED:
            facts.add(TOO_LONG, number, column + offset, row[column])
    for column, text in facts.texts.get(number, {}).items():
        if 0 <= column - offset < len(row):
            row[column - offset] = text
    for column, address in facts.links.get(number, {}).items():
        text = row[column - offset] if 0 <= column - offset < len(row) else address
        # A cell may show the part of its address that matters: `PROJ-7` of `https://t/browse/PROJ-7`.
        if address not in text and not (text and text in address):
            facts.add(LINK, number, column, address)
    return row


def cell_text(value: Value) -> str:
    """Return a cell as text: numbers without a trailing `.0`, dates as ISO 8601, to the second."""
    match value:
        case bool():
            return str(value).upper()
        case float():
            if value.is_integer():  # `.0f` would show digits of a long one that nobody wrote
                return f"{Decimal(repr(value)):.0f}"
            return f"{Decimal(f'{value:.15g}'):f}"
        case datetime():
            return (value + timedelta(milliseconds=500)).replace(microsecond=0).isoformat(" ")
        case timedelta():
            minutes, seconds = divmod(round(value.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        case time():
            return value.replace(microsecond=0).isoformat()
    return str(value)


def main() -> None:
    """Read the workbook on stdin, write the sheet to stdout, and say on stderr how it ended.

    The arguments of this process are the memory that it may take, in bytes, and the sheet; "" is the only one.
    """
    _, limit, wanted = sys.argv
    with suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open(1, "w", encoding="utf-8", newline="", closefd=False) as out:
        ending = write_sheet(sys.stdin.buffer, wanted, out)
    sys.stderr.write(f"{json.dumps(ending)}\n")


SHOWN = 60
BLOCK_BYTES = 1024 * 1024
_WORKBOOK = "xl/workbook.xml"
_ODS_CONTENT = "content.xml"
_TABLE, _TEXT = (f"{{urn:oasis:names:tc:opendocument:xmlns:{name}:1.0}}" for name in ("table", "text"))
_ODS_SIGNS = {f"{_TEXT}line-break": "\n", f"{_TEXT}tab": "\t"}
_UNSAID = re.compile(
    rb"number-rows-spanned=|<text:line-break|<text:tab\b|value-type=\"error\"|<office:annotation|<text:a "
)
_ROW_END = re.compile(rb"</(?:\w+:)?row>")
_CELL = re.compile(
    rb"<(?:\w+:)?c\s([^<>]*\bt=\"e\"[^<>]*|[^<>]*[^<>/](?=>\s*<(?:\w+:)?f\b))>(.*?)</(?:\w+:)?c>", re.DOTALL
)
"""A cell with an error or a formula."""
_PLACE = re.compile(rb"\br=\"([A-Z]+)(\d+)\"")
_KIND = re.compile(rb"\bt=\"(\w+)\"")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b[^<>]*?(?:/>|>(.*?)</(?:\w+:)?f>)", re.DOTALL)
_VALUE = re.compile(rb"<(?:\w+:)?v\b[^<>]*>([^<]+)<")
_REF = re.compile(rb"\bref=\"([A-Z]+)(\d+)")
_NOTE = re.compile(rb"<(?:\w+:)?comment\s[^<>]*>")
_ADDRESS = re.compile(rb"<(?:\w+:)?hyperlink\s[^<>]*>")
_ADDRESS_ID = re.compile(rb"\bid=\"([^\"]+)\"")
_LINK = re.compile(r"""HYPERLINK\(\s*("(?:[^"]|"")*")\s*(?:,\s*("(?:[^"]|"")*")\s*)?\)""", re.IGNORECASE)


@dataclass
class CellFacts:
    """What is said of a sheet: sentence → the cells that it is about.

    texts     of cells that the library takes for empty, or leaves something out of
    links     addresses behind cells
    merged    ranges of cells, each by its first and its last row and column, where the library doesn't say
    computed  formulas with a value other than 0
    """

    texts: defaultdict[int, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    links: defaultdict[int, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    merged: list[tuple[tuple[int, int], tuple[int, int]]] = field(default_factory=list)
    computed: int = 0
    cells: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, sentence: str, row: int, column: int, text: str) -> None:
        """Count a cell."""
        self.cells[sentence] += 1
        place = f"{_letters(column)}{row + 1}"
        self.first.setdefault(sentence, f"{text[:SHOWN]} in {place}" if text else place)

    def notices(self) -> list[str]:
        """What is to be said, each with the number of cells and the first of them."""
        return [
            sentence.format(f"{counted(count, 'cell')}, the first {self.first[sentence]}")
            for sentence, count in self.cells.items()
            if sentence != ONLY_ZERO or not self.computed
        ]


ERROR = "spreadsheet errors in {}: the original values are lost"
NOT_COMPUTED = (
    "formulas without a computed value in {}: they are read as text. Open the file in a spreadsheet and save it"
)
ONLY_ZERO = (
    "formulas in {}, all with the value 0: perhaps they were never computed. Open the file in a spreadsheet and save it"
)
NOTE = "notes in {}: notes aren't imported"
LINK = "links in {}: only their text is imported, not their address"
TOO_LONG = "numbers of more than 15 digits in {}: a spreadsheet keeps only 15, so format ids as text"


def find_facts(source: BinaryIO, sheet: str) -> CellFacts:
    """Find what the library doesn't say of the cells of a sheet: in an .xlsx or .ods, which are XML."""
    facts = CellFacts()
    source.seek(0)
    with suppress(
        zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError, RuntimeError, ElementTree.ParseError
    ):
        archive = zipfile.ZipFile(source)
        if _ODS_CONTENT in archive.namelist():
            _find_in_ods(archive, sheet, facts)
            return facts
        name = _find_part(archive, sheet)
        with archive.open(name) as part:
            rest = b""
            while block := part.read(BLOCK_BYTES):
                rest += block
                end = max((match.end() for match in _ROW_END.finditer(rest)), default=0)
                _find_in_rows(rest[:end], facts)
                rest = rest[end:]
        _find_beside(archive, name, rest, facts)
    return facts


def _find_beside(archive: zipfile.ZipFile, name: str, below: bytes, facts: CellFacts) -> None:
    """Find a sheet's notes, and the addresses behind its cells, which are named `below` its rows."""
    folder, file = posixpath.split(name)
    beside = f"{folder}/_rels/{file}.rels"
    if beside not in archive.namelist():
        return
    relations = ElementTree.fromstring(archive.read(beside))
    targets = {each.get("Id", ""): each.get("Target", "") for each in relations}
    for each in relations:
        if each.get("Type", "").endswith("/comments"):
            notes = archive.read(posixpath.normpath(posixpath.join(folder, targets[each.get("Id", "")])).lstrip("/"))
            for note in _NOTE.findall(notes):
                if place := _REF.search(note):
                    facts.add(NOTE, int(place[2]) - 1, _number(place[1]), "")
    for link in _ADDRESS.findall(below):
        place, key = _REF.search(link), _ADDRESS_ID.search(link)
        if place and key and (address := targets.get(key[1].decode())):
            facts.links[int(place[2]) - 1][_number(place[1])] = address


def _find_in_ods(archive: zipfile.ZipFile, sheet: str, facts: CellFacts) -> None:
    """Look at the cells of a sheet of an .ods, if there is anything that the library doesn't say of any."""
    with archive.open(_ODS_CONTENT) as part:
        rest = b""
        while (block := part.read(BLOCK_BYTES)) and not _UNSAID.search(rest + block):
            rest = block[-SHOWN:]
    if not block:
        return
    is_wanted, row, rows, column = False, 0, 1, 0
    with archive.open(_ODS_CONTENT) as part:
        for event, element in ElementTree.iterparse(part, ("start", "end")):
            match event, element.tag.partition("}")[2]:
                case "start", "table":
                    table, is_wanted, row = element, element.get(f"{_TABLE}name") == sheet, 0
                case "start", "table-row":
                    rows, column = int(element.get(f"{_TABLE}number-rows-repeated", "1")), 0
                case "end", "table-row":
                    row += rows
                    table.clear()  # of what was looked at
                case "end", "table-cell" | "covered-table-cell":
                    columns = int(element.get(f"{_TABLE}number-columns-repeated", "1"))
                    if is_wanted and len(element):
                        for place in product(range(row, row + rows), range(column, column + columns)):
                            _find_in_ods_cell(element, *place, facts)
                    column += columns


def _find_in_ods_cell(cell: ElementTree.Element, row: int, column: int, facts: CellFacts) -> None:
    """Look at a cell of an .ods that isn't empty."""
    if (down := int(cell.get(f"{_TABLE}number-rows-spanned", "1"))) > 1:
        across = int(cell.get(f"{_TABLE}number-columns-spanned", "1"))
        facts.merged.append(((row, column), (row + down - 1, column + across - 1)))
    texts, marks = [each for each in cell if each.tag == f"{_TEXT}p"], {each.tag for each in cell.iter()}
    is_error = any(name.endswith("}value-type") and value == "error" for name, value in cell.attrib.items())
    if is_error or not marks.isdisjoint(_ODS_SIGNS):
        facts.texts[row][column] = text = "\n".join(map(_ods_text, texts))
        if is_error:
            facts.add(ERROR, row, column, text)
    if any(mark.endswith("}annotation") for mark in marks):
        facts.add(NOTE, row, column, "")
    for link in (link for text in texts for link in text.iter(f"{_TEXT}a")):
        address = next((value for name, value in link.attrib.items() if name.endswith("}href")), "")
        facts.links[row].setdefault(column, address)


def _ods_text(element: ElementTree.Element) -> str:
    """The text of a paragraph or of a part of it, with its line breaks and tabs."""
    sign = _ODS_SIGNS.get(element.tag, "") or " " * (element.tag == f"{_TEXT}s") * int(element.get(f"{_TEXT}c", "1"))
    return sign + (element.text or "") + "".join(f"{_ods_text(each)}{each.tail or ''}" for each in element)


def _find_part(archive: zipfile.ZipFile, sheet: str) -> str:
    """Return the file of a workbook that a sheet is in. Raises KeyError."""
    targets = {
        relation.get("Id"): relation.get("Target", "")
        for relation in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    }
    for element in ElementTree.fromstring(archive.read(_WORKBOOK)).iter():
        if element.tag.endswith("}sheet") and element.get("name") == sheet:
            ids = (value for name, value in element.attrib.items() if name.endswith("}id"))
            return posixpath.join("xl", targets[next(ids, None)]).lstrip("/")
    raise KeyError(sheet)


def _find_in_rows(rows: bytes, facts: CellFacts) -> None:
    """Look at the cells of some rows, if they have any error or formula: most sheets have none."""
    if not (b't="e"' in rows or b"<f" in rows or b":f" in rows):
        return
    for match in _CELL.finditer(rows):
        cell, formula = match[2], _FORMULA.search(match[2])
        kind, place = _KIND.search(match[1]), _PLACE.search(match[1])
        is_error = kind is not None and kind[1] == b"e"
        if place is None or not (is_error or formula):
            continue
        row, column = int(place[2]) - 1, _number(place[1])
        value = _text(_VALUE.search(cell))
        text, sentence = value, ERROR
        if formula and not is_error:
            text, sentence = f"={_text(formula)}", ""
            if link := _LINK.fullmatch(text[1:]):
                text = (link[2] or link[1])[1:-1].replace('""', '"')
            elif text.startswith("=="):
                pass  # no formula begins so: it was a text, which a program has taken for one
            elif value == "0":
                sentence = ONLY_ZERO
            elif value or kind is not None:  # of a text it may be empty
                facts.computed += 1
                continue
            else:
                sentence = NOT_COMPUTED
        if sentence:
            facts.add(sentence, row, column, text)
        if sentence != ONLY_ZERO:
            facts.texts[row][column] = text


def _text(match: re.Match[bytes] | None) -> str:
    return unescape((match[1] or b"").decode("utf-8", "replace")) if match else ""


def _number(letters: bytes) -> int:
    """The number of a column, from 0: 27 of AB."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number - 1


def _letters(column: int) -> str:
    return (_letters(column // 26 - 1) if column >= 26 else "") + chr(65 + column % 26)
