"""Comments: where they are in a row, what is one, in which order, and what is said where one can't be read."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from importer.mapping.issue_parts import Comments
from importer.mapping.vocabulary import words_for_nothing
from importer.records import Comment, Ref
from importer.row.comments import CommentReader, Discussion
from importer.row.compiler import Compiler
from importer.sources.source_rows import SourceRows
from tests.end_to_end.exports import EXPORTS
from tests.harness.making import json_rows_of, source_rows_of

JIRA = r"(?s)^(?P<date>\d\d/\w{3}/\d\d \d+:\d\d [AP]M);(?P<author>[^;]*);(?P<text>.*)$"
JOURNAL = (
    r"(?ms)^(?P<date>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) - (?P<author>[^\n]*?) \((?P<private>[^)\n]*)\)\n"
    r"(?P<text>.*?)\s*(?=^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - |\Z)"
)
GITHUB = {"path": "comments", "each": {"text": "body", "author": "author.login", "date": "createdAt"}}
IDENTIFIED = {"path": "comments", "each": {"text": "body", "author": "author", "id": "id"}}


def read_all(source: Any, source_rows: SourceRows, formats: Sequence[str] = (), **rules: Any) -> list[Discussion]:
    """The discussion of each row, by one source or several as they stand in a mapping."""
    sources = source if isinstance(source, list) else [source]
    rows, layout = source_rows.rows, replace(source_rows.layout, dates=tuple(formats))
    reader = CommentReader(Comments.model_validate({"from": sources, **rules}), Compiler(layout), layout)
    reader.prepare(rows)
    return list(map(reader.read, rows))


def read_one(source: Any, source_rows: SourceRows, **rules: Any) -> Discussion:
    """The discussion of the only row."""
    (discussion,) = read_all(source, source_rows, **rules)
    return discussion


def of_json(path: str, *records: Any) -> SourceRows:
    return json_rows_of([json.dumps(record) for record in records], [Ref("path", path)])


def parts_of(discussion: Discussion) -> list[tuple[str, str, str]]:
    return [(comment.author, comment.date, comment.text) for comment in discussion.comments]


def texts_of(discussion: Discussion) -> list[str]:
    return [comment.text for comment in discussion.comments]


@given(st.text(st.characters(codec=None), min_size=1).filter(str.strip))
def test_id_of_a_comment_without_one(text: str) -> None:
    """It is made of its author, date and text in JSON, whatever signs they have: an update must not give it another."""
    assume(text not in words_for_nothing())  # a cell with such a word is empty
    (comment,) = read_one("Comment", source_rows_of(["Comment"], [[text]])).comments
    written = json.dumps(["", "", text, 1]).encode()
    assert comment.id == hashlib.sha256(written).hexdigest()[:16]


def test_every_cell_of_a_column_that_repeats() -> None:
    """Each filled cell is a comment; a row without any has none."""
    source_rows = source_rows_of(["Comment", "X", "Comment"], [["a", "x", " b\n"], ["", "x", " "]])
    first, second = read_all("Comment", source_rows)
    assert parts_of(first) == [("", "", "a"), ("", "", " b\n")]
    assert second == Discussion()


def test_jira() -> None:
    """Date, author and text of a cell are told apart; what doesn't look so is a comment as it is."""
    row = ["05/Sep/25 7:24 AM;ann;Hello;\nthere", "no date; no author", "04/Sep/25 1:00 PM;;Before"]
    discussion = read_one({"column": "Comment", "parse": JIRA}, source_rows_of(["Comment"] * 3, [row]))
    assert parts_of(discussion) == [
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
    truncated, whole = read_all(source, source_rows_of(["comments"], [[cell], [cell.partition("\n")[2]]]))
    assert parts_of(truncated)[0] == ("", "", "(truncated)\n")
    assert [(comment.author, comment.text, comment.is_private) for comment in whole.comments] == [
        ("Kim", "First", False),
        ("Ann Meyer", "Second\nline", True),
    ]


@given(st.text("ab1 \n;", max_size=40))
def test_nothing_of_a_text_is_lost(cell: str) -> None:
    """Whatever a pattern finds or leaves, every visible character of the cell is in a comment."""
    discussion = read_one({"column": "C", "parse": r"\d(?P<text>[^;]*)"}, source_rows_of(["C"], [[cell]]))
    texts = "".join(texts_of(discussion))
    assert [character for character in texts if character in "ab;"] == [c for c in cell if c in "ab;"]


def test_array_of_objects() -> None:
    """Each object of an array is a comment; objects and rows that say nothing are none."""
    hello = {"body": "Hello", "author": {"login": "ann"}, "createdAt": "2026-01-02T00:00:00Z"}
    arrays: list[Any] = [[hello, {"body": None}, {"body": "Hi"}], [], 3]
    first, *silent = read_all(GITHUB, of_json("comments", *({"comments": array} for array in arrays)))
    assert parts_of(first) == [("ann", "2026-01-02T00:00:00Z", "Hello"), ("", "", "Hi")]
    assert silent == [Discussion(), Discussion()]
    assert not first.findings


def test_one_object_and_texts() -> None:
    """A cell can be one object; texts in an array, and a text alone, are comments as they are."""
    source_rows = source_rows_of(["C"], [['{"body": "a"}'], ['["b", {"body": "c"}]'], ['"d"']])
    discussions = read_all({"column": "C", "each": {"text": "body"}}, source_rows)
    assert list(map(texts_of, discussions)) == [["a"], ["b", "c"], ["d"]]


def test_values_of_objects() -> None:
    """Numbers are as they are written, objects compact JSON: a tree of rich text is one."""
    cell = '[{"body": {"version": 1, "text": "é"}, "by": 12345678901234567890, "at": 1.10}]'
    source = {"column": "C", "each": {"text": "body", "author": "by", "date": "at"}}
    discussion = read_one(source, source_rows_of(["C"], [[cell]]))
    assert parts_of(discussion) == [("12345678901234567890", "1.10", '{"version":1,"text":"é"}')]


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
    discussion = read_one(
        {"column": "C", "each": {"text": "body", "author": "abs(size)"}}, source_rows_of(["C"], [[cell]])
    )
    (text,) = texts_of(discussion)
    assert text in cell
    assert text.strip("[]") == cell.strip("[]")
    (finding,) = discussion.findings
    assert (finding.code, finding.field, finding.value, finding.rejects) == (
        "comment-unreadable",
        "comments",
        "C",
        False,
    )
    assert problem in finding.message


def test_unreadable_once() -> None:
    """A row in which many comments can't be read for one reason has one finding."""
    source_rows = source_rows_of(["C", "C"], [["a", "b"], ["", "c"]])
    first, second = read_all({"column": "C", "each": {"text": "body"}}, source_rows)
    assert [len(discussion.findings) for discussion in (first, second)] == [1, 1]
    assert texts_of(first) == ["a", "b"]


def test_beside() -> None:
    """Objects that stand beside the records come by the text that both have; without a finder there are none."""
    objects = {"c-1": ['{"data": {"text": "a"}}', '{"data": {"text": "b"}}'], "c-3": ['{"data": {"text": "c"}}']}
    lookups: list[Sequence[str]] = []

    def find(texts: Sequence[str]) -> Mapping[str, Sequence[str]]:
        lookups.append(texts)
        return {text: objects[text] for text in texts if text in objects}

    source = {"beside": {"in": "actions", "by": "data.card.id", "key": "id"}, "each": {"text": "data.text"}}
    source_rows = source_rows_of(["id"], [[" c-1"], ["c-2"], [""], ["c-1"]])
    discussions = read_all(["Note", source], replace(source_rows, layout=replace(source_rows.layout, beside={1: find})))
    assert lookups == [["c-1", "c-2"]]
    assert list(map(texts_of, discussions)) == [["a", "b"], [], [], ["a", "b"]]
    assert read_all(source, source_rows) == [Discussion()] * 4


def test_lines() -> None:
    """Columns that together are one comment have a line for each that says anything; it is the same if they change."""
    source = {"lines": {"Cause": "Root cause", "Steps": "Step", "Who": "Owner"}}
    header = ["Step", "Root cause", "Step"]
    first, silent, changed = read_all(source, source_rows_of(header, [["a ", "b", "c"], ["", " ", ""], ["", "d", ""]]))
    assert texts_of(first) == ["Cause: b\nSteps: a, c"]
    assert silent == Discussion()
    assert texts_of(changed) == ["Cause: d"]
    assert first.comments[0].id == changed.comments[0].id
    assert first.comments[0].content != changed.comments[0].content


def test_several_sources() -> None:
    """All sources are taken, in the mapping's order where dates don't give one."""
    discussion = read_one(["B", {"column": "A"}], source_rows_of(["A", "B"], [["a", "b"]]))
    assert texts_of(discussion) == ["b", "a"]


def test_order() -> None:
    """Comments are in the order of their dates, equal ones as in the file; one unreadable date keeps all in place."""
    source = {"column": "C", "parse": "(?P<date>[^;]*);(?P<text>.*)"}
    rows = [
        ["2026-01-02;c", "01.01.2026;a", "2026-01-02T00:00:00Z;d", "1767225601;b"],
        ["2026-01-02;a", "2026-01-01;b", "yesterday;c", ""],
    ]
    dated, undated = read_all(source, source_rows_of(["C"] * 4, rows), ["%d.%m.%Y"])
    assert texts_of(dated) == ["a", "b", "c", "d"]
    assert texts_of(undated) == ["a", "b", "c"]


def test_order_of_sources_that_cannot_be_merged() -> None:
    """Where one source has no dates, the others are in the order of theirs all the same, source by source."""
    sources = [{"column": "C", "parse": "(?P<date>[^;]*);(?P<text>.*)"}, "D"]
    discussion = read_one(sources, source_rows_of(["C", "C", "D"], [["2026-01-02;b", "2026-01-01;a", "c"]]))
    assert texts_of(discussion) == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["true", "1", "Work notes", "internal", "yes"])
