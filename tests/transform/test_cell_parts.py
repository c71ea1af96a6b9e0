"""JSON in a cell: its values, and the texts of their parts."""

from __future__ import annotations

from typing import Any

import pytest

from importer.mapping.issue_parts import Each
from importer.transform.cell_parts import compile_parts, find_parts, read_items, write_json


@pytest.mark.parametrize(
    ("cell", "items"),
    [
        ('[{"a": 1.50}, 2]', [{"a": "1.50"}, 2]),
        ('{"a": null}', [{"a": None}]),
        ("7", [7]),
        ("[1", None),
        ("9" * 5_000, None),
        ("[" * 100_000, None),
    ],
)
def test_items(cell: str, items: list[Any] | None) -> None:
    """Of an array its values, of anything else the one; numbers as they are written; no JSON is None."""
    assert read_items(cell) == items


def test_parts() -> None:
    """Only those that the mapping names; texts as they are, other values as JSON, null as nothing."""
    paths = compile_parts(Each.model_validate({"text": "a.b", "author": "c", "date": "d"}))
    assert find_parts({"a": {"b": "said"}, "c": {"é": [1]}}, paths) == {
        "text": "said",
        "author": '{"é":[1]}',
        "date": "",
    }
    assert write_json({"a": [1, "é"]}) == '{"a":[1,"é"]}'
