"""What the source keeps inside stays inside: whatever marks a text as internal, a person is asked before it is sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from importer.codes import PRIVATE_UNDECIDED
from importer.errors import ExitCode
from tests.harness.running import Program, read_csv, write_csv
from tests.harness.workbooks import write_xlsx

pytestmark = pytest.mark.slow

SECRET, TOLD = "Do not tell the customer", "We are looking into it"
OWN = """
input: {name: demo, key: {first: [key, Key]}}
title: {first: [title, Title]}
severity: {value: low}
status: {value: todo}
category: {value: General}
"""
BESIDE = "comments: {from: [{beside: {by: Key, key: Key}, each: {text: Text}}]}"
SAID = "comments: {from: [{path: comments, each: {text: text}}]}"
NOTES = [("Key", "Text"), ("1", SECRET)]
JOURNAL = "2026-03-02 09:14:33 - Ann ({})\n{}\n\n"
Files = tuple[str, ...]


def table(*header: str, cells: Sequence[str]) -> Callable[[], Files]:
    """A table whose first row has these cells, besides those of its issue, and whose second has none of them."""

    def write() -> Files:
        rows = [("1", "Mute", *cells), ("2", "Echo", *[""] * len(cells))]
        write_csv(Path("export.csv"), rows, header)
        return ("export.csv",)

    return write


def records(**more: Any) -> Callable[[], Files]:
    """JSON records, of which the first has these keys as well."""

    def write() -> Files:
        Path("export.json").write_text(
            json.dumps([{"key": "1", "title": "Mute", **more}, {"key": "2", "title": "Echo"}])
        )
        return ("export.json",)

    return write


def flagged(**flag: Any) -> Callable[[], Files]:
    """Records with a comment that says of itself for whom it is, and one that says nothing."""
    return records(comments=[{"text": SECRET, **flag}, {"text": TOLD}])


def beside(name: str) -> Callable[[], Files]:
    """Notes in a file of their own, or in a sheet of the workbook that has the issues."""

    def write() -> Files:
        issues = [("Key", "Title"), ("1", "Mute"), ("2", "Echo")]
        book, _, sheet = name.partition("/")
        if sheet:
            write_xlsx(Path(book), {"Issues": issues, sheet: NOTES})
            return f"{book}/Issues", "--comments", name
        write_csv(Path("export.csv"), issues[1:], issues[0])
        write_csv(Path(name), NOTES[1:], NOTES[0])
        return "export.csv", "--comments", name

    return write


SERVICENOW = ("number", "short_description", "comments", "work_notes")
FORMS: dict[str, tuple[str, Callable[[], Files]]] = {
    "a column of a preset": ("servicenow", table(*SERVICENOW, cells=[TOLD, SECRET])),
    "a journal's header": (
        "servicenow",
        table(
            *("number", "short_description", "comments_and_work_notes"),
            cells=[JOURNAL.format("Work notes", SECRET) + JOURNAL.format("Additional comments", TOLD)],
        ),
    ),
    "what a journal has before its first header": (
        "servicenow",
        table("number", "short_description", "comments_and_work_notes", cells=[SECRET]),
    ),
    "an unnamed column": (
        "jira",
        table("Issue key", "Summary", "Status Category", "Interne Notizen", cells=["To Do", SECRET]),
    ),
    "a plain list": (OWN + "comments: {from: [Agent notes]}", table("Key", "Title", "Agent notes", cells=[SECRET])),
    "one of several columns": (
        OWN + "comments: {from: [{first: [Comment, Private comment]}]}",
        table("Key", "Title", "Comment", "Private comment", cells=["", SECRET]),
    ),
    "a text's header": (
        OWN + "comments: {from: [Comment]}",
        table("Key", "Title", "Comment", "Comment", cells=[f"[Internal] {SECRET}", TOLD]),
    ),
    "a journal in a plain list": (
        OWN + "comments: {from: [History]}",
        table(
            "Key", "Title", "History", cells=[JOURNAL.format("Reply", TOLD) + JOURNAL.format("internal note", SECRET)]
        ),
    ),
    "rest in a comment": (OWN + "rest: comment", table("Key", "Title", "Team", "Internal notes", cells=["A", SECRET])),
    "a file": (OWN + BESIDE, beside("internal_notes.csv")),
    "a sheet": (OWN + BESIDE, beside("export.xlsx/Internal")),
    "a key": (OWN + "rest: footer", records(internal_comment=SECRET)),
    "a list": (OWN + "comments: {from: [{path: work_notes, each: {text: t}}]}", records(work_notes=[{"t": SECRET}])),
    **{
        f"{name}: {value}": (OWN + SAID, flagged(**{name: value}))
        for name, value in (
            *(("public", False), ("is_internal", True), ("jsdPublic", False), ("type", "work_note"), ("private", 1)),
            *(("visibility", {"type": "role", "value": "Admins"}), ("type", "note"), ("is_public", "false")),
        )
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_asked_first(program: Program, form: str) -> None:
    """Undecided, its row is rejected and the text is in nothing that is planned; kept, it is marked; dropped, away."""
    mapping, write = FORMS[form]
    files = write()

    Path("mine.yaml").write_text(mapping if "\n" in mapping else f"extends: {mapping}\n", encoding="utf-8")

    def check(decision: str) -> tuple[list[str], str]:
        Path("decided.yaml").write_text(
            f"extends: ./mine.yaml\ncomments: {{private: '{decision}'}}\n", encoding="utf-8"
        )
        ended = program("validate", *files, "-m", "decided.yaml", "--out", "reports", "--json")
        assert ended.code in (ExitCode.DONE, ExitCode.PARTLY), ended.err
        codes = [row["code"] for row in read_csv(Path("reports/results.csv"))]
        return codes, Path("reports/planned.jsonl").read_text(encoding="utf-8")

    codes, planned = check("?")
    assert PRIVATE_UNDECIDED in codes[0]
    assert PRIVATE_UNDECIDED not in codes[1]
    assert SECRET not in planned
    codes, planned = check("keep")
    assert PRIVATE_UNDECIDED not in codes[0]
    [said] = [line for line in planned.splitlines() if SECRET in line]
    assert "private · " in said
    codes, planned = check("drop")
    assert PRIVATE_UNDECIDED not in codes[0]
    assert SECRET not in planned


def test_a_draft_asks(program: Program) -> None:
    """Of columns, elements' flags and whole rows: `run` refuses until somebody has decided."""
    header = ("Ref", "Headline", "Status", "Internal notes", "Private", "Internal ID", "Notes internes")
    rows = [
        ("1", "Mute", "Open", SECRET, "no", "88", ""),
        ("2", "Echo", "Open", "", "yes", "89", ""),
    ]
    write_csv(Path("tool.csv"), [*rows, ("3", "Lag", "Open", "", "no", "90", SECRET)], header)
    message = {
        "id": "1",
        "title": "Mute",
        "status": "open",
        "body": "It is",
        "messages": [{"body": SECRET, "public": False}],
    }
    Path("tool.json").write_text(json.dumps([message, {**message, "id": "2", "messages": [{"body": TOLD}]}]))
    for source, codes in (("tool.csv", ["private", "restricted", "private"]), ("tool.json", ["private", ""])):
        out = Path(f"draft-{source[5:]}.yaml")
        assert program("draft", source, "-o", out).code == ExitCode.DONE
        typed = (source, "-m", out, "--severity", "low")  # which no column says
        refused = program("run", *typed, "--sandbox")
        assert refused.code == ExitCode.UNUSABLE
        assert refused.err.count("is undecided") == len(set(filter(None, codes)))
        program("validate", *typed, "--out", "reports")
        found = [row["code"] for row in read_csv(Path("reports/results.csv"))]
        assert all(f"{code}-undecided" in said if code else not said for code, said in zip(codes, found, strict=True))
        assert SECRET not in Path("reports/planned.jsonl").read_text(encoding="utf-8")
