"""Lines made of columns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from importer.report.filled_lines import fill

CELLS = st.sampled_from(["", "a", "100%", "%s", 7, 0])


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[CELLS] * width), min_size=1, max_size=5)))
def test_fill(rows: list[tuple[object, ...]]) -> None:
    """The lines are those that the form makes of each row by itself."""
    form = "<" + ",".join("%s" for _ in rows[0]) + ">\n"
    assert fill(form, list(zip(*rows, strict=True))) == "".join(form % row for row in rows)
