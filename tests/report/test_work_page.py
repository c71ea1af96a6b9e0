"""report.html of what is done about a run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from syrupy.assertion import SnapshotAssertion

from importer.report.folder import ReportFolder
from importer.report.summary import Summary
from importer.report.work_page import (
    CHANGED_MEANINGS,
    OPEN_VERDICTS,
    PREVIEW_MEANINGS,
    IssueVerdict,
    WorkRows,
    write_work_page,
)
from tests.harness.pages import Page
from tests.harness.running import ROOT, Program, write_issues


def titles(keys: Sequence[str]) -> dict[str, str]:
    return {key: f"Title of {key}" for key in keys}


def write(folder: Path, rows: WorkRows, meanings: Mapping[str, str]) -> None:
    """Write the page of a verification."""
    summary = Summary(
        "r-1", 0, 3, target="https://t", source_name="k", requests=4, elapsed_seconds=1.5, version="0.1.0"
    )
    name, verdict = "Verification of r-1", "2 of 3 are."
    write_work_page(
        ReportFolder(folder), summary, rows, name=name, verdict=verdict, table="verify.csv", meanings=meanings
    )


def test_a_verification(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """The verdict, its counts, and every line with its title."""
    rows = WorkRows(titles)
    rows.add(
        [
            IssueVerdict("k:1", "T-1", "same"),
            IssueVerdict("k:2", "T-2", "different", "title: 'A' was sent, '<b>' is there"),
        ]
    )
    rows.add([IssueVerdict("k:3", "T-3", "same")])
    write(tmp_path, rows, {"same": "as sent"})
    page = Page(tmp_path / "report.html")
    page.assert_harmless()
    assert page.text == snapshot
    assert page.rows() == [
        (1, "k:1", "Title of k:1", 0, "", "T-1"),
        (2, "k:2", "Title of k:2", 1, "title: 'A' was sent, '<b>' is there", "T-2"),
        (3, "k:3", "Title of k:3", 0, "", "T-3"),
    ]


def test_each_command_writes_one(program: Program) -> None:
    """`verify`, and previews and trials of `undo`, say in a sentence what there is."""
    write_issues(Path("export.csv"), 3)
    assert program("run", "export.csv", "-m", "jira", "--sandbox").code == 0
    run = program.runs()[0]["name"]
    for command, sentence, then in (
        (
            ("verify", "last", "--out", "a"),
            "3 of 3 issues are in Triage as they were sent; nothing is missing, and nothing is there twice.",
            f"verify {run}",
        ),
        (
            ("undo", "last", "--close", "--out", "b"),
            "A preview: 3 of 3 issues would be closed.",
            f"undo {run} --close --apply",
        ),
        (("undo", "last", "--close", "--apply", "--yes", "--out", "c"), "3 of 3 issues were closed.", f"verify {run}"),
        (
            ("repair", "last", "--fields", "severity", "-m", "jira", "--out", "d"),
            "A preview: 0 of 0 issues would be patched.",
            f"repair {run} -m jira --fields severity",
        ),
    ):
        ended = program(*command)
        assert ended.code == 0, ended.err
        page = Page(Path(command[-1]) / "report.html")
        page.assert_harmless()
        assert sentence in page.texts, page.text
        assert f"triage-import {then}" in page.texts, page.text
        assert [row[2] for row in page.rows()] == ["Title 1", "Title 2", "Title 3"][: 0 if "repair" in command else 3]


def test_what_somebody_has_to_look_at(tmp_path: Path) -> None:
    """It is in a table of its own, which is printed, too; of more than fit there, how many there are."""
    rows = WorkRows(titles)
    for number in range(300):
        verdict = "same" if number % 2 else "missing"
        rows.add([IssueVerdict(f"k:{number}", f"T-{number}", verdict, "gone")])
    write(tmp_path, rows, {})
    page = Page(tmp_path / "report.html")
    assert "… and 50 more: verify.csv has all." in page.texts
    assert page.texts.count("missing") == 1 + 100  # of the sums, and of each
    assert "Title of k:0" in page.texts
    assert "Title of k:1" not in page.texts


def test_every_verdict_has_its_meaning() -> None:
    """Those that the document has; they are all that there are."""
    rows = (
        (ROOT / "importer/runs/README.md")
        .read_text(encoding="utf-8")
        .partition("| verdict of `repair` and `undo` |")[2]
    )
    first = (line.split(" | ")[0] for line in rows.partition("\n\n")[0].splitlines()[2:])
    assert {name for cell in first for name in re.findall("`([a-z-]+)`", cell)} == CHANGED_MEANINGS.keys()
    assert {*PREVIEW_MEANINGS, *OPEN_VERDICTS} <= CHANGED_MEANINGS.keys()
