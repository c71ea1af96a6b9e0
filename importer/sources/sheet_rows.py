"""Writes a sheet of a workbook as CSV, as a program of its own: `python -P sheet_rows.py LIMIT SHEET <WORKBOOK >CSV`.

The library holds all of a sheet in memory, which is given back when this process ends; LIMIT bounds it, in bytes. The
last line of stderr says how it ended, as JSON: a word and a list of texts. It imports nothing of the importer.
"""

from __future__ import annotations

import csv
import json
import resource
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
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

Value = int | float | str | bool | time | date | datetime | timedelta
Ending = tuple[str, list[str]]

ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""What a workbook with a password has inside; the library doesn't look for it."""
WRITTEN, SEVERAL, ABSENT, EMPTY = "written", "several", "absent", "empty"
LOCKED, DAMAGED, TOO_LARGE, DISK_FULL = "locked", "damaged", "too-large", "disk-full"


def write_sheet(source: BinaryIO, wanted: str, out: TextIO) -> Ending:
    """Write the wanted sheet, else the only one that is visible and has rows; return how that ended.

    With the sheet that was written; with the sheets that there are, if that is not clear; with what is wrong.
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
        writer = csv.writer(out)  # line ends of CR LF: with others Python quotes no lone CR before 3.13
        for row in read_rows(sheet):
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
    return WRITTEN, names


def _find_sheets(workbook: CalamineWorkbook, wanted: str) -> list[str]:
    sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    if wanted:
        return [sheet.name for sheet in sheets if sheet.name == wanted]
    names = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
    return [name for name in names if workbook.get_sheet_by_name(name).height] if len(names) > 1 else names


def read_rows(sheet: CalamineSheet) -> Iterator[list[str]]:
    """Yield the rows of a sheet from its first one on, as text; a cell merged downwards stands in each of its rows."""
    merged: dict[int, list[tuple[int, int]]] = defaultdict(list)
    offset = (sheet.start or (0, 0))[1]
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        if left == right and bottom > top:
            merged[top].append((left - offset, bottom))
    filled: dict[int, tuple[int, str]] = {}
    for number, values in enumerate(sheet.iter_rows()):
        row = list(map(to_text, values))
        for column, (bottom, text) in [*filled.items()]:
            if number > bottom:
                del filled[column]
            elif not row[column]:
                row[column] = text
        filled |= {column: (bottom, row[column]) for column, bottom in merged.get(number, ())}
        yield row


def to_text(value: Value) -> str:
    """Return a cell as text: numbers without a trailing `.0`, dates as ISO 8601, to the second."""
    match value:
        case bool():
            return str(value).upper()
        case float():
            return f"{value:.0f}" if value.is_integer() else f"{Decimal(f'{value:.15g}'):f}"
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


def main(arguments: Iterable[str]) -> None:
    """Read the workbook on stdin, write the sheet to stdout, and say on stderr how it ended."""
    limit, wanted = arguments
    _limit_memory(int(limit))
    with open(1, "w", encoding="utf-8", newline="", closefd=False) as out:
        ending = write_sheet(sys.stdin.buffer, wanted, out)
    sys.stderr.write(f"{json.dumps(ending)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
