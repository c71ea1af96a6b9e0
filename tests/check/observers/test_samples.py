"""Few rows that have most of what there is: issues before and after, and those of a canary."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.api import SEVERITIES, STATUSES
from importer.check.check_pass import check
from importer.check.examine import RowRun
from importer.check.knowledge import LedgerStatus, NoLedger
from importer.check.observers.samples import CANARY_LIMIT, ISSUES, BeforeAfter, CanarySample
from importer.check.plan import plan_rows
from importer.progress import Unseen
from importer.records import Outcome
from tests.harness.knowing import Knowing
from tests.harness.making import mapping_of, planned, run_of
from tests.harness.people import job_of
from tests.harness.running import Program, write_csv

MAPPING = """
input: {name: demo, key: Key}
title: Title
description: Text
severity: {column: Rank, values: {high: high, low: low}}
status: {column: State, values: {open: todo, shut: done}}
category: {column: Kind, keep_unknown: true}
secrets: mask
"""
HEADER = ("Key", "Title", "Text", "Rank", "State", "Kind")


def rows(count: int) -> list[tuple[str, ...]]:
    """Rows of which the last has what no other has."""
    plain = [(f"K-{n}", f"Title {n}", "", "high", "open", "Bug") for n in range(1, count)]
    return [*plain, (f"K-{count}", "Last", "Text", "low", "shut", "Task")]


def chosen(folder: Path, cells: Sequence[Sequence[str]], **changes: Any) -> tuple[BeforeAfter, ...]:
    """The issues that a check shows of these rows."""
    with job_of(folder, cells, MAPPING, HEADER, **changes) as job:
        return check(job, NoLedger(), Unseen()).issues


def test_few_issues_have_most_values(tmp_path: Path) -> None:
    """Each that is chosen has what those before it lack: two are enough here, however many rows there are."""
    assert {issue.key for issue in chosen(tmp_path, rows(5000))} == {"demo:K-1", "demo:K-5000"}


def test_no_more_than_five(tmp_path: Path) -> None:
    """However many values there are."""
    many = [(f"K-{n}", "T", "", "low", "open", f"Kind {n}") for n in range(500)]
    assert len(chosen(tmp_path, many)) == ISSUES


def test_a_row_and_its_issue(tmp_path: Path) -> None:
    """Filled cells on one side, what is sent on the other; a secret is masked on both."""
    secret = "ghp_" + "a1B2" * 9
    (issue,) = chosen(tmp_path, [("K-1", "T", f"token {secret} here", "low", "open", "Bug")])
    assert [name for name, _ in issue.cells] == ["Key", "Title", "Text", "Rank", "State", "Kind"]
    assert (issue.title, dict(issue.fields)["status"]) == ("T", "todo")
    assert secret not in str(issue)
    assert "[secret masked" in dict(issue.cells)["Text"]
    assert "[secret masked" in issue.description


def test_rejected_rows_are_not_shown(tmp_path: Path) -> None:
    """There is no issue that they would become."""
    assert chosen(tmp_path, [("K-1", "", "", "low", "open", "Bug")]) == ()


def test_long_texts_are_cut(tmp_path: Path) -> None:
    """A text takes no more room than a page has, and it is said how long it is."""
    (issue,) = chosen(tmp_path, [("K-1", "T", "é" * 9000, "low", "open", "Bug")])
    assert len(str(issue)) < 6000
    assert issue.description.endswith(" characters)")


@pytest.mark.parametrize("key", ["K-7", "demo:K-7"])
def test_a_person_chooses(tmp_path: Path, key: str) -> None:
    """By the full key, or by its native part."""
    assert [issue.key for issue in chosen(tmp_path, rows(9), show=frozenset([key]))] == ["demo:K-7"]


def test_the_option(program: Program) -> None:
    """`--show` brings them into the page, in a check as in a run."""
    Path("m.yaml").write_text(MAPPING, encoding="utf-8")
    write_csv(Path("export.csv"), rows(9), HEADER)
    for command in (("validate",), ("run", "--sandbox")):
        ended = program(*command, "export.csv", "-m", "m.yaml", "--show", "K-3, K-4", "--out", "out")
        assert ended.code == 0, ended.err
        page = Path("out/report.html").read_text(encoding="utf-8")
        assert "2 issues before and after" in page
        assert 'aria-label="demo:K-4"' in page


@pytest.mark.parametrize(
    ("show", "warning"),
    [
        ("K-3,K-30,demo:K-4,k-5", "no row that could be sent has K-30, k-5"),
        ("K-1,demo:K-1,K-2,K-3,K-4,K-5,K-6", "report.html has 5 of these 6 issues"),
        ("K-10", "no row that could be sent has K-10"),
    ],
)
def test_what_is_not_shown(program: Program, show: str, warning: str) -> None:
    """Keys that no row has, whose row is rejected, and more keys than there is room for are named."""
    Path("m.yaml").write_text(MAPPING, encoding="utf-8")
    write_csv(Path("export.csv"), [*rows(9), ("K-10", "", "", "high", "open", "Bug")], HEADER)
    ended = program("validate", "export.csv", "-m", "m.yaml", "--show", show)
    assert f"warning: --show: {warning}" in ended.out
    assert "--show" not in program("validate", "export.csv", "-m", "m.yaml", "--show", "K-1,demo:K-1,K-2").out


def test_a_number_that_python_does_not_read(program: Program) -> None:
    """A record with an integer of thousands of digits is shown as it stands."""
    record = '{"key": "P-1", "fields": {"summary": "One", "status": {"name": "Done"}, "odd": ' + "1" * 5000 + "}}"
    Path("one.jsonl").write_text(record)
    program("validate", "one.jsonl", "-m", "jira")
    assert '"odd": 1111' in html.unescape(Path("triage-import-check/report.html").read_text())


CANARY_HEADER = ("Key", "Title", "Text", "Priority", "State", "Kind", "Owner", "Worker", "Call", "Note")
VALUES = ("severity", "status", "category")
Line = tuple[str, ...]


def line(number: int, **cells: str) -> Line:
    """A row of `CANARY_HEADER`."""
    cells = {"Key": f"K-{number}", "Title": "T", "Priority": "low", "State": "todo", "Kind": "Bug"} | cells
    return tuple(cells.get(name, "") for name in CANARY_HEADER)


def examine_lines(lines: Sequence[Line]) -> RowRun:
    """What a chunk of rows becomes."""
    mapping = mapping_of(
        severity={"column": "Priority"},
        status={"column": "State"},
        category={"column": "Kind", "keep_unknown": True},
        owner_id="Owner",
        assignee_id="Worker",
        resource_links=[{"column": "Call", "type": "call"}],
        comments={"from": ["Note"], "open": "separate", "closed": "separate"},
    )
    return run_of(mapping, lines, CANARY_HEADER)


def cover(lines: Sequence[Line], limit: int = CANARY_LIMIT) -> tuple[str, ...]:
    """The native keys that are chosen."""
    found = CanarySample(limit)
    for start in range(0, len(lines), 7):
        examined = examine_lines(lines[start : start + 7])
        found.add(planned(examined))
    return tuple(key.removeprefix("demo:") for key in found.keys)


def bodies(lines: Sequence[Line]) -> dict[str, Any]:
    """What is sent, by native key."""
    rows = examine_lines(lines).rows
    return {row.key.removeprefix("demo:"): orjson.loads(row.body) for row in rows if row.body}


def test_no_rows() -> None:
    """Nothing to send, nothing chosen."""
    assert cover([]) == ()


def test_rows_of_one_kind() -> None:
    """One is enough."""
    assert cover([line(number) for number in range(10, 100)]) == ("K-10",)


def test_what_is_covered() -> None:
    """Owner, assignee, links, markup, other alphabets, the longest texts, by bytes, too: each has its row."""
    others = {
        "Owner": "u1",
        "Worker": "u2",
        "Call": "c1",
        "Text": "a < b",
        "Title": "Größe",
        "Priority": "high",
    }
    lines = [line(number) for number in range(50)]
    lines += [line(50 + place, **{name: cell}) for place, (name, cell) in enumerate(others.items())]
    lines += [line(60, Title="T" * 150), line(61, Text="word " * 500), line(62)]
    lines += [line(63, Text="слово " * 400), line(64, Note="said " * 20), line(65, Note="said " * 30)]
    assert set(cover(lines)) >= {"K-50", "K-51", "K-52", "K-53", "K-55", "K-60", "K-61", "K-63", "K-65"}


def test_a_row_that_has_it_all_makes_others_needless() -> None:
    """The one with the most comes first; what it has needs no second row."""
    lines = [line(1, Owner="u"), line(2, Worker="u"), line(3, Owner="u", Worker="u", Call="c", Title="Größe & Co")]
    assert cover(lines)[0] == "K-3"
    assert len(cover(lines)) == 2, "and one with the longest description at the most"


def test_many_categories_give_way() -> None:
    """A free text as category fills what is left, and takes no severity's place."""
    lines = [line(number, Kind=f"Kind {number}") for number in range(500)]
    lines += [line(600 + place, Priority=name) for place, name in enumerate(SEVERITIES)]
    chosen = cover(lines)
    assert len(chosen) == CANARY_LIMIT
    assert {bodies(lines)[key]["severity"] for key in chosen} == set(SEVERITIES)


