"""planned.jsonl: what a run would send, one line a write, bodies as the exact text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

import orjson

from importer.records import Operation


class PlannedFile:
    """Writes planned.jsonl as operations pass. Ids that only the target can give stand as `{id:KEY}`."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, operations: Iterable[Operation]) -> None:
        """Append operations, in input order."""
        lines = [
            orjson.dumps(
                {
                    "method": operation.method,
                    "path": operation.path,
                    "key": operation.key,
                    "body": operation.body.decode(),
                },
                option=orjson.OPT_APPEND_NEWLINE,
            ).decode()
            for operation in operations
        ]
        self._file.write("".join(lines))
