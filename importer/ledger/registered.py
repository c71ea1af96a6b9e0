"""Rows as they are stored: the columns of their table, and back."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Row as Selected

from importer.records import Outcome, Row


def decode_row(found: Selected[Any]) -> Row:
    """Return a row as it is stored."""
    codes, fields, messages, hints = (tuple(part) for part in orjson.loads(found.findings or b"[[],[],[],[]]"))
    raw = None if found.raw is None else orjson.loads(found.raw)
    return Row(
        file=found.file,
        file_name=found.file_name,
        record=found.record,
        line=found.line,
        key=found.key,
        outcome=Outcome(found.outcome),
        codes=codes,
        fields=fields,
        messages=messages,
        hints=hints,
        raw=tuple(raw) if isinstance(raw, list) else raw,
        cells=found.cells,
        origin=found.origin,
        attempts=found.attempts,
        issue_id=found.issue_id,
        triage_id=found.triage_id,
        conflicts=found.conflicts,
        additions_planned=found.additions_planned,
        additions_done=found.additions_done,
        additions_failed=found.additions_failed,
        follows=bool(found.follows),
        title=found.title,
        link=found.link,
    )


def encode_row(run_id: int, row: Row) -> tuple[Any, ...]:
    """Return the values of a row for its table, in the order of its columns."""
    # The snapshot of its issue has title and link, and most rows of a scheduled import are unchanged each time.
    is_unchanged = row.outcome is Outcome.UNCHANGED
    return (
        run_id,
        row.file,
        row.record,
        row.file_name,
        row.line,
        row.key,
        str(row.outcome),
        orjson.dumps((row.codes, row.fields, row.messages, row.hints)) if row.codes else None,
        None if row.raw is None else orjson.dumps(row.raw),
        row.cells,
        row.origin,
        row.attempts,
        row.issue_id,
        row.triage_id,
        row.conflicts,
        row.additions_planned,
        row.additions_done,
        row.additions_failed,
        int(row.follows),
        "" if is_unchanged else _storable(row.title),
        "" if is_unchanged else _storable(row.link),
    )


def _storable(text: str) -> str:
    """Return a text with half characters as escapes: no database stores them, which is why such a row is rejected."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
