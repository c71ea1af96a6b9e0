"""Masks: which rows of a chunk."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from importer.row.masks import Mask

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()))


@given(PAIRS)
def test_masks_are_joined_row_by_row(pairs: list[tuple[bool, bool]]) -> None:
    """As sets of row numbers are."""
    length, (first, second) = len(pairs), (Mask.where([pair[side] for pair in pairs]) for side in (0, 1))
    ours, others = set(first.rows), set(second.rows)
    assert ours == {row for row, (is_ours, _) in enumerate(pairs) if is_ours}
    assert (first & second).rows == sorted(ours & others)
    assert (first | second).rows == sorted(ours | others)
    assert (~first).rows == sorted(set(range(length)) - ours)
    assert first == Mask.of(ours, length) == Mask.full(length) & first
    assert bool(first) is bool(ours)
