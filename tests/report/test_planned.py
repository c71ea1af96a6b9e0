"""planned.jsonl."""

from __future__ import annotations

import io
import json

from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from importer.records import Operation
from importer.report.planned import PlannedFile


def written(*operations: Operation) -> str:
    """The text of planned.jsonl."""
    file = io.StringIO(newline="")
    PlannedFile(file).write(operations)
    return file.getvalue()


def test_planned(snapshot: SnapshotAssertion) -> None:
    """A line a write: method, path, key, and the body as text."""
    assert written(Operation("demo:P-1", "POST", "/v1/triage/issues", '{"title":"é \\n"}'.encode(), "tir")) == snapshot


@given(st.lists(st.text(st.characters(codec="utf-8")), max_size=4))
def test_body_is_the_exact_text(bodies: list[str]) -> None:
    """The body of each line, encoded, is byte for byte what would be sent."""
    text = written(*(Operation("k", "POST", "/p", body.encode(), "") for body in bodies))
    assert [json.loads(line)["body"] for line in text.split("\n")[:-1]] == bodies
