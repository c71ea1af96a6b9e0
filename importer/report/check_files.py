"""Writes the reports of a check run by run: results.csv, the errors files, and planned.jsonl, a request a line."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from itertools import islice, repeat
from typing import IO, NamedTuple

import orjson

from importer.api import ISSUES_PATH, issue_path
from importer.check.checked_row import CheckedRow
from importer.check.examine import RowRun
from importer.records import ADDITION_KINDS, Act
from importer.report.error_files import PLAIN, Columns, ErrorFiles, open_errors
from importer.report.folder import AT_ONCE, ReportFolder
from importer.report.page_rows import PageRows
from importer.report.results import ResultsFile
from importer.scratch import Scratch

IN_MEMORY = 1 << 20
"""Bytes of additions that are kept in memory, not in a temporary file."""

LINES = 64
"""Lines that are put together at a time: each takes a kilobyte or more until then, and many such leave gaps."""

_RELATED = "CREATE TABLE related (name BLOB PRIMARY KEY) WITHOUT ROWID;"


@contextmanager
def open_planned(file: IO[bytes]) -> Iterator[PlannedFile]:
    """Open planned.jsonl: additions wait in a file of their own, as all creates are sent before them."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY, buffering=AT_ONCE) as additions, Scratch(_RELATED) as related:
        yield PlannedFile(file, additions, related)
        additions.seek(0)
        while lines := additions.read(AT_ONCE) + additions.readline():
            file.write(lines)


class PlannedFile:
    """Writes planned.jsonl, a run of rows at a time; an issue id that isn't known yet is written as `{id:KEY}`."""

    def __init__(self, file: IO[bytes], additions: IO[bytes], related: Scratch) -> None:
        self._file, self._additions, self._related = file, additions, related

    def write(self, rows: Iterable[CheckedRow]) -> None:
        """Append the creates and updates of these rows."""
        operations = (row.operation for row in rows if row.operation is not None)
        _write(
            self._file,
            (
                {"method": each.method, "path": each.path, "key": each.key, "body": each.body.decode()}
                for each in operations
            ),
        )

    def write_additions(self, rows: Iterable[CheckedRow]) -> None:
        """Append what would be added to the issues of these rows.

        Evidence of a new issue is in its create, and is left out; so are numbers in descriptions, which only other
        issues of Triage can give. A relation that both of its rows name is one request, of the first of them.
        """
        _write(self._additions, self._list_requests(rows))

    def _list_requests(self, rows: Iterable[CheckedRow]) -> Iterator[dict[str, str]]:
        for row in rows:
            for key, act, _, body, _, _, other in row.additions:
                path = ADDITION_KINDS[act].path
                if not path or (act is Act.EVIDENCE and row.is_new):
                    continue
                is_there = row.issue_id and row.key == key
                where = issue_path(row.issue_id, path) if is_there else f"{ISSUES_PATH}/{{id:{key}}}/{path}"
                if other:
                    body = orjson.dumps({"related_issue_id": f"{{id:{other}}}", **orjson.loads(body)})
                    if not self._is_new(key, body):
                        continue
                yield {"method": "POST", "path": where, "key": key, "body": body.decode()}

    def _is_new(self, key: str, body: bytes) -> bool:
        """Whether no row before has named this relation of an issue."""
        name = (blake2b(key.encode("utf-8", "surrogatepass") + body, digest_size=16).digest(),)
        is_new = self._related.row("SELECT count(*) FROM related WHERE name = ?", name) == (0,)
        if is_new:
            self._related.execute("INSERT INTO related VALUES (?)", name)
        return is_new


def _write(file: IO[bytes], requests: Iterable[dict[str, str]]) -> None:
    lines = map(orjson.dumps, requests, repeat(None), repeat(orjson.OPT_APPEND_NEWLINE))
    while some := list(islice(lines, LINES)):
        file.write(b"".join(some))


@contextmanager
def open_check_files(
    folder: ReportFolder, columns: Sequence[Columns], page: PageRows, form: tuple[str, str] = PLAIN
) -> Iterator[CheckFiles]:
    """Open the reports of one reading of the source, in place of those of the reading before."""
    folder.prepare()
    with (
        folder.open("results.csv") as results,
        folder.open_bytes("planned.jsonl") as file,
        open_planned(file) as planned,
        open_errors(folder, columns, form) as errors,
    ):
        page.clear()
        yield CheckFiles(ResultsFile(results, page.url), planned, errors, page)


class CheckFiles(NamedTuple):
    """The reports of one reading of the source."""

    results: ResultsFile
    planned: PlannedFile
    errors: ErrorFiles
    page: PageRows

    def add(self, run: RowRun) -> None:
        """Append rows, the operations of those that would be sent, and the additions."""
        results = [row.result for row in run.rows]
        if results:
            self.results.write(results)
            self.errors.write(results)
            self.page.add(results)
        self.planned.write(run.rows)
        self.planned.write_additions(run.rows)
