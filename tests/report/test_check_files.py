"""The files of a check."""

from __future__ import annotations

from pathlib import Path

from importer.check.plan import Plan
from importer.records import Act, Addition, Operation, Outcome, Row, Rows
from importer.report.check_files import open_check_files
from importer.report.error_files import Columns
from importer.report.folder import ReportFolder
from importer.report.page_rows import PageRows
from tests.harness.making import examined_of, mapping_of

EXAMINED = examined_of(mapping_of(), [("K-1", "Title", "Text", "P1", "Open")])
"""No file has anything of it but its plan."""


def test_check_files(tmp_path: Path) -> None:
    """All rows are in results.csv, those to mend in errors.csv, what is to be sent in planned.jsonl, additions too."""
    planned = Row(0, "f.csv", 1, 2, "k:1", Outcome.PLANNED)
    rejected = Row(0, "f.csv", 2, 3, "k:2", Outcome.REJECTED, ("a",), ("b",), ("c",), ("d",), ["2"])
    page = PageRows()
    with open_check_files(ReportFolder(tmp_path), [Columns(("Key",))], page) as files:
        create = Operation("k:1", "POST", "/p", b"{}", "m")
        files.add(EXAMINED, Plan(Rows.of([planned, rejected]), {0: create}, [], {}, {}))
        comment = Addition("k:1", Act.COMMENT, "c", b'{"detail":"x"}')
        files.add(EXAMINED, Plan(Rows.of([planned]), {}, [], {0: [comment]}, {}))
    lines = {path.name: len(path.read_text().splitlines()) for path in tmp_path.iterdir()}
    assert lines == {"results.csv": 4, "errors.csv": 2, "planned.jsonl": 2}
    assert (page.count, page.needing) == (3, 1)


def test_a_second_reading_replaces_the_first(tmp_path: Path) -> None:
    """What the page has of the first one is forgotten, as the files are."""
    page = PageRows()
    for outcome in (Outcome.REJECTED, Outcome.PLANNED):
        with open_check_files(ReportFolder(tmp_path), [Columns(("Key",))], page) as files:
            row = Row(0, "f.csv", 1, 2, "k:1", outcome, ("a",), ("b",), ("c",), ("d",), ["2"])
            files.add(EXAMINED, Plan(Rows.of([row]), {}, [], {}, {}))
    assert (page.count, page.needing) == (1, 0)
