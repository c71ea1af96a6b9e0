"""What stands in the place of a part of the library `textile` does the same as that part."""

from __future__ import annotations

import re
from importlib import import_module

from hypothesis import given
from hypothesis import strategies as st

from importer.transform.formats import textile
from importer.transform.formats.convert import convert

PIECES = st.sampled_from(
    ["a", "B c", "\n", "\n\n", "<br>", "<br/>", "<BR />", "</dd>", "</dt>", "</li>", "#", "*", "|", " "]
)


@given(st.lists(PIECES))
def test_lines_of_an_item_are_broken_as_by_the_library(pieces: list[str]) -> None:
    """Its own way takes the square of a line's length."""
    item = re.fullmatch(r"<(li)([^>]*?)>(.*)(</\1>)", f"<li x>{''.join(pieces)}</li>", re.DOTALL)
    assert item is not None
    assert textile._break_lines(item) == import_module("textile").Textile().doBr(item)


def test_marks_of_the_library_are_no_text() -> None:
    """In some texts it leaves its own, which are random: such a text stays as it is, or it would change each night."""
    text = '{"records":{"A":{"type":["n","m"]},"B":{"type":["n"]}}'
    converted = convert(text, "textile", "markdown")
    assert converted.text == text
    assert converted.dropped
