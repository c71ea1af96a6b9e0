"""Tables that people have edited in a spreadsheet, and what is wrong with them: values.csv, fixes.csv, users.csv.

`read_table` reads any of them; what each line means is said below it, for one table after the other.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import hashlib
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from importer.api import CATEGORY_LIMIT, count_units
from importer.errors import Problem, UsageError
from importer.mapping.identities import Identity, Roster, RosterLine
from importer.mapping.model import TARGETS, UNDECIDED, fold
from importer.mapping.problems import nearest
from importer.mapping.yaml_tree import Place, read_small
from importer.phrases import plain_name
from importer.records import Ref
from importer.spreadsheet import unescape_cell

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class EditedTable:
    """A table as a person's spreadsheet has saved it.

    header    the names of its columns; those that were asked for are written as there
    rows      those that have a filled cell: the line on which each begins, and column → cell
    problems  what is wrong with it; a row with a problem isn't among `rows`, and none is where a column is missing
    """

    encoding: str = "utf-8-sig"  # spreadsheets take a file without its mark for another encoding
    delimiter: str = ","
    header: tuple[str, ...] = ()
    rows: tuple[tuple[int, Mapping[str, str]], ...] = ()
    problems: tuple[Problem, ...] = ()


def read_table(path: Path, needed: Collection[str], others: Collection[str] = ()) -> EditedTable:
    """Read a table: UTF-8, or UTF-16 by its mark; comma, semicolon or tab.

    The columns that are `needed`, and `others` that it may have, are known in any case, and none may be there twice.
    The delimiter is the one that makes a header with all of the needed ones, else the one that the header has most of.
    """
    file = str(path)
    try:
        stored = read_small(path)
    except OSError as error:
        return EditedTable(problems=(Problem(f"can't be read: {error.strerror}", file),))
    encoding = "utf-16" if stored.startswith(_UTF16) else "utf-8-sig"
    try:
        text = stored.decode(encoding)
    except UnicodeDecodeError as error:
        return EditedTable(problems=(_not_text(file, error.object.count(b"\n", 0, error.start) + 1),))
    separator = next(io.StringIO(text, newline=""), "")
    if separator.strip().startswith("sep="):  # which spreadsheets write and read for themselves; the line stays
        text = text[len(separator.rstrip("\r\n")) :]
    first = next((line for line in io.StringIO(text, newline="") if line.strip()), "")
    if "\0" in first:  # it is UTF-16 without its mark
        return EditedTable(problems=(_not_text(file, 1),))
    wanted = set(map(fold, needed))
    fitting = (each for each in _DELIMITERS if wanted <= set(map(fold, _split_header(first, each))))
    delimiter = next(fitting, max(_DELIMITERS, key=first.count))
    lines, damage = _split_lines(text, delimiter, file)
    number, names = lines[0] if lines else (1, [])
    known = {fold(name): name for name in (*needed, *others)}
    header = tuple(known.get(fold(name), name.strip()) for name in names)
    if not set(needed) <= set(header):
        has = ", ".join(map(repr, header)) or "no columns"
        message = f"the header lacks {', '.join(repr(name) for name in needed if name not in header)}; it has {has}"
        return EditedTable(problems=(Problem(message, file, number),))
    twice = (name for name in known.values() if header.count(name) > 1)
    problems = [Problem("stands in the header twice", file, number, name, "leave one of the columns") for name in twice]
    rows = list[tuple[int, Mapping[str, str]]]()
    for number, cells in lines[1:]:
        if len(cells) > len(header):  # cells behind a comma that was typed without quotes stand under other names
            hint = f"put a text that contains {'a tab' if delimiter == chr(9) else repr(delimiter)} in quotes"
            problems.append(Problem("has more cells than the header", file, number, hint=hint))
        else:
            filled_up = [*cells, *[""] * (len(header) - len(cells))]
            texts = (unescape_cell(cell.strip()).strip() for cell in filled_up)
            rows.append((number, dict(zip(header, texts, strict=True))))
    return EditedTable(encoding, delimiter, header, tuple(rows), (*problems, *damage))


def _not_text(file: str, line: int) -> Problem:
    hint = "in the spreadsheet, save it as `CSV UTF-8` or `Unicode text`"
    return Problem("is neither UTF-8 nor UTF-16", file, line, hint=hint)


def _split_header(line: str, delimiter: str) -> Sequence[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # the line is longer than any header; it is said when all lines are read
        return ()


def _split_lines(text: str, delimiter: str, file: str) -> tuple[list[tuple[int, list[str]]], list[Problem]]:
    """Return the rows that have a filled cell, each with the line on which it begins, and what ended them too early."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines, line = list[tuple[int, list[str]]](), 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                lines.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        hint = "a quote within quotes is doubled"
        return lines, [Problem(f"can't be read as CSV: {error}", file, line, hint=hint)]
    return lines, []


# values.csv, beside a mapping: what each value of the source becomes.

