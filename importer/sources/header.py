"""The header of a CSV file: titles above it, its repetitions, notes below the table, and the columns that it names."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from importer.errors import SourceError
from importer.mapping.header_names import weigh
from importer.phrases import plain_name, tokens_of
from importer.records import Finding, Ref

if TYPE_CHECKING:
    from importer.sources.csv import TableRow


HEAD_ROWS = 20
HEADER_CELLS = 3
"""The least number of filled cells of a header below a title."""
NAMED_FIELDS, NAMED = 2, 11
"""How many fields a header names, each with a word of at least this weight, of which it consists."""
FIELDS = ("key", "title", "description", "severity", "status", "category")
DATA_SHARE = 1 / 3
CELLS_SHOWN = 6
CELL_SHOWN = 40
FURTHER_DOWN = "If the header is further down, skip the lines above it: --skip-lines N"

HEADER_AGAIN = Finding("row-header", "", "The row repeats the header.", rejects=False)
GROUP_TITLE = Finding("row-header", "", "The row is a title above a repeated header.", rejects=False)
NOTES_MOST = 20
"""Lines that a report says of itself below its table."""
NOTE_ROWS = 1000
"""The last rows of a file, among which notes are looked for; most of these may be empty."""
NOTE_CHARACTERS = 1000
NOTE_BELOW = Finding("row-footer", "", "The row is a note below the table.", rejects=False)

_OF_STORIES = {"Current State", "Requested By", "Owned By", "URL"}
"""Columns that every story of Pivotal Tracker has, and no other export has all of them."""
_LEFT_OUT = {
    *("Blocker", "Blocker Status", "Comment", "Task", "Task Status"),
    *("Review Type", "Reviewer", "Review Status", "Pull Request", "Git Branch"),
}
"""Columns behind those that there are as often as one story needs them: a row ends with the last that its own has."""

_NOTE = re.compile(
    r"\s*(?:copyright\b|©|confidential\b|(?:generated|exported|created) (?:by|on|at|from)\b"
    r"|end of (?:report|file|export|table)\b|page \d+ of \d+"
    r"|(?:grand )?totals?(?: (?:rows|records|issues|tickets|cases))?\s*[:(=]?\s*(?:[\d.,]+(?: \w+)?)?\)?\s*$"
    r"|[\d.,]+ (?:rows|records)\b)",
    re.IGNORECASE,
)
"""What reports say of themselves below their table."""

_TOTAL = re.compile(
    r"(?:grand |overall )?totals?|sum|count|gesamt(?:summe|ergebnis|zahl)?|summe|total général|total general|totale"
    r"|итого|всего|合計|总计|總計|합계",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\(?[\d.,]+%?(?: \w+)?\)?")
"""What stands beside it: `25`, `(2 records)`."""

_FACT = re.compile(r"[^\W\d][^:\n]{0,39}:\s*[^\s/].*")
_DATA = re.compile(
    r"[a-z][a-z0-9+.-]*://\S+"  # an address
    r"|[^@\s]+@[^@\s]+\.[^@\s]+"  # of mail
    r"|[+-]?\d[\d,. ]*%?"  # a number, or a date with dots
    r"|\d{4}[-/]\d{1,2}[-/]\d{1,2}([ T].*)?"
    r"|\d{1,2}[-/. ](\d{1,2}|[a-z]{3,9})[-/. ]\d{2,4}([ T,].*)?",
    re.IGNORECASE,
)


def count_filled(row: Sequence[str]) -> int:
    """Count the cells that hold more than white space."""
    return sum(map(bool, map(str.strip, row)))


def count_above(rows: Sequence[Sequence[str]]) -> int:
    """Count the rows above the header: titles of a spreadsheet, and empty rows; blank lines are rows without a cell.

    A title is a row with one filled cell. The header below it has at least three filled cells and half as many as the
    fullest row, and most rows after it fit it. So is `sep=;`, which tells a spreadsheet the delimiter. Rows of several
    cells, of facts or of groups of columns, are above a row that is sure to be names.
    """
    if rows and len("".join(rows[0]).strip()) <= len("sep=;") and rows[0][:1] and rows[0][0].startswith("sep="):
        return 1 + count_above(rows[1:])
    filled = [count_filled(row) for row in rows[:HEAD_ROWS]]
    if named := _count_above_names(rows[:HEAD_ROWS], filled):
        return named
    first = next((place for place, count in enumerate(filled) if count), 0)
    above = next((place for place, count in enumerate(filled) if count > 1), first)
    return above if above > first and _is_below_titles(rows[above:HEAD_ROWS], max(filled)) else first


def _count_above_names(rows: Sequence[Sequence[str]], filled: Sequence[int]) -> int:
    """Count the rows above one that names columns as trackers do, which none of these does as much; 0 if there is none.

    An empty row parts them from it, or they are as wide and sparser, or facts alone: `Open defects: 2`. A shorter one
    may be the header of a torn table.
    """
    for at, header in enumerate(rows if filled and (filled[0] < max(filled) or _has_facts(rows[0])) else ()):
        if filled[at] < max(HEADER_CELLS, *filled[at:]) or _count_names(header) < NAMED_FIELDS:
            continue
        parted = max((place + 1 for place in range(at) if not filled[place]), default=0)
        full = [row for row in rows[parted:at] if count_filled(row) >= filled[at] and not _has_facts(row)]
        beside = full or any(len(row) != len(header) for row in rows[parted:at])
        is_named_above = any(_count_names(row) >= NAMED_FIELDS for row in rows[:at])
        return 0 if beside or is_named_above or not _is_below_titles(rows[at:], filled[at]) else at
    return 0


def _has_facts(row: Sequence[str]) -> bool:
    return all(map(_FACT.fullmatch, filter(None, map(str.strip, row))))


def _count_names(row: Sequence[str]) -> int:
    """Count the fields that have a cell with a usual name for them alone."""
    tokens = [tokens_of(cell) for cell in row if cell.strip()]
    return sum(any(weigh(words, field) >= NAMED for words in tokens) for field in FIELDS)


def _is_below_titles(rows: Sequence[Sequence[str]], widest: int) -> bool:
    header, *below = rows
    if count_filled(header) < max(HEADER_CELLS, widest / 2) or is_data(header):
        return False
    if any(cell != cell.strip() for cell in header):  # prose with commas in it
        return False
    return 2 * sum(fits(row, header) for row in below) >= len(below)


def fits(row: Sequence[str], header: Sequence[str]) -> bool:
    """Whether a row loses nothing under this header.

    Surplus cells must be empty; missing cells must have no header, unless the whole row is empty. A filled row that
    ends early may have been cut off.
    """
    too_much, missing = row[len(header) :], header[len(row) :]
    return not (count_filled(too_much) or (count_filled(missing) and count_filled(row)))


def is_data(row: Sequence[str]) -> bool:
    """Whether a third of a row's filled cells are data, not names: addresses, numbers, dates."""
    filled = [cell.strip() for cell in row if cell.strip()]
    data = sum(_DATA.fullmatch(cell) is not None for cell in filled)
    return bool(filled) and data >= DATA_SHARE * len(filled)


