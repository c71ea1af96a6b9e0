"""Reads fixes.csv: corrected values, which replace those of the source before the mapping is applied."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from importer.errors import Problem, UsageError
from importer.mapping.edited_tables import read_table
from importer.phrases import plain_name
from importer.records import Ref

COLUMN, BAD, NEW = "column", "bad value", "new value"
_HINT = "Use the fixes.csv of a report: fill in `new value`, and don't change the header."


class Fix(NamedTuple):
    """One correction: in `column`, the text `bad` is replaced by `new`. `line` is its line in the table."""

    column: str
    bad: str
    new: str
    line: int


Fixed = Mapping[int, tuple[Fix, ...]]
"""Row of a chunk → the corrections made in it; rows without any are absent."""


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

        Raises:
            UsageError: with every line that names another column.
        """
        mapped = {plain_name(ref.name) for ref in refs}
        problems = []
        for fix in self:
            if fix.column not in mapped:
                problems.append(self._problem(fix, "the mapping reads no column of this name", mapped))
            elif all(header is not None for header in headers):
                names = {name.strip() for header in headers for name in header or ()}
                if fix.column not in names:
                    problems.append(self._problem(fix, "no file has a column of this name", names & mapped))
        if problems:
            raise _unusable(self.path, problems)

    def _problem(self, fix: Fix, message: str, names: Collection[str]) -> Problem:
        near = difflib.get_close_matches(fix.column, names, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]!r}?" if near else f"its columns here: {', '.join(sorted(names)[:20])}"
        return Problem(f"{message}: {fix.column!r}", str(self.path), fix.line, COLUMN, hint)


def content_of(fixed: tuple[Fix, ...]) -> str:
    """A text for a row's digest: the same row without corrections, or with others, has another one."""
    return "\x1f".join(part for fix in sorted(fixed) for part in fix[:3])


def read_fixes(path: Path) -> Fixes:
    """Read a table of fixes.

    Raises:
        UsageError: it can't be read, or some lines are wrong; all of them at once.
    """
    table = read_table(path, (COLUMN, BAD, NEW))
    if table.problems:
        raise _unusable(path, table.problems)
    return _collect(path, (Fix(cells[COLUMN], cells[BAD], cells[NEW], line) for line, cells in table.rows))


def _collect(path: Path, lines: Iterable[Fix]) -> Fixes:
    columns: dict[str, dict[str, Fix]] = {}
    problems, left = [], 0
    for fix in lines:
        if not fix.new:
            left += 1
            continue
        if not fix.column:
            problems.append(
                Problem(
                    "names no column", str(path), fix.line, COLUMN, "write the column's name as in the export's header"
                )
            )
        elif not fix.bad:
            hint = "for empty cells, set `missing` in the mapping"
            problems.append(Problem("has no bad value", str(path), fix.line, BAD, hint))
        else:
            first = columns.setdefault(fix.column, {}).setdefault(fix.bad, fix)
            if first.new != fix.new:
                message = f"{fix.column} {fix.bad!r} becomes {fix.new!r} here and {first.new!r} on line {first.line}"
                problems.append(Problem(message, str(path), fix.line, NEW, "keep one of the two lines"))
    if problems:
        raise _unusable(path, problems)
    return Fixes(path, columns, left)


def _unusable(path: Path | None, problems: Sequence[Problem]) -> UsageError:
    return UsageError(f"--fixes {path} can't be used.", hint=_HINT, problems=problems)
