"""Writes the lines of a report from its columns."""

from __future__ import annotations

from collections.abc import Sequence


def fill(form: str, columns: Sequence[Sequence[object]]) -> str:
    """The lines that a form with `%s` for each column makes, one for each row.

    A column that is the same in all rows, as most are of a chunk, is put in only once.
    """
    varied, line = list[Sequence[object]](), list[str]()
    for column in columns:
        is_alike = column.count(column[0]) == len(column)
        line.append(str(column[0]).replace("%", "%%") if is_alike else "%s")
        varied += [] if is_alike else [column]
    values: list[object] = [""] * (len(varied) * len(columns[0]))
    for place, column in enumerate(varied):
        values[place :: len(varied)] = column
    every_line = (form % tuple(line)) * len(columns[0])
    return every_line % tuple(values)
