"""Commands that people are shown: pasted, each works on the ledger and the target, or the file, that it speaks of."""

from __future__ import annotations

import html
import re
import shlex
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.conftest import Serve
from tests.harness.running import KEY, Program, issue_row, read_csv, write_csv
from tests.harness.workbooks import write_xlsx

MANTIS = """\
Id,Project,Reporter,Assigned To,Priority,Severity,Reproducibility,Category,Date Submitted,View Status,Updated,Status
1,P,ann,bob,high,major,always,UI,2024-01-01,public,2024-01-02,new
2,P,ann,bob,low,minor,always,UI,2024-01-01,public,2024-01-02,new
"""
UNTITLED = {
    "mantis.csv": MANTIS,
    "mantis-de.csv": "Nummer,Projekt,Priorität,Auswirkung,Reproduzierbar,Status\n1,Web,hoch,Absturz,immer,neu\n",
    "linear.csv": "ID,Team,Status,Priority,Creator,Assignee,Labels\nVOI-1,Voice,Todo,High priority,a,b,Bug\n",
    "jira.csv": "Issue key,Issue Type,Status,Priority\nVX-1,Bug report,To Do,High\nVX-2,New task,Done,Low\n",
    "github.json": '[{"number": 4, "url": "https://github.com/a/b/issues/4", "state": "OPEN", "labels": []}]',
}
FACTS = """\
Report,Open bugs,by Ann,2024-02-03
Filter,status is open,team A,sorted by id

"""
GROUPS = """\
Issue,,,People,,Dates
"""
FULL = """\
Report: Open bugs,by: Ann,On: 2024-02-03,Sprint: 14,Team: A,Bugs: 2
"""
TABLE = """\
ID,Title,Severity,Owner,Status,Created
1,Login fails,High,Ann,Open,2024-01-02
2,Slow page,Low,Bob,Closed,2024-01-02
"""
PLAIN = """\
input: {name: s, key: ID}
title: Title
severity: {value: low}
status: {value: todo}
category: {value: Bug}
"""


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", UNTITLED)
def test_a_draft_of_a_known_tracker_makes_no_titles_of_another_column(program: Program, name: str) -> None:
    """An export without its column of titles is to be made again, however much another one looks like titles."""
    ended = program("draft", write(name, UNTITLED[name]), "-o", "mine.yaml")
    assert (ended.code, Path("mine.yaml").exists()) == (2, False), ended.err
    assert re.search(r"Export it again with the column '(?:Summary|Title|title)'", ended.err)


def test_a_known_tracker_without_titles_is_exported_again(program: Program) -> None:
    """Neither does a check send to the draft, nor the draft to the check: both name the column, and two lines."""
    source = write("mantis.csv", MANTIS)
    for ended in (program("validate", source), program("draft", source)):
        assert "Export it again with the column 'Summary'" in ended.err
        assert "triage-import draft" not in ended.err
        assert "triage-import validate" not in ended.err
    preset, title = re.findall(r"`((?:extends|title): \w+)`", ended.err)
    write("mine.yaml", f"{preset}\n{title.replace('COLUMN', 'Reproducibility')}\n")
    assert program("validate", source, "-m", "mine.yaml", "--json").summary["planned"] == 2


@pytest.mark.parametrize("above", [FACTS, GROUPS, FACTS + GROUPS, FULL], ids=["facts", "groups", "both", "full"])
@pytest.mark.parametrize("form", ["csv", "semicolons", "xlsx"])
def test_a_table_below_lines_of_several_cells(program: Program, above: str, form: str) -> None:
    """The header is found, what stands above it is named, and each row keeps its own line."""
    source, text = Path("export.csv"), above + TABLE
    if form == "xlsx":
        source = Path("export.xlsx")
        write_xlsx(source, {"Sheet1": [line.split(",") if line else [""] for line in text.splitlines()]})
    else:
        write("export.csv", text.replace(",", ";") if form == "semicolons" else text)
    ended = program("validate", source, "-m", write("m.yaml", PLAIN), "--json")
    assert ended.outcomes() == {"planned": 2}, ended.err
    assert "lines above the header, skipped" in ended.err
    assert re.search("Report:? Open bugs", ended.err) or "Issue People Dates" in ended.err
    lines = [int(row["line"]) for row in read_csv(Path("triage-import-check/results.csv"))]
    assert lines == [above.count("\n") + 2, above.count("\n") + 3]


