"""Writes planned.jsonl: the requests that a run would send, one a line, each body as its exact text."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import IO, Self, TypeVar

import orjson

from importer.api import ISSUES_PATH
from importer.records import ADDITION_PATHS, Act, Addition, Operation, Row
from importer.report.filled_lines import fill
from importer.transform.bodies import quote_all

IN_MEMORY = 1 << 20
"""Bytes of additions that are kept in memory, not in a temporary file."""

LINES = 512
"""Lines that are put together at a time: an issue may have any number of comments, and a large text leaves gaps."""

T = TypeVar("T")
_LINE = '{"method":"%s","path":"%s","key":"%s","body":"%s"}\n'


class PlannedFile:
    """Writes planned.jsonl, a chunk at a time; an issue id that isn't known yet is written as `{id:KEY}`.

    Additions wait in a file of their own until it is left: all creates are sent first, however the rows are chunked.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._additions: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - leaving closes it

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._additions:
            if kind is None:
                self._additions.seek(0)
                while lines := self._additions.read(IN_MEMORY) + self._additions.readline():
                    self._file.write(lines.decode())

    def write(self, operations: Iterable[Operation]) -> None:
        """Append creates and updates, in input order."""
        for some in _in_portions(operations):
            keys, methods, paths, bodies, *_ = zip(*some, strict=True)
            self._file.write(_write(methods, paths, keys, bodies))

    def write_additions(self, planned: Iterable[tuple[Row, Sequence[Addition]]]) -> None:
        """Append what would be added to issues.

        Evidence of a new issue is in its create, and is left out; so are numbers in descriptions, which only other
        issues of Triage can give.
        """
        sent = (
            (addition, row)
            for row, additions in planned
            for addition in additions
            if addition.act is not Act.REFER and not (addition.act is Act.EVIDENCE and row.is_new)
        )
        for some in _in_portions(sent):
            keys, bodies = [each.key for each, _ in some], [_with_other_issue(each) for each, _ in some]
            self._additions.write(_write(["POST"] * len(some), [_where(*each) for each in some], keys, bodies).encode())


def _in_portions(several: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(several)
    while some := list(islice(remaining, LINES)):
        yield some


def _write(methods: Sequence[str], paths: Sequence[str], keys: Sequence[str], bodies: Sequence[bytes]) -> str:
    """Lines of the file, one for each request."""
    return fill(_LINE, [methods, *map(quote_all, (paths, keys, [body.decode() for body in bodies]))])


def _where(addition: Addition, row: Row) -> str:
    issue_id = row.issue_id if row.key == addition.key and row.issue_id else f"{{id:{addition.key}}}"
    return f"{ISSUES_PATH}/{issue_id}/{ADDITION_PATHS[addition.act]}"


def _with_other_issue(addition: Addition) -> bytes:
    """Return the body that would be sent; a relation's names the other issue."""
    if addition.act is not Act.RELATION:
        return addition.body
    return orjson.dumps({"related_issue_id": f"{{id:{addition.other}}}", **orjson.loads(addition.body)})
