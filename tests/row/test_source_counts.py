"""What the source counts of its issues."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from importer.mapping.issue_parts import Counted
from importer.row.source_counts import SourceCounter
from tests.harness.making import source_rows_of
from tests.harness.read_rows import rows_and_compiler

COUNTED = {"comments": "Notes", "attachments": {"column": "Files", "less": "1"}}


@pytest.mark.parametrize(
    ("cells", "counts"),
    [
        (("3", "2"), {"comments": 3, "attachments": 1}),
        (("1.0", "1"), {"comments": 1}),
        ((" 2 ", ""), {"comments": 2}),
        (("many", "-4"), {}),
        (("", "9" * 20), {}),
        (("0", "0"), {}),
    ],
)
def test_whole_numbers_count(cells: Sequence[str], counts: dict[str, int]) -> None:
    """Also as a spreadsheet writes them; nothing else does, and less than one is nothing."""
    (row,), compiler = rows_and_compiler(source_rows_of(("Notes", "Files"), [cells]))
    assert SourceCounter(Counted.model_validate(COUNTED), compiler).read(row) == counts


def test_nothing_is_counted_unless_the_mapping_says() -> None:
    """A mapping without counters has none, and no more has a file without their columns."""
    (row,), compiler = rows_and_compiler(source_rows_of(("Title",), [("3",)]))
    assert SourceCounter(Counted(), compiler).read(row) == {}
    assert SourceCounter(Counted.model_validate(COUNTED), compiler).read(row) == {}
