"""JSON values as text."""

from __future__ import annotations

from typing import Any

import pytest

from importer.sources.json_values import decoder, to_cells, to_columns, to_text, write


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


def test_numbers_are_written_as_they_were() -> None:
    """Reading and writing keeps every number and every text."""
    text = '{"a":[1e5,-0,0.10,1E+2],"é":"\\n😀"}'
    assert write(decoder.decode(text)) == text
