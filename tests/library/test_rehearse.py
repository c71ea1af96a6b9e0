"""rehearsal.html, by `run --sandbox` and `report --rehearsal`."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Serve
from tests.harness.pages import Page
from tests.harness.running import SAMPLES, Program, issue_row, write_csv, write_issues


def test_a_rehearsal_and_again(program: Program) -> None:
    """The run leaves the page, and says so; `report` writes it again, also elsewhere."""
    ended = program("run", SAMPLES / "jira.csv", "--sandbox", "--json")
    path = Path(ended.summary["out"]) / "rehearsal.html"
    assert f"The issues as they will be in Triage: {path}\n" in ended.err
    page = Page(path)
    page.assert_harmless()
    assert "12 issues as they will be in Triage." in page.text
    assert "jira:VOICE-101, jira.csv line 2" in page.text
    again = program("report", "last", "--rehearsal", "--out", "elsewhere")
    assert again.code == 0
    assert "The issues as they will be in Triage: elsewhere/rehearsal.html\n" in again.err
    assert Path("elsewhere/rehearsal.html").read_bytes() == path.read_bytes()


def test_no_rehearsal(program: Program, serve: Serve) -> None:
    """A run that went elsewhere has none, nor one whose sandbox is gone; each says what to type."""
    write_issues(Path("export.csv"), 1)
    program("run", "export.csv", "-m", "jira", "--api-url", serve().url, "--yes", "--rate", "0")
    ended = program("report", "last", "--rehearsal")
    assert ended.code == 2
    assert "was not a rehearsal: it went to http://127.0.0.1" in ended.err
    assert not list(program.folder.glob("*/rehearsal.html"))
    program("run", "export.csv", "-m", "jira", "--sandbox")
    program.sandbox_file.unlink()
    ended = program("report", "last", "--rehearsal")
    assert ended.code == 2
    assert f"are gone: {program.sandbox_file} is not there." in ended.err


def test_a_rehearsal_that_is_behind(program: Program) -> None:
    """What an earlier one made is left as it is: screen and page say so, and what brings it up to date."""
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2)])
    program("run", "export.csv", "-m", "jira", "--sandbox")
    Path("mine.yaml").write_text("extends: jira\nseverity: {values: {High: low}}\n", encoding="utf-8")
    command = ("run", "export.csv", "-m", "mine.yaml", "--sandbox", "--json")
    ended = program(*command)
    left = "2 rows with other values in Triage than in the source, left as they are"
    said = f"{left}: --on-change update --accept-mapping-change"
    assert said in ended.err
    text = Page(Path(ended.summary["out"]) / "rehearsal.html").text
    assert "2 issues are as an earlier rehearsal left them; `--on-change update --accept-mapping-change`" in text
    ended = program(*command, "--on-change", "update", "--accept-mapping-change")
    assert ended.outcomes() == {"updated": 2}
    assert "stand as an earlier" not in Page(Path(ended.summary["out"]) / "rehearsal.html").text
