"""`triage-import run`, from a file to a sandbox on a real socket."""

from __future__ import annotations

import gzip
import json
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.hostile import HostileOptions, serve_in_thread
from tests.harness.running import HEADER, SAMPLES, Program, issue_row, read_csv, write_csv, write_issues

FAST = ("--rate", "0", "--json")


def test_the_readme_s_first_run_and_again(program: Program) -> None:
    """Twelve issues arrive in the sandbox that the command starts; the same command again creates nothing."""
    command = ("run", SAMPLES / "jira.csv", "-m", "jira", "--sandbox", *FAST)
    first, second = program(*command), program(*command)
    assert (first.code, first.outcomes()) == (0, {"created": 12, "skipped": 2})
    assert (second.code, second.outcomes()) == (0, {"unchanged": 12, "skipped": 2})
    with program.own_sandbox() as sandbox:
        assert [issue["number"] for issue in sandbox.issues()] == list(range(1001, 1013))


def test_the_first_line_says_what_is_known(program: Program) -> None:
    """Target, ledger, keys of this source and the last run, before anything else."""
    command = ("run", SAMPLES / "jira.csv", "-m", "jira", "--sandbox", *FAST)
    first, second = (program(*command).err.splitlines()[0] for _ in range(2))
    assert (
        first.partition(" ")[2]
        == f"Target sandbox:{program.sandbox_file}; ledger {program.ledger} knows 0 keys of this source, no run yet."
    )
    assert "knows 12 keys of this source, last run 20" in second


def test_what_the_check_plans_is_what_arrives(program: Program, serve: Serve) -> None:
    """The bodies of planned.jsonl are byte for byte those that the target receives, in their order."""
    for name, mapping in (("jira.csv", "jira"), ("call-reviews.jsonl", str(SAMPLES / "call-reviews.yaml"))):
        sandbox = serve()
        program("validate", SAMPLES / name, "-m", mapping, "--out", "checked")
        planned = [json.loads(line) for line in Path("checked/planned.jsonl").read_text(encoding="utf-8").splitlines()]
        command = ("run", SAMPLES / name, "-m", mapping, "--api-url", sandbox.url, "--yes", "--concurrency", "1")
        ended = program(*command, "--no-canary", "--max-rejected", "100%", *FAST)
        creates = [write["body"].encode() for write in planned if write["path"] == "/v1/triage/issues"]
        assert ended.summary["created"] == len(creates)
        assert creates == sandbox.create_bodies()
        added = [write for write in planned if write["path"] != "/v1/triage/issues"]
        assert {write["path"].rpartition("/")[2] for write in added} <= {"comments"}
        details = [json.loads(write["body"])["detail"] for write in added]
        assert details == [comment["detail"] for comment in sandbox.comments()]


def test_rejected_rows_come_back_mended(program: Program, serve: Serve) -> None:
    """`errors.csv`, mended and given back, leads to the first file's keys and rows; the rest isn't sent again."""
    sandbox = serve()
    rows = [issue_row(1), issue_row(2, priority="Pressing"), issue_row(3, title="")]
    source = write_csv(Path("export.csv"), rows)
    command = ("-m", "jira", "--api-url", sandbox.url, "--yes", "--max-rejected", "100%", *FAST)
    first = program("run", source, *command, "--out", "first")
    assert (first.code, first.outcomes()) == (1, {"created": 1, "rejected": 2})
    assert "Rows to correct: " in first.err
    assert "first/errors.csv" in first.err
    errors = Path("first/errors.csv")
    errors.write_text(errors.read_text(encoding="utf-8-sig").replace("Pressing", "Low"), encoding="utf-8-sig")

    second = program("run", errors, *command, "--out", "first")
    assert (second.code, second.outcomes()) == (1, {"created": 1, "rejected": 1})
    assert [row["key"] for row in read_csv(Path("first/results.csv"))] == ["jira:PROJ-2", "jira:PROJ-3"]
    assert errors.is_file(), "the file that is read is not replaced"
    (left,) = read_csv(Path("first/errors-2.csv"))
    assert (left["Issue key"], left["import_row"]) == ("PROJ-3", "export.csv row 3")
    again = program("run", source, *command, "--out", "again")
    assert again.outcomes() == {"unchanged": 1, "skipped": 1, "rejected": 1}, "of the two, one was mended"
    assert len(sandbox.issues()) == 2


