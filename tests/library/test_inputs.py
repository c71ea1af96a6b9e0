"""What a command works on: a source without `-m`, recognised, asked for or refused; mappings that take `--comments`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from importer.authoring.recognise import preset_shapes
from importer.errors import ExitCode, UsageError
from importer.library.inputs import open_comments, warn_of_absent
from importer.mapping.reader import load_mapping
from importer.mapping.reads import collect_annexes
from importer.sources.source import SourceOptions
from importer.sources.survey import survey_files
from tests.harness.running import Program, issue_row, write_csv

MAPPING = """
input: {name: mine, key: id}
title: title
severity: {value: low}
status: {value: todo}
category: {value: General}
"""
NONE = ""
ROWS = "comments: {from: [Note, {beside: {by: issue, key: id}, each: {text: text}}]}\n"
BOARD = "comments: {from: [{beside: {in: actions, by: card, key: id}, each: {text: text}}]}\n"


MINE = ("github", "mine.yaml")


class Read:
    """What reading an issue with the number 1 gives: the texts beside it by place, and the warnings."""

    def __init__(self, folder: Path, comments: str, issues: str, beside: str | None = None) -> None:
        (folder / "mine.yaml").write_text(MAPPING + comments)
        (folder / "issues").write_text(issues)
        (folder / "beside").write_text(beside or "")
        mapping = load_mapping(str(folder / "mine.yaml"))
        paths = [] if beside is None else [str(folder / "beside")]
        with (
            survey_files([str(folder / "issues")], SourceOptions()) as survey,
            open_comments(paths, mapping, None) as opened,
            survey.open(comments=opened) as source,
        ):
            [source_rows] = source.read([], annexes=collect_annexes(mapping.model))
            self.texts = {
                place: [json.loads(text)["text"] for text in find(["1"]).get("1", ())]
                for place, find in source_rows.layout.beside.items()
            }
            self.warnings = list(warn_of_absent(mapping, source))


ISSUES = "id,title\n1,x\n"
RETURNED = (
    '[{"id": 1, "title": "x", "import_row": "a.json:1", "import_code": "title-missing", "import_field": "title", \
"import_message": "", "import_hint": ""}]'
)


def test_rows_of_another_file(tmp_path: Path) -> None:
    """They are found under their place in `comments: from`."""
    read = Read(tmp_path, ROWS, ISSUES, "issue;text\n1;a\n1;b\n")
    assert (read.texts, read.warnings) == ({1: ["a", "b"]}, [])


def test_the_file_is_not_given(tmp_path: Path) -> None:
    """A person's mapping that joins a file says that it has none."""
    read = Read(tmp_path, ROWS, ISSUES)
    assert read.texts == {1: []}
    assert read.warnings == ["comments: the mapping joins them from --comments FILE, which isn't given"]


def test_what_a_preset_joins_is_no_warning(program: Program) -> None:
    """Neither from the preset itself, nor from a mapping that extends it and says nothing of comments."""
    issue = {"html_url": "https://github.com/o/r/issues/1", "number": 1, "title": "One", "state": "open"}
    Path("export.json").write_text(json.dumps([issue]), encoding="utf-8")
    Path("mine.yaml").write_text("extends: github\ntitle: {too_long: shorten}\n", encoding="utf-8")
    warnings = [program("validate", "export.json", "-m", name, "--json").summary["warnings"] for name in MINE]
    assert warnings[0] == warnings[1]
    assert not [text for text in warnings[0] if "--comments" in text]


def test_an_errors_file_is_without_its_board(tmp_path: Path) -> None:
    """An errors file has no comments beside it: the board that it came from is asked for, and taken."""
    read = Read(tmp_path, BOARD, RETURNED)
    assert read.texts == {0: []}
    [warning] = read.warnings
    assert warning.endswith("has the records alone; give the export that it came from: --comments FILE")
    board = json.dumps({"cards": [{"id": 1}], "lists": [{"id": 2}], "actions": [{"card": 1, "text": "a"}]})
    read = Read(tmp_path, BOARD, RETURNED, board)
    assert (read.texts, read.warnings) == ({0: ["a"]}, [])


def test_a_mapping_that_joins_nothing(tmp_path: Path) -> None:
    """A file that nobody would read is refused, with what the mapping needs to say."""
    with pytest.raises(UsageError, match="reads no comments from --comments") as caught:
        Read(tmp_path, NONE, ISSUES, ISSUES)
    assert "beside" in caught.value.hint
    assert Read(tmp_path, NONE, ISSUES).warnings == []


GITHUB_ISSUES: list[dict[str, Any]] = [{"number": n, "title": f"T{n}", "state": "open", "body": "", "html_url": f"https://github.com/o/r/issues/{n}",
           "labels": [], "created_at": "2026-01-01", "user": {"login": "a"}} for n in (1, 2)]  # fmt: skip


LONG = 9
"""Columns of a form that is not easily outdone by a third one."""


def test_the_evidence_is_said(program: Program) -> None:
    """On screen before anything else, and in the summary."""
    ended = program("validate", Path(__file__).parents[2] / "sample_data" / "jira.csv", "--json")
    assert ended.code == ExitCode.PARTLY or ended.code == ExitCode.DONE
    assert ended.summary["recognised"].startswith("jira CSV: ")
    assert ended.summary["recognised"] in ended.err.splitlines()[0]