def test_private(text: str) -> None:
    """What says that a comment is private, or what kind it is, makes it so, unless the kind is the public one."""
    source = {"column": "C", "parse": "(?P<private>[^;]*);(?P<text>.*)"}
    cells = [f"{text};a", "False;b", "no;c", "0;d", "public;e", "Comments;f", "Additional comments;g", ";h"]
    source_rows = source_rows_of(["C"] * 8, [cells])
    undecided = read_one(source, source_rows)
    assert [comment.is_private for comment in undecided.comments] == [True] + [False] * 7
    assert (undecided.is_undecided, undecided.left_out) == (True, 0)
    dropped = read_one(source, source_rows, private="drop")
    assert texts_of(dropped) == list("bcdefgh")
    assert (dropped.is_undecided, dropped.left_out) == (False, 1)
    kept = read_one(source, source_rows, private="keep")
    assert kept == replace(undecided, is_undecided=False)


def test_private_by_a_path() -> None:
    """Zendesk says what is public: `!public` turns it round."""
    source_rows = of_json("comments", {"comments": [{"public": True, "body": "a"}, {"public": False, "body": "b"}]})
    source = {"path": "comments", "each": {"text": "body", "private": "!public"}}
    assert [comment.is_private for comment in read_one(source, source_rows).comments] == [False, True]
    alone = read_one(source, of_json("comments", {"comments": [{"body": "a"}]}), private="drop")
    assert alone == Discussion(left_out=1)