def test_the_suggestion_in_use_is_not_replaced(program: Program) -> None:
    """A mapping in the folder of reports stays as it is; what it doesn't know yet is suggested beside it."""
    source = write_csv(Path("export.csv"), [issue_row(1, priority="Pressing"), issue_row(2, priority="Whenever")])
    command = ("--sandbox", "--max-rejected", "100%", "--out", "reports", *FAST)
    first = program("run", source, "-m", "jira", *command)
    suggested = Path(first.summary["suggestion"])
    text = suggested.read_text(encoding="utf-8").replace('"Whenever"', '"Somewhen"')
    suggested.write_text(text, encoding="utf-8")
    second = program("run", source, "-m", suggested, *command)
    assert suggested.read_text(encoding="utf-8") == text
    assert second.outcomes() == {"created": 1, "rejected": 1}
    assert Path(second.summary["suggestion"]).name == "suggested-mapping-2.yaml"


def json_record(number: int) -> dict[str, Any]:
    """A record as GitHub's API gives it."""
    url = f"https://github.com/acme/voice/issues/{number}"
    return {"number": number, "html_url": url, "title": f"Title {number}", "state": "open", "labels": []}


@pytest.mark.parametrize("form", ["csv.gz", "jsonl", "json", "object", "stdin"])
def test_every_form_of_source_twice(program: Program, form: str) -> None:
    """However a source comes: all of it arrives once, and the same command again creates nothing."""
    name, stdin, mapping = f"export.{form}", b"", "jira"
    records = [json_record(number) for number in (1, 2, 3)]
    if form == "csv.gz":
        plain = write_issues(Path("plain.csv"), 3)
        Path(name).write_bytes(gzip.compress(plain.read_bytes()))
    elif form == "stdin":
        name, stdin = "-", write_issues(Path("plain.csv"), 3).read_bytes()
    else:
        mapping = "github"
        text = {
            "jsonl": "\n".join(map(json.dumps, records)),
            "json": json.dumps(records),
            "object": json.dumps({"total": 3, "items": records}),
        }[form]
        Path(name).write_text(text, encoding="utf-8")
    command = ("run", name, "-m", mapping, "--sandbox", *FAST)
    ends = [program.apart(*command, stdin=stdin) if stdin else program(*command) for _ in range(2)]
    assert [end.code for end in ends] == [0, 0], ends[0].err
    assert [end.outcomes() for end in ends] == [{"created": 3}, {"unchanged": 3}]


def test_several_files_are_one_import(program: Program) -> None:
    """Their headers may differ; each row stands in the results under its own file."""
    one = write_issues(Path("one.csv"), 2)
    two = write_csv(
        Path("two.csv"),
        [("To Do", "PROJ-9", "Low", "Nine", "Bug")],
        header=("Status", "Issue key", "Priority", "Summary", "Issue Type"),
    )
    ended = program("run", one, two, "-m", "jira", "--sandbox", "--out", "out", *FAST)
    assert ended.outcomes() == {"created": 3}
    assert [(row["file"], row["record"], row["key"]) for row in read_csv(Path("out/results.csv"))] == [
        ("one.csv", "1", "jira:PROJ-1"),
        ("one.csv", "2", "jira:PROJ-2"),
        ("two.csv", "1", "jira:PROJ-9"),
    ]


def test_a_rehearsal_marks_nothing_as_done(program: Program, serve: Serve) -> None:
    """What is in the sandbox is not in another target, though the ledger is one."""
    source = write_issues(Path("export.csv"), 3)
    assert program("run", source, "-m", "jira", "--sandbox", *FAST).outcomes() == {"created": 3}
    real = serve()
    ended = program("run", source, "-m", "jira", "--api-url", real.url, "--yes", *FAST)
    assert ended.outcomes() == {"created": 3}
    assert len(real.issues()) == 3


def test_two_sources_with_the_same_native_keys(program: Program) -> None:
    """Two sites both have PROJ-1; under two names both arrive."""
    acme = write_issues(Path("acme.csv"), 2)
    umbra = write_csv(Path("umbra.csv"), [issue_row(number, title=f"Umbra's {number}") for number in (1, 2)])
    for name, source in (("acme", acme), ("umbra", umbra)):
        ended = program("run", source, "-m", "jira", "--source-name", name, "--sandbox", *FAST)
        assert ended.outcomes() == {"created": 2}
    with program.own_sandbox() as sandbox:
        assert len(sandbox.issues()) == 4


