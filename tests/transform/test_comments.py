"""Comments: where they are in a row, what is one, in which order, and what is said where one can't be read."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from importer.mapping.issue_parts import Comments
from importer.mapping.vocabulary import words_for_nothing
from importer.records import Comment, Finder, Ref
from importer.transform.columns import Columns
from importer.transform.comments import Discussions, read_comments
from tests.end_to_end.exports import EXPORTS
from tests.harness.making import chunk_of, json_chunk_of

JIRA = r"(?s)^(?P<date>\d\d/\w{3}/\d\d \d+:\d\d [AP]M);(?P<author>[^;]*);(?P<text>.*)$"
JOURNAL = (
    r"(?ms)^(?P<date>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) - (?P<author>[^\n]*?) \((?P<private>[^)\n]*)\)\n"
    r"(?P<text>.*?)\s*(?=^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - |\Z)"
)
GITHUB = {"path": "comments", "each": {"text": "body", "author": "author.login", "date": "createdAt"}}
NOTHING_BESIDE: Mapping[int, Finder] = {}


def discussions(
    source: Any, columns: Columns, beside: Mapping[int, Finder] = NOTHING_BESIDE, **rules: Any
) -> Discussions:
    """What a row's comments are, by one source or several as they stand in a mapping."""
    sources = source if isinstance(source, list) else [source]
    return read_comments(Comments.model_validate({"from": sources, **rules}), columns, beside)


def columns_of(header: Sequence[str], *rows: Sequence[str], formats: Sequence[str] = ()) -> Columns:
    """Columns of a CSV file."""
    return Columns(chunk_of(header, rows), formats)


def of_json(path: str, *records: Any) -> Columns:
    return Columns(json_chunk_of([json.dumps(record) for record in records], [Ref("path", path)]))


def said(found: Discussions, row: int = 0) -> list[tuple[str, str, str]]:
    return [(one.author, one.date, one.text) for one in found.comments.get(row, ())]


@given(st.text(st.characters(codec=None), min_size=1).filter(str.strip))
def test_id_of_a_comment_without_one(text: str) -> None:
    """It is made of its author, date and text in JSON, whatever signs they have: an update must not give it another."""
    assume(text not in words_for_nothing())  # a cell with such a word is empty
    (comment,) = discussions("Comment", columns_of(["Comment"], [text])).comments[0]
    written = json.dumps(["", "", text, 1]).encode()
    assert comment.id == hashlib.sha256(written).hexdigest()[:16]


def test_every_cell_of_a_column_that_repeats() -> None:
    """Each filled cell is a comment; rows without any are absent."""
    found = discussions("Comment", columns_of(["Comment", "X", "Comment"], ["a", "x", " b\n"], ["", "x", " "]))
    assert said(found) == [("", "", "a"), ("", "", " b\n")]
    assert list(found.comments) == [0]


def test_jira() -> None:
    """Date, author and text of a cell are told apart; what doesn't look so is a comment as it is."""
    row = ["05/Sep/25 7:24 AM;ann;Hello;\nthere", "no date; no author", "04/Sep/25 1:00 PM;;Before"]
    found = discussions({"column": "Comment", "parse": JIRA}, columns_of(["Comment"] * 3, row))
    assert said(found) == [
        ("ann", "05/Sep/25 7:24 AM", "Hello;\nthere"),
        ("", "", "no date; no author"),
        ("", "04/Sep/25 1:00 PM", "Before"),
    ]


def test_journal() -> None:
    """A cell can hold many comments; what stands before, between and behind them is not lost."""
    cell = (
        "(truncated)\n2026-03-02 09:14:33 - Ann Meyer (Work notes)\nSecond\nline\n\n"
        "2026-03-01 10:00:00 - Kim (Additional comments)\nFirst\n\n"
    )
    source = {"column": "comments", "parse": JOURNAL}
    found = discussions(source, columns_of(["comments"], [cell], [cell.partition("\n")[2]]))
    assert said(found)[0] == ("", "", "(truncated)\n")
    assert [(one.author, one.text, one.is_private) for one in found.comments[1]] == [
        ("Kim", "First", False),
        ("Ann Meyer", "Second\nline", True),
    ]


