"""Texts and conditions of a mapping, on rows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.texts import Condition, Text
from importer.records import Ref
from importer.row.compiler import Compiler
from importer.sources.source_rows import SourceRows
from importer.transform.plain_text import is_filled, single_line, split_template
from tests.harness.making import json_rows_of, source_rows_of


def columns_of(header: list[str], *rows: list[str], formats: tuple[str, ...] = ()) -> SourceRows:
    return source_rows_of(header, rows, dates=formats)


def read_texts(spec: Text, source: SourceRows) -> list[str]:
    """A text of each row."""
    return list(map(Compiler(source.layout).text(spec), source.rows))


def texts_of(spec: Any, header: list[str], *rows: list[str]) -> list[str]:
    """What a text, as it stands in a mapping, becomes."""
    return read_texts(Text.model_validate(spec), columns_of(header, *rows))


def holds(conditions: list[dict[str, Any]], columns: SourceRows) -> list[bool]:
    """Where conditions, as they stand in a mapping, hold."""
    return list(map(Compiler(columns.layout).holds(list(map(Condition.model_validate, conditions))), columns.rows))


def test_column() -> None:
    """A column is taken as it is written, outer white space included."""
    assert texts_of("A", ["A"], [" 00123 "], ["NA"], [""]) == [" 00123 ", "NA", ""]


def test_column_that_the_file_lacks() -> None:
    """A column that a file doesn't have is empty in all rows."""
    assert texts_of("B", ["A"], ["x"], ["y"]) == ["", ""]


def test_column_that_repeats() -> None:
    """The text of a column that repeats is its first filled cell; white space alone doesn't fill."""
    assert texts_of("A", ["A", "B", "A"], ["", "b", "2"], [" ", "b", "2"], ["1", "b", "2"]) == ["2", "2", "1"]


def test_first() -> None:
    """The first filled choice counts, whatever kind of text it is, in each row for itself."""
    spec = ["A", {"template": "b-{B}"}, {"value": "none"}]
    assert texts_of(spec, ["A", "B"], ["a", "b"], ["", "b"], ["\t", ""]) == ["a", "b-b", "none"]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{A}/{B}", ["a/b", "a/", ""]),
        ("{{{A}}}", ["{a}", "{a}", ""]),
        ("{{}}", ["{}", "{}", "{}"]),
        ("as {A}{A} is", ["as aa is", "as aa is", ""]),
        ("{C}", ["", "", ""]),
        ("As: {A}\nBs: {B}\n{B}\nend", ["As: a\nBs: b\nb\nend", "As: a\n\nend", ""]),
    ],
)
def test_template(template: str, expected: list[str]) -> None:
    """Placeholders are filled, doubled braces are braces; if all placeholders are blank there is no text.

    Of several lines a label without a text is left out.
    """
    assert texts_of({"template": template}, ["A", "B"], ["a", "b"], ["a", ""], [" ", ""]) == expected


def test_template_parts() -> None:
    """A template has one literal part more than placeholders; a path may stand in it."""
    parts, refs = split_template("a{{{B}c{path:d.e || `1`}")
    assert parts == ("a{", "c", "")
    assert refs == (Ref("column", "B"), Ref("path", "d.e || `1`"))


def test_pattern() -> None:
    """A pattern takes what it matches; without a match the text is empty."""
    assert texts_of({"column": "A", "pattern": r"\d+"}, ["A"], ["PROJ-12"], ["PROJ"]) == ["12", ""]
    assert texts_of({"column": "A", "pattern": r"(\w+)-(\d+)", "to": r"\2:\1"}, ["A"], ["P-12 x"]) == ["12:P"]


def test_pattern_that_becomes_nothing() -> None:
    """An empty `to` is an empty text, not the match."""
    assert texts_of({"first": [{"column": "A", "pattern": "none", "to": ""}, "B"]}, ["A", "B"], ["none", "b"]) == ["b"]


def test_pattern_in_a_column_that_repeats() -> None:
    """A pattern is searched in every cell of a column that repeats: one label of many can be meant."""
    spec = {"column": "Labels", "pattern": "^priority/(.*)", "to": r"\1"}
    header = ["Labels", "Labels", "Labels"]
    assert texts_of(spec, header, ["ui", "priority/high", "x"], ["ui", "", ""]) == ["high", ""]


def test_every_cell() -> None:
    """All cells of a column that repeats, and of the first choice that is filled, row by row."""
    columns = columns_of(["A", "A", "B"], ["1", "2", "b"], ["", "", "b"])
    for spec, cells in (("A", [("1", "2"), ("", "")]), (["A", "B"], [("1", "2"), ("b",)]), (["X", "Y"], [(), ()])):
        assert list(map(Compiler(columns.layout).cells(Text.model_validate(spec)), columns.rows)) == cells