VALUE_COLUMNS = ("field", "value", "rows", "open_rows", "sample", "proposal", "decision")
VALUES_NEED = ("field", "value", "decision")


@dataclass(frozen=True, slots=True)
class DecidedValue:
    """A line of the table: the target of one source value of a field. The value `""` is the empty cell.

    An empty `target` leaves the value as the mapping has it; `?` marks a value that nobody has decided yet.
    """

    field: str
    value: str
    target: str
    place: Place


def read_decisions(path: Path) -> tuple[list[DecidedValue], Sequence[Problem]]:
    """The decisions in a table, and everything that is wrong with it; lines with a problem are left out.

    A value that two lines decide differently is a problem.
    """
    table = read_table(path, VALUES_NEED)
    decisions, problems = list[DecidedValue](), list(table.problems)
    firsts: dict[tuple[str, str], DecidedValue] = {}
    for line, cells in table.rows:
        place, field, value = Place(str(path), line), fold(cells["field"]), cells["value"]
        if field not in TARGETS:
            hint = nearest(field, TARGETS) or f"the fields are {', '.join(TARGETS)}"
            problems.append(Problem(f"{field!r} is not a field", place.file, line, "field", hint))
            continue
        target, message, hint = _target(field, cells["decision"])
        decision = DecidedValue(field, value, target, place)
        first = firsts.setdefault((field, fold(value)), decision)
        # A line without a decision leaves it to another one of the same value.
        if target not in ("", UNDECIDED, first.target):
            if first.target not in ("", UNDECIDED):
                message = f"{value!r} becomes {target!r} here and {first.target!r} on line {first.place.line}"
                hint = "delete one of the two lines"
            else:
                firsts[field, fold(value)] = first = decision
        if first is decision:
            decisions.append(decision)
        if message:
            problems.append(Problem(message, place.file, line, "decision", hint))
    return decisions, problems


def _target(field: str, word: str) -> tuple[str, str, str]:
    """What a word decides, else "", what is wrong with it, and a hint."""
    names = TARGETS[field]
    if names and word not in ("", UNDECIDED):
        name = re.sub(r"[\s-]+", "_", fold(word))
        hint = nearest(word, names) or "leave the cell empty, or write ?, to decide later"
        return (name, "", "") if name in names else ("", f"{word!r} is not one of {', '.join(names)}", hint)
    if count_units(word) > CATEGORY_LIMIT:
        message = f"{word[:20]!r}… has {count_units(word)} characters"
        return "", message, f"a category has at most {CATEGORY_LIMIT}"
    return word, "", ""


# fixes.csv of a report: corrected values, which replace those of the source before the mapping is applied.

COLUMN, BAD, NEW = "column", "bad value", "new value"


class Fix(NamedTuple):
    """One correction: in `column`, the text `bad` is replaced by `new`. `line` is its line in the table."""

    column: str
    bad: str
    new: str
    line: int


@dataclass(frozen=True)
class Fixes:
    """The corrections of a table: column → bad value → fix. `left` counts the lines whose new value is empty."""

    path: Path | None = None
    columns: Mapping[str, Mapping[str, Fix]] = field(default_factory=dict)
    left: int = 0

    def __iter__(self) -> Iterator[Fix]:
        return (fix for fixes in self.columns.values() for fix in fixes.values())

    def mark(self, digest: str) -> str:
        """Combine a mapping's digest with these fixes, since the same mapping with other fixes gives other records."""
        if not self.columns:
            return digest
        meaning = sorted(fix[:3] for fix in self)
        return hashlib.sha256(f"{digest} {meaning}".encode("utf-8", "surrogatepass")).hexdigest()

    def check_columns(self, refs: Iterable[Ref], headers: Sequence[Collection[str] | None]) -> None:
        """Check that the mapping reads each column and that some file has it, where all files have headers.

        Raises UsageError with every line that names another column.
        """
        mapped = {plain_name(ref.name) for ref in refs}
        problems = []
        for fix in self:
            if fix.column not in mapped:
                problems.append(self._problem(fix, "the mapping reads no column of this name", mapped))
            # JSON has no header, and its keys differ from record to record.
            elif all(header is not None for header in headers):
                names = {name.strip() for header in headers for name in header or ()}
                if fix.column not in names:
                    problems.append(self._problem(fix, "no file has a column of this name", names & mapped))
        if problems:
            raise _unusable_fixes(self.path, problems)

    def _problem(self, fix: Fix, message: str, names: Collection[str]) -> Problem:
        near = difflib.get_close_matches(fix.column, names, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]!r}?" if near else f"its columns here: {', '.join(sorted(names)[:20])}"
        return Problem(f"{message}: {fix.column!r}", str(self.path), fix.line, COLUMN, hint)


def content_of(fixed: tuple[Fix, ...]) -> str:
    """A text for a row's digest: the same row without corrections, or with others, has another one."""
    return "\x1f".join(part for fix in sorted(fixed) for part in fix[:3])


