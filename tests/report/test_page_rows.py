"""The rows of report.html."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from typing import Any

import pytest

from importer.check.observers.causes import Weight
from importer.records import WITHHELD, Outcome, Row
from importer.report import page_rows
from importer.report.page_rows import PRINTED, PageRows


def row(number: int, outcome: Outcome = Outcome.PLANNED, code: str = "", **more: Any) -> Row:
    found = {"codes": (code,), "fields": ("f",), "messages": (f"{code}!",), "hints": ("`x: y`",)} if code else {}
    return Row(0, "f.csv", number, number + 1, f"k:{number}", outcome, **(found | {"title": f"Title {number}"} | more))


def shown(page: PageRows, kind: str) -> list[list[Any]]:
    rows: list[list[Any]] = json.loads(b"[" + zlib.decompress(b64decode("".join(page.packed()[kind]))) + b"]")
    return rows


def test_rows_are_packed_by_kind() -> None:
    """Each has its place in the input, key, title, outcome, reason and number; those that need somebody are apart."""
    page = PageRows()
    page.add([row(1, Outcome.CREATED, triage_id="T-1"), row(2, Outcome.REJECTED, "title-missing", title="")])
    page.add([row(3, Outcome.CREATED, "incomplete", triage_id="T-2")])
    created, rejected = list(Outcome).index(Outcome.CREATED), list(Outcome).index(Outcome.REJECTED)
    assert shown(page, "others") == [[1, "k:1", "Title 1", created, "", "T-1"]]
    assert shown(page, "urgent") == [
        [2, "k:2", "", rejected, "title-missing: title-missing!", ""],
        [3, "k:3", "Title 3", created, "incomplete: incomplete!", "T-2"],
    ]
    assert [each.name for each in page.printed] == ["k:2", "k:3"]
    assert (page.count, page.needing, page.left_out) == (3, 2, 0)


def test_the_table_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it rows are counted; those that need somebody are not pushed out by the others."""
    monkeypatch.setattr(page_rows, "ROWS_SHOWN", 5)
    page = PageRows()
    page.add([row(number) for number in range(1, 9)])
    page.add([row(9, Outcome.FAILED, "refused")])
    page.add([row(number) for number in range(10, 12)])
    assert [each[0] for each in shown(page, "others")] == [1, 2, 3, 4, 5]
    assert [each[0] for each in shown(page, "urgent")] == [9]
    assert (page.count, page.left_out) == (11, 5)


