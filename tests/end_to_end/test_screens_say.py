"""What screens, pages and tables say is what is, and their nouns and verbs agree with its number."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from importer.cli.repair import say_counts
from importer.notices import OPEN, find_notices
from tests.conftest import Serve
from tests.end_to_end.wayback import CORRECTED
from tests.harness.pages import Page
from tests.harness.running import Program, issue_row, read_csv, write_csv

DISAGREEING = re.compile(
    r"(?<![\w.,])1 (?:more )?(?:rows|issues|keys|runs|cells|comments|columns|people|answers|requests|texts|others"
    r"|causes|are|were|have|need|differ)\b(?! in all)|\b1 of \d+ \w+ (?:are|were|have|need)\b"
)
"""A number of one before the plural of a noun or verb; 30.1 issues a second are no one."""


def test_one_issue_from_check_to_undo(program: Program, serve: Serve) -> None:
    """One row of a source with one attachment, that everything is done with."""
    sandbox = serve()
    Path("corrected.yaml").write_text(CORRECTED, encoding="utf-8")
    header = ("Issue key", "Summary", "Priority", "Status", "Issue Type", "Description", "Attachment", "Left over")
    source = write_csv(
        Path("export.csv"), [(*issue_row(1), "01/Jan/26 9:00 AM;ann;a.png;https://a.example/1", "x")], header
    )
    send = ("run", source, "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0")
    commands: tuple[tuple[str | Path, ...], ...] = (
        ("validate", source, "-m", "jira", "-v"),
        ("users", source, "-m", "jira"),
        send,
        (*send, "--min-rows", "2"),
        ("verify", "last", "--rate", "0"),
        ("runs",),
        ("sources",),
        ("report", "--source", "jira"),
        ("repair", "last", "-m", "corrected.yaml", "--fields", "severity", "--rate", "0"),
        ("undo", "last", "--close", "--rate", "0"),
    )
    said = []
    for command in commands:
        ended = program(*command)
        said += [ended.out, ended.err]
    said += [Page(page).text for page in Path().glob("*/report.html")]
    assert len(said) > 20
    assert [found[0] for text in said for found in DISAGREEING.finditer(text)] == []


@pytest.mark.parametrize("code", sorted(OPEN))
def test_one_issue_that_is_open(code: str) -> None:
    """The same sentence is said of one and of many."""
    (notice,) = find_notices({code: 1})
    sentence = notice.line
    assert sentence.startswith("1 ")
    assert not re.search(r"\b(?:they|them|their|are)\b", sentence)


def test_one_that_differs() -> None:
    """A repair of one issue."""
    assert say_counts(Counter({"untouched": 1}), 1) == "1 differs: 1 untouched will be patched"


MAPPING = """\
input: {name: s, key: ID}
title: Title
description: Text
severity: {column: Severity, values: {High: high, Low: low}}
status: {value: todo}
category: {value: Bug}
references: [{pattern: 'P-\\d+'}]
"""
ROWS = """\
ID,Title,Text,Severity
P-1,Login fails,On Safari,High
P-2,Slow page,see P-1,Low
P-2,Slow page again,like P-1,Low
"""


@pytest.fixture
def source(program: Program) -> Path:
    """Give a source in which a key comes twice, and a mapping for it."""
    Path("m.yaml").write_text(MAPPING)
    Path("s.csv").write_text(ROWS)
    return Path("s.csv")


@pytest.mark.parametrize("duplicates", ["reject", "first"])
def test_a_key_that_comes_twice_promises_no_number_each_night(program: Program, source: Path, duplicates: str) -> None:
    """A row that loses isn't what the issue was last sent as; that leaves nothing to be done for the one that wins."""
    Path("m.yaml").write_text(f"{MAPPING}duplicates: {duplicates}\n")
    options = ("--sandbox", "--yes", "--on-change", "update", "--max-rejected", "90%", "--fail-on", "new", "--json")
    first, second, third = (program("run", source, "-m", "m.yaml", *options) for _ in range(3))
    assert first.summary["additions"] == {"refer": 1}
    assert second.summary["forecast"] == {"requests": 0}
    assert third.summary["same_as"]