def test_limit_and_then_the_rest(program: Program) -> None:
    """`--limit` takes the first rows; the next run finds them done."""
    source = write_issues(Path("export.csv"), 5)
    command = ("run", source, "-m", "jira", "--sandbox", *FAST)
    assert program(*command, "--limit", "2").outcomes() == {"created": 2}
    assert program(*command).outcomes() == {"created": 3, "unchanged": 2}


GROUPED = """
extends: jira
input: {key: Issue key}
group: [Issue key]
"""


def test_limit_takes_whole_issues(program: Program) -> None:
    """A row belongs to an issue by its corrected cell, and one that may belong to it is not cut off."""
    odd = [(key, *issue_row(1)[1:]) for key in ("PROJ-1", "proj 1", "PROJ-1")]
    source = write_csv(Path("export.csv"), [*odd, issue_row(2), ("", *issue_row(3)[1:])])
    write_csv(Path("fixes.csv"), [("Issue key", "proj 1", "PROJ-1")], ("column", "bad value", "new value"))
    Path("m.yaml").write_text(GROUPED, encoding="utf-8")
    command = ("run", source, "-m", "m.yaml", "--fixes", "fixes.csv", "--sandbox", *FAST)
    assert program(*command, "--limit", "1").outcomes() == {"created": 3}
    assert program(*command, "--limit", "4").outcomes() == {"unchanged": 3, "rejected": 2}, "row 5 may be of its issue"
    assert program(*command).outcomes() == {"unchanged": 3, "rejected": 2}


def test_only_named_keys(program: Program) -> None:
    """A list or a file, of native keys or full ones; a key that no row has is said."""
    source = write_issues(Path("export.csv"), 5)
    command = ("run", source, "-m", "jira", "--sandbox", *FAST)
    listed = program(*command, "--only", "PROJ-2, jira:PROJ-3,PROJ-77")
    assert listed.outcomes() == {"created": 2, "skipped": 3}
    assert "warning: --only: no row has PROJ-77\n" in listed.err
    Path("keys.txt").write_text("PROJ-3\n\njira:PROJ-4\n", encoding="utf-8")
    assert program(*command, "--only", "keys.txt").outcomes() == {"created": 1, "unchanged": 1, "skipped": 3}


def test_only_keys_that_no_row_has(program: Program) -> None:
    """A slip of the pen is a sentence, not an import of nothing."""
    source = write_issues(Path("export.csv"), 2)
    ended = program("run", source, "-m", "jira", "--sandbox", *FAST, "--only", "PRJ-1")
    assert ended.code == ExitCode.UNUSABLE
    assert "--only names no key in the source: PRJ-1." in ended.err


@pytest.mark.parametrize(
    ("allowed", "bad", "good", "sent"),
    [
        ("0", 1, 1, False),
        ("0%", 1, 1, False),
        ("1", 2, 2, False),
        ("2", 2, 2, True),
        ("5%", 10, 1, True),
        ("5%", 11, 1, False),
        ("45%", 11, 13, False),
        ("46%", 11, 13, True),
        ("100%", 11, 1, True),
    ],
)
def test_max_rejected(program: Program, allowed: str, bad: int, good: int, sent: bool) -> None:
    """A number, or a share of the rows that no rule skips, or ten rows: more than that, and nothing is sent."""
    rows = [issue_row(number, title="" if number <= bad else "Title") for number in range(1, bad + good + 1)]
    source = write_csv(Path("export.csv"), [*rows, ("",) * len(HEADER)])
    ended = program("run", source, "-m", "jira", "--sandbox", *FAST, "--max-rejected", allowed)
    if sent:
        assert (ended.code, ended.outcomes()) == (1, {"created": good, "rejected": bad, "skipped": 1})
    else:
        assert (ended.code, ended.outcomes()) == (7, {"planned": good, "rejected": bad, "skipped": 1})
        what = f"Nothing was sent: {bad} of {bad + good} rows would be rejected, and --max-rejected allows {allowed}"
        assert what in ended.err
        assert Path("triage-import-check/errors.csv").is_file()


def test_scripts_have_a_threshold_and_the_sandbox_has_none(program: Program, serve: Serve) -> None:
    """With `--yes` it is 5 %, or ten rows: one bad row of two holds nothing back; a rehearsal sends what it can."""
    real = serve()
    scheduled = ("-m", "jira", "--api-url", real.url, "--yes", *FAST)
    two = write_csv(Path("two.csv"), [issue_row(0), issue_row(1, priority="Odd")])
    assert program("run", two, *scheduled).outcomes() == {"created": 1, "rejected": 1}
    rows = [issue_row(number, title="" if number <= 11 else "Title") for number in range(1, 100)]
    source = write_csv(Path("export.csv"), rows)
    ended = program("run", source, *scheduled)
    assert ended.code == ExitCode.DECIDE
    assert "--max-rejected allows 5%, at least 10" in ended.summary["stopped_because"]
    assert len(real.create_bodies()) == 1
    assert program("run", source, "-m", "jira", "--sandbox", *FAST).code == ExitCode.PARTLY


