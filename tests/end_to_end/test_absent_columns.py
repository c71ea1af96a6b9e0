"""Absent isn't empty: a column that the file doesn't have changes no issue that is in Triage."""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ExitCode
from tests.harness.hostile import RunningSandbox
from tests.harness.running import Ended, Program
from tests.harness.workbooks import write_xlsx

Rows = Sequence[Mapping[str, Any]]
Write = Callable[[Rows], Path]
MAPPING = """
input: {name: desk, key: Id}
title: [Title, Subject]
description: {template: "{Text}\\n{Steps}"}
severity: {column: Priority, missing: medium, values: {High: high}}
status: {column: State, missing: todo, values: {Open: done}, rules: [{when: {column: Blocked, is: b}, then: todo}]}
category: {column: Kind, missing: Task, values: {Bug: Bug}}
owner_id: Owner
comments: {from: [Note]}
footer: {Team: Team}
rest: footer
"""
FULL = {
    **{"Id": "1", "Title": "Broken", "Text": "It broke", "Steps": "Press", "Priority": "High", "State": "Open"},
    **{"Blocked": "no", "Kind": "Bug", "Owner": "u-1", "Note": "A note", "Team": "Blue", "Room": "12"},
}
NIGHT = [FULL, {**FULL, "Id": "2", "Title": "Slow"}]


def write_table(rows: Rows) -> Path:
    """Write a CSV file."""
    with Path("export.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return Path("export.csv")


def write_lines(rows: Rows) -> Path:
    Path("export.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return Path("export.jsonl")


def write_document(rows: Rows) -> Path:
    Path("export.json").write_text(json.dumps({"issues": rows}), encoding="utf-8")
    return Path("export.json")


def write_book(rows: Rows) -> Path:
    write_xlsx(Path("export.xlsx"), {"Issues": [list(rows[0]), *(list(row.values()) for row in rows)]})
    return Path("export.xlsx")


@pytest.fixture
def run(program: Program, sandbox: RunningSandbox) -> Callable[..., Ended]:
    """Give a scheduled import."""
    Path("desk.yaml").write_text(MAPPING, encoding="utf-8")
    options = ("--api-url", sandbox.url, "--yes", "--json", "--rate", "0", "--out", "reports", "--on-change", "update")
    return lambda *more: program("run", *more, *(() if "-m" in more else ("-m", "desk.yaml")), *options, "--no-canary")


def contents(sandbox: RunningSandbox) -> Any:
    names = ("title", "description", "severity", "status", "category", "owner_id")
    return sorted([issue[name] or "" for name in names] for issue in sandbox.issues())


def without(rows: Rows, *names: str) -> Rows:
    """Leave columns out."""
    return [{name: cell for name, cell in row.items() if name not in names} for row in rows]


EACH_COLUMN = ("Text", "Steps", "Priority", "State", "Blocked", "Kind", "Owner", "Note", "Team")


@pytest.mark.parametrize(
    ("write", "name"),
    [
        *((write, name) for write in (write_table, write_lines) for name in EACH_COLUMN),
        *((write, name) for write in (write_document, write_book) for name in ("Text", "State", "Note")),
    ],
)
def test_a_column_that_is_not_there(
    run: Callable[..., Ended], sandbox: RunningSandbox, write: Write, name: str
) -> None:
    """What came from it stays. A table's is named, and nothing is sent until it is accepted."""
    first = run(write(NIGHT))
    assert first.outcomes() == {"created": 2}, first.err + first.out
    before = contents(sandbox)
    source = write(without(NIGHT, name))
    ended, accepted = run(source, "--strict", "--dry-run"), list[str]()
    if write in (write_table, write_book) and name in ("Priority", "State", "Kind"):
        assert f"no file has '{name}'" in ended.err, "whoever wrote a mapping for a table names what it has"
        return
    is_refused = write in (write_table, write_book) and name != "Blocked"  # that has decided nothing of these rows
    assert ended.code == (ExitCode.UNUSABLE if is_refused else ExitCode.DONE), ended.err
    if is_refused:
        assert f"has no {name}, which the last run read." in ended.err
        accepted = shlex.split(ended.summary["stopped_because"].partition("the same command with ")[2])
        assert accepted == [f"--accept-missing={name}"]
        assert run(source).code == ExitCode.UNUSABLE, "as often as it comes"
    for options in (accepted, ()):
        ended = run(source, *options)
        assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"unchanged": 2}), ended.err
        assert contents(sandbox) == before
        counted = {} if name in ("Blocked", "Note") else {"column-missing": 2}
        assert ended.summary["findings"] == counted
    changed = [{**row, "Title": "Other", "Text": "New"} for row in NIGHT[:1]]
    assert run(write(changed)).outcomes() == {"updated": 1}, "it is back"
    assert contents(sandbox) != before
    if is_refused:
        assert run(write(without(changed, name))).code == ExitCode.UNUSABLE


