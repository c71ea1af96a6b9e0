"""One record, several rows: a row for each criterion's column of a table, and for each object of an array."""

from __future__ import annotations

from typing import Any

import pytest

from importer.codes import NO_ANSWERS
from importer.errors import SourceError
from importer.mapping.scorecards import Each
from importer.records import Ref
from importer.sources.each import unfold_header
from importer.sources.source_rows import CHARACTERS_TOGETHER, SourceRows
from tests.harness.read_rows import defects_of, lines_of, raws_of, records_of, texts_of
from tests.harness.source_files import MakeSource, make_source

__all__ = ["make_source"]

WIDE = ("call", "Greets", "Comment", "Asks", "Comment", "Ends", "Comment", "Score")
COLUMNS = [Ref("column", name) for name in ("call", "_name", "_answer", "_note")]
PATHS = [Ref("path", path) for path in ("_record.call", "name", "answer")]


def each_of(**keys: Any) -> Each:
    """An `each` as a mapping writes it."""
    return Each.model_validate(keys)


def criteria_of(header: tuple[str, ...] = WIDE, **keys: Any) -> list[tuple[str, int, int | None]]:
    """The criteria that are found in a header: name, column of answers, column of notes."""
    unfolding = unfold_header("f.csv", header, each_of(**keys))
    assert unfolding is not None
    return [(name, answer, note) for name, answer, note in unfolding.criteria]


def rows_of(runs: list[SourceRows], refs: list[Ref]) -> list[tuple[int, int, list[str]]]:
    """Record number, line, and the cells of the references, of each row."""
    return [
        (records_of(source_rows)[row], lines_of(source_rows)[row], [texts_of(source_rows, ref)[row] for ref in refs])
        for source_rows in runs
        for row in range(len(source_rows))
    ]


@pytest.mark.parametrize(
    ("columns", "note", "found"),
    [
        ({"from": "Greets", "to": "Ends"}, "next", [("Greets", 1, 2), ("Asks", 3, 4), ("Ends", 5, 6)]),
        (["Ends", "Greets"], "next", [("Greets", 1, 2), ("Ends", 5, 6)]),
        (["Ends", "Score"], "next", [("Ends", 5, 6), ("Score", 7, None)]),
        ("/^(?!Comment)[A-Z].*s$/", None, [("Greets", 1, None), ("Asks", 3, None), ("Ends", 5, None)]),
        ("Asks", None, [("Asks", 3, None)]),
    ],
)
def test_criteria_are_found(columns: object, note: str | None, found: list[tuple[str, int, int | None]]) -> None:
    """By a range, a list or a pattern; a column of notes is no criterion, and its header may repeat."""
    assert criteria_of(columns=columns, note=note) == found


@pytest.mark.parametrize(
    ("header", "note"),
    [(("call", "Asks", "Ends", "Asks Comment"), "{name} Comment"), (("call", "Asks", "Why", "Ends", "Sum"), "Why")],
)
def test_notes_are_found_by_name(header: tuple[str, ...], note: str) -> None:
    """Wherever they stand with the criterion's name, or behind it; not every criterion has one."""
    found = criteria_of(header, columns={"from": "Asks", "to": "Ends"}, note=note)
    assert found == [("Asks", 1, header.index(note.replace("{name}", "Asks"))), ("Ends", header.index("Ends"), None)]


@pytest.mark.parametrize(
    ("header", "keys", "said"),
    [
        (WIDE, {"columns": ["Greet"]}, "no column 'Greet'"),
        (WIDE, {"columns": {"from": "Greets", "to": "End"}}, "no column 'End'"),
        (WIDE, {"columns": {"from": "Ends", "to": "Greets"}}, "comes before"),
        (WIDE, {"columns": ["/^Q[0-9]/"]}, "/^Q[0-9]/"),
        (("call", "Asks", "Ends", "Asks"), {"columns": ["Asks"]}, "'Asks'"),
        (("call", "Asks", "Ends", "Asks"), {"columns": "/s$/"}, "'Asks'"),
        (("call", "Asks", "Ends"), {"columns": ["Asks", "Ends"], "note": "Ends"}, "the note of 'Asks'"),
        (WIDE, {"columns": ["Asks"], "note": "{name} Note"}, "'{name} Note'"),
        (WIDE, {"path": "results"}, "is a table"),
    ],
)
def test_what_does_not_fit_is_named(header: tuple[str, ...], keys: dict[str, Any], said: str) -> None:
    """Unknown headers, patterns without a match, a criterion twice, a column that would be two things."""
    with pytest.raises(SourceError) as error:
        unfold_header("f.csv", header, each_of(**keys))
    assert said in error.value.message