def test_two_arrays_that_are_as_good(program: Program) -> None:
    """Neither is read in silence: both are named."""
    Path("both.json").write_text(json.dumps({"open": GITHUB_ISSUES[:1], "closed": GITHUB_ISSUES[1:]}), encoding="utf-8")
    ended = program("validate", "both.json")
    assert ended.code == ExitCode.UNUSABLE
    assert "open" in ended.err
    assert "closed" in ended.err


@pytest.mark.parametrize("wrap", [lambda issue: {"type": "RECORD", "stream": "issues", "record": issue}, dict])
def test_wrapped_or_not(program: Program, wrap: object) -> None:
    """A connector's messages give the same rows as the records themselves."""
    lines = "".join(json.dumps(wrap(issue)) + "\n" for issue in GITHUB_ISSUES)  # type: ignore[operator]
    Path("issues.jsonl").write_text(lines, encoding="utf-8")
    ended = program("validate", "issues.jsonl", "--json")
    assert ended.summary["planned"] == 2
    assert ended.summary["recognised"].startswith("github ")


def tied_header() -> tuple[set[str], list[str]]:
    """Two presets of which a form has as many columns, and a header with all of both."""
    forms: dict[int, tuple[str, list[str]]] = {}
    for preset, shapes in preset_shapes().items():
        for shape in shapes:
            names = [names[0] for names in (*shape.needs, *shape.columns)]
            if not (shape.only or shape.records or any("." in name for name in names)):
                other, columns = forms.setdefault(len(names), (preset, names))
                if other != preset and len(names) > LONG:
                    return {preset, other}, list(dict.fromkeys([*columns, *names]))
    raise AssertionError("no two forms are as long")


def test_a_tie_is_asked_on_a_terminal(program: Program) -> None:
    """Two presets fit: the answer decides; without a terminal both are named and nothing is done."""
    presets, header = tied_header()
    write_csv(Path("both.csv"), [["text"] * len(header)], header)
    ended = program("validate", "both.csv")
    assert ended.code == ExitCode.UNUSABLE
    assert "both.csv may be of several trackers" in ended.err
    assert all(f"  {preset} " in ended.err for preset in presets)
    with program.on_terminal("validate", "both.csv") as terminal:
        terminal.read_until("Which is it?")
        terminal.type(f"{min(presets)}\n")
        assert "checked 1 row:" in terminal.end().out


@pytest.mark.parametrize(("header", "is_refused"), [("number,title,state", True), ("number,title,state,url", False)])
def test_a_file_that_needs_a_name_is_one_error(program: Program, header: str, is_refused: bool) -> None:
    """Before anything is read, with the option; where the file has what says which project it is, rows decide."""
    cells = {"number": "7", "title": "a", "state": "open", "url": "https://github.com/o/r/issues/7"}
    row = ",".join(cells[name] for name in header.split(","))
    Path("issues.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    ended = program("validate", "issues.csv")
    assert (ended.code == ExitCode.UNUSABLE) is is_refused
    assert ("the keys in number are only unique within one project" in ended.err) is is_refused
    assert ("--source-name github-PROJECT" in ended.err) is is_refused
    assert program("validate", "issues.csv", "--source-name", "github-shop").code == ExitCode.DONE


def test_a_mapping_of_another_tracker(program: Program) -> None:
    """Columns that fit another preset say which; those that fit none leave the error as it is."""
    write_csv(Path("export.csv"), [issue_row(1)])
    ended = program("validate", "export.csv", "-m", "github")
    hint = "Its columns fit jira: triage-import validate export.csv -m jira"
    assert (ended.code, ended.err.splitlines()[-1]) == (ExitCode.UNUSABLE, hint)
    write_csv(Path("export.csv"), [("x",)], header=("Whatever",))
    assert (
        "use another mapping (`triage-import mappings list`)" in program("validate", "export.csv", "-m", "github").err
    )


def test_a_preset_in_place_of_a_file(program: Program) -> None:
    """It is no file that is missing."""
    ended = program("validate", "jira", "my export.csv")
    assert ended.code == ExitCode.UNUSABLE
    assert ended.err == "Error: 'jira' is a preset, not a file.\nName it as one: 'my export.csv' -m jira\n"


def test_comments_beside_the_records_that_nothing_reads(program: Program) -> None:
    """They are named with what to write; a mapping that joins them is told nothing."""
    issues = [{"id": n, "title": f"It broke {n} times", "status": "open", "priority": "major"} for n in (1, 2)]
    comments = [{"issue": 1, "id": 10, "content": "Me too"}]
    document = {"issues": issues, "comments": comments, "components": [{"name": "core"}]}
    Path("db.json").write_text(json.dumps(document), encoding="utf-8")
    [said] = [each for each in program("validate", "db.json", "--json").summary["warnings"] if "beside" in each]
    assert said.startswith("db.json: comments beside issues is not read; `comments: {from: [{beside: {in: comments, ")
    Path("mine.yaml").write_text(
        "extends: bug-list\ncomments: {from: [{beside: {in: comments, by: issue, key: id}, each: {text: content}}]}\n",
        encoding="utf-8",
    )
    ended = program("validate", "db.json", "-m", "mine.yaml", "--json")
    assert not [each for each in ended.summary["warnings"] if "beside" in each]
    assert ended.summary["counted"]["comments"]["planned"] == 1