def test_the_export_of_a_preset(run: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """A preset names many columns that an export may lack, and each has a default."""
    rows = [
        {"Issue key": f"P-{number}", "Summary": "T", "Priority": "High", "Status": "Done", "Issue Type": "Bug"}
        | {"Description": f"Text {number}", "Reporter": "Ann", "Environment": "7"}
        for number in range(19)
    ]
    jira = ("-m", "jira", "--max-changes", "100%")
    assert run(write_table(rows), *jira).outcomes() == {"created": 19}
    before = contents(sandbox)
    for name in ("Description", "Priority", "Reporter", "Environment"):
        source = write_table(without(rows, name))
        ended = run(source, *jira, "--strict")
        assert (ended.code, f"export.csv has no {name}, which" in ended.err) == (ExitCode.UNUSABLE, True), ended.err
        ended = run(source, *jira, "--accept-missing", name)
        assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"unchanged": 19}), ended.err
        assert contents(sandbox) == before
        assert run(write_table(rows), *jira).outcomes() == {"unchanged": 19}
    done = [{**row, "Status": "To Do"} for row in without(rows, "Description")]
    assert run(write_table(done), *jira, "--accept-missing", "description").outcomes() == {"updated": 19}
    assert [after[:3] + after[4:] for after in contents(sandbox)] == [was[:3] + was[4:] for was in before]