def write(name: str, text: str, encoding: str = "utf-8") -> Path:
    path = Path(name)
    path.write_text(text, encoding=encoding)
    return path


def screen(program: Program, *arguments: str | Path, width: int = 80) -> list[str]:
    """The lines that a command shows on a terminal of 24 lines."""
    with program.on_terminal(*arguments, columns=width) as terminal:
        return terminal.end().err.splitlines()


def test_explain_says_what_becomes_of_a_row_and_shows_both_of_a_key(program: Program, source: Path) -> None:
    """The one that loses is rejected, wherever one looks; asked for by its line it comes first."""
    said = program("explain", source, "P-2", "-m", "m.yaml").out
    by_line = program("explain", source, "s.csv:4", "-m", "m.yaml").out
    heads = ["s:P-2   s.csv:3, row 2: planned", "s:P-2   s.csv:4, row 3: rejected"]
    assert re.findall("^s:P-2 .*", said, re.MULTILINE) == heads
    assert re.findall("^s:P-2 .*", by_line, re.MULTILINE) == heads[::-1]
    loses = said[said.index(heads[1]) :]
    assert "Rejected: key-duplicate: this key occurs first in s.csv:3" in loses
    assert "Nothing would be sent." in loses
    assert "As it would be sent:" not in loses


def test_a_colon_is_before_a_line_and_a_row_is_called_so(program: Program) -> None:
    """Where a cell has several lines, row and line differ: each place in the reports says which it is."""
    write("m.yaml", MAPPING)
    write("s.csv", 'ID,Title,Text,Severity\nP-1,One,"a\nb\nc",High\nP-2,Two,x,odd\n')
    program("validate", "s.csv", "-m", "m.yaml", "--out", "out")
    (row,) = read_csv(Path("out/errors.csv"))
    assert row["import_row"] == "s.csv row 2"
    assert "s:P-2   s.csv:5, row 2: rejected" in program("explain", "s.csv", "P-2", "-m", "m.yaml").out


def test_a_rehearsal_says_so_and_has_the_old_keys(program: Program, source: Path) -> None:
    """Screen, report, what is mailed, board, list and each issue; nothing of it claims to be in Triage."""
    ended = program("run", source, "-m", "m.yaml", "--sandbox", "--yes", "--max-rejected", "90%", "--out", "out")
    assert "3 rows rehearsed: 2 created, 1 rejected (not sent)" in ended.err
    for name in ("report.html", "summary.html"):
        page = Path("out", name).read_text(encoding="utf-8")
        assert re.search(r"<h1><bdi>Rehearsal \S+</bdi></h1>", page)
        assert "2 of 3 rows are in the sandbox of this rehearsal" in page
        assert "none of this is in Triage" in page
        assert not re.search(r"(?:is|are) in Triage[ ;.]", page)
    board = Path("out/rehearsal.html").read_text(encoding="utf-8")
    assert 'data-key="s:P-2"' in board
    assert "<bdi>s:P-2, s.csv line 3</bdi>" in board


def test_what_only_warns_holds_no_row_back(program: Program, serve: Serve) -> None:
    """A rejected row's warnings are beside it in the table of what is to be looked at; so is one that is only open."""
    unknown = "severity: {column: Severity, values: {High: high}, unknown: low}"
    write("m.yaml", MAPPING.replace("severity: {column: Severity, values: {High: high, Low: low}}", unknown))
    write("s.csv", "ID,Title,Text,Severity\nP-1,,x,Odd\nP-2,Two,x,High\n")
    options = ("--api-url", serve().url, "--yes", "--max-rejected", "90%", "--out", "run")
    program("validate", "s.csv", "-m", "m.yaml", "--out", "check")
    program("run", "s.csv", "-m", "m.yaml", *options)
    for folder in ("check", "run"):
        page = Path(folder, "report.html").read_text(encoding="utf-8")
        held, noted = (
            page.split(caption)[1].split("</table>")[0] for caption in ("Why rows are held", "with a warning.")
        )
        assert ("title-missing" in held, "severity-unknown" in held) == (True, False)
        assert "severity-unknown" in noted