def test_dry_run_knows_the_ledger(program: Program) -> None:
    """Keys that are in count as unchanged, others as planned; nothing is sent and nothing written down."""
    source = write_issues(Path("export.csv"), 5)
    command = ("run", source, "-m", "jira", "--sandbox", *FAST)
    program(*command, "--limit", "2")
    before = program.ledger.read_bytes()
    ended = program(*command, "--dry-run")
    assert (ended.code, ended.outcomes()) == (0, {"unchanged": 2, "planned": 3})
    assert len(Path("triage-import-check/planned.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    assert program.ledger.read_bytes() == before


def test_a_changed_row_is_left_and_said(program: Program) -> None:
    """A key that is in, with another body now, is not sent again."""
    program("run", write_csv(Path("a.csv"), [issue_row(1)]), "-m", "jira", "--sandbox", *FAST)
    ended = program("run", write_csv(Path("a.csv"), [issue_row(1, title="New")]), "-m", "jira", "--sandbox", *FAST)
    assert ended.outcomes() == {"changed": 1}
    assert ended.summary["findings"]["changed"] == 1


def test_a_ledger_elsewhere(program: Program) -> None:
    """`--ledger` names the file, and its folder is made."""
    source = write_issues(Path("export.csv"), 1)
    program("run", source, "-m", "jira", "--sandbox", *FAST, "--ledger", "deep/down/my.db")
    with closing(sqlite3.connect("deep/down/my.db")) as ledger:
        assert ledger.execute("SELECT count(*) FROM operations").fetchone() == (1,)
    assert not program.ledger.exists()


def test_reports_are_private(program: Program) -> None:
    """Folders 0700, files 0600: exports hold people's names. So are the ledger and the sandbox."""
    source = write_csv(Path("export.csv"), [issue_row(1), issue_row(2, title="")])
    ended = program("run", source, "-m", "jira", "--sandbox", *FAST)
    folder = Path(ended.summary["out"])
    assert folder.name == f"triage-import-{ended.summary['run_id']}"
    for private in (folder, program.state / "triage-importer"):
        assert private.stat().st_mode & 0o777 == 0o700
        files = list(private.iterdir())
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}, files


def test_a_report_folder_that_can_t_be_made(program: Program) -> None:
    """Nothing is sent, and the next start isn't bound to it: its reports go to the usual folder, or another one."""
    write_issues(Path("export.csv"), 2)
    Path("file").touch()
    command = ("run", "export.csv", "-m", "jira", "--sandbox", "--yes", "--json")
    refused = program(*command, "--out", "file/reports")
    assert refused.code == ExitCode.UNUSABLE
    assert "file is a file: move it away, or name another folder with --out" in refused.err
    ended = program(*command)
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"created": 2}), ended.err
    assert Path(ended.summary["out"]).name == f"triage-import-{ended.summary['run_id']}"
    assert Path(ended.summary["out"], "report.html").exists()


def test_the_counts_add_up_everywhere(program: Program) -> None:
    """`summary.json`, `--json` and `results.csv` say the same, and each rejected row says why and what to do."""
    ended = program("run", SAMPLES / "undecided.csv", "-m", "jira", "--sandbox", *FAST)
    folder = Path(ended.summary["out"])
    assert json.loads((folder / "summary.json").read_text(encoding="utf-8")) == ended.summary
    results, errors = read_csv(folder / "results.csv"), read_csv(folder / "errors.csv")
    outcomes = [row["outcome"] for row in results]
    assert {outcome: outcomes.count(outcome) for outcome in set(outcomes)} == ended.outcomes()
    assert len(results) == ended.summary["rows"] == sum(ended.outcomes().values())
    assert len(errors) == ended.summary["rejected"]
    assert all(row["import_code"] and row["import_message"] and row["import_hint"] for row in errors)


