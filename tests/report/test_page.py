"""report.html and summary.html."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from importer.notices import find_notices
from importer.records import Outcome, Row
from importer.report.folder import ReportFolder
from importer.report.page import PageDetails, describe_verdict, unpack_details, write_pages
from importer.report.page_rows import PageRows
from importer.report.rendering import TEMPLATES, lay_out_bar
from importer.report.summary import Summary
from tests.harness.pages import Page
from tests.harness.running import ROOT, WAIT_SECONDS, Program, issue_row, write_csv, write_issues

FLOW = {
    "severity": [
        {"source": "High", "target": "high", "how": "mapped", "rows": 3, "samples": ["k:1", "k:2"]},
        {"source": "Sev-9", "target": None, "how": "unknown", "rows": 1, "samples": ["k:4"]},
    ],
    "status": [{"source": "", "target": "todo", "how": "default", "rows": 4, "samples": ["k:1"]}],
    "category": [{"source": "Ann's team", "target": "Ann's team", "how": "kept", "rows": 4, "samples": ["k:1"]}],
}
SUMMARY = Summary(
    notices=find_notices({"rejected": 1}),
    run_id="2026-11-24-k-1",
    exit_code=1,
    rows=5,
    created=3,
    rejected=1,
    skipped=1,
    forecast={"create": 3, "comment": 7, "requests": 12},
    additions={"comment": 5},
    counted={
        "comments": {"source_says": 9, "file_has": 7, "planned": 7, "sent": 5},
        "attachments": {"source_says": 0, "file_has": 2, "planned": 0, "sent": 0},
    },
    losses={"attachments": 2, "dropped_cells": 4, "dropped_columns": ["Sprint"], "more_columns": 0},
    requests=14,
    elapsed_seconds=65.0,
    issues_per_second=0.1,
    target="https://api.example",
    source_name="k",
    source_sha256="ab" * 32,
    mapping="jira",
    mapping_sha256="cd" * 32,
    warnings=("authors are kept as text in the footer: Reporter",),
    value_flow=FLOW,
    version="0.1.0",
)
LOSSES = [("Sprint", "4", "5", "", "k:1, k:2, k:3", "Sprint 7"), ("Rank", "5", "5", "yes", "k:1, k:2, k:3", "1")]
UNKNOWN = "the mapping doesn't know severity 'Sev-9'"


def some_rows() -> PageRows:
    """Four rows, one of which is rejected and one skipped."""
    page = PageRows()
    page.add([Row(0, "f", n, n, f"k:{n}", Outcome.CREATED, title=f"Title {n}", triage_id=f"T-{n}") for n in (1, 2, 3)])
    bad = Row(0, "f", 4, 4, "k:4", Outcome.REJECTED, ("severity-unknown",), ("severity",), (UNKNOWN,), ("add `a: b`",))
    page.add(
        [
            bad._replace(title="<b>Bold</b>"),
            Row(0, "f", 5, 5, "", Outcome.SKIPPED, ("row-empty",), ("",), ("",), ("",)),
        ]
    )
    return page


def written(folder: Path, summary: Summary = SUMMARY, rows: PageRows | None = None) -> tuple[Page, Page]:
    """Write both pages, and read them."""
    write_pages(ReportFolder(folder), summary, rows or some_rows(), PageDetails(("f.csv",), LOSSES, 3))
    return Page(folder / "report.html"), Page(folder / "summary.html")


def test_a_run(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """All of it in the order in which a person asks; nothing is loaded from anywhere."""
    page, mailed = written(tmp_path)
    page.assert_harmless()
    mailed.assert_harmless()
    assert page.text == snapshot
    assert mailed.text == snapshot
    assert [row[1] for row in page.rows()] == ["k:1", "k:2", "k:3", "k:4", "f:5"]


def test_what_is_mailed_has_no_text_of_the_source(tmp_path: Path) -> None:
    """Neither keys nor titles, nor values that the mapping doesn't name, nor what a warning quotes."""
    _, mailed = written(tmp_path, replace(SUMMARY, stopped_because="k:4 was refused"))
    for text in ("k:1", "k:4", "Title 1", "Bold", "Sev-9", "Ann", "Reporter", "Sprint", "f.csv"):
        assert text not in mailed.text, text
    assert "High" in mailed.text
    assert (tmp_path / "summary.html").stat().st_size < 2_000_000


