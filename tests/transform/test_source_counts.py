"""What the source counts of its issues."""

from __future__ import annotations

from importer.mapping.issue_parts import Counted
from importer.transform.columns import Columns
from importer.transform.transform import read_source_counts
from tests.harness.making import chunk_of


def test_whole_numbers_count() -> None:
    """Also as a spreadsheet writes them; nothing else does, and less than one is nothing."""
    counted = Counted.model_validate({"comments": "Notes", "attachments": {"column": "Files", "less": "1"}})
    rows = [("3", "2"), ("1.0", "1"), (" 2 ", ""), ("many", "-4"), ("", "9" * 20), ("0", "0")]
    counts = read_source_counts(counted, Columns(chunk_of(("Notes", "Files"), rows)))
    assert counts == {"comments": {0: 3, 1: 1, 2: 2}, "attachments": {0: 1}}


def test_nothing_is_counted_unless_the_mapping_says() -> None:
    """A mapping without counters has none."""
    assert read_source_counts(Counted(), Columns(chunk_of(("Notes",), [("3",)]))) == {}