@given(st.text("ab1 \n;", max_size=40))
def test_nothing_of_a_text_is_lost(cell: str) -> None:
    """Whatever a pattern finds or leaves, every visible character of the cell is in a comment."""
    found = discussions({"column": "C", "parse": r"\d(?P<text>[^;]*)"}, columns_of(["C"], [cell]))
    texts = "".join(text for _, _, text in said(found))
    assert [character for character in texts if character in "ab;"] == [c for c in cell if c in "ab;"]


def test_array_of_objects() -> None:
    """Each object of an array is a comment; objects and rows that say nothing are none."""
    one = {"body": "Hello", "author": {"login": "ann"}, "createdAt": "2026-01-02T00:00:00Z"}
    found = discussions(
        GITHUB,
        of_json("comments", {"comments": [one, {"body": None}, {"body": "Hi"}]}, {"comments": []}, {"comments": 3}),
    )
    assert said(found) == [("ann", "2026-01-02T00:00:00Z", "Hello"), ("", "", "Hi")]
    assert list(found.comments) == [0]
    assert not found.findings


def test_one_object_and_texts() -> None:
    """A cell can be one object; texts in an array, and a text alone, are comments as they are."""
    columns = columns_of(["C"], ['{"body": "a"}'], ['["b", {"body": "c"}]'], ['"d"'])
    found = discussions({"column": "C", "each": {"text": "body"}}, columns)
    assert [text for row in range(3) for _, _, text in said(found, row)] == ["a", "b", "c", "d"]


def test_values_of_objects() -> None:
    """Numbers are as they are written, objects compact JSON: a tree of rich text is one."""
    columns = columns_of(["C"], ['[{"body": {"version": 1, "text": "é"}, "by": 12345678901234567890, "at": 1.10}]'])
    found = discussions({"column": "C", "each": {"text": "body", "author": "by", "date": "at"}}, columns)
    assert said(found) == [("12345678901234567890", "1.10", '{"version":1,"text":"é"}')]


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("Just text, [1", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[" + "9" * 5_000 + "]", "is not JSON"),
        ('[["a"]]', "is a list"),
        ('[{"body":"a","size":"b"}]', "is an object that a path can't be applied to"),
    ],
    ids=["text", "deep", "number", "list", "path"],
)
def test_unreadable(cell: str, problem: str) -> None:
    """What can't be read as the mapping says is a comment as it is, and a warning names the column."""
    found = discussions({"column": "C", "each": {"text": "body", "author": "abs(size)"}}, columns_of(["C"], [cell]))
    (text,) = [text for _, _, text in said(found)]
    assert text in cell
    assert text.strip("[]") == cell.strip("[]")
    ((row, finding),) = found.findings
    assert (row, finding.code, finding.field, finding.value, finding.rejects) == (
        0,
        "comment-unreadable",
        "comments",
        "C",
        False,
    )
    assert problem in finding.message


def test_unreadable_once() -> None:
    """A row in which many comments can't be read for one reason has one finding."""
    found = discussions({"column": "C", "each": {"text": "body"}}, columns_of(["C", "C"], ["a", "b"], ["", "c"]))
    assert [row for row, _ in found.findings] == [0, 1]
    assert [text for _, _, text in said(found)] == ["a", "b"]