def test_only_rows_that_would_be_created() -> None:
    """Not those that are rejected, nor those that are in Triage already."""
    run = examine_lines([line(1, Priority="none"), line(2, Priority="high"), line(3)])
    known = {"demo:K-2": LedgerStatus(Outcome.UNCHANGED)}
    found = CanarySample()
    plan_rows(run, {}, Knowing(known, asks=False))
    found.add(run)
    assert found.keys == ("demo:K-3",)


@given(
    st.lists(
        st.tuples(st.sampled_from(SEVERITIES), st.sampled_from(STATUSES), st.sampled_from("ABCDE"), st.booleans()),
        max_size=60,
    )
)
def test_every_value_is_touched(drawn: list[tuple[str, str, str, bool]]) -> None:
    """Whatever the rows: each severity, status and category that is sent is among the chosen, and none comes twice."""
    lines = [
        line(number, Priority=severity, State=status, Kind=kind, Owner="u" if owned else "")
        for number, (severity, status, kind, owned) in enumerate(drawn)
    ]
    chosen, sent = cover(lines), bodies(lines)
    assert len(chosen) == len(set(chosen)) <= CANARY_LIMIT
    for name in VALUES:
        assert {sent[key][name] for key in chosen} == {body[name] for body in sent.values()}
    assert any("owner_id" in sent[key] for key in chosen) == any("owner_id" in body for body in sent.values())
