"""JSON values as text."""

from __future__ import annotations

import pytest

from importer.sources.json_values import decoder, to_cells, to_text, write


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
    assert to_cells([{"a": "b"}]) == ['[{"a":"b"}]']


def test_numbers_are_written_as_they_were() -> None:
    """Reading and writing keeps every number and every text."""
    text = '{"a":[1e5,-0,0.10,1E+2],"é":"\\n😀"}'
    assert write(decoder.decode(text)) == text