def test_beside() -> None:
    """Objects that stand beside the records come by the text that both have; without a finder there are none."""
    objects = {"c-1": ['{"data": {"text": "a"}}', '{"data": {"text": "b"}}'], "c-3": ['{"data": {"text": "c"}}']}
    asked: list[Sequence[str]] = []

    def find(texts: Sequence[str]) -> Mapping[str, Sequence[str]]:
        asked.append(texts)
        return {text: objects[text] for text in texts if text in objects}

    source = {"beside": {"in": "actions", "by": "data.card.id", "key": "id"}, "each": {"text": "data.text"}}
    columns = columns_of(["id"], [" c-1"], ["c-2"], [""], ["c-1"])
    found = discussions(["Note", source], columns, {1: find})
    assert asked == [["c-1", "c-2"]]
    assert [text for _, _, text in said(found)] == ["a", "b"]
    assert list(found.comments) == [0, 3]
    assert discussions(source, columns).comments == {}


def test_several_sources() -> None:
    """All sources are taken, in the mapping's order where dates don't give one."""
    found = discussions(["B", {"column": "A"}], columns_of(["A", "B"], ["a", "b"]))
    assert [text for _, _, text in said(found)] == ["b", "a"]


def test_order() -> None:
    """Comments are in the order of their dates, equal ones as in the file; one unreadable date keeps all in place."""
    source = {"column": "C", "parse": "(?P<date>[^;]*);(?P<text>.*)"}
    header = ["C"] * 4
    columns = columns_of(
        header,
        ["2026-01-02;c", "01.01.2026;a", "2026-01-02T00:00:00Z;d", "1767225601;b"],
        ["2026-01-02;a", "2026-01-01;b", "yesterday;c", ""],
        formats=["%d.%m.%Y"],
    )
    found = discussions(source, columns)
    assert [text for _, _, text in said(found, 0)] == ["a", "b", "c", "d"]
    assert [text for _, _, text in said(found, 1)] == ["a", "b", "c"]


def test_order_of_sources_that_cannot_be_merged() -> None:
    """Where one source has no dates, the others are in the order of theirs all the same, source by source."""
    sources = [{"column": "C", "parse": "(?P<date>[^;]*);(?P<text>.*)"}, "D"]
    found = discussions(sources, columns_of(["C", "C", "D"], ["2026-01-02;b", "2026-01-01;a", "c"]))
    assert [text for _, _, text in said(found)] == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["true", "1", "Work notes", "internal", "yes"])
def test_private(text: str) -> None:
    """What says that a comment is private, or what kind it is, makes it so, unless the kind is the public one."""
    source = {"column": "C", "parse": "(?P<private>[^;]*);(?P<text>.*)"}
    cells = [f"{text};a", "False;b", "no;c", "0;d", "public;e", "Comments;f", "Additional comments;g", ";h"]
    columns = columns_of(["C"] * 8, cells)
    assert [one.is_private for one in discussions(source, columns).comments[0]] == [True] + [False] * 7
    dropped = discussions(source, columns, private="drop")
    assert [one.text for one in dropped.comments[0]] == list("bcdefgh")
    assert dropped.private == {0: 1}


def test_private_by_a_path() -> None:
    """Zendesk says what is public: `!public` turns it round."""
    columns = of_json("comments", {"comments": [{"public": True, "body": "a"}, {"public": False, "body": "b"}]})
    source = {"path": "comments", "each": {"text": "body", "private": "!public"}}
    assert [one.is_private for one in discussions(source, columns).comments[0]] == [False, True]
    assert discussions(source, of_json("comments", {"comments": [{"body": "a"}]}), private="drop").private == {0: 1}


def test_ids() -> None:
    """Comments that are equal in all have ids of their own; one more, or another order, changes none of them."""
    source = {"column": "C", "parse": "(?P<author>[^;]*);(?P<text>.*)"}
    columns = columns_of(["C"] * 4, ["ann;+1", "ann;+1", "kim;+1", ""], ["new;x", "kim;+1", "ann;+1", "ann;+1"])
    found = discussions(source, columns).comments
    first, second = (Counter(one.id for one in found[row]) for row in (0, 1))
    assert len(first) == 3
    assert len(second) == 4
    assert not first - second
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in second)