BAD = "\n".join(
    [
        "ID,Title,Text,Severity,Kind,State",
        *(f"P-{n},Title {n},text,High,Bug,Open" for n in range(1, 30)),
        *(f"Q-{n},,text,High,Bug,Open" for n in range(1, 3)),
        *(f"R-{n},Title {n},text,Odd {n},Bug,Open" for n in range(1, 4)),
        *(f"S-{n},Title {n},text,High,{'x' * 70},Open" for n in range(1, 3)),
        ",Title,text,High,Bug,Open",
        "T-1,Title,text,High,Bug,Limbo",
        "T-2,Title,text,High,Bug",
    ]
)


@pytest.mark.parametrize("width", [80, 60])
def test_all_causes_come_first_and_warnings_whole(program: Program, width: int) -> None:
    """On 24 lines: each cause of rejection, then warnings to their last word, then lost columns before skipped rows."""
    kinds = "status: {column: State, values: {Open: todo}}\ncategory: {column: Kind, keep_unknown: true}"
    model = MAPPING.replace("status: {value: todo}\ncategory: {value: Bug}", kinds).replace("description: Text\n", "")
    skip = "skip: [{name: first, when: {column: ID, is: P-1}}]\n"
    source = write("s.csv", f"{BAD}\n")
    options = (source, "-m", write("m.yaml", model + skip))
    lines = screen(program, "run", *options, "--sandbox", "--dry-run", width=width)
    codes = ("severity-unknown", "title-missing", "category-too-long", "key-missing", "status-unknown", "row-ragged")
    said = " ".join(" ".join(lines).split())
    assert "severity" not in said[: said.index("rejected, not sent:")]
    places = [said.index(f"× {code}") for code in codes]
    assert max(places) < said.index("warning")
    assert "by a word" not in said
    whole = program("validate", *options, "--json").summary["warnings"]
    shown = [warning for warning in whole if " ".join(warning.split()) in said]
    assert shown, said
    assert said.count("warning: ") + said.count("warning (") == len(shown)
    assert said.index("lost columns") < said.index("skipped: 1 × skip-first")


def test_lost_columns_come_before_those_that_the_mapping_drops(program: Program) -> None:
    """In losses.csv and on the page; what is in rejected rows only is not lost."""
    write("m.yaml", f"{MAPPING}drop: [Rank]\n")
    write("s.csv", "ID,Title,Text,Severity,Rank,Other\nP-1,One,x,High,1,a\n" + "P-2,,x,High,2,b\nP-3,,x,High,2,b\n")
    program("validate", "s.csv", "-m", "m.yaml", "--out", "out")
    lines = [tuple(line.values()) for line in read_csv(Path("out/losses.csv"))]
    assert lines == [("Other", "1", "3", "", "s:P-1", "a"), ("Rank", "1", "3", "yes", "s:P-1", "1")]


def test_after_a_run_rows_to_correct_come_before_what_to_do_if_all_is_right(program: Program, source: Path) -> None:
    """Whoever reads the end of the screen first would otherwise send what is wrong."""
    ended = program("run", source, "-m", "m.yaml", "--sandbox", "--yes", "--max-rejected", "90%")
    assert ended.err.index("Rows to correct:") < ended.err.index("If they are right")


def test_what_another_column_has_settled_comes_with_its_line(program: Program) -> None:
    """The lines, pasted, settle it: then nothing is said of it any more."""
    status = "status: {column: State, values: {Open: todo}, fallback: {column: Group}, words: [english]}"
    write("m.yaml", MAPPING.replace("status: {value: todo}", status.replace(", words: [english]", "")))
    write("s.csv", "ID,Title,Text,Severity,State,Group\nP-1,One,x,High,Zeta,Open\nP-2,Two,x,High,Open,\n")
    warning = next(
        each for each in program("validate", "s.csv", "-m", "m.yaml", "--json").summary["warnings"] if "Zeta" in each
    )
    (line,) = re.findall("`(status: .*)`", warning)
    assert line == 'status: {values: {"Zeta": todo}}'
    write("mine.yaml", f"extends: ./m.yaml\n{line}\n")
    assert "Zeta" not in str(program("validate", "s.csv", "-m", "mine.yaml", "--json").summary["warnings"])


