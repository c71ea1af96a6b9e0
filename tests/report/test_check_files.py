"""The reports of a check: a reading replaces those of the one before; planned.jsonl has each request a line."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from importer.check.examine import RowRun
from importer.records import Act, Addition, Operation, Outcome, Row
from importer.report.check_files import open_check_files, open_planned
from importer.report.error_files import Columns
from importer.report.folder import ReportFolder
from importer.report.page_rows import PageRows
from tests.harness.making import mapping_of, run_of


def run(*results: Row, operation: Operation | None = None, additions: Sequence[Addition] = ()) -> RowRun:
    """Rows with these results, of which the first has an operation and additions."""
    rows = run_of(mapping_of(), [("K-1", "Title", "Text", "P1", "Open")] * len(results))
    for row, result in zip(rows.rows, results, strict=True):
        row.issue.key = row.issue.key._replace(full=result.key)
        row.result, row.outcome = result, result.outcome
    rows.rows[0].operation, rows.rows[0].additions = operation, additions
    return rows


def test_check_files(tmp_path: Path) -> None:
    """All rows are in results.csv, those to mend in errors.csv, what is to be sent in planned.jsonl, additions too."""
    planned = Row(0, "f.csv", 1, 2, "k:1", Outcome.PLANNED)
    rejected = Row(0, "f.csv", 2, 3, "k:2", Outcome.REJECTED, ("a",), ("b",), ("c",), ("d",), ["2"])
    page = PageRows()
    with open_check_files(ReportFolder(tmp_path), [Columns(("Key",))], page) as files:
        create = Operation("k:1", "POST", "/p", b"{}", "m")
        files.add(run(planned, rejected, operation=create))
        comment = Addition("k:1", Act.COMMENT, "c", b'{"detail":"x"}')
        files.add(run(planned, additions=[comment]))
    lines = {path.name: len(path.read_text().splitlines()) for path in tmp_path.iterdir()}
    assert lines == {"results.csv": 4, "errors.csv": 2, "planned.jsonl": 2}
    assert (page.count, page.needing) == (3, 1)


def test_a_second_reading_replaces_the_first(tmp_path: Path) -> None:
    """What the page has of the first one is forgotten, as the files are."""
    page = PageRows()
    for outcome in (Outcome.REJECTED, Outcome.PLANNED):
        with open_check_files(ReportFolder(tmp_path), [Columns(("Key",))], page) as files:
            row = Row(0, "f.csv", 1, 2, "k:1", outcome, ("a",), ("b",), ("c",), ("d",), ["2"])
            files.add(run(row))
    assert (page.count, page.needing) == (1, 0)


def written(*operations: Operation) -> str:
    """The text of planned.jsonl."""
    file = io.BytesIO()
    with open_planned(file) as planned:
        for operation in operations:
            planned.write(run(Row(0, "a.csv", 1, 2, operation.key, Outcome.PLANNED), operation=operation).rows)
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
            create = Operation(key, "POST", "/v1/triage/issues", b"{}", "tir")
            rows = run(row, operation=create, additions=[Addition(key, Act.COMMENT, "c", b'{"detail":"x"}')]).rows
            planned.write(rows)
            planned.write_additions(rows)
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
            planned.write_additions(run(row, additions=[link, comment]).rows)
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [(line["key"], line["path"].rpartition("/")[2]) for line in lines] == [
        ("demo:P-1", "relations"),
        ("demo:P-1", "comments"),
        ("demo:P-2", "comments"),
    ]
