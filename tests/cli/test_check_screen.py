"""What a check shows on a screen."""

from __future__ import annotations

import json
from pathlib import Path
from shlex import join, split

import pytest
from markupsafe import escape

from importer.cli import check_screen
from tests.harness.running import Program, issue_row, write_csv, write_issues

STATUSES = [f"Status {number:02}" for number in range(60)]


def write_much_to_decide(path: Path) -> Path:
    """Write a file with 60 statuses, priorities that nobody knows, and long titles."""
    header = ("Issue key", "Summary", "Priority", "Status", "Issue Type", "Description", "Odd", "Other", "Third")
    rows = [
        (f"P-{n}", "T" * (n % 7) * 50, f"Odd {n % 12}", STATUSES[n % 60], f"Type {n % 9}", "x", "1", "2", "3")
        for n in range(1, 601)
    ]
    return write_csv(path, rows, header)


def test_it_fits_24_lines(program: Program) -> None:
    """However much there is to decide; where the rest is, is said."""
    lines = program("validate", write_much_to_decide(Path("export.csv")), "-m", "jira").out.splitlines()
    assert len(lines) <= 24
    assert any(line.startswith("status (") and " of 60" in line for line in lines)
    assert any(line.startswith("All of this, and every row: ") for line in lines)
    assert lines[-1].startswith("Next: read triage-import-check/suggested-mapping.yaml, then: ")


def test_what_is_absent_comes_before_other_warnings(program: Program) -> None:
    """Where there is room for one of them: that comments are missing, and then who is matched with nobody."""
    header = ("Issue key", "Summary", "Priority", "Status", "Issue Type", "Assignee", "Said", "Odd", "Description")
    words = ("To Do", "In Progress", "In Review", "Done", "Backlog", "Closed", "Open", "Reopened")
    ranks = ("High", "Low", "Highest", "Lowest", "Medium")
    rows = [(f"P-{n}", f"@team {n}", ranks[n % 5], words[n % 8], f"T {n % 9}", "Ann", "7", "1", "") for n in range(600)]
    write_csv(Path("export.csv"), rows, header)
    Path("m.yaml").write_text("extends: jira\ncounted: {comments: Said}\n", encoding="utf-8")
    said = program("validate", "export.csv", "-m", "m.yaml").out.splitlines()
    shown = next(line for line in said if line.startswith("warning"))
    assert "the source counts 4,200 comments" in shown
    warnings = json.loads(Path("triage-import-check/summary.json").read_text(encoding="utf-8"))["warnings"]
    assert [warning.partition(":")[0] for warning in warnings[1:3]] == [
        "assignee",
        "@names that would notify people or agents, or import markers",
    ]