def test_what_triage_refuses(program: Program, serve: Serve) -> None:
    """A refusal is `failed`, with the answer's words, and the row is in errors.csv."""
    Path("mine.yaml").write_text("extends: jira\nowner_id: Reporter\n", encoding="utf-8")
    rows = [(*issue_row(1), "missing-1"), (*issue_row(2), "user-2")]
    source = write_csv(Path("export.csv"), rows, header=(*HEADER, "Reporter"))
    ended = program("run", source, "-m", "mine.yaml", "--api-url", serve().url, "--yes", "--out", "out", *FAST)
    assert (ended.code, ended.outcomes()) == (1, {"created": 1, "failed": 1})
    (refused,) = read_csv(Path("out/errors.csv"))
    assert refused["Issue key"] == "PROJ-1"
    assert (refused["import_code"], "owner_id" in refused["import_message"]) == ("refused", True)
    assert "1 failed (Triage refused)" in ended.err
    assert f"  failed jira:PROJ-1: {refused['import_message']}\n" in ended.err


def test_quiet(program: Program, serve: Serve) -> None:
    """A good night says nothing; else what the code means, why, what is new with its message, and where the rest is."""
    source = write_issues(Path("export.csv"), 3)
    night = ("run", source, "--api-url", serve().url, "--out", "out", "--rate", "0", "-q")
    refused = program(*night)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == "Error: -q shows no question.\nAdd --yes, or leave -q out.\n"
    assert program(*night, "--yes") == (0, "", "")
    write_csv(source, [issue_row(1), issue_row(2, priority="Odd"), issue_row(3)])
    ended = program(*night, "--yes", "--max-rejected", "100%")
    assert (ended.code, ended.out) == (1, "")
    meaning, row, notice, command, page = ended.err.splitlines()
    assert notice == "1 row rejected: results.csv says why."
    assert program(*shlex.split(command.removeprefix("  Once they are corrected: triage-import "))).code == 1
    assert meaning == f"Exit code 1: {ExitCode.PARTLY.sentence}"
    assert row.startswith("  rejected jira:PROJ-2: the mapping doesn't know severity 'Odd'"), row
    assert page == f"Every row and its outcome: {Path('out').resolve()}/report.html"
    assert program(*night, "--yes", "--max-rejected", "100%") == (0, "", "")  # known by now
    ended = program(*night, "--yes", "--min-rows", "9")
    assert (ended.code, "--min-rows" in ended.err) == (7, True)
    assert ended.err.startswith(f"Exit code 7: {ExitCode.DECIDE.sentence}\nError: ")
    write_csv(source, [issue_row(1, title="KÃ¶ln fÃ¼r fÃ¼nf"), issue_row(2, priority="Strange")])
    assert "\nwarning: " in program(*night, "--yes", "--max-rejected", "100%").err


def test_known_rows_once_a_week(program: Program, serve: Serve) -> None:
    """What was refused in the last run for the same reason is no news, but is not forgotten either."""
    source = write_csv(Path("export.csv"), [issue_row(1), issue_row(2, priority="Odd"), issue_row(3, priority="Odd")])
    night = ("run", source, "--api-url", serve().url, "--out", "out", "--rate", "0", "-q", "--yes")
    assert program(*night, "--max-rejected", "100%").code == 1
    assert program(*night, "--max-rejected", "99%").err == ""
    with sqlite3.connect(program.ledger) as ledger:
        ledger.execute("UPDATE runs SET started_at = started_at - 7 * 86400")
    ended = program(*night, "--max-rejected", "98%")
    said, _, page = ended.err.splitlines()
    assert said.startswith("2 rows rejected: results.csv says why. Since ")
    assert (ended.code, page) == (0, f"Every row and its outcome: {Path('out').resolve()}/report.html")


def test_options_are_refused_before_anything_is_read(program: Program) -> None:
    """A field that there isn't is said at once, not after a large source was looked at."""
    ended = program("run", "nowhere.csv", "--fields", "nope", "--sandbox")
    assert (ended.code, ended.err.splitlines()[0]) == (
        2,
        "Error: --fields nope: there is no field nope that can be changed.",
    )


def test_a_sandbox_that_another_process_has(program: Program) -> None:
    """What helps is said, and nothing of an option that the command doesn't have."""
    write_issues(Path("export.csv"), 1)
    assert program("run", "export.csv", "-m", "jira", "--sandbox").code == 0
    with serve_in_thread(HostileOptions(db=program.sandbox_file)):
        ended = program("run", "export.csv", "-m", "jira", "--sandbox")
    assert ended.code == 2
    assert f"{program.sandbox_file} is in use by another sandbox.\nWait until" in ended.err
    assert "--db" not in ended.err
