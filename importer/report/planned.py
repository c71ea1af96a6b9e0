"""Writes planned.jsonl: the requests that a run would send, one a line, each body as its exact text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import IO

import orjson

from importer.api import ISSUES_PATH
from importer.records import ADDITION_PATHS, Act, Addition, Operation, Outcome, Row


class PlannedFile:
    """Writes planned.jsonl, a chunk at a time; an issue id that isn't known yet is written as `{id:KEY}`."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, operations: Iterable[Operation]) -> None:
        """Append creates and updates, in input order."""
        self._append((each.method, each.path, each.key, each.body) for each in operations)

    def write_additions(self, planned: Iterable[tuple[Row, Sequence[Addition]]]) -> None:
        """Append what would be added to issues.

        Evidence of a new issue is in its create, and is left out; so are numbers in descriptions, which only other
        issues of Triage can give.
        """
        for row, additions in planned:
            is_new = row.outcome is Outcome.PLANNED and not row.issue_id
            self._append(
                ("POST", _where(addition, row), addition.key, _with_other_issue(addition))
                for addition in additions
                if addition.act is not Act.REFER and not (is_new and addition.act is Act.EVIDENCE)
            )

    def _append(self, planned: Iterable[tuple[str, str, str, bytes]]) -> None:
        lines = [
            orjson.dumps(
                {"method": method, "path": path, "key": key, "body": body.decode()}, option=orjson.OPT_APPEND_NEWLINE
            ).decode()
            for method, path, key, body in planned
        ]
        self._file.write("".join(lines))


def _where(addition: Addition, row: Row) -> str:
    issue_id = row.issue_id if row.key == addition.key and row.issue_id else f"{{id:{addition.key}}}"
    return f"{ISSUES_PATH}/{issue_id}/{ADDITION_PATHS[addition.act]}"


def _with_other_issue(addition: Addition) -> bytes:
    """Return the body that would be sent; a relation's names the other issue."""
    if addition.act is not Act.RELATION:
        return addition.body
    return orjson.dumps({"related_issue_id": f"{{id:{addition.other}}}", **orjson.loads(addition.body)})