def test_long_texts_end_it_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long texts are, the page stays small."""
    monkeypatch.setattr(page_rows, "BYTES_SHOWN", 1)
    page = PageRows()
    page.add([row(number, title="".join(map(chr, range(200, 900)))) for number in range(1, 2000)])
    page.add([row(2000)])
    assert page.left_out == 1


def test_causes_are_grouped_by_what_settles_them() -> None:
    """Equal findings are one cause with a few of its rows; worst first; a warning on a sent row is apart."""
    page = PageRows()
    page.add([row(number, Outcome.REJECTED, "severity-unknown") for number in range(1, 6)])
    page.add([row(6, Outcome.REJECTED, "title-missing"), row(7, Outcome.PLANNED, "title-shortened")])
    page.add([row(8, Outcome.REJECTED, "title-shortened"), row(9, Outcome.SKIPPED, "row-empty")])
    blocking = page.causes.all(Weight.HELD)
    assert [(cause.code, cause.rows) for cause in blocking] == [("severity-unknown", 5), ("title-missing", 1)]
    assert [sample.name for sample in blocking[0].samples] == ["k:1", "k:2", "k:3"]
    assert blocking[0].typed == "x: y"
    assert [(cause.code, cause.rows) for cause in page.causes.all(Weight.NOTED)] == [("title-shortened", 2)]
    assert page.passed_over == {("skipped", "row-empty"): 1}


def test_a_figure_in_each_message_is_one_cause() -> None:
    """`231 characters, 200 allowed` in a thousand rows is one thing to settle, with an example."""
    page = PageRows()
    page.add([row(n, Outcome.REJECTED, "title-too-long")._replace(messages=(f"{n} characters",)) for n in range(99)])
    (cause,) = page.causes.all(Weight.HELD)
    assert (cause.rows, cause.message) == (99, "for example: 0 characters")


def test_few_figures_are_one_cause_where_their_hint_is_the_same() -> None:
    """Nine titles that were cut are a line, not nine; two values that nobody knows have a line of YAML each."""
    page = PageRows()
    page.add([row(n, code="title-shortened", messages=(f"cut from {n} characters",)) for n in range(201, 210)])
    names = ("One", "Two")
    page.add([row(1, Outcome.REJECTED, "status-unknown", messages=(name,), hints=(f"`{name}`",)) for name in names])
    assert [(cause.rows, cause.message) for cause in page.causes.all(Weight.NOTED)] == [
        (9, "for example: cut from 201 characters")
    ]
    assert [cause.typed for cause in page.causes.all(Weight.HELD)] == ["One", "Two"]


def test_causes_without_their_values_are_alike() -> None:
    """In what is mailed a code and a field are one line, however many values there are; the most rows come first."""
    page = PageRows()
    page.add([row(n, Outcome.REJECTED, "status-unknown", messages=(f"Step {n % 3}",)) for n in range(9)])
    page.add([row(n, Outcome.REJECTED, "key-missing") for n in range(9, 19)])
    assert len(page.causes.all(Weight.HELD)) == 4
    assert [(cause.code, cause.rows, cause.message, cause.samples) for cause in page.causes.kinds(Weight.HELD)] == [
        ("key-missing", 10, "", ()),
        ("status-unknown", 9, "", ()),
    ]


def test_causes_of_as_many_rows_have_one_order() -> None:
    """By code and field: the same check writes the same page."""
    page = PageRows()
    page.add([row(0, Outcome.REJECTED, "title-missing"), row(1, Outcome.REJECTED, "key-missing")])
    assert [cause.code for cause in page.causes.kinds(Weight.HELD)] == ["key-missing", "title-missing"]


def test_a_row_with_several_findings_of_a_kind_is_one_row() -> None:
    """It may name several issues that are nowhere, each in a message of its own."""
    page, code = PageRows(), "relation-end-missing"
    named = [tuple(f"blocks {n * 10 + each}" for each in range(3)) for n in range(4)]
    page.add(
        [
            row(n, code=code)._replace(codes=(code,) * 3, fields=("relations",) * 3, messages=its, hints=("",) * 3)
            for n, its in enumerate(named)
        ]
    )
    assert [cause.rows for cause in page.causes.all(Weight.NOTED)] == [4]
    assert [cause.rows for cause in page.causes.kinds(Weight.NOTED)] == [4]


def test_titles_are_asked_for_where_a_row_has_none() -> None:
    """An unchanged row comes from the ledger without its title, and its issue's snapshot has it."""
    asked: list[str] = []

    def find(keys: Any) -> dict[str, str]:
        asked.extend(keys)
        return {"k:2": "From the snapshot"}

    page = PageRows(find)
    page.add(
        [row(1), row(2, Outcome.UNCHANGED, title="", issue_id="u"), row(3, Outcome.SKIPPED, "row-empty", title="")]
    )
    assert asked == ["k:2"]
    assert [each[2] for each in shown(page, "others")] == ["Title 1", "From the snapshot", ""]


def test_what_is_not_sent_for_a_secret_is_not_shown() -> None:
    """The title of a row that is rejected for a secret may be the secret."""
    page = PageRows()
    page.add(
        [
            row(1, Outcome.REJECTED, "secret-found", title="password hunter2"),
            row(2, Outcome.CREATED, "secret-found"),
        ]
    )
    assert "hunter2" not in json.dumps(shown(page, "urgent"))
    assert shown(page, "urgent")[0][2] == WITHHELD
    assert page.causes.all(Weight.HELD)[0].samples[0].title == WITHHELD
    assert shown(page, "others")[0][2] == "Title 2"


def test_half_a_character_is_shown_as_its_escape() -> None:
    """JSON can have it, and nobody can send or show it."""
    page = PageRows()
    page.add([row(1, Outcome.REJECTED, "text-not-unicode", title="a\ud800b")])
    assert shown(page, "urgent")[0][2] == r"a\ud800b"


def test_only_the_first_are_printed() -> None:
    """A page of 50,000 rejected rows is not printed on a thousand sheets."""
    page = PageRows()
    page.add([row(number, Outcome.REJECTED, "title-missing") for number in range(2 * PRINTED)])
    assert len(page.printed) == PRINTED


def test_only_some_titles_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a night with many unchanged rows; how many are without one is counted."""
    monkeypatch.setattr("importer.report.page_rows.TITLES_SOUGHT", 3)
    sought = list[str]()

    def find(keys: Any) -> dict[str, str]:
        sought.extend(keys)
        return dict.fromkeys(keys, "Found")

    page = PageRows(find)
    for first in (1, 3, 5):
        page.add([row(n, Outcome.UNCHANGED, issue_id="u", title="") for n in (first, first + 1)])
    page.add([row(7, Outcome.UNCHANGED, "incomplete", issue_id="u", title="")])
    assert sought == ["k:1", "k:2", "k:3", "k:7"], "one that needs somebody is never without"
    assert [each[2] for each in shown(page, "others")] == ["Found"] * 3 + [""] * 3
    assert page.untitled == 3
