"""What the functions of the library return: the summary, the rows of its table, and whether all is well."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias, TypeVar

from importer.errors import ExitCode, ImporterError, UsageError
from importer.notices import Notice
from importer.records import Outcome
from importer.report.results import COLUMNS
from importer.spreadsheet import unescape_cell
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from pandas import DataFrame

    from importer.report.summary import Summary
    from importer.report.tables import ChangeLine, Verified, VerifySummary

NUMBERS = ("record", "line", "attempts", "operations_planned", "operations_done", "operations_failed")
R = TypeVar("R", bound=tuple[Any, ...])
S = TypeVar("S", "Summary", "VerifySummary")


class ResultRow(NamedTuple):
    """A row of the source and its outcome: a line of results.csv. Ids and `url` are "" where there is no issue.

    record, line  number of the record in its file, and its physical line, both from 1
    codes         of its findings, and in the same order their `messages`
    issue_id      the issue's long id; `triage_id` is its number, `T-1001`
    """

    file: str
    record: int
    line: int
    key: str
    outcome: Outcome
    codes: tuple[str, ...]
    messages: tuple[str, ...]
    attempts: int
    issue_id: str
    triage_id: str
    operations_planned: int
    operations_done: int
    operations_failed: int
    title: str
    url: str


class NotDone(ImporterError):
    """A call that ended with another exit code than 0, which is that of this error."""

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Result(Generic[S, R]):
    """How a call ended. The rows are read when they are asked for, from the table in its folder of reports.

    summary    the figures of summary.json
    exit_code  that of the command line
    """

    summary: S
    _header: Sequence[str] = field(repr=False)
    _read: Callable[[Mapping[str, str]], R] = field(repr=False)
    _table: Path = field(repr=False)
    _digest: bytes = field(repr=False)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code that the command line ends with: 0 if all is well."""
        return ExitCode.of(self.summary.exit_code)

    def raise_for_status(self) -> None:
        """Raise NotDone unless the exit code is 0; its `retryable` says whether the same call may settle it."""
        if self.exit_code:
            raise NotDone(getattr(self.summary, "stopped_because", "") or self.exit_code.sentence, self.exit_code)

    @cached_property
    def rows(self) -> tuple[R, ...]:
        """The lines of the table, in its order; none where the call ended before there was one.

        Raises UsageError if another call has replaced the table, or somebody has changed it.
        """
        if _digest(self._table) != self._digest:
            raise UsageError(
                f"{self._table} is no longer what this call wrote.",
                hint="Read `rows` before the next call, or give each call a folder of its own: out=…",
            )
        if not self._digest:
            return ()
        with self._table.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            return tuple(self._read({name: unescape_cell(text) for name, text in line.items()}) for line in lines)

    def to_frame(self) -> DataFrame:
        """Return the rows as a DataFrame with the columns of the table; several codes or messages are lines of a text.

        Raises UsageError as `rows`.
        """
        from pandas import DataFrame

        return DataFrame([list(map(_as_cell, row)) for row in self.rows], columns=list(self._header))


RunResult: TypeAlias = "Result[Summary, ResultRow]"
VerifyResult: TypeAlias = "Result[VerifySummary, Verified]"
UndoResult: TypeAlias = "Result[Summary, ChangeLine]"


def run_result(summary: Summary) -> RunResult:
    """Return the result of a check or an import."""
    return _result(summary, "results.csv", COLUMNS, _read_row)


def verify_result(summary: VerifySummary) -> VerifyResult:
    """Return the result of a verification."""
    from importer.report.tables import Verified

    return _result(summary, "verify.csv", Verified._fields, _read_verified)


def undo_result(summary: Summary) -> UndoResult:
    """Return the result of an undo."""
    from importer.report.tables import ChangeLine

    return _result(summary, "results.csv", ChangeLine._fields, lambda line: ChangeLine(**line))


def _result(summary: S, name: str, header: Sequence[str], read: Callable[[Mapping[str, str]], R]) -> Result[S, R]:
    table = (Path(summary.out) / name).resolve()
    texts = {each.name: _mask(getattr(summary, each.name)) for each in fields(summary)}
    return Result(replace(summary, **texts), header, read, table, _digest(table))


def _as_cell(value: Any) -> Any:
    """Return a value as the table has it: no word of a set, and no tuple."""
    return "\n".join(value) if isinstance(value, tuple) else str(value) if isinstance(value, str) else value


def _mask(value: Any) -> Any:
    """Leave the API key out of texts, in whatever they are."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {_mask(name): _mask(each) for name, each in value.items()}
    if isinstance(value, Notice):
        return replace(value, text=redact(value.text), keys=_mask(value.keys), command=redact(value.command))
    return type(value)(map(_mask, value)) if type(value) in (tuple, list) else value


def _digest(table: Path) -> bytes:
    """What tells this table from another in its place; b"" where there is none."""
    try:
        with table.open("rb") as file:
            return file_digest(file, "blake2b").digest()
    except OSError:
        return b""


def _read_row(line: Mapping[str, str]) -> ResultRow:
    """Read a line of results.csv; each column has its name there, but for two that have several texts."""
    cells: dict[str, Any] = dict(line)
    for name in ("code", "message"):
        text = cells.pop(name)
        cells[f"{name}s"] = tuple(text.split("\n")) if text else ()
    numbers = {name: int(cells[name]) for name in NUMBERS}
    return ResultRow(**{**cells, **numbers, "outcome": Outcome(cells["outcome"])})


def _read_verified(line: Mapping[str, str]) -> Verified:
    from importer.report.tables import Verdict, Verified

    cells: dict[str, Any] = {**line, "verdict": Verdict(line["verdict"])}
    return Verified(**cells)
