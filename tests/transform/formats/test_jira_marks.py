"""Texts that aren't found to have Jira's markup stay as they are when they are converted."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from importer.transform.formats.convert import convert, convert_all
from importer.transform.formats.jira import pieces
from importer.transform.formats.jira_marks import find_marked
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
    marked = find_marked(texts)
    assert set(marked) == {row for row, text in enumerate(texts) if find_marked([text])}
    for row in set(range(len(texts))).difference(marked):
        assert convert(texts[row], "jira", "markdown") == (texts[row], ())


@given(TEXTS)
def test_signs_of_marked_texts(texts: list[str]) -> None:
    """A text is read in the same way with the signs that were found in it as with all."""
    found = convert_all(texts, "jira", "markdown")
    read = [found.get(place, (text, ())) for place, text in enumerate(texts)]
    assert read == [convert(text, "jira", "markdown") for text in texts]


@given(TEXTS)
def test_pieces_of_few_signs(texts: list[str]) -> None:
    """The pattern of some signs finds their pieces, as that of all does."""
    for text in texts:
        spans = [piece.span() for piece in pieces().finditer(text)]
        signs = "".join(sorted({text[start] for start, _ in spans}))
        if signs:
            assert [piece.span() for piece in pieces(signs).finditer(text)] == spans


def test_real_texts() -> None:
    """Both of the texts of real exports; most of them have no markup."""
    texts = texts_of_exports()
    marked = find_marked(texts)
    unmarked = [row for row in range(len(texts)) if row not in marked]
    converted = convert_all(texts, "jira", "markdown")
    for row in [*unmarked[::5], *list(marked)[::5]]:
        assert convert(texts[row], "jira", "markdown") == converted.get(row, (texts[row], ()))
    assert converted.keys().isdisjoint(unmarked)
    assert len(unmarked) > len(marked)


def test_a_long_text_is_gone_through_once() -> None:
    """How long a sign takes doesn't depend on how much stands before it, in a text that isn't ASCII either."""
    start = time.process_time()
    assert find_marked(["é" + "[a|" * 200_000]) == {}
    assert time.process_time() - start < SECONDS