def test_samples_of_changes_begin_where_texts_differ(program: Program, serve: Serve) -> None:
    """Two titles that are alike for 90 characters are shown from shortly before their difference."""
    write("m.yaml", MAPPING)
    url, same = (
        serve().url,
        "The same beginning of each title which is far longer than a sample is; and now comes: ",
    )
    for word in ("before", "later"):
        rows = "".join(f"P-{n},{same}{word} {n},x,High\n" for n in range(1, 9))
        source = write("s.csv", f"ID,Title,Text,Severity\n{rows}")
        ended = program(
            "run", source, "-m", "m.yaml", "--api-url", url, "--yes", "--on-change", "update", "--max-changes", "2"
        )
    assert re.search(r's:P-1: title was "….*: before 1", would be "….*: later 1"', ended.err), ended.err


def test_errors_have_the_form_of_their_source(program: Program) -> None:
    """Its delimiter; its encoding, or UTF-8 with a mark where that can't hold a cell; the next command reads either."""
    write("m.yaml", MAPPING)
    write("s.csv", "ID;Title;Text;Severity\nP-1;Grün;x;odd\n", "cp1252")
    write("more.csv", "ID;Title;Text;Severity\nP-2;Ω;x;odd\n", "utf-8-sig")  # a mark says more than `--encoding`
    for more, encoding in (((), "cp1252"), (("more.csv",), "utf-8-sig")):
        options = ("-m", "m.yaml", "--encoding", "cp1252", "--out", "out")
        ended = program("validate", "s.csv", *more, *options)
        text = Path("out/errors.csv").read_bytes().decode(encoding)
        assert text.startswith("ID;Title;Text;Severity;import_row;")
        assert "P-1;Grün;x;odd;s.csv row 1;" in text
        command = ended.out.rpartition("triage-import ")[2].split()
        assert program(*command, "--json").summary["rows"] == 1 + len(more)


def test_issues_that_an_undo_has_closed_are_undone(program: Program, source: Path) -> None:
    """They are still there, under their numbers, and closed; a repair that opens them makes them count again."""
    options = ("-m", "m.yaml", "--sandbox", "--yes", "--max-rejected", "90%")
    program("run", source, *options)
    program("undo", "last", "--close", "--apply", "--yes")
    assert (
        "2 keys = 0 in Triage + 0 skipped + 0 rejected + 0 open + 2 undone."
        in program("report", "--source", "s", "--sandbox").err
    )


def test_a_refused_key_is_said_to_be_where_it_was_read(program: Program, serve: Serve) -> None:
    """`--api-key-file`, where that was given."""
    write("m.yaml", MAPPING)
    write("s.csv", ROWS)
    write("key.txt", "another-key-that-is-wrong\n")
    sandbox = serve(api_key="the-only-right-key")
    options = ("run", "s.csv", "-m", "m.yaml", "--api-url", sandbox.url, "--yes", "--max-rejected", "90%")
    assert "check --api-key-file key.txt, then" in program(*options, "--api-key-file", "key.txt").err
    assert "check BLAND_API_KEY, then" in program(*options).err


def test_a_category_is_new_where_triage_lacks_it(program: Program, serve: Serve, source: Path) -> None:
    """The second run finds it there, and doesn't call it new, neither above the table nor below it."""
    write("m.yaml", MAPPING.replace("{value: Bug}", "{value: Billing}"))
    url = serve().url
    options = ("run", source, "-m", "m.yaml", "--api-url", url, "--yes", "--max-rejected", "90%")
    assert "New categories, which Triage can't rename or delete later: Billing" in program(*options).err
    write("s.csv", f"{ROWS}P-9,Nine,x,High\n")
    second = program(*options).err
    assert "1 created" in second
    assert "New categories" not in second
    assert "permanent once created" not in second
