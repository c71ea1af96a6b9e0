"""planned.jsonl."""

from __future__ import annotations

import io
import json

from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from importer.records import Act, Addition, Operation, Outcome, Row, Rows
from importer.report.check_files import open_planned


def written(*operations: Operation) -> str:
    """The text of planned.jsonl."""
    file = io.BytesIO()
    with open_planned(file) as planned:
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
    with open_planned(file) as planned:
        for number in range(3):
            key = f"demo:P-{number}"
            row = Row(0, "a.csv", number + 1, number + 2, key, Outcome.PLANNED)
            planned.write([Operation(key, "POST", "/v1/triage/issues", b"{}", "tir")])
            planned.write_additions(Rows.of([row]), {0: [Addition(key, Act.COMMENT, "c", b'{"detail":"x"}')]})
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [line["body"] for line in lines] == ["{}"] * 3 + ['{"detail":"x"}'] * 3
    assert [line["key"] for line in lines] == [f"demo:P-{number}" for number in (0, 1, 2)] * 2


def test_a_relation_that_both_rows_name_is_one_request() -> None:
    """It is sent once, whichever row says it, and stands where the first of them does."""
    file = io.BytesIO()
    with open_planned(file) as planned:
        for number in (1, 2):
            row = Row(0, "a.csv", number, number + 1, f"demo:P-{number}", Outcome.PLANNED)
            link = Addition(
                "demo:P-1", Act.RELATION, "blocks/demo:P-2", b'{"relation_type":"blocks"}', other="demo:P-2"
            )
            comment = Addition(row.key, Act.COMMENT, "c", b'{"detail":"x"}')
            planned.write_additions(Rows.of([row]), {0: [link, comment]})
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [(line["key"], line["path"].rpartition("/")[2]) for line in lines] == [
        ("demo:P-1", "relations"),
        ("demo:P-1", "comments"),
        ("demo:P-2", "comments"),
    ]