@pytest.mark.parametrize(
    "text",
    [
        "ID,Title,\n1,Login,Ann\n2,Slow,Bob\n",  # a column without a name, and no row that could be names
        "ID,Title,,\nP,Login,Ann,x\n2,Slow,Bob,y\n",  # a row of data without a digit, as wide as its header says
        "Key,Name,State\nthe id,its name,its state\n1,Login,Open\n2,Slow,Open\n",  # a line that explains the columns
    ],
)
def test_no_row_of_data_becomes_the_header(program: Program, text: str) -> None:
    """Where the first row may be the header, it is."""
    source = write("export.csv", text)
    model = PLAIN.replace("Title", "[Title, Name]").replace("key: ID", "key: [ID, Key]")
    ended = program("validate", source, "-m", write("m.yaml", model), "--json")
    assert ended.summary["rows"] == text.count("\n") - 1


def test_a_draft_takes_what_a_check_takes(program: Program) -> None:
    """Name, fixes and comments shape it; all that the mapping can't say stands in the next command, which works."""
    source = write("export.csv", "Ref;Betreff;Priorität\nT-1;Fehler;Hoch\nT-2;Absturz;Zzz\n")
    write("notes.csv", "Ticket;Author;Comment\nT-1;Ann;seen\nT-2;Bob;seen, too\n")
    write("fixes.csv", "column,bad value,new value\nPriorität,Zzz,Niedrig\n")
    write("users.csv", "name,account,mail,triage_user_id\n")
    options = ("--source-name", "mine", "--delimiter", ";", "--fixes", "fixes.csv", "--comments", "notes.csv")
    ended = program("draft", source, *options, "--users", "users.csv", "-o", "mine.yaml")
    assert ended.code == 0, ended.err
    assert "Zzz" not in Path("values.csv").read_text(encoding="utf-8")
    command = ended.err.rpartition("Next: triage-import ")[2].split()
    assert command[:4] == ["validate", "export.csv", "--fixes", "fixes.csv"]
    text = re.sub(r"'\?'|\"\?\"", "todo", Path("mine.yaml").read_text(encoding="utf-8"))
    write("mine.yaml", text.replace('decisions: "values.csv"\n', ""))
    summary = program(*command, "--json").summary
    assert (summary["source_name"], summary["planned"]) == ("mine", 2)
    assert summary["forecast"]["comment"] == 2


def test_a_draft_s_values_mean_what_they_mean_in_a_mapping(program: Program) -> None:
    """`-m` names the mapping; the command that a refusal shows keeps what was typed of the input."""
    write("m.yaml", PLAIN.replace("severity: {value: low}", "severity: {column: P, values: {Zack: critical}}"))
    source = write("export.csv", "Ref,Betreff,Priorität\nT-1,Fehler,Zack\nT-2,Absturz,Zack\n")
    ended = program("draft", source, "-m", "m.yaml", "-o", "mine.yaml")
    assert re.search(r'"Zack": critical', Path("mine.yaml").read_text(encoding="utf-8")), ended.err
    unknown = write("unknown.csv", "Foo,Bar\n1,2\n")
    refused = program("validate", unknown, "--source-name", "acme", "--limit", "1")
    assert "triage-import draft unknown.csv --source-name acme -o mapping.yaml\n" in refused.err


@pytest.mark.parametrize("form", ["", "html"])
def test_a_row_without_a_title_is_offered_its_description_s_first_line(program: Program, form: str) -> None:
    """The line of the hint, pasted, sends the row; one without a description isn't offered any."""
    write("s.csv", 'ID,Title,Text\nA,,"<b>Login</b> fails\nalways"\nB,Typo,x\nC,,\n')
    described = f"description: {{column: Text, format: {form}}}\n" if form else "description: Text\n"
    write("m.yaml", PLAIN + described)
    ended = program("validate", "s.csv", "-m", "m.yaml")
    hints = [row["import_hint"] for row in read_csv(Path("triage-import-check/errors.csv"))]
    (line,) = re.findall(r"`(title: [^`]*)`", hints[0])
    assert line in ended.out
    assert "description" not in hints[1]
    write("mine.yaml", f"extends: ./m.yaml\n{line}\n")
    program("validate", "s.csv", "-m", "mine.yaml")
    titles = [row["title"] for row in read_csv(Path("triage-import-check/results.csv"))]
    assert titles == [{"": "<b>Login</b> fails", "html": "Login fails"}[form], "Typo", ""]


def test_lines_of_text_are_no_titles(program: Program) -> None:
    """A header further down leaves one column: a draft of that would import lines."""
    text = "Projekt;Sprachbot\nStand;04.03.2026\nID;Titel;Priorität;Status;Wer\n1;Bot legt auf;hoch;offen;Ann\n"
    ended = program("draft", write("s.csv", f"{text}2;Bot stottert laut;niedrig;offen;Bob\n"))
    assert (ended.code, "single column, 'Projekt;Sprachbot', which looks like several" in ended.err) == (2, True)
    assert program("draft", "s.csv", "--skip-lines", "2").code == 0