def test_private_by_the_name_of_a_column() -> None:
    """A column that is for the team alone makes private what stands in it: in rows where it has any text."""
    source = {"first": ["Internal notes", "Comment"]}
    source_rows = source_rows_of(["Internal notes", "Comment"], [["a", ""], ["", "b"]])
    for discussion, is_private in zip(read_all(source, source_rows), (True, False), strict=True):
        assert [comment.is_private for comment in discussion.comments] == [is_private]


def test_ids() -> None:
    """Comments that are equal in all have ids of their own; one more, or another order, changes none of them."""
    source = {"column": "C", "parse": "(?P<author>[^;]*);(?P<text>.*)"}
    rows = [["ann;+1", "ann;+1", "kim;+1", ""], ["new;x", "kim;+1", "ann;+1", "ann;+1"]]
    discussions = read_all(source, source_rows_of(["C"] * 4, rows))
    first, second = (Counter(comment.id for comment in discussion.comments) for discussion in discussions)
    assert len(first) == 3
    assert len(second) == 4
    assert not first - second
    assert all(len(id_) == 16 and int(id_, 16) >= 0 for id_ in second)


def test_ids_of_any_text() -> None:
    """Half a character has an id too: `validate` is to find it, not we."""
    assert len(read_one("C", source_rows_of(["C"], [["\ud800"]])).comments[0].id) == 16


