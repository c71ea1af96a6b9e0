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


def encode_row(run_id: int, row: Row) -> dict[str, Any]:
    """Return the values of a row for its table."""
    return {
        "run_id": run_id,
        "file": row.file,
        "record": row.record,
        "file_name": row.file_name,
        "line": row.line,
        "key": row.key,
        "outcome": str(row.outcome),
        "findings": orjson.dumps((row.codes, row.fields, row.messages, row.hints)) if row.codes else None,
        "raw": None if row.raw is None else orjson.dumps(row.raw),
        "cells": row.cells,
        "origin": row.origin,
        "attempts": row.attempts,
        "issue_id": row.issue_id,
        "triage_id": row.triage_id,
        "conflicts": row.conflicts,
        "additions_planned": row.additions_planned,
        "additions_done": row.additions_done,
        "additions_failed": row.additions_failed,
        "follows": int(row.follows),
        # The snapshot of its issue has it, and most rows of a scheduled import are unchanged each time.
        "title": "" if row.outcome is Outcome.UNCHANGED else _storable(row.title),
        "link": "" if row.outcome is Outcome.UNCHANGED else _storable(row.link),
    }


def _storable(text: str) -> str:
    """Return a text with half characters as escapes: no database stores them, which is why such a row is rejected."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