def read_fixes(path: Path) -> Fixes:
    """Read a table of fixes. Raises UsageError if it can't be read, or with all lines that are wrong."""
    table = read_table(path, (COLUMN, BAD, NEW))
    columns: dict[str, dict[str, Fix]] = {}
    problems, left = list(table.problems), 0
    for line, cells in table.rows:
        fix = Fix(cells[COLUMN], cells[BAD], cells[NEW], line)
        if not fix.new:
            left += 1
        elif not fix.column:
            hint = "write the column's name as in the export's header"
            problems.append(Problem("names no column", str(path), line, COLUMN, hint))
        elif not fix.bad:
            hint = "for empty cells, set `missing` in the mapping"
            problems.append(Problem("has no bad value", str(path), line, BAD, hint))
        else:
            first = columns.setdefault(fix.column, {}).setdefault(fix.bad, fix)
            if first.new != fix.new:
                message = f"{fix.column} {fix.bad!r} becomes {fix.new!r} here and {first.new!r} on line {first.line}"
                problems.append(Problem(message, str(path), line, NEW, "keep one of the two lines"))
    if problems:
        raise _unusable_fixes(path, problems)
    return Fixes(path, columns, left)


def _unusable_fixes(path: Path | None, problems: Sequence[Problem]) -> UsageError:
    hint = "Use the fixes.csv of a report: fill in `new value`, and don't change the header."
    return UsageError(f"--fixes {path} can't be used.", hint=hint, problems=problems)


# users.csv: for each person of the source, which Triage user that is.

COUNTED = ("open_issues", "closed_issues", "comments")
USER = "triage_user_id"
PSEUDONYM = "pseudonym"
"""A column that is there if the mapping shows people by it."""
IDENTIFYING = ("name", "account", "mail")
USER_COLUMNS = (*IDENTIFYING, *COUNTED, "proposal", USER)
_ROUNDED = re.compile(r"\d([.,]\d+)?[Ee]\+\d+")  # what spreadsheets make of a long number


def identities(table: EditedTable) -> Iterator[Identity]:
    """The person of each row."""
    return (Identity(*(cells.get(name, "") for name in IDENTIFYING)) for _, cells in table.rows)


def read_users(path: Path) -> Roster:
    """Read a filled-in users.csv. Raises UsageError if it can't be read, or with all lines that are wrong."""
    return make_roster(read_sheet(path), path)


def make_roster(table: EditedTable, path: Path) -> Roster:
    """Make a roster of a table that was read. Raises UsageError with every line that is wrong."""
    lines = [
        RosterLine(who, cells.get(USER, ""), number, cells.get(PSEUDONYM, ""))
        for who, (number, cells) in zip(identities(table), table.rows, strict=True)
    ]
    problems = list(_user_problems(lines, str(path)))
    if problems:
        raise _unusable_users(path, problems)
    return Roster(tuple(lines), str(path))


def _user_problems(lines: Iterable[RosterLine], file: str) -> Iterator[Problem]:
    first: dict[str | Identity, RosterLine] = {}
    for line in lines:
        if not line.user_id:
            continue
        if any(map(str.isspace, line.user_id)):
            message = f"{line.user_id!r} is not a user id: it contains a space"
            yield Problem(message, file, line.number, USER, "write only the id, without a name")
        elif _ROUNDED.fullmatch(line.who.account):
            hint = "write the table again, and import this column as text in the spreadsheet"
            message = f"{line.who.account!r} is a number that a spreadsheet has rounded"
            yield Problem(message, file, line.number, "account", hint)
        elif not line.who.shown:
            hint = "fill in a name, an account or a mail"
            yield Problem("has a user id, but doesn't say whose", file, line.number, "name", hint)
        else:
            # An account is one person's; without one, all that is known of them has to be the same.
            other = first.setdefault(line.who.account or line.who, line)
            if other.user_id != line.user_id:
                message = f"{line.who.shown} is {line.user_id!r} here and {other.user_id!r} on line {other.number}"
                yield Problem(message, file, line.number, USER, "keep one of the two lines")


def read_sheet(path: Path) -> EditedTable:
    """Read users.csv as it is stored. Raises UsageError if it can't be read, or its header is none of ours."""
    table = read_table(path, (USER,), (*IDENTIFYING, PSEUDONYM))
    problems = table.problems
    if not problems and set(IDENTIFYING).isdisjoint(table.header):
        problems = (Problem(f"the header needs one of {', '.join(IDENTIFYING)}", str(path), 1),)
    if problems:
        raise _unusable_users(path, problems)
    return table


def _unusable_users(path: Path, problems: Sequence[Problem]) -> UsageError:
    hint = "`triage-import users SOURCE` writes this table; fill in `triage_user_id`, and don't change the header."
    return UsageError(f"{path} can't be used as a users table.", hint=hint, problems=problems)
