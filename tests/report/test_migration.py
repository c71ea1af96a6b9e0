"""migration.csv, and the CSV for the old tracker."""

from __future__ import annotations

from pathlib import Path

import orjson

from importer.ledger.source_list import CrosswalkEntry, KeyState
from importer.report.folder import ReportFolder
from importer.report.migration import describe_states, write_migration
from importer.report.results import IssueUrl
from tests.harness.running import read_csv

KEYS = [
    CrosswalkEntry("jira:P-1", "=1+1", "https://x.example/1", KeyState.IN_TRIAGE, "T-1", "u-1", "", "", "r-1", b"{}"),
    CrosswalkEntry("jira:P-2", "Two", "", KeyState.REJECTED, "", "", "title-missing", "no title", "r-2", b""),
    CrosswalkEntry(
        "jira:P-3", "Three", "", KeyState.IN_TRIAGE, "T-3", "u-3", "", "", "r-1", orjson.dumps({"gone": ["r-8", "r-9"]})
    ),
]


def test_cross_walk(tmp_path: Path) -> None:
    """Every key with its state and reason; what runs have found deleted is not in Triage; Jira gets what is."""
    written = write_migration(ReportFolder(tmp_path), lambda: KEYS, "jira")
    assert written.files == ["migration.csv", "migration-jira.csv"]
    first, second, third = read_csv(tmp_path / "migration.csv")
    assert list(first.values()) == [
        "jira:P-1",
        "'=1+1",
        "https://x.example/1",
        "in Triage",
        "T-1",
        "u-1",
        "",
        "",
        "r-1",
        "",
        "",
    ]
    assert (second["state"], second["code"], second["reason"]) == ("rejected", "title-missing", "no title")
    assert third["state"] == "deleted in Triage"
    assert read_csv(tmp_path / "migration-jira.csv") == [{"Issue key": "P-1", "Summary": "'=1+1", "Triage": "T-1"}]
    assert (
        describe_states(written.states)
        == "3 keys = 1 in Triage + 0 skipped + 1 rejected + 0 open + 1 deleted in Triage"
    )


def test_without_a_tracker(tmp_path: Path) -> None:
    """There is one file only."""
    assert write_migration(ReportFolder(tmp_path), lambda: KEYS[:1], None).files == ["migration.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["migration.csv"]


def test_addresses(tmp_path: Path) -> None:
    """Where the user has said what one looks like, both have those of issues; a key without an issue has none."""
    url = IssueUrl("https://x.example/{number}?id={id}")
    write_migration(ReportFolder(tmp_path), lambda: KEYS, "jira", url)
    addresses = [line["url"] for line in read_csv(tmp_path / "migration.csv")]
    assert addresses == ["https://x.example/1?id=u-1", "", "https://x.example/3?id=u-3"]
    assert [line["Triage URL"] for line in read_csv(tmp_path / "migration-jira.csv")] == addresses[:1]
