"""Writes the reports of a check chunk by chunk: results.csv, the errors files, and planned.jsonl, a request a line."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from hashlib import blake2b
from itertools import islice, repeat
from types import TracebackType
from typing import IO, Self

import orjson

from importer.api import ISSUES_PATH, issue_path
from importer.check.examine import Examined
from importer.check.plan import Plan
from importer.records import ADDITION_PATHS, Act, Addition, Operation, Rows
from importer.report.error_files import PLAIN, Columns, ErrorFiles
from importer.report.folder import AT_ONCE, ReportFolder
from importer.report.page_rows import PageRows
from importer.report.results import ResultsFile
from importer.scratch import Scratch

IN_MEMORY = 1 << 20
"""Bytes of additions that are kept in memory, not in a temporary file."""

LINES = 64
"""Lines that are put together at a time: each takes a kilobyte or more until then, and many such leave gaps."""

_RELATED = "CREATE TABLE related (name BLOB PRIMARY KEY) WITHOUT ROWID;"


class PlannedFile:
    """Writes planned.jsonl, a chunk at a time; an issue id that isn't known yet is written as `{id:KEY}`.

    Additions wait in a file of their own until it is left: all creates are sent first, however the rows are chunked.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        spool = tempfile.SpooledTemporaryFile(IN_MEMORY, buffering=AT_ONCE)  # noqa: SIM115 - leaving closes it
        self._additions: IO[bytes] = spool
        self._related = Scratch(_RELATED)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._additions, self._related:
            if kind is None:
                self._additions.seek(0)
                while lines := self._additions.read(AT_ONCE) + self._additions.readline():
                    self._file.write(lines)

    def write(self, operations: Iterable[Operation]) -> None:
        for lines in _write(
            {"method": each.method, "path": each.path, "key": each.key, "body": each.body.decode()}
            for each in operations
        ):
            self._file.write(lines)

    def write_additions(self, rows: Rows, planned: Mapping[int, Sequence[Addition]]) -> None:
        """Append what would be added to the issues of these rows: place of a row → its additions.

        Evidence of a new issue is in its create, and is left out; so are numbers in descriptions, which only other
        issues of Triage can give. A relation that both of its rows name is one request, of the first of them.
        """
        for lines in _write(_list_requests(rows, planned, self._is_new)):
            self._additions.write(lines)

    def _is_new(self, key: str, body: bytes) -> bool:
        """Whether no row before has named this relation of an issue."""
        name = (blake2b(key.encode("utf-8", "surrogatepass") + body, digest_size=16).digest(),)
        is_new = self._related.row("SELECT count(*) FROM related WHERE name = ?", name) == (0,)
        if is_new:
            self._related.execute("INSERT INTO related VALUES (?)", name)
        return is_new


def _write(requests: Iterable[dict[str, str]]) -> Iterator[bytes]:
    """Yield the lines of requests, some at a time."""
    lines = map(orjson.dumps, requests, repeat(None), repeat(orjson.OPT_APPEND_NEWLINE))
    while some := list(islice(lines, LINES)):
        yield b"".join(some)


def _list_requests(
    rows: Rows, planned: Mapping[int, Sequence[Addition]], is_new: Callable[[str, bytes], bool]
) -> Iterator[dict[str, str]]:
    """Yield the requests of additions; a relation's body names the other issue, and `is_new` is asked for each."""
    keys, issue_ids = rows.columns["key"], rows.columns["issue_id"]
    for place, additions in planned.items():
        for key, act, _, body, _, _, other in additions:
            path = ADDITION_PATHS.get(act)
            if path is None or (act is Act.EVIDENCE and rows.is_new(place)):
                continue
            is_there = issue_ids[place] and keys[place] == key
            where = issue_path(issue_ids[place], path) if is_there else f"{ISSUES_PATH}/{{id:{key}}}/{path}"
            if other:
                body = orjson.dumps({"related_issue_id": f"{{id:{other}}}", **orjson.loads(body)})
                if not is_new(key, body):
                    continue
            yield {"method": "POST", "path": where, "key": key, "body": body.decode()}


class CheckFiles:
    """The reports of one reading of the source; entering it removes those of the reading before."""

    def __init__(
        self, folder: ReportFolder, columns: Sequence[Columns], page: PageRows, form: tuple[str, str] = PLAIN
    ) -> None:
        self._folder, self._columns, self._page, self._form = folder, columns, page, form
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        folder, stack = self._folder, self._stack
        folder.prepare()  # a second reading replaces what the first has written
        self._results = ResultsFile(stack.enter_context(folder.open("results.csv")), self._page.url)
        self._planned = stack.enter_context(PlannedFile(stack.enter_context(folder.open_bytes("planned.jsonl"))))
        self._errors = stack.enter_context(ErrorFiles(folder, self._columns, self._form))
        self._page.clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def add(self, examined: Examined, plan: Plan) -> None:
        """Append a chunk: its rows, the operations of those that would be sent, and the additions."""
        if plan.rows:
            self._results.write(plan.rows)
            self._errors.write(plan.rows)
            self._page.add(plan.rows)
        self._planned.write(plan.operations.values())
        self._planned.write_additions(plan.rows, plan.additions)