def test_format() -> None:
    """Markup is converted in the comment's text alone, counted where it drops something, and changes no id."""
    cells = ['ann<b>;<p>one <b>two</b><img src="x"></p>', "kim;a < b"]
    plain = {"column": "C", "parse": "(?P<author>[^;]*);(?P<text>.*)"}
    source_rows = source_rows_of(["C", "C"], [cells])
    discussion = read_one({**plain, "format": "html"}, source_rows)
    assert [comment.author for comment in discussion.comments] == ["ann<b>", "kim"]
    assert "**two**" in discussion.comments[0].text
    assert discussion.comments[1].text == "a < b"
    assert [comment.id for comment in discussion.comments] == [
        comment.id for comment in read_one(plain, source_rows).comments
    ]


@pytest.mark.parametrize(("private", "number"), [("keep", 2), ("drop", 1)])
def test_markup_that_is_lost(private: str, number: int) -> None:
    """It is counted in the comments that are sent; nobody misses that of the others."""
    source = {"column": "C", "parse": "(?P<private>[^;]*);(?P<text>.*)", "format": "html"}
    cells = [f"{kind};<p>one</p><script>two</script>" for kind in ("internal", "public")]
    discussion = read_one(source, source_rows_of(["C", "C"], [cells]), private=private)
    assert set(discussion.dropped.values()) == {number}


def test_format_of_what_cannot_be_read() -> None:
    """What is no comment of the expected form is left in its markup too: it is taken as it is."""
    source = {"column": "C", "each": {"text": "body"}, "format": "html"}
    discussion = read_one(source, source_rows_of(["C", "C"], [["a <b>b</b>", '{"body": "a <b>b</b>"}']]))
    assert texts_of(discussion) == ["a <b>b</b>", "a **b**"]


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
    discussions = read_all({"column": "Comment", "parse": JIRA}, source_rows_of(header, rows), ["%d/%b/%y %I:%M %p"])
    comments: list[Comment] = [comment for discussion in discussions for comment in discussion.comments]
    assert Counter(f"{comment.date};{comment.author};{comment.text}" for comment in comments) == Counter(filled)
    assert all(comment.date and comment.author for comment in comments)


def test_the_source_s_own_id() -> None:
    """It identifies a comment whatever that says; its content is known beside it, as it would be without an id."""
    ann = {"author": "Ann", "body": "one"}
    objects: list[dict[str, Any]] = [
        {**ann, "id": 7},
        {**ann, "body": "two", "id": "7a"},
        {"author": "Bob", "body": "three", "id": None},
    ]
    identified = read_one(IDENTIFIED, of_json("comments", {"comments": objects})).comments
    without_id = {"path": "comments", "each": {"text": "body", "author": "author"}}
    plain = read_one(without_id, of_json("comments", {"comments": objects})).comments
    assert [comment.content or comment.id for comment in identified] == [comment.id for comment in plain]
    assert [bool(comment.content) for comment in identified] == [True, True, False]
    objects[0]["body"] = "edited"
    edited = read_one(IDENTIFIED, of_json("comments", {"comments": objects})).comments
    assert [comment.id for comment in edited] == [comment.id for comment in identified]
    assert edited[0].content != identified[0].content


def test_an_id_that_stands_twice() -> None:
    """Two comments with one id are two."""
    objects = [{"author": "Ann", "body": "one", "id": 1}, {"author": "Ann", "body": "two", "id": 1}]
    first, second = read_one(IDENTIFIED, of_json("comments", {"comments": objects})).comments
    assert first.id != second.id


def test_an_id_in_a_text() -> None:
    """`parse` may name it, too."""
    source = {"column": "Note", "parse": r"(?P<id>\d+);(?P<text>.*)"}
    first, second = (read_one(source, source_rows_of(["Note"], [[f"7;{text}"]])).comments[0] for text in ("a", "b"))
    assert (first.id, first.text, second.text) == (second.id, "a", "b")
