"""Writes results.csv: every row of the source once, with its outcome, and the address of its issue in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, NamedTuple
from urllib.parse import quote, urlsplit

from importer.records import Outcome, Row
from importer.spreadsheet import shown_cells, write_cells

NUMBER, ID = "{number}", "{id}"


class IssueUrl(NamedTuple):
    """The pattern of an address, "" for none: `{number}` is 1001 of T-1001, `{id}` the issue's own long id."""

    pattern: str = ""

    def of(self, triage_id: str, issue_id: str) -> str:
        """Return the address of an issue, "" where there is no pattern or no issue."""
        if not self.pattern or not triage_id:
            return ""
        number = quote(triage_id.rpartition("-")[2], safe="")
        return self.pattern.replace(NUMBER, number).replace(ID, quote(issue_id, safe=""))


NO_URL = IssueUrl()


def find_fault(pattern: str) -> str:
    """Say why no address can be made of a pattern; "" where one can."""
    try:
        parts = urlsplit(pattern)
    except ValueError as error:
        return f"it is no address: {error}"
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return "it doesn't begin with https:// and a host"
    if not pattern.isprintable() or " " in pattern:
        return "it has a space or an invisible character"
    rest = pattern.replace(NUMBER, "").replace(ID, "")
    if rest == pattern:
        return "it has no {number}, for the number of an issue, and no {id}, for its id"
    return "" if "{" not in rest and "}" not in rest else "it has braces besides {number} and {id}"


COLUMNS = (
    "file",
    "record",
    "line",
    "key",
    "outcome",
    "code",
    "message",
    "attempts",
    "issue_id",
    "triage_id",
    "operations_planned",
    "operations_done",
    "operations_failed",
    "title",
    "url",
)
_LINE = ",".join("%s" for _ in COLUMNS) + "\r\n"
_WORDS = {outcome: str(outcome) for outcome in Outcome}  # a plain text is written faster than an enum's


class ResultsFile:
    """Writes results.csv run by run; of several findings, codes and messages are each joined by newlines."""

    def __init__(self, file: IO[str], url: IssueUrl = NO_URL) -> None:
        self._file, self._url = file, url
        file.write(",".join(COLUMNS) + "\r\n")

    def write(self, rows: Sequence[Row]) -> None:
        columns = (
            write_cells(shown_cells([row.file_name for row in rows])),
            [row.record for row in rows],
            [row.line for row in rows],
            write_cells(shown_cells([row.shown_key for row in rows])),
            [_WORDS[row.outcome] for row in rows],
            write_cells(["\n".join(row.codes) for row in rows]),
            write_cells(shown_cells(["\n".join(row.messages) for row in rows])),
            [row.attempts for row in rows],
            write_cells(shown_cells([row.issue_id for row in rows])),
            write_cells(shown_cells([row.triage_id for row in rows])),
            [row.additions_planned for row in rows],
            [row.additions_done for row in rows],
            [row.additions_failed for row in rows],
            write_cells(shown_cells([row.shown_title for row in rows])),
            write_cells([self._url.of(row.triage_id, row.issue_id) if row.triage_id else "" for row in rows]),
        )
        self._file.write(fill(_LINE, columns))


def fill(form: str, columns: Sequence[Sequence[object]]) -> str:
    """The lines that a form with `%s` for each column makes, one for each row.

    A column that is the same in all rows, as most are of rows that are read together, is put in only once.
    """
    varied, line = list[Sequence[object]](), list[str]()
    for column in columns:
        is_alike = column.count(column[0]) == len(column)
        # The form is filled twice: with what is alike, then with the rest of each row.
        line.append(str(column[0]).replace("%", "%%") if is_alike else "%s")
        varied += [] if is_alike else [column]
    values: list[object] = [""] * (len(varied) * len(columns[0]))
    for place, column in enumerate(varied):
        values[place :: len(varied)] = column
    every_line = (form % tuple(line)) * len(columns[0])
    return every_line % tuple(values)
