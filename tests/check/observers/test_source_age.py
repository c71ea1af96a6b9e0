"""How old a source is, by its file and by the dates in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from importer.check.check_pass import check
from importer.check.examine import examine
from importer.check.job import Job
from importer.check.knowledge import NoLedger
from importer.check.observers.source_age import SourceAge
from importer.errors import SourceNotReady
from importer.library.inputs import open_job
from importer.progress import Unseen
from tests.harness.running import write_csv

HOUR = 3600.0
NOW = datetime(2026, 1, 10, 12, tzinfo=UTC).timestamp()
HEADER = ("Issue key", "Summary", "Priority", "Status", "Issue Type", "Created", "Due", "Note", "Said")
MAPPING = """\
extends: jira
created: {column: Created}
footer: {Due: {column: Due}, Note: {column: Note}}
comments: {from: [{column: Said, parse: '(?s)(?P<date>\\S+) (?P<text>.*)'}]}
"""


def job_of(source: Path, mapping: str, limit: int | None = None) -> AbstractContextManager[Job]:
    given = {"source_name": None, "encoding": None, "delimiter": None, "format": None, "limit": limit}
    return open_job((str(source),), mapping=mapping, **given)


def judge(folder: Path, cells: Mapping[str, str], *, limit: int | None = None, changed_at: float = NOW) -> str:
    """Say why a source of one row is not ready, or "", where 36 hours are allowed."""
    row = ("PROJ-1", "Title", "High", "To Do", "Bug", *(cells.get(name, "") for name in HEADER[5:]))
    source, mapping = write_csv(folder / "export.csv", [row], HEADER), folder / "m.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    os.utime(source, (changed_at, changed_at))
    with job_of(source, str(mapping), limit=limit) as opened:
        job = replace(opened, max_age_seconds=36 * HOUR)
        age = SourceAge(job, NOW)
        try:
            age.check_files()
            for run in examine(job):
                age.add(run)
            age.check_dates()
        except SourceNotReady as error:
            return error.message
    return ""


@pytest.mark.parametrize(
    ("hours", "ready"), [(0, True), (35, True), (36.3, False), (-2, True)], ids=["now", "fresh", "old", "ahead"]
)
def test_the_time_of_the_file(tmp_path: Path, hours: float, ready: bool) -> None:
    """The export was last written so long ago; a clock that is ahead says nothing."""
    because = judge(tmp_path, {}, changed_at=NOW - hours * HOUR)
    assert because == (
        ""
        if ready
        else "The newest file of the source was changed 36 h 18 min ago, but --max-source-age allows 36 h 0 min; "
        "nothing was sent."
    )


@pytest.mark.parametrize(
    ("cells", "ready"),
    [
        ({"Created": "2026-01-09"}, True),
        ({"Created": "2025-12-31"}, False),
        ({"Created": "2025-12-31", "Said": "2026-01-10T03:00 Hello"}, True),
        ({"Created": "2025-12-31", "Note": "2026-01-09 20:00"}, True),
        ({"Created": "2025-12-31", "Note": "seen on 2026-01-09"}, False),
        ({"Created": "2025-12-31", "Due": "2026-03-01"}, False),
        ({"Created": "soon"}, True),
    ],
    ids=["created", "old", "comment", "footer", "text", "due", "none"],
)
def test_the_newest_date(tmp_path: Path, cells: dict[str, str], ready: bool) -> None:
    """Of a record, a comment or a footer line; what lies ahead is a plan, and without a date only the file counts."""
    because = judge(tmp_path, cells)
    assert bool(because) is not ready
    if because:
        assert because.startswith("The newest date in the source is 2025-12-31 00:00 UTC, 10 days 12 h ago, but")


def test_a_part_of_a_source(tmp_path: Path) -> None:
    """With `--limit` the newest rows may lie behind what is read."""
    assert judge(tmp_path, {"Created": "2025-12-31"}, limit=1) == ""


def test_any_age_by_default(tmp_path: Path) -> None:
    """Nothing is refused unless somebody asks for it."""
    source = write_csv(tmp_path / "export.csv", [("PROJ-1", "T", "High", "To Do", "Bug", "2001-01-01")], HEADER[:6])
    os.utime(source, (0, 0))
    with job_of(source, "jira") as job:
        assert check(job, NoLedger(), Unseen()).planned == 1
        with pytest.raises(SourceNotReady, match="was changed"):
            check(replace(job, max_age_seconds=HOUR), NoLedger(), Unseen())
