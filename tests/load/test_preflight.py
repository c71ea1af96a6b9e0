"""Sources that are not ready, and what a run says of its input."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from importer.cli.inputs import open_job
from importer.errors import SourceNotReady
from importer.load.preflight import check_quiet, check_rows, describe_input
from tests.harness.running import issue_row, write_csv


def job(path: Path, mapping: Path, **more: Any) -> Any:
    """Open a job as commands do."""
    given = {"source_name": None, "encoding": None, "delimiter": None, "format_": None, **more}
    return open_job((str(path),), mapping_name=str(mapping), **given)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give a source of two rows."""
    return write_csv(tmp_path / "export.csv", map(issue_row, (1, 2)))


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Give a mapping whose source is a snapshot."""
    path = tmp_path / "snapshot.yaml"
    path.write_text("extends: jira\ninput: {kind: snapshot}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(("age_seconds", "ready"), [(0, False), (59, False), (61, True), (-30, False), (-3600, True)])
def test_a_snapshot_that_was_just_written(source: Path, snapshot: Path, age_seconds: float, ready: bool) -> None:
    """Within a minute it may still grow; a time well ahead is that of another clock, and says nothing."""
    now = time.time()
    os.utime(source, (now, now - age_seconds))
    with job(source, snapshot) as opened:
        if ready:
            check_quiet(opened, now)
        else:
            with pytest.raises(SourceNotReady, match="a snapshot must be complete"):
                check_quiet(opened, now)


def test_a_delta_is_not_judged_by_its_age(source: Path) -> None:
    """It never was complete."""
    with job(source, Path("jira")) as opened:
        check_quiet(opened, time.time())


def test_too_few_rows() -> None:
    """As many as were asked for are enough."""
    check_rows(3, 3)
    with pytest.raises(SourceNotReady, match="2 rows, and --min-rows asks for 3"):
        check_rows(2, 3)


@pytest.mark.parametrize(("more", "whole"), [({}, True), ({"limit": 1}, False), ({"only": "PROJ-1"}, False)])
def test_what_a_run_says_of_its_input(source: Path, snapshot: Path, more: dict[str, Any], whole: bool) -> None:
    """Whether it was over the whole of a snapshot."""
    with job(source, snapshot, **more) as opened:
        assert describe_input(opened) == {"whole": whole, "snapshot": True}


def test_an_errors_file_is_no_whole_input(tmp_path: Path, snapshot: Path) -> None:
    """It holds the rows that were mended, and no others: nothing has vanished."""
    header = ("Issue key", "Summary", "import_row", "import_code", "import_field", "import_message", "import_hint")
    mended = write_csv(tmp_path / "errors.csv", [("PROJ-1", "Title", "a.csv:1", "", "", "", "")], header)
    with job(mended, snapshot) as opened:
        assert describe_input(opened) == {"whole": False, "snapshot": True}