def check_header(name: str, line: int, header: Sequence[str]) -> None:
    """Raise SourceError if the header is empty or is a row of data: addresses, numbers, dates."""
    filled = [cell.strip() for cell in header if cell.strip()]
    if is_data(header):
        shown = ", ".join(cell[:CELL_SHOWN] for cell in filled[:CELLS_SHOWN])
        more = " …" if filled[CELLS_SHOWN:] else ""
        raise SourceError(
            f"{name}:{line}: has no header; its first row is data: {shown}{more}",
            hint=f"Add a line above it that names the columns, such as ID,Title,Status. {FURTHER_DOWN}",
        )
    if not filled:
        raise SourceError(
            f"{name}:{line}: the header is empty.", hint=f"Write the column names into it. {FURTHER_DOWN}"
        )


def least_width(header: Sequence[str]) -> int:
    """Return the least width of a row: some trackers leave out the last of repeated columns, such as comments.

    They do so, too, where the file has such a column once, as no issue has more.
    """
    times = Counter(header)
    left_out = _LEFT_OUT if times.keys() >= _OF_STORIES else set()
    width = len(header)
    while width > 1 and (times[header[width - 1]] > 1 or header[width - 1] in left_out):
        width -= 1
    return width


def find_repeated_headers(rows: Sequence[list[str]], header: Sequence[str]) -> dict[int, Finding]:
    """Return findings for rows that repeat the header, and for rows with one filled cell right above such a row."""
    header = list(header)
    found: dict[int, Finding] = {}
    if count_filled(header) < 2:  # of a single column, a cell may say by chance what the header says
        return found
    # In files that were put together a byte order mark may stand in front of it.
    first = (header[0], f"\ufeff{header[0]}", f'\ufeff"{header[0]}"')
    heads = [row[0] for row in rows]
    if not any(map(heads.count, first)):  # as in nearly all files
        return found
    for index in [index for index, row in enumerate(rows) if row[0] in first and row[1:] == header[1:]]:
        found[index] = HEADER_AGAIN
        if index and count_filled(rows[index - 1]) == 1:
            found[index - 1] = GROUP_TITLE
    return found


