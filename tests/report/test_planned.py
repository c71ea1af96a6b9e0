"""planned.jsonl."""

from __future__ import annotations

import io
import json

from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from importer.records import Act, Addition, Operation, Outcome, Row
from importer.report.planned import PlannedFile


def written(*operations: Operation) -> str:
    """The text of planned.jsonl."""
    file = io.BytesIO()
    with PlannedFile(file) as planned:
        planned.write(operations)
    return file.getvalue().decode()


def test_planned(snapshot: SnapshotAssertion) -> None:
    """A line a write: method, path, key, and the body as text."""
    assert written(Operation("demo:P-1", "POST", "/v1/triage/issues", '{"title":"é \\n"}'.encode(), "tir")) == snapshot


@given(st.lists(st.text(st.characters(codec="utf-8")), max_size=4))
def test_body_is_the_exact_text(bodies: list[str]) -> None:
    """The body of each line, encoded, is byte for byte what would be sent."""
    text = written(*(Operation("k", "POST", "/p", body.encode(), "") for body in bodies))
    assert [json.loads(line)["body"] for line in text.split("\n")[:-1]] == bodies


def test_all_creates_come_first() -> None:
    """However the rows are chunked, the lines are in the order of sending: no addition stands before a create."""
    file = io.BytesIO()
    with PlannedFile(file) as planned:
        for number in range(3):
            key = f"demo:P-{number}"
            row = Row(0, "a.csv", number + 1, number + 2, key, Outcome.PLANNED)
            planned.write([Operation(key, "POST", "/v1/triage/issues", b"{}", "tir")])
            planned.write_additions([(row, [Addition(key, Act.COMMENT, "c", b'{"detail":"x"}')])])
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [line["body"] for line in lines] == ["{}"] * 3 + ['{"detail":"x"}'] * 3
    assert [line["key"] for line in lines] == [f"demo:P-{number}" for number in (0, 1, 2)] * 2
