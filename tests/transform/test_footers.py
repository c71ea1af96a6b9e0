"""The footer: written below every description, and found again in whatever has become of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.transform.footers import find_footer, one_line
from importer.transform.markers import MARKER_NOTE, record_marker, source_marker
from tests.harness.making import mapping_of, records_of

FOOTER = f"---\nImported from demo:P-1\nParent: P-7\n{source_marker('demo')} {record_marker('demo:P-1')} {MARKER_NOTE}"


@given(text=st.text(alphabet="a-\n :") | st.sampled_from(["---\nImported from ", "---\nImported from demo:P-9\n"]))
def test_what_stands_before_it(text: str) -> None:
    """It is found behind any text, also one that begins like it."""
    assert f"{text}\n\n{FOOTER}"[: find_footer(f"{text}\n\n{FOOTER}")] == f"{text}\n\n"


@pytest.mark.parametrize(
    "text", ["", "a", "---\nImported from demo:P-1\n", f"> {FOOTER}", FOOTER.replace("tir", "tix")]
)
def test_text_without_one(text: str) -> None:
    """A text that only looks a little like it has none: all of it is text."""
    assert find_footer(text) == len(text)


@pytest.mark.parametrize("key", ["P-1", ""])
def test_written_and_found(key: str) -> None:
    """What is written is found, also that of a row without a key, which is never sent."""
    records = records_of(mapping_of(footer={"Text": "Text"}), [(key, "Title", "said", "P1", "Open")])
    (description,) = records.descriptions
    assert description[: find_footer(description)] == "said\n\n"


@pytest.mark.parametrize(("text", "line"), [(" a\r\n\tb ", "a b"), ("", ""), ("a  b", "a b")])
def test_one_line(text: str, line: str) -> None:
    """Runs of white space are one space."""
    assert one_line(text) == line
