"""Writes a sheet of a workbook as CSV, in a process of its own: see `workbooks.convert_sheet`.

The library holds all of a sheet in memory, which is given back when the process ends. The last line of stderr says how
it ended, as JSON: a word and a list of texts.
"""

from __future__ import annotations

import csv
import json
import resource
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import BinaryIO, TextIO

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    load_workbook,
)

from importer.sources.sheet_facts import LINK, TOO_LONG, CellFacts, find_facts

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
        if 0 <= column - offset < len(row) and not _shows_address(row[column - offset], address):
            facts.add(LINK, number, column, address)
    return row


def _shows_address(text: str, address: str) -> bool:
    """Whether a cell's text is its address, or the part of it that matters: `PROJ-7` of `https://t/browse/PROJ-7`."""
    return address in text or bool(text and text in address)


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


def _limit_memory(limit: int) -> None:
    with suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Read the workbook on stdin, write the sheet to stdout, and say on stderr how it ended.

    The arguments of this process are the memory that it may take, in bytes, and the sheet; "" is the only one.
    """
    _, limit, wanted = sys.argv
    _limit_memory(int(limit))
    with open(1, "w", encoding="utf-8", newline="", closefd=False) as out:
        ending = write_sheet(sys.stdin.buffer, wanted, out)
    sys.stderr.write(f"{json.dumps(ending)}\n")