@pytest.mark.parametrize(
    ("because", "code", "said"),
    [
        ("Triage can't be reached.", 3, "Stopped: Triage can't be reached. The same command continues."),
        ("Interrupted.", 130, "Stopped: Interrupted. The same command continues."),
        ("It is still running.", 3, "It is still running."),
        ("The key was refused.", 7, "Stopped: The key was refused. Once that is decided, the same command continues."),
        ("It was full: the same command continues.", 3, "Stopped: It was full: the same command continues."),
    ],
)
def test_how_a_stopped_run_goes_on(tmp_path: Path, because: str, code: int, said: str) -> None:
    """Also where all rows are in and only comments are missing; not where it is running, or its reason says so."""
    page, _ = written(tmp_path, replace(SUMMARY, stopped_because=because, exit_code=code))
    stops = [line for line in page.text.splitlines() if because in line or "same command continues" in line]
    assert " ".join(" ".join(stops).split()) == said


@pytest.mark.parametrize(
    ("summary", "sentence"),
    [
        (Summary("r", 0, 5, created=5), "5 of 5 rows are in Triage; none needs you."),
        (Summary("r", 1, 5, unchanged=4, failed=1), "4 of 5 rows are in Triage; 1 needs you."),
        (
            Summary("r", 3, 5, created=1, planned=4),
            "1 of 5 rows is in Triage; 4 are still to be sent, none needs you.",
        ),
        (Summary("r", 1, 5, created=5, findings={"incomplete": 2}), "5 of 5 rows are in Triage; 2 need you."),
        (
            Summary("", 1, 1000, planned=990, rejected=8, skipped=2),
            "990 of 1,000 rows would be in Triage; 8 need you, 2 are left out by a rule.",
        ),
    ],
)
def test_the_verdict(summary: Summary, sentence: str) -> None:
    """What became of the rows, or would, in a sentence."""
    notices = find_notices({**summary.outcomes(), **summary.findings})
    assert describe_verdict(replace(summary, notices=notices)) == sentence


def test_what_nobody_has_decided_needs_somebody(tmp_path: Path) -> None:
    """Values that wait for a decision are said; what comes next says what comes before."""
    line = {"source": "-1", "target": "medium", "how": "undecided", "rows": 5, "samples": []}
    check = Summary("", 0, 5, planned=5, forecast={"requests": 600}, value_flow={"severity": [line]})
    details = PageDetails(commands=[("Check again", "read a.yaml", "triage-import validate f.csv -m a.yaml")], rate=5.0)
    write_pages(ReportFolder(tmp_path), check, PageRows(), details)
    page = Page(tmp_path / "report.html")
    assert "5 of 5 rows would be in Triage; 1 value waits for a decision." in page.text
    assert "Nobody has decided yet what 1 value becomes" in page.text
    assert "none needs you" not in page.text
    assert "Nothing needs attention" not in page.text
    assert "Check again: read a.yaml, then:" in page.text
    assert re.search(r"600, which is 2 min 0 s at 5 a second; begun at \S+ \S+, they end at \S+ \S+\n", page.text)


def test_a_hostile_source_stays_text(tmp_path: Path, program: Program) -> None:
    """Tags, links that run, an end of the data block, turned text and terminal sequences are shown, and do nothing."""
    titles = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</script><script>alert(2)</script>",
        "javascript:alert(3)",
        '"><svg onload=alert(4)>',
        "=HYPERLINK(1)",
        "\u202egnp.exe",
        "\x1b[2J",
    ]
    rows = [issue_row(n, title=title) for n, title in enumerate(titles, 1)]
    rows += [issue_row(99, priority='<a href="javascript:alert(5)">x</a>\u202e')]
    write_csv(Path("export.csv"), rows)
    assert program("validate", "export.csv", "-m", "jira", "--out", tmp_path).code == 1
    for name in ("report.html", "summary.html"):
        page = Page(tmp_path / name)
        page.assert_harmless()
        assert not re.search("[\u202a-\u202e\x00-\x08\x0b-\x1f]", page.source)
    assert [row[2] for row in Page(tmp_path / "report.html").rows()][:6] == titles[:6]


def test_all_rows_are_in_the_page(tmp_path: Path) -> None:
    """However many they are, up to the cap: nothing of the packed rows is cut or escaped."""
    rows = PageRows()
    for begin in range(0, 9000, 1000):
        rows.add([Row(0, "f", n, n, f"k:{n}", Outcome.CREATED, title=f"T {n * n}") for n in range(begin, begin + 1000)])
    page, mailed = written(tmp_path, rows=rows)
    assert [row[1] for row in page.rows()] == [f"k:{n}" for n in range(9000)]
    assert mailed.rows() == []


