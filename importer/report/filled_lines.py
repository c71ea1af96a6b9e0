"""Writes the lines of a report from its columns."""

from __future__ import annotations

from collections.abc import Sequence


def fill(form: str, columns: Sequence[Sequence[object]]) -> str:
    """The lines that a form with `%s` for each column makes, one for each row.

    A column that is the same in all rows, as most are of a chunk, is put in only once.
    """
    rows, (opening, *between) = len(columns[0]), form.split("%s")
    varied = list[Sequence[object]]()
    signs = [opening]  # what stands before the columns that vary, and behind the last one
    for column, sign in zip(columns, between, strict=True):
        if column.count(column[0]) == rows:
            signs[-1] += f"{column[0]}{sign}"
        else:
            varied.append(column)
            signs.append(sign)
    step = len(varied) + len(signs)
    parts = [""] * (rows * step)
    for place, sign in enumerate(signs):
        parts[2 * place :: step] = [sign] * rows
    for place, column in enumerate(varied):
        parts[2 * place + 1 :: step] = map(str, column)
    return "".join(parts)
