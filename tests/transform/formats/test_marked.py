"""Texts that aren't found to have Jira's markup stay as they are when they are converted."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from importer.transform.formats.convert import convert
from importer.transform.formats.jira import MARKED
from tests.harness.markup_texts import texts_of_exports

PIECES = st.sampled_from(
    [
        *("*", "_", "-", "+", "a", "b ", " ", "\n", "\r", "\r\n", "\n\n", "* ", "# ", "- ", "h1. ", "bq. ", "|", "||"),
        *("----", "{code}", "{quote}", "{color:red}", "[", "]", "[a|http://x.y]", "!x.png!", "!", "\\", "{{", "}}"),
        *("é", "„", "\u2028", "\x85", "\x0b", "\t", "http://a_b_c.d/e-f", "word", "*bold*", "1.", "\xa0", "\ud800"),
    ]
)
SECONDS = 3
TEXTS = st.lists(st.lists(PIECES, max_size=12).map("".join), max_size=4)


@given(TEXTS)
def test_unmarked_texts_stay(texts: list[str]) -> None:
    """What isn't found needs no conversion, and what stands beside a text doesn't matter."""
    marked = MARKED.find(texts)
    assert marked == [row for row, text in enumerate(texts) if MARKED.find([text])]
    for row in set(range(len(texts))).difference(marked):
        assert convert(texts[row], "jira", "markdown") == (texts[row], ())


def test_real_texts() -> None:
    """Both of the texts of real exports; most of them have no markup."""
    texts = texts_of_exports()
    marked = MARKED.find(texts)
    unmarked = [row for row in range(len(texts)) if row not in marked]
    for row in unmarked[::5]:
        assert convert(texts[row], "jira", "markdown") == (texts[row], ())
    assert len(unmarked) > len(marked)


def test_a_long_text_is_gone_through_once() -> None:
    """How long a sign takes doesn't depend on how much stands before it, in a text that isn't ASCII either."""
    start = time.process_time()
    assert MARKED.find(["é" + "[a|" * 200_000]) == []
    assert time.process_time() - start < SECONDS
