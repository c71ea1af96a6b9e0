"""`triage-import validate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.harness.running import SAMPLES, Program, issue_row, read_csv, write_csv, write_issues


@pytest.mark.parametrize(("bad", "code"), [(False, 0), (True, 1)])
def test_the_exit_code(program: Program, bad: bool, code: int) -> None:
    """0 if every row is valid, 1 if some would be rejected."""
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2, title="" if bad else "Two")])
    ended = program("validate", "export.csv", "-m", "jira")
    assert (ended.code, ended.err) == (code, "")


def test_stdout_is_one_json_object(program: Program) -> None:
    """With `--json` it is the summary, as it stands in summary.json too."""
    ended = program("validate", SAMPLES / "undecided.csv", "-m", "jira", "--json")
    assert json.loads(Path("triage-import-check/summary.json").read_text(encoding="utf-8")) == ended.summary
    assert ended.summary["exit_code"] == ended.code == 1


@pytest.mark.parametrize(("source", "code"), [("none.csv", 6), ("export.csv", 2)])
def test_an_error_is_an_object_too(program: Program, source: str, code: int) -> None:
    """A script that reads stdout finds why there is no summary of rows."""
    write_issues(Path("export.csv"), 1)
    ended = program("validate", source, "-m", "github", "--json")
    assert (ended.code, ended.summary["exit_code"], ended.summary["rows"]) == (code, code, 0)
    assert source in ended.summary["stopped_because"] or "no file has 'title'" in ended.summary["stopped_because"]


def test_the_next_thing_to_type(program: Program) -> None:
    """One command, the best one, as it can be pasted; what the check found is on stdout, so that it can be kept."""
    ended = program("validate", SAMPLES / "undecided.csv", "-m", "jira")
    suggested = "triage-import-check/suggested-mapping.yaml"
    last = ended.out.splitlines()[-1]
    assert last == f"Next: read {suggested}, then: triage-import validate {SAMPLES / 'undecided.csv'} -m {suggested}"
    assert ended.err == ""


def test_with_json_stdout_is_the_summary(program: Program) -> None:
    """What is to be read goes to stderr then."""
    ended = program("validate", SAMPLES / "undecided.csv", "-m", "jira", "--json")
    assert ended.summary["rejected"] == 5
    assert "Next: read " in ended.err


def test_no_ledger_and_no_key_are_needed(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left but the reports."""
    monkeypatch.delenv("BLAND_API_KEY")
    assert program("validate", SAMPLES / "jira.csv", "-m", "jira").code == 0
    assert not program.state.exists()
    assert [path.name for path in program.folder.iterdir()] == ["triage-import-check"]


def test_how_a_file_is_read_can_be_said(program: Program) -> None:
    """Encoding, delimiter and format, for what doesn't say it itself."""
    lines = ["Issue key;Summary;Priority;Status;Issue Type", "PROJ-1;Grüße;High;To Do;Bug"]
    Path("export.txt").write_text("\n".join(lines), encoding="cp1252")
    assert program("validate", "export.txt", "-m", "jira").code == 2
    options = ("--encoding", "cp1252", "--delimiter", ";", "--format", "csv")
    ended = program("validate", "export.txt", "-m", "jira", *options, "--source-name", "acme")
    assert ended.code == 0
    (planned,) = Path("triage-import-check/planned.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(json.loads(planned)["body"])["title"] == "Grüße"
    assert [row["key"] for row in read_csv(Path("triage-import-check/results.csv"))] == ["acme:PROJ-1"]


def test_who_may_read_it_is_asked_once(program: Program) -> None:
    """What is restricted is rejected; the suggestion asks, `run` refuses until the answer is there, and then sends."""
    header = ("Issue ID", "Title", "State", "Confidential", "Type")
    rows = [("1", "Leak", "Opened", "Yes", "issue"), ("2", "Typo", "Opened", "No", "issue")]
    write_csv(Path("issues.csv"), rows, header)
    ended = program("validate", "issues.csv", "-m", "gitlab", "--source-name", "g", "--json")
    assert (ended.summary["rejected"], ended.summary["findings"]["restricted-undecided"]) == (1, 1)
    suggested = Path(ended.summary["suggestion"])
    for named in ("gitlab", str(suggested)):
        last = program("validate", "issues.csv", "-m", named, "--source-name", "g").out.splitlines()[-1]
        again = f"triage-import validate issues.csv -m {suggested} --source-name g"
        assert sorted(last.split()) == sorted(f"Next: replace each `?` in {suggested}, then: {again}".split())
    send = ("run", "issues.csv", "-m", str(suggested), "--source-name", "g", "--sandbox", "--json")
    refused = program(*send)
    assert refused.code == 2
    assert "whether to send restricted issues is undecided" in refused.err
    suggested.write_text(suggested.read_text(encoding="utf-8").replace("issues: '?'", "issues: send"), encoding="utf-8")
    assert program(*send).summary["created"] == 2


def test_what_is_planned_is_sent(program: Program) -> None:
    """A relation whose other issue is in no file is neither planned nor counted; one whose issue is, is both."""
    header = ("Issue key", "Summary", "Status", "Priority", "Issue Type", "Outward issue link (Blocks)")
    rows = [("P-1", "One", "To Do", "High", "Bug", "P-9"), ("P-2", "Two", "To Do", "High", "Bug", "P-1")]
    write_csv(Path("issues.csv"), rows, header)
    ended = program("validate", "issues.csv", "-m", "jira", "--json")
    planned = Path("triage-import-check/planned.jsonl").read_text(encoding="utf-8")
    assert (planned.count("/relations"), ended.summary["forecast"]["relation"]) == (1, 1)
    assert "P-9" not in planned
    assert ended.summary["findings"]["relation-end-missing"] == 1


@pytest.mark.parametrize("source", ["-", "/dev/stdin"])
def test_what_was_piped_in_is_gone(program: Program, source: str) -> None:
    """The next command reads a file, and it is said which."""
    text = write_issues(Path("export.csv"), 1).read_bytes()
    ended = program.apart("validate", source, "-m", "jira", stdin=text)
    last = ended.out.splitlines()[-1]
    assert last == "Next: save the piped input as SAVED, then: triage-import run SAVED -m jira --sandbox"