def test_no_sentence_is_cut_at_what_helps(program: Program) -> None:
    """A warning with a long file name, a key and a text of the source has its advice at the end."""
    folder = Path("exports of the support team, as they were sent by mail") / "second half of the year"
    folder.mkdir(parents=True)
    rows = [issue_row(1, title="CafÃ© is called back, and nobody who called before is told")]
    out = program("validate", write_csv(folder / "a long name of an export.csv", rows), "-m", "jira").out
    [said] = [line for line in out.splitlines() if "letters that look garbled" in line]
    assert len(said) > 200
    assert said.endswith("Otherwise the texts are sent as they are.")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits_a_narrow_screen(program: Program, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Lines that a terminal breaks count as several: all that is printed, from the first line to the next command."""
    monkeypatch.setattr("importer.cli.check_screen.size_of", lambda stream: (width, 24))
    ended = program("validate", write_much_to_decide(Path("export.csv")))
    lines = [*ended.err.splitlines(), *ended.out.splitlines()]
    assert lines[0].startswith("export.csv: jira CSV: "), "what it was recognised by"
    assert lines[-1].startswith("Next: read triage-import-check/suggested-mapping.yaml, then: ")
    assert [name for name in ("severity", "status", "category") if f"\n{name} (1 of " in ended.out] or width > 60
    assert sum(-(-len(line) // width) for line in lines) <= 22, "and the command, and the prompt"


def test_sentences_are_cut_last(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may have a command: on a narrow screen lists, hints and titles are cut as long as that makes room."""
    header = ("Issue key", "Summary", "Priority", "Status", "Issue Type", "Assignee", "Reporter", "Created", "Comment")
    status = ["Step {} is with the finance team", "To Do"]
    rows = [
        (
            f"P-{n}",
            "One",
            "High",
            status[n % 2].format(n),
            f"Type {n % 3}",
            "ann",
            "bob",
            "1/Mar/26",
            "1/Mar/26;ann;Yes",
        )
        for n in range(120)
    ]
    monkeypatch.setattr("importer.cli.check_screen.size_of", lambda stream: (60, 24))
    lines = program("validate", write_csv(Path("export.csv"), rows, header)).out.splitlines()
    assert any(line.startswith("  ") and line.endswith("…") for line in lines)
    assert [line for line in lines if line.endswith("…") and not line.startswith(("  ", "category ("))] == []


def test_what_is_pasted_stays_whole(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow screen cuts lists and sentences, but no line of YAML that a hint gives."""
    monkeypatch.setattr("importer.cli.check_screen.size_of", lambda stream: (60, 24))
    out = program("validate", write_much_to_decide(Path("export.csv"))).out
    hints = [line for line in out.splitlines() if "severity: {values:" in line]
    assert hints
    assert [line for line in hints if line.count("`") % 2] == []


def test_a_terminal_says_how_wide_it_is(program: Program) -> None:
    """What is listed is cut at its edge."""
    path = write_much_to_decide(Path("export.csv"))
    with program.on_terminal("run", path, "-m", "jira", "--sandbox", "--dry-run", columns=60) as terminal:
        shown = terminal.end().err
    lines = [line.rpartition("\r")[2] for line in shown.split("\r\n")]
    long = [line.strip() for line in lines if len(line) > 60]
    assert [line for line in long if " " in line and not line.startswith(("triage-import ", "`"))] == [], (
        "words stay whole"
    )
    first = next(n for n, line in enumerate(lines) if line.startswith("rejected"))
    last = next(n for n, line in enumerate(lines) if line.startswith("checked "))
    assert sum(-(-len(line) // 60) for line in lines[first : last + 1]) <= 22


def test_verbose_shows_all(program: Program) -> None:
    """Each value, and each kind of finding."""
    out = program("validate", write_much_to_decide(Path("export.csv")), "-m", "jira", "-v").out
    assert all(status in out for status in STATUSES)
    assert "see report.html" not in out


def test_findings_of_one_kind_are_one_line(program: Program) -> None:
    """With the commonest values, and the hint once."""
    rows = [issue_row(n, priority=f"Odd {n % 5}") for n in range(1, 13)]
    lines = program("validate", write_csv(Path("export.csv"), rows), "-m", "jira").out.splitlines()
    (found,) = [line for line in lines if "severity-unknown" in line]
    assert found == "  12 × severity-unknown: 'Odd 1' 3, 'Odd 2' 3, 'Odd 0' 2 and 2 more   jira:PROJ-1, jira:PROJ-6"
    assert sum("severity: {values:" in line for line in lines) == 1


def test_what_is_to_be_decided_comes_first(program: Program) -> None:
    """A rejected value before the most frequent one, in aligned columns."""
    rows = [*(issue_row(n) for n in range(1, 21)), issue_row(21, priority="Pressing")]
    lines = program("validate", write_csv(Path("export.csv"), rows), "-m", "jira").out.splitlines()
    begin = lines.index("severity:")
    assert lines[begin : begin + 3] == [
        "severity:",
        "  Pressing → rejected    1   jira:PROJ-21",
        "  High     → high       20   jira:PROJ-1, jira:PROJ-2",
    ]


def test_the_whole_cost_is_said(program: Program) -> None:
    """Requests, and how long they take."""
    out = program("validate", write_issues(Path("export.csv"), 500), "-m", "jira").out
    assert "506 requests in all, 1 min 41 s at 5 a second" in out


def test_a_name_with_spaces_can_be_pasted(program: Program) -> None:
    """The next command is quoted as a shell wants it; a mapping that was recognised is not named."""
    out = program("validate", write_issues(Path("my export.csv"), 1)).out
    assert out.splitlines()[-1] == "Next: triage-import run 'my export.csv' --sandbox"


def test_options_that_were_given_are_kept(program: Program) -> None:
    """What comes next reads the same file in the same way: it runs as it is shown, on the screen and in the report."""
    rows = "P-1;Café;To Do;High;Bug;Ann\nP-2;b;To Do;High;Bug;Ann\n"
    text = f"left out\nIssue key;Summary;Status;Priority;Issue Type;Assignee\n{rows}"
    Path("a.csv").write_bytes(text.encode("cp1252"))
    options = ("-m", "jira", "--source-name", "acme", "--encoding", "cp1252", "--delimiter", ";", "--skip-lines", "1")
    said = program("validate", "a.csv", *options, "--limit", "1").out.splitlines()
    typed = join(["a.csv", *options])
    command = f"triage-import run {typed} --limit 1 --sandbox"
    assert said[-1] == f"Next: {command}"
    assert escape(command) in Path("triage-import-check/report.html").read_text(encoding="utf-8")
    assert any(line.endswith(f"triage-import users {typed}") for line in said)
    assert program(*split(command)[1:], "--json").outcomes() == {"created": 1}


def test_an_errors_file_is_read_as_it_is_written(program: Program) -> None:
    """It has the encoding, the delimiter and the name of the source."""
    text = "Issue key;Summary;Status;Priority;Issue Type\nP-1;;To Do;High;Bug\n"
    Path("a.csv").write_bytes(text.encode("cp1252"))
    said = program("validate", "a.csv", "-m", "jira", "--source-name", "acme", "--encoding", "cp1252", "--limit", "5")
    errors = "triage-import-check/errors.csv"
    mended = f"triage-import validate {errors} -m jira --source-name acme --encoding cp1252"
    assert said.out.splitlines()[-1] == f"Next: correct the rows in {errors}, then: {mended}"


def test_values_to_correct_come_before_rows(program: Program) -> None:
    """Without a proposal the values are next; without values the rows; an earlier errors file is not meant."""
    write_csv(Path("titles.csv"), [issue_row(1, title="")])
    last = program("validate", "titles.csv", "-m", "jira").out.splitlines()[-1]
    errors = "triage-import-check/errors.csv"
    assert last == f"Next: correct the rows in {errors}, then: triage-import validate {errors} -m jira"


def test_nothing_is_left_to_send(program: Program) -> None:
    """Where a rule leaves every row out there is nothing to rehearse."""
    out = program("validate", write_csv(Path("export.csv"), [("",) * 6]), "-m", "jira").out
    assert out.splitlines()[-1] == "Nothing would be sent: rules skip every row, see results.csv."
    assert "checked 1 row: 1 skipped " in out


def test_what_goes_nowhere_can_be_kept_with_one_line(program: Program) -> None:
    """Keys of JSON that a preset doesn't name are lost until `rest` says where they go; then none is."""
    record = {
        "html_url": "https://github.com/o/r/issues/1",
        "number": 1,
        "title": "One",
        "state": "open",
        "estimate": 5,
    }
    Path("export.json").write_text(json.dumps([record]), encoding="utf-8")
    out = program("validate", "export.json", "-m", "github").out
    assert "  to keep it in the footer: a mapping with the lines `extends: github` and `rest: footer`" in out
    for place in ("footer", "comment", "drop"):
        Path("mine.yaml").write_text(f"extends: github\nrest: {place}\n", encoding="utf-8")
        ended = program("validate", "export.json", "-m", "mine.yaml", "--strict")
        assert "lost columns" not in ended.out
        assert ended.code == 0
    Path("mine.yaml").write_text("extends: github\n", encoding="utf-8")
    ended = program("validate", "export.json", "-m", "mine.yaml", "--strict")
    assert "  to keep it in the footer: `rest: footer` in mine.yaml" in ended.out
    assert ended.code == 2


def test_how_many_columns_go_nowhere(program: Program) -> None:
    """On one line they are counted as where each has a line: all that aren't named there."""
    odd = {f"odd_{number}": number for number in range(30)}
    record = {"state": "open", "title": "T" * 300, **odd}
    rows = [record | {"html_url": f"https://github.com/o/r/issues/{n}", "number": n} for n in range(60)]
    for number, row in enumerate(rows):
        row["labels"] = [{"name": f"P{number % 5}"}, {"name": f"type: {('bug', 'feature', 'docs')[number % 3]}"}]
    Path("export.json").write_text(json.dumps(rows), encoding="utf-8")
    check = ("validate", "export.json", "-m", "github")
    [said] = [line for line in program(*check).out.splitlines() if line.startswith("lost columns (1,800 cells)")]
    assert said.endswith(f" and {30 - said.count('odd_')} more: losses.csv")
    assert "  and 22 more: losses.csv" in program(*check, "-v").out


def test_rest_has_keys_that_come_late(program: Program) -> None:
    """Of JSON the first records don't tell all keys; where `rest` says what becomes of them, the others are read."""
    records: list[dict[str, object]] = [
        {"html_url": f"https://github.com/o/r/issues/{number}", "number": number, "title": "One", "state": "open"}
        for number in range(1, 131)
    ]
    records[-1]["late"] = {"of": "130"}
    Path("export.json").write_text(json.dumps(records), encoding="utf-8")
    Path("mine.yaml").write_text("extends: github\nrest: footer\n", encoding="utf-8")
    ended = program("validate", "export.json", "-m", "mine.yaml", "--strict", "--out", "out")
    assert ended.code == 0
    bodies = [json.loads(line)["body"] for line in Path("out/planned.jsonl").read_text().splitlines()]
    assert [("late.of: 130" in body) for body in bodies] == [False] * 129 + [True]


def test_wide_signs_are_aligned_and_counted(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Chinese sign takes two columns of a terminal."""
    header = ("Issue key", "Summary", "Priority", "Status", "Issue Type", "Description")
    rows = [(f"P-{n}", "One", "High", ("已完成", "Done")[n % 2], "Bug", "x") for n in range(5)]
    path = write_csv(Path("export.csv"), rows, header)
    lines = program("validate", path, "-m", "jira").out.splitlines()
    wide, narrow = (next(line for line in lines if word in line) for word in ("已完成", "Done "))
    assert wide.index("→") + 3 == narrow.index("→")
    monkeypatch.setattr("importer.cli.check_screen.size_of", lambda stream: (10, 24))
    cut = next(line for line in program("validate", path, "-m", "jira").out.splitlines() if "已" in line)
    assert cut == "  已完成 …", "nine columns and the sign of a cut"


def test_what_the_tables_say_comes_last(program: Program) -> None:
    """That all rows become one value is a warning behind those that say something new."""
    rows = [(f"P-{n}", "One", "High", "Done", "Bug", "x", "1/Mar/26 9:00 AM") for n in range(30)]
    header = ("Issue key", "Summary", "Priority", "Status", "Issue Type", "Description", "Created")
    out = program("validate", write_csv(Path("export.csv"), rows, header), "-m", "jira", "-v").out
    warnings = [line for line in out.splitlines() if line.startswith("warning")]
    assert "dates are kept as text" in warnings[0]
    said_above = ["rows become" in line for line in warnings]
    assert said_above[-1]
    assert said_above == sorted(said_above)


def test_what_is_to_be_decided_is_the_next_step(program: Program) -> None:
    """A preset's neutral values lead to a proposal with all of them; decided there, they lead to the sandbox."""
    header = ("html_url", "number", "title", "state", "labels", "priority")
    rows = [(f"https://github.com/o/r/issues/{n}", str(n), "One", "open", "bug", "0") for n in range(1, 4)]
    path = write_csv(Path("export.csv"), rows, header)
    lines = program("validate", path).out.splitlines()
    suggested = Path("triage-import-check/suggested-mapping.yaml")
    assert "  0 → critical   3 undecided   " in lines[lines.index("severity:") + 1]
    assert lines[-1] == f"Next: read {suggested}, then: triage-import validate export.csv -m {suggested}"
    text = suggested.read_text(encoding="utf-8")
    assert '    "0": critical  # 3 rows, which nobody has decided: change it or leave it\n' in text
    page = Path("triage-import-check/report.html").read_text(encoding="utf-8")
    assert "Nobody has decided yet what 1 value becomes" in page
    assert f"Check again with the proposals: read {suggested}, then:" in page
    suggested.write_text(text.replace('    - "0"\n', ""), encoding="utf-8")
    decided = program("validate", path, "-m", suggested)
    assert "undecided" not in decided.out
    assert decided.out.splitlines()[-1] == f"Next: triage-import run export.csv -m {suggested} --sandbox"
    Path("mine.yaml").write_text("extends: github\n", encoding="utf-8")
    last = program("validate", path, "-m", "mine.yaml").out.splitlines()[-1]
    assert last.startswith("Next: make the missing decision, with the line above in mine.yaml, then: ")
    Path("mine.yaml").write_text('extends: github\nseverity: {values: {"0": low}, neutral: []}\n', encoding="utf-8")
    last = program("validate", path, "-m", "mine.yaml").out.splitlines()[-1]
    assert last == "Next: triage-import run export.csv -m mine.yaml --sandbox"


def test_a_row_without_a_key_is_named_by_its_line(program: Program) -> None:
    """On the screen and on the page, among the causes and in the tables."""
    lines = ['{"key": "P-1", "fields": {"summary": "One", "status": {"name": "Done"}}}', "{broken"]
    lines.append('{"fields": {"summary": "Three", "status": {"name": "Done"}}}')
    Path("export.jsonl").write_text("\n".join(lines), encoding="utf-8")
    said = program("validate", "export.jsonl", "-m", "jira").out
    found = {line.split()[2]: line.split()[-1] for line in said.splitlines() if line.startswith("  1 × ")}
    assert found == {"row-malformed:": "export.jsonl:2", "key-missing:": "export.jsonl:3"}
    page = Path("triage-import-check/report.html").read_text(encoding="utf-8")
    assert page.count("<bdi>export.jsonl:2</bdi>") == 2


def test_a_long_line_is_measured_as_far_as_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key may have a million characters: none is looked at by itself behind the end of the line."""
    measured: list[str] = []

    def measure(text: str) -> int:
        measured.append(text)
        return len(text)

    monkeypatch.setattr(check_screen, "measure", measure)
    assert len(check_screen._cut("x" * 10_000, 80)) <= 80
    assert len(measured) < 100
