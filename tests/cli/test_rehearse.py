"""rehearsal.html, by `run --sandbox` and `report --rehearsal`."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Serve
from tests.harness.pages import Page
from tests.harness.running import SAMPLES, Program, write_issues


def test_a_rehearsal_and_again(program: Program) -> None:
    """The run leaves the page, and says so; `report` writes it again, also elsewhere."""
    ended = program("run", SAMPLES / "jira.csv", "--sandbox", "--json")
    path = Path(ended.summary["out"]) / "rehearsal.html"
    assert f"The issues as they will stand in Triage: {path}\n" in ended.err
    page = Page(path)
    page.assert_harmless()
    assert "12 issues as they will stand in Triage." in page.text
    assert "jira:VOICE-101, jira.csv line 2" in page.text
    again = program("report", "last", "--rehearsal", "--out", "elsewhere")
    assert again.code == 0
    assert "The issues as they will stand in Triage: elsewhere/rehearsal.html\n" in again.err
    assert Path("elsewhere/rehearsal.html").read_bytes() == path.read_bytes()


def test_no_rehearsal(program: Program, serve: Serve) -> None:
    """A run that went elsewhere has none, nor one whose sandbox is gone; each says what to type."""
    write_issues(Path("export.csv"), 1)
    program("run", "export.csv", "-m", "jira", "--api-url", serve().url, "--yes", "--rate", "0")
    ended = program("report", "last", "--rehearsal")
    assert ended.code == 2
    assert "was no rehearsal: it went to http://127.0.0.1" in ended.err
    assert not list(program.folder.glob("*/rehearsal.html"))
    program("run", "export.csv", "-m", "jira", "--sandbox")
    program.sandbox_file.unlink()
    ended = program("report", "last", "--rehearsal")
    assert ended.code == 2
    assert f"are gone: {program.sandbox_file} is not there." in ended.err