def test_each_answer_of_a_table_is_a_row(make_source: MakeSource) -> None:
    """With the line of its record and a number of its own; a row that is empty or can't be used stays one."""
    source = make_source(
        "call,Greets,Note,Ends,Note\nc-1,Yes,,No,rude\n,,,,\nc-2,Yes,,No,rude,surplus\nc-3,,,5/5,\n", "f.csv"
    )
    source.unfold(each_of(columns={"from": "Greets", "to": "Ends"}, note="next"))
    runs = list(source.read(COLUMNS))
    assert rows_of(runs, COLUMNS) == [
        (1, 2, ["c-1", "Greets", "Yes", ""]),
        (2, 2, ["c-1", "Ends", "No", "rude"]),
        (3, 3, ["", "", "", ""]),
        (4, 4, ["", "", "", ""]),
        (5, 5, ["c-3", "Greets", "", ""]),
        (6, 5, ["c-3", "Ends", "5/5", ""]),
    ]
    assert {row: finding.code for row, finding in defects_of(runs[0]).items()} == {3: "row-ragged"}
    assert source.files[0].header == ("call", "_name", "_answer", "_note")
    assert raws_of(runs[0])[1] == ["c-1", "Ends", "No", "rude"]


def test_rows_that_are_answers_stay(make_source: MakeSource) -> None:
    """As those of an errors file that is given back."""
    source = make_source("call,_name,_answer,_note\nc-1,Ends,No,rude\n", "f.csv")
    source.unfold(each_of(columns=["Ends"], note="next"))
    assert rows_of(list(source.read(COLUMNS)), COLUMNS) == [(1, 2, ["c-1", "Ends", "No", "rude"])]


def test_chunks_are_bounded_by_what_answers_repeat(make_source: MakeSource) -> None:
    """A long text beside many answers is copied for each of them."""
    names = [f"Q{number}" for number in range(40)]
    text = "x" * (CHARACTERS_TOGETHER // 10)
    source = make_source(f"call,text,{','.join(names)}\nc-1,{text},{','.join(['No'] * 40)}\n", "f.csv")
    source.unfold(each_of(columns="/^Q/"))
    runs = list(source.read([*COLUMNS[:3], Ref("column", "text")]))
    assert [len(source_rows) for source_rows in runs] == [10] * 4
    assert [row[0] for row in rows_of(runs, COLUMNS[:1])] == [*range(1, 41)]


def test_each_object_of_an_array_is_a_row(make_source: MakeSource) -> None:
    """With its own keys, what stands around the array, and numbers as they were written."""
    source = make_source(
        '{"call":"c-1","n":1.10,"data":{"who":"A","results":[{"name":"Ends","answer":false},{"name":"Asks"}]}}\n'
        '{"call":"c-2","data":{"results":[]}}\n{"call":"c-3"}\n{"call":"c-4","data":{"results":[1,{}]}}\n'
        '{"call":"c-5","data":{"results":"none"}}\n',
        "f.jsonl",
        answers="data.results",
    )
    source.unfold(each_of(path="data.results"))
    [source_rows] = source.read(PATHS)
    assert rows_of([source_rows], PATHS)[:2] == [(1, 1, ["c-1", "Ends", "false"]), (2, 1, ["c-1", "Asks", ""])]
    assert raws_of(source_rows)[1] == '{"name":"Asks","_record":{"call":"c-1","n":1.10,"data":{"who":"A"}}}'
    codes = [
        (lines_of(source_rows)[row], finding.code, finding.rejects) for row, finding in defects_of(source_rows).items()
    ]
    assert codes == [
        (2, NO_ANSWERS, False),
        (3, NO_ANSWERS, False),
        (4, "row-malformed", True),
        (5, "row-malformed", True),
    ]


@pytest.mark.parametrize("name", ["f.json", "f.jsonl"])
def test_one_record_is_not_taken_for_its_array(make_source: MakeSource, name: str) -> None:
    """Where `each` names the array in it, a document that is one record isn't an envelope around its answers."""
    source = make_source('{"call":"c-1","results":[{"name":"Ends","answer":"No"}]}\n', name, answers="results")
    source.unfold(each_of(path="results"))
    assert rows_of(list(source.read(PATHS)), PATHS) == [(1, 1, ["c-1", "Ends", "No"])]


def test_answers_are_read_out_of_envelopes(make_source: MakeSource) -> None:
    """What a record is wrapped in is no part of what stands around its answers."""
    record = '{"backend_name":"x","data":{"id":"1","call":"c-1","results":[{"name":"Ends","answer":"No"}]}}\n'
    source = make_source(record * 2, "f.jsonl", answers="results")
    source.unfold(each_of(path="results"))
    assert rows_of(list(source.read(PATHS)), PATHS) == [
        (1, 1, ["c-1", "Ends", "No"]),
        (2, 2, ["c-1", "Ends", "No"]),
    ]


@pytest.mark.parametrize(
    ("content", "name", "keys"),
    [
        ('{"call":"c-1","Ends":"No"}\n', "f.jsonl", {"columns": ["Ends"]}),
        ('id,data\n1,"{""results"":[{""name"":""Ends""}],""call"":""c-1""}"\n', "f.csv", {"path": "results"}),
    ],
)
def test_what_each_can_not_read_is_refused(
    make_source: MakeSource, content: str, name: str, keys: dict[str, Any]
) -> None:
    """Columns of JSON, and arrays in a cell."""
    source = make_source(content, name)
    with pytest.raises(SourceError, match="each"):
        source.unfold(each_of(**keys))