def test_a_cell_of_megabytes(tmp_path: Path, program: Program) -> None:
    """It is cut: the page stays small."""
    write_csv(Path("export.csv"), [issue_row(1, title="x" * (2 << 20)), issue_row(2, priority="y" * (2 << 20))])
    program("validate", "export.csv", "-m", "jira", "--out", tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 200_000


def test_a_check_and_its_run_and_the_run_again(program: Program) -> None:
    """Each writes both pages; `report` writes the same ones again; an unchanged row keeps its title."""
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2, priority="Pressing"), issue_row(3)])
    program("validate", "export.csv", "-m", "jira")
    checked = Page(Path("triage-import-check/report.html"))
    assert "2 of 3 rows would be in Triage; 1 needs you." in checked.texts
    command = ("run", "export.csv", "-m", "jira", "--sandbox", "--max-rejected", "100%", "--json", "--concurrency", "1")
    out = Path(program(*command).summary["out"])
    page = Page(out / "report.html")
    assert "2 of 3 rows are in the sandbox of this rehearsal; 1 needs you." in page.texts
    assert [(row[1], row[2], row[5]) for row in page.rows()] == [
        ("jira:PROJ-1", "Title 1", "T-1001"),
        ("jira:PROJ-2", "Title 2", ""),
        ("jira:PROJ-3", "Title 3", "T-1002"),
    ]
    kept = {name: (out / name).read_bytes() for name in ("report.html", "summary.html")}
    for name in kept:
        (out / name).unlink()
    assert program("report", "last").code == 0
    assert {name: (out / name).read_bytes() for name in kept} == kept

    write_csv(Path("export.csv"), [*map(issue_row, (1, 3, 4))])
    again = Path(program(*command, "--out", "second").summary["out"])
    assert program("report", "last").code == 0
    assert [row[2] for row in Page(again / "report.html").rows()] == ["Title 1", "Title 3", "Title 4"]


def test_a_full_disk(program: Program, tmp_path: Path) -> None:
    """A page that can't be written is said as any other report, and what was sent stays sent."""
    write_issues(Path("export.csv"), 2)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "report.html").mkdir()
    ended = program("validate", "export.csv", "-m", "jira", "--out", folder)
    assert ended.code == 2
    assert "report.html is a folder: move it away, or name another folder with --out" in ended.err


def test_the_templates_are_in_the_wheel(tmp_path: Path) -> None:
    """An installed program has them, too."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_SECONDS)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"importer/report/templates/{path.name}" for path in TEMPLATES.iterdir()} <= set(names)
    assert "importer/py.typed" in names


def test_the_scripts_are_short() -> None:
    """What runs in a page can be read in one sitting."""
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in TEMPLATES.glob("*.js")}
    assert lines.keys() == {"page.js", "rows.js", "board.js"}
    assert lines["page.js"] + max(lines["rows.js"], lines["board.js"]) < 200


def test_a_bar_adds_up() -> None:
    """Its parts lie side by side, and fill it; what is 0 is left out."""
    assert lay_out_bar({"created": 3, "failed": 0, "rejected": 1}) == [
        ("created", 3, 0.0, 75.0),
        ("rejected", 1, 75.0, 25.0),
    ]
    assert lay_out_bar({"created": 0}) == []


def test_compiled_templates_are_kept_where_that_can_be(tmp_path: Path) -> None:
    """Beside the compiled modules; where nothing can be written there, a page is written all the same."""
    copy = tmp_path / "importer"
    shutil.copytree(ROOT / "importer", copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    (copy / "report" / "__pycache__").write_text("a file where the folder should be")
    sample = str(ROOT / "sample_data" / "jira.csv")
    for is_kept in (False, True):
        command = [sys.executable, "-m", "importer", "validate", sample, "--out", str(tmp_path / "out")]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "out" / "report.html").is_file()
        cache = copy / "report" / "__pycache__"
        assert any(cache.glob("__jinja2_*")) is is_kept
        if not is_kept:
            cache.unlink()


def test_details_that_an_earlier_version_has_kept() -> None:
    """What it knew of cells by class isn't shown any more, and keeps no run from being shown."""
    kept = {"files": ["f.csv"], "columns": [["Sprint", "dropped", "4", "100.0%", "1", "Sprint 7", ""]], "rate": 5.0}
    packed = b64encode(zlib.compress(json.dumps(kept).encode())).decode()
    assert unpack_details(packed) == PageDetails(["f.csv"], rate=5.0)