def test_text_of_json_does_not_depend_on_its_neighbours() -> None:
    """A list in one record, which widens the column, leaves the text of the other records as it is."""
    ref = Ref("path", "labels")
    spec = Text.model_validate({"template": "-{path:labels}-"})
    blank, filled = '{"labels": [" ", ""], "x": 1}', '{"labels": ["", "", "b"], "x": 1}'
    alone = [read_texts(spec, json_rows_of([line], [ref]))[0] for line in (blank, filled)]
    assert read_texts(spec, json_rows_of([blank, filled], [ref])) == alone


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"is": "Bug"}, [True, False, False]),
        ({"is": ["bug", "task"]}, [True, True, False]),
        ({"is": ""}, [False, False, True]),
        ({"matches": "B.G$"}, [True, False, False]),
        ({"filled": "true"}, [True, True, False]),
        ({"filled": "false"}, [False, False, True]),
    ],
)
def test_condition(condition: dict[str, Any], expected: list[bool]) -> None:
    """The tests of a condition; `is` ignores case and outer white space."""
    assert holds([{"column": "A", **condition}], columns_of(["A"], [" BUG"], ["Task"], [" "])) == expected


def test_condition_on_a_column_that_repeats() -> None:
    """One cell that fulfils a condition is enough; the column is only empty if all of its cells are."""
    columns = columns_of(["L", "L"], ["ui", "bug"], ["ui", ""], ["", ""])
    assert holds([{"column": "L", "is": "bug"}], columns) == [True, False, False]
    assert holds([{"column": "L", "filled": "false"}], columns) == [False, False, True]


def test_condition_on_a_column_that_the_file_lacks() -> None:
    """A missing column is as good as an empty one."""
    columns = columns_of(["A"], ["a"])
    assert holds([{"column": "B", "is": ""}], columns) == [True]
    assert holds([{"column": "B", "filled": "false"}], columns) == [True]
    assert holds([{"column": "B", "filled": "true"}], columns) == [False]


def test_all_conditions_must_hold() -> None:
    """Conditions are joined by and."""
    columns = columns_of(["A", "B"], ["1", "1"], ["1", "2"], ["2", "1"])
    assert holds([{"column": "A", "is": "1"}, {"column": "B", "is": "1"}], columns) == [True, False, False]


def test_before_and_after() -> None:
    """The day itself is after, not before; a date without a zone is taken as UTC, an empty one is neither."""
    days = [["2024-01-30T23:59:59"], ["2024-01-31"], ["2024-01-31T00:30+01:00"], [""]]
    columns = columns_of(["D"], *days)
    assert holds([{"column": "D", "before": "2024-01-31"}], columns) == [True, False, True, False]
    assert holds([{"column": "D", "after": "2024-01-31"}], columns) == [False, True, False, False]
    assert not any(row.unreadable for row in columns.rows)


def test_date_in_a_column_that_repeats() -> None:
    """One cell in time is enough, and then it doesn't matter that another can't be read."""
    columns = columns_of(["D", "D"], ["2024-05-01", "2019-05-01"], ["soon", "2019-05-01"], ["soon", "2024-05-01"])
    assert holds([{"column": "D", "before": "2020-01-01"}], columns) == [True, True, False]
    assert {place: row.unreadable for place, row in enumerate(columns.rows) if row.unreadable} == {2: "soon"}


@pytest.mark.parametrize("turned", [False, True])
def test_unreadable_date(turned: bool) -> None:
    """A date that can't be read is told of only where the rest of the rule holds, in whatever order it is written."""
    columns = columns_of(["D", "S"], ["soon", "closed"], ["soon", "open"], ["2019-01-01", "closed"])
    rule = [{"column": "S", "is": "closed"}, {"column": "D", "before": "2020-01-01"}]
    assert holds(rule[::-1] if turned else rule, columns) == [False, False, True]
    assert {place: row.unreadable for place, row in enumerate(columns.rows) if row.unreadable} == {0: "soon"}


def test_unix_times_in_conditions() -> None:
    """A tracker's API may have Unix times: rules and duplicates compare them as any date."""
    columns = columns_of(["D"], ["1577836799"], ["1577836800000"], ["157783680"])
    assert holds([{"column": "D", "before": "2020-01-01"}], columns) == [True, False, False]
    assert {place: row.unreadable for place, row in enumerate(columns.rows) if row.unreadable} == {2: "157783680"}


@given(st.text(st.characters(codec=None)))
def test_single_line(text: str) -> None:
    """A single line has no line breaks and no outer white space; words stay as they are, and twice is as once."""
    line = single_line(text)
    assert len(line.splitlines()) <= 1
    assert line == line.strip() == single_line(line)
    assert line.split() == (text.split() if line else [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("first\r\n\r\n  second\tthird\n", "first second third"),
        ("two  spaces stay", "two  spaces stay"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("\u200b\ufeff", ""),
        ("\x00\x1b", ""),
    ],
)
def test_single_line_of(text: str, expected: str) -> None:
    """Only line breaks and tabs are replaced; a text of which nothing can be seen is none."""
    assert single_line(text) == expected


@pytest.mark.parametrize(("text", "filled"), [("", False), (" \t\n\u00a0\u3000", False), ("0", True), ("\u200b", True)])
def test_is_filled(text: str, filled: bool) -> None:
    """White space of any alphabet doesn't fill a cell."""
    assert is_filled(text) is filled


def test_format() -> None:
    """A text loses its markup after pattern and lookup; what could not be kept is told by row, once."""
    columns = columns_of(["A"], ["<b>a</b>"], ["x"], ["b<script>c</script>"])
    spec = Text.model_validate({"column": "A", "format": "html", "as": "text"})
    reader = Compiler(columns.layout).text(spec)
    assert [reader(row) for _ in range(2) for row in columns.rows] == ["a", "x", "b"] * 2
    assert [row.dropped for row in columns.rows] == [None, None, {"script": 1}]