def test_a_comma_within_whole_lines_in_quotes(program: Program) -> None:
    """It makes one cell more, and the sentence is the same."""
    ended = program("validate", write("s.csv", '"id,title,severity,status"\n"1,Crash, then burn,high,open"\n'))
    assert "whole lines are in quotes" in ended.err


@pytest.mark.parametrize("header", ['"ID,Title,Severity"', "ID,Title,Severity"])
def test_whole_lines_in_quotes(program: Program, header: str) -> None:
    """They are refused with a sentence, whose command makes a file that is read."""
    source = write("quoted.csv", f'{header}\n"1,Login,High"\n"2,""a, b fails"",Low"\n')
    ended = program("validate", source)
    assert 'quoted.csv: whole lines are in quotes, so that each is a single cell: "1,Login,High"' in ended.err
    command = re.findall(r"sed .*", ended.err)[0]
    subprocess.run(["sh", "-c", command], check=True)
    ended = program("validate", "quoted-unquoted.csv", "-m", write("m.yaml", PLAIN), "--json")
    assert ended.outcomes() == {"planned": 2}, ended.err


BOOK = "the ledgers/it's Ann's.db"


def find_command(said: str) -> str:
    """The last command in what was said."""
    return str(re.findall(r"triage-import [a-z].*", said)[-1])


def find_commands(folder: Path) -> list[list[str]]:
    """The commands on the page of a report, as words."""
    found = re.findall(r"<code>(triage-import [^<]*)</code>", (folder / "report.html").read_text(encoding="utf-8"))
    return [shlex.split(html.unescape(each)) for each in found]


def test_every_command_after_a_run(program: Program, serve: Serve) -> None:
    """On the pages of a run, a verification and an undo, in their results and in `runs`: all name their own ledger."""
    sandbox, book = serve(), program.folder / BOOK
    book.parent.mkdir()
    target = ("--api-url", sandbox.url, "--ledger", BOOK, "--yes", "--rate", "0", "--json")
    folders = []
    for priority in ("High", "Low", "Highest"):
        write_csv(Path("export.csv"), [issue_row(1), issue_row(2, priority)])
        ended = program("run", "export.csv", "-m", "jira", *target, "--on-change", "update", "--max-changes=100%")
        folders.append(Path(ended.summary["out"]))
    newest, second, first = program.runs("--ledger", BOOK)
    for run in (first, second):
        for command, more in (("verify", ()), ("undo", ()), ("undo", ("--close",))):
            out = f"{run['name']} {command} {''.join(more)}"
            if program(command, run["name"], *more, "--ledger", BOOK, "--rate", "0", "--out", out).code == 0:
                folders.append(Path(out))
    commands = [words for folder in folders for words in find_commands(folder)]
    commands += [shlex.split(each) for run in (newest, second, first) for each in run["can_be"].values()]
    (later,) = read_csv(Path(f"{second['name']} undo ") / "results.csv")
    said = find_command(later["message"])
    assert said in program("undo", second["name"], "--ledger", BOOK, "--rate", "0").err
    commands.append(shlex.split(said))
    assert {words[1] for words in commands} == {"verify", "repair", "undo", "report"}
    for words in commands:
        assert words[words.index("--ledger") + 1] == str(book)
        typed = [{"MAPPING": "jira", "NAME,...": "severity"}.get(word, word) for word in words[1:] if word != "--apply"]
        ended = program(*typed)
        assert ended.code in (0, 1), (typed, ended.err)


def test_what_settles_a_key(program: Program, serve: Serve) -> None:
    """The hint of a refusal names the ledger and the target, and can be pasted."""
    sandbox = serve()
    write_csv(Path("export.csv"), [issue_row(1)])
    there = ("--api-url", sandbox.url, "--ledger", BOOK)
    assert program("run", "export.csv", "-m", "jira", *there, "--yes", "--rate", "0").code == 0
    refused = program("settle", "jira:PROJ-7", "added", *there)
    assert shlex.split(find_command(refused.err)) == [
        *("triage-import", "settle", "jira:PROJ-7", "T-…", "--api-url", sandbox.url),
        *("--ledger", str(program.folder / BOOK)),
    ]
    by_hand = {"title": "By hand", "severity": "low", "category": "Bug"}
    made = httpx.post(f"{sandbox.url}/v1/triage/issues", json=by_hand, headers={"Authorization": KEY}).json()["data"]
    contradicted = program("settle", "jira:PROJ-1", made["triage_id"], *there)
    command = find_command(contradicted.err)
    assert "is in Triage." in program(*shlex.split(command)[1:]).err
