"""Import markers: found again in whatever a description has become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.transform.markers import MARKER_NOTE, find_marker, find_marker_line, record_marker, source_marker

LINE = f"{source_marker('demo')} {record_marker('demo:P-1')} {MARKER_NOTE}"
BOTH = (source_marker("demo"), record_marker("demo:P-1"))
OTHER = f"{source_marker('other')} {record_marker('other:P-2')} {MARKER_NOTE}"


@given(st.text(), st.text())
def test_a_marker_for_everything(name: str, key: str) -> None:
    """Any name and key has one word, also where a cell holds half a character."""
    assert source_marker(name).isalnum()
    assert len(source_marker(name)) == 15
    assert len(record_marker(f"{key}\ud800")) == 23


@pytest.mark.parametrize(
    ("description", "found"),
    [
        (LINE, BOTH),
        (f"text\n\n---\nImported from demo:P-1\n{LINE}", BOTH),
        (f"{LINE}\nadded by a person", BOTH),
        (f"{OTHER}\n{LINE}", BOTH),
        (LINE.replace(MARKER_NOTE, ""), BOTH),
        (f"see {LINE}", ("", "")),
        (LINE.replace(" ", "\n", 1), ("", "")),
        (LINE[:30], ("", "")),
        ("", ("", "")),
    ],
)
def test_find_marker_line(description: str, found: tuple[str, str]) -> None:
    """It is the last line that begins with both words; what a text quotes above, or within a line, is none."""
    assert find_marker_line(description) == found
    assert find_marker(description) == found[1]
