"""JSON values as text, and JMESPath."""

from __future__ import annotations

from typing import Any

import pytest

from importer.records import Finding, Ref
from importer.sources.json_values import decoder, find_values, make_getter, to_cells, to_columns, to_text, write


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ('"NA"', "NA"),
        ("00123".join('""'), "00123"),
        ("1e5", "1e5"),
        ("1.10", "1.10"),
        ("-0", "-0"),
        ("12345678901234567890", "12345678901234567890"),
        ("9" * 5000, "9" * 5000),
        ("true", "true"),
        ("null", ""),
        ('{"nodes":[]}', ""),
        ('{"edges": [{"node": {"a": null, "b": ""}}]}', ""),
        ('{"nodes":[], "totalCount": 0}', '{"nodes":[],"totalCount":0}'),
        ('{"a": [1.0, "é"]}', '{"a":[1.0,"é"]}'),
        ('[{"a": 1}, 2]', '[{"a":1},2]'),
    ],
)
def test_scalars_and_objects_are_one_cell(text: str, cell: str) -> None:
    """Text and numbers arrive as written, null empty, objects and lists of them as compact JSON."""
    value = decoder.decode(text)
    assert to_text(value) == cell
    assert to_cells(value) == [cell]
    assert type(to_text(value)) is str


def test_a_list_of_scalars_is_as_many_cells() -> None:
    """Each item of a list of scalars stands in a cell of its own."""
    assert to_cells(decoder.decode('["a", null, 1.0, false]')) == ["a", "", "1.0", "false"]


@pytest.mark.parametrize(
    ("values", "columns"),
    [
        (["a", None], [["a", ""]]),
        ([["a", "b"], "c", []], [["a", "c", ""], ["b", "", ""]]),
        ([[], []], [["", ""]]),
        ([[{"a": "b"}]], [['[{"a":"b"}]']]),
    ],
)
def test_columns_are_as_many_as_the_longest_list(values: list[Any], columns: list[list[str]]) -> None:
    """Shorter rows are filled up with empty cells, and there is always a column."""
    assert to_columns(values) == columns


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("fields[?id == `10001`].value | [0]", "yes"),
        ("fields[?score > `1.5`].value | [0]", "yes"),
        ("sum(fields[].id)", "20003"),
        ("fields[].score", ["1e1", "1.50"]),
        ("labels[].name | join(', ', @)", "a, b"),
        ("nothing.here", None),
    ],
)
def test_paths_compare_and_count_numbers(path: str, expected: object) -> None:
    """In a JMESPath numbers are numbers; what it returns is as written."""
    record = decoder.decode(
        '{"fields": [{"id": 10001, "score": 1e1, "value": "yes"}, {"id": 10002, "score": 1.50, "value": "no"}],'
        ' "labels": [{"name": "a"}, {"name": "b"}]}'
    )
    value = make_getter(Ref("path", path))(record)
    assert (to_cells(value) if isinstance(value, list) else value if value is None else to_text(value)) == expected


def test_a_column_is_a_key_by_its_exact_name() -> None:
    """A top-level key is no path: dots belong to the name."""
    assert make_getter(Ref("column", "a.b"))({"a.b": "x", "a": {"b": "y"}}) == "x"


def test_a_path_that_does_not_fit_the_record() -> None:
    """A JMESPath function that gets the wrong type makes a finding with a way out."""
    ref = Ref("path", "join(', ', labels)")
    found = find_values({ref: make_getter(ref)}, {"labels": None})
    assert isinstance(found, Finding)
    assert found.code == "row-path-failed"
    assert "||" in found.hint


def test_numbers_are_written_as_they_were() -> None:
    """Reading and writing keeps every number and every text."""
    text = '{"a":[1e5,-0,0.10,1E+2],"é":"\\n😀"}'
    assert write(decoder.decode(text)) == text