def test_another_name_for_the_column(run: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """Of several names another one is there now: what it has counts; but not one that was there before."""
    assert run(write_table(NIGHT)).outcomes() == {"created": 2}
    renamed = [{"Subject": f"{row['Title']} again", **without([row], "Title")[0]} for row in NIGHT]
    assert run(write_table(renamed)).outcomes() == {"updated": 2}
    both = [{**row, "Title": f"{row['Subject']} and again"} for row in renamed]
    assert run(write_table(both)).outcomes() == {"updated": 2}
    assert "export.csv has no Title," in run(write_table(renamed)).err


def test_one_of_several_files(run: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """A file is compared with the one of its name, or else with all: headers may differ."""

    def write(name: str, rows: Rows) -> Path:
        return write_table(rows).rename(name)

    one, other = write("one.csv", NIGHT[:1]), write("other.csv", without(NIGHT[1:], "Text"))
    assert run(one, other).outcomes() == {"created": 2}
    before = contents(sandbox)
    write("other.csv", [{**row, "Steps": "Press twice"} for row in without(NIGHT[1:], "Text")])
    assert run(one, other).outcomes() == {"unchanged": 1, "updated": 1}, "it never had this column"
    write("one.csv", without(NIGHT[:1], "Text"))
    assert "one.csv has no Text, which the last run read." in run(one, other).err
    assert run(one, other, "--accept-missing", "Text").outcomes() == {"unchanged": 2}
    third = write("third.csv", without(NIGHT[:1], "Steps"))
    assert "third.csv has no Steps, which the last run read." in run(third).err
    assert contents(sandbox)[0] == before[0]


def test_two_mappings_of_one_source(run: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """A file is compared with those of its own mapping: another one is for another layout."""
    Path("short.yaml").write_text(MAPPING.replace("key: Id", "key: Number").replace("Steps", "How"), encoding="utf-8")
    night = [{"Number": "3", "How": "Alone", **without([row], "Id", "Steps", "Room")[0]} for row in NIGHT[:1]]
    assert run(write_table(NIGHT)).outcomes() == {"created": 2}
    assert run(write_table(night), "-m", "short.yaml").outcomes() == {"created": 1}
    assert run(write_table(NIGHT)).outcomes() == {"unchanged": 2}
    assert "export.csv has no Team," in run(write_table(without(night, "Team")), "-m", "short.yaml").err


def test_a_ledger_that_was_lost(program: Program, run: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """Nobody knows what the last run had: a field of which no column is there isn't compared."""
    assert run(write_lines(NIGHT)).outcomes() == {"created": 2}
    before = contents(sandbox)
    program.lose_ledger()
    rebuilt = program("rebuild-ledger", write_lines(NIGHT), "-m", "desk.yaml", "--api-url", sandbox.url, "--rate", "0")
    assert rebuilt.code == ExitCode.DONE, rebuilt.err
    source = write_lines(without(NIGHT, "Priority", "Owner", "Text", "Steps"))
    for _ in range(2):
        assert run(source).outcomes() == {"unchanged": 2}
        assert contents(sandbox) == before
    assert run(write_lines([{**row, "Steps": "Press twice"} for row in NIGHT])).outcomes() == {"updated": 2}


def test_keys_that_some_records_lack(run: Callable[..., Ended]) -> None:
    """A record that leaves a key out keeps the value, whatever others have; null and an empty list are empty."""
    assert run(write_lines(NIGHT)).outcomes() == {"created": 2}
    ended = run(write_lines([*NIGHT[:1], *without(NIGHT[1:], "Team", "Room")]))
    assert (ended.outcomes(), ended.summary["findings"]) == ({"unchanged": 2}, {"column-missing": 1})
    rows: list[Any] = [{**FULL, "Team": None, "Room": []}, *without(NIGHT[1:], "Team", "Room")]
    assert run(write_lines(rows)).outcomes() == {"unchanged": 1, "updated": 1}


@pytest.mark.parametrize("write", [write_table, write_lines])
def test_a_row_that_moves_to_a_file_with_fewer_columns(
    run: Callable[..., Ended], sandbox: RunningSandbox, write: Write
) -> None:
    """A list of finished work has no `Priority`, and never had: what another file said of an issue stays."""

    def files(*rows: Rows) -> list[Path]:
        paths = (write(some) for some in rows)
        return [path.rename(f"{number}{path.suffix}") for number, path in enumerate(paths)]

    lacks = ("Priority", "Kind", "Owner", "Text", "Steps")
    done = [{**row, "State": "Open"} for row in without([{**FULL, "Id": "3"}], *lacks)]
    assert run(*files(NIGHT, done)).outcomes() == {"created": 3}
    before = contents(sandbox)
    ended = run(*files(NIGHT[1:], [*without(NIGHT[:1], *lacks), *done]))
    assert ended.outcomes() == {"unchanged": 3}, ended.out + ended.err
    assert contents(sandbox) == before


@pytest.mark.parametrize("write", [write_table, write_lines])
def test_rows_to_correct_of_files_with_other_columns(
    run: Callable[..., Ended], sandbox: RunningSandbox, write: Write
) -> None:
    """What is absent in a file is absent in the rows to be corrected, too: they have a file of their own."""
    assert run(write(NIGHT)).outcomes() == {"created": 2}
    before = contents(sandbox)
    odd = [{**row, "State": "Odd"} for row in NIGHT]
    one, other = write(odd[:1]).rename("one"), write(without(odd[1:], "Priority", "Text")).rename("other")
    ended = run(one, other, "--accept-missing=Priority", "--accept-missing=Text")
    assert ended.outcomes() == {"rejected": 2}, ended.err
    suffix = "csv" if write is write_table else "jsonl"
    assert ended.summary["errors"] == [f"errors.{suffix}", f"errors-2.{suffix}"]
    errors = [str(Path(ended.summary["out"], name)) for name in ended.summary["errors"]]
    assert f"Rows to correct: {', '.join(errors)}; then give the same command those files as SOURCE." in ended.err
    for name in errors:
        path = Path(name)
        path.write_text(path.read_text("utf-8").replace("Odd", "Open").replace("A note", "Another note"), "utf-8")
    ended = run(*errors)
    assert ended.code == ExitCode.DONE, ended.err
    assert contents(sandbox) == before
    assert len(sandbox.comments()) == 4
    assert ended.summary["errors"] == []


@pytest.mark.parametrize("is_within", [False, True])
def test_a_key_that_no_record_to_correct_has(run: Callable[..., Ended], is_within: bool) -> None:
    """Others of the export had it: the corrected ones are sent, and of the next export each by itself is compared."""
    rows = [{**FULL, "Id": str(number)} for number in (1, 2, 3)]
    odd = [rows[0], {**without(rows[1:2], "Text", "Note")[0], "State": "Odd"}, rows[2]]

    def write_export(rows: Rows) -> Path:
        return write_lines([{"Call": f"c-{row['Id']}", "answers": [row]} for row in rows] if is_within else rows)

    Path("desk.yaml").write_text(MAPPING + ("each: {path: answers}\n" if is_within else ""), encoding="utf-8")
    first = run(write_export(odd), "--max-rejected", "1")
    assert first.outcomes() == {"created": 2, "rejected": 1}, first.err
    errors = Path("reports/errors.jsonl")
    errors.write_text(errors.read_text("utf-8").replace("Odd", "Open"), encoding="utf-8")
    ended = run(errors)
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"created": 1}), ended.err
    ended = run(write_export(without(rows, "Text")))
    assert (ended.outcomes(), ended.summary["findings"]) == ({"updated": 1, "unchanged": 2}, {"column-missing": 2}), (
        "its note is new"
    )