def test_ids_of_any_text() -> None:
    """Half a character has an id too: `validate` is to find it, not we."""
    assert len(discussions("C", columns_of(["C"], ["\ud800"])).comments[0][0].id) == 16


def test_format() -> None:
    """Markup is converted in the comment's text alone, counted where it drops something, and changes no id."""
    cells = ['ann<b>;<p>one <b>two</b><img src="x"></p>', "kim;a < b"]
    plain = {"column": "C", "parse": "(?P<author>[^;]*);(?P<text>.*)"}
    columns = columns_of(["C", "C"], cells)
    found = discussions({**plain, "format": "html"}, columns)
    assert [one.author for one in found.comments[0]] == ["ann<b>", "kim"]
    assert "**two**" in found.comments[0][0].text
    assert found.comments[0][1].text == "a < b"
    assert [one.id for one in found.comments[0]] == [one.id for one in discussions(plain, columns).comments[0]]


def test_format_of_what_cannot_be_read() -> None:
    """What is no comment of the expected form is left in its markup too: it is taken as it is."""
    source = {"column": "C", "each": {"text": "body"}, "format": "html"}
    found = discussions(source, columns_of(["C", "C"], ["a <b>b</b>", '{"body": "a <b>b</b>"}']))
    assert [text for _, _, text in said(found)] == ["a <b>b</b>", "a **b**"]


def test_real_jira_comments() -> None:
    """Every comment of a stranger's Jira export has its date and author, and nothing of its cell is lost."""
    source = EXPORTS / "jira" / "ericmedlock__planeso-jira-migration__Jira.csv"
    if not source.exists():
        pytest.skip("needs the folder shared/exports beside the project")
    with source.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    filled = [
        cell for row in rows for name, cell in zip(header, row, strict=True) if name == "Comment" and cell.strip()
    ]
    columns = columns_of(header, *rows, formats=["%d/%b/%y %I:%M %p"])
    found = discussions({"column": "Comment", "parse": JIRA}, columns)
    comments: list[Comment] = [one for row in found.comments.values() for one in row]
    assert Counter(f"{one.date};{one.author};{one.text}" for one in comments) == Counter(filled)
    assert all(one.date and one.author for one in comments)


IDENTIFIED = {"path": "comments", "each": {"text": "body", "author": "author", "id": "id"}}


def test_the_source_s_own_id() -> None:
    """It identifies a comment whatever that says; its content is known beside it, as it would be without an id."""
    says = {"author": "Ann", "body": "one"}
    told: list[dict[str, Any]] = [
        {**says, "id": 7},
        {**says, "body": "two", "id": "7a"},
        {"author": "Bob", "body": "three", "id": None},
    ]
    identified = discussions(IDENTIFIED, of_json("comments", {"comments": told})).comments[0]
    plain = discussions(
        {"path": "comments", "each": {"text": "body", "author": "author"}}, of_json("comments", {"comments": told})
    ).comments[0]
    assert [one.content or one.id for one in identified] == [one.id for one in plain]
    assert [bool(one.content) for one in identified] == [True, True, False]
    told[0]["body"] = "edited"
    edited = discussions(IDENTIFIED, of_json("comments", {"comments": told})).comments[0]
    assert [one.id for one in edited] == [one.id for one in identified]
    assert edited[0].content != identified[0].content


def test_an_id_that_stands_twice() -> None:
    """Two comments with one id are two."""
    told = [{"author": "Ann", "body": "one", "id": 1}, {"author": "Ann", "body": "two", "id": 1}]
    first, second = discussions(IDENTIFIED, of_json("comments", {"comments": told})).comments[0]
    assert first.id != second.id


def test_an_id_in_a_text() -> None:
    """`parse` may name it, too."""
    source = {"column": "Note", "parse": r"(?P<id>\d+);(?P<text>.*)"}
    one, again = (discussions(source, columns_of(["Note"], [f"7;{text}"])).comments[0][0] for text in ("a", "b"))
    assert (one.id, one.text, again.text) == (again.id, "a", "b")