def may_be_note(row: Sequence[str]) -> bool:
    """Whether only the first cell of a row is filled, if any, or it is one of totals; so that it may be a note."""
    # A long text is what somebody has written, not what a report says of itself.
    if sum(map(len, row)) > NOTE_CHARACTERS:
        return False
    return count_filled(row) == count_filled(row[:1]) or _is_total(row)


def _is_note(row: Sequence[str]) -> bool:
    """Whether a row says that it is a note, if it may be one."""
    return _is_total(row) or _NOTE.match("".join(row[:1])) is not None


def find_notes(rows: Sequence[Sequence[str]], header: Sequence[str]) -> dict[int, Finding]:
    """Return findings for notes below a table: who made a report, and whose it is. `rows` end where the file does.

    A note is a row that may be one, and no row below it is another. One that says so is one, and so are those below it,
    and those above it that are lines of a single cell, or that an empty row divides from the table. Where there are
    many, they are rows.
    """
    if count_filled(header) < HEADER_CELLS:
        return {}
    end = len(rows)
    while end > max(0, len(rows) - NOTE_ROWS) and may_be_note(rows[end - 1]):
        end -= 1
    at = next((index for index in range(end, len(rows)) if _is_note(rows[index])), None)
    if at is None:
        return {}
    first = apart = at
    while first > end and len(rows[first - 1]) == 1:
        first -= 1
    while apart > end and count_filled(rows[apart - 1]):
        apart -= 1
    if apart > end:  # an empty row is there
        first = min(first, apart)
    found = [index for index in range(first, len(rows)) if count_filled(rows[index])]
    return dict.fromkeys(found, NOTE_BELOW) if len(found) <= NOTES_MOST else {}


def _is_total(row: Sequence[str]) -> bool:
    """Whether a row says what the rows above it come to: `Grand Totals,(2 records)`, `Total,,,25`."""
    first, *others = [*filter(None, map(str.strip, row))] or [""]
    return _TOTAL.fullmatch(first.rstrip(" :")) is not None and all(map(_FIGURE.fullmatch, others))


NOTICE = 'cells like ="0012" or =HYPERLINK("…","0012") are read as the text that a spreadsheet shows: 0012'

_TEXT = r'"((?:[^"]|"")*+)"'
_FORMULA = re.compile(rf"\s*=\s*(?:{_TEXT}|HYPERLINK\(\s*{_TEXT}(?:\s*[,;]\s*{_TEXT})?\s*\))\s*", re.IGNORECASE)


def open_formula(cell: str) -> str:
    """The text that a spreadsheet shows for such a cell; any other cell as it is."""
    match = _FORMULA.fullmatch(cell) if cell.lstrip().startswith("=") else None
    # Of a link its label is shown, and its address only where it has none.
    return cell if match is None else (match[1] or match[3] or match[2] or "").replace('""', '"')


def column_name(cell: str) -> str:
    """The name of a column, by its cell in the header."""
    return plain_name(open_formula(cell))


def open_formulas(runs: Iterable[list[TableRow]]) -> Iterator[list[TableRow]]:
    """The rows of a file with such cells, each cell as its text; what is written back of a row has it, too."""
    for rows in runs:
        for row in rows:
            has_own_cells = row.cells is not row.raw
            row.raw = list(map(open_formula, row.raw))
            row.cells = list(map(open_formula, row.cells)) if has_own_cells else row.raw
        yield rows
        del rows, row  # as in `csv.read_runs`


def find_columns(header: Sequence[str], refs: Sequence[Ref]) -> dict[Ref, tuple[int, ...]]:
    """Return for each reference all physical columns, from 0, with that header, as both look."""
    columns: dict[str, list[int]] = defaultdict(list)
    for index, cell in enumerate(header):
        columns[column_name(cell)].append(index)
    return {ref: tuple(columns.get(column_name(ref.name), ())) if ref.kind == "column" else () for ref in refs}
