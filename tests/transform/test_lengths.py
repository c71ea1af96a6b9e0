"""Lengths, and texts split so that nothing is lost."""

from __future__ import annotations

import json
import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.api import count_units
from importer.transform.lengths import SMALLEST_PIECE, cut, is_longer, split_text
from tests.end_to_end.exports import EXPORTS
from tests.harness.text_pieces import CLOSED, OPENED, put_together, utf16_units

ANY_TEXT = st.text(st.characters(codec=None), max_size=400)
LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["", "```", "```py", "``` sql  ", "````", "  ```", "~~~", "    code", "One. Two! Three?", "\t"]
        ),
        st.sampled_from(["word", "👩‍👩‍👧 e\u0301", "漢字。", "x = 1;", "-"]).map(lambda text: text * 7),
        st.sampled_from([" word", "🎧", "e\u0301", "a"]).map(lambda text: text * 90),
        st.text(max_size=12),
    ),
    max_size=40,
)
MARKDOWN = st.builds(str.join, st.sampled_from(["\n", "\r\n", "\n\n", " \n"]), LINES)


@given(st.text(), st.integers(0, 60))
@example("🎧" * 30, 59)
def test_cut(text: str, units: int) -> None:
    """What is cut is a beginning within the limit, and not one character more would fit."""
    beginning = cut(text, units)
    assert text.startswith(beginning)
    assert utf16_units(beginning) <= units
    assert beginning == text or utf16_units(text[: len(beginning) + 1]) > units


@given(st.text(), st.integers(0, 300))
def test_is_longer(text: str, limit: int) -> None:
    """The quick look says the same as counting."""
    assert is_longer(text, limit) is (utf16_units(text) > limit)


@given(st.one_of(ANY_TEXT, MARKDOWN), st.integers(0, 300), st.integers(SMALLEST_PIECE, 300))
@example("\n```py\n" + "x = 1\n" * 90 + "```\nend", 120, 100)
@example("```" + "x" * 300 + "\ny\n" * 60 + "```", 100, 100)
@example("🎧" * 300, 1, 101)
@example(" \n" * 300, 100, 100)
@example("ab\n" + "`" * 10 + "\n" + "x" * 200, 8, 100)
@example("```" + "x" * 36 + "\n" + "y\n" * 300 + "```", 100, 100)
@example("```" + "x" * 90 + "\n" + "y\n" * 300 + "```", 300, 100)
def test_nothing_is_lost(text: str, first: int, rest: int) -> None:
    """Pieces are within their limits, none but the first is empty, and put together they are the text, exactly."""
    pieces = split_text(text, first, rest)
    assert put_together(pieces) == text
    assert all(
        utf16_units(piece) <= limit for piece, limit in zip(pieces, [first] + [rest] * len(pieces), strict=False)
    )
    assert all(pieces[1:])


@given(MARKDOWN)
def test_blocks_are_closed(text: str) -> None:
    """A piece that opens a block and ends with a line of it closes it: a reader sees each piece alone."""
    for before, after in pairwise(split_text(text, 150, 150)):
        if CLOSED.search(before) and OPENED.match(after):
            fences = re.findall(r"^ {0,3}`{3,8}[^`\n]*$", before, re.MULTILINE)
            assert len(fences) > 1


def test_a_text_that_fits() -> None:
    """A text that fits is one piece, a fence that is never closed included."""
    assert split_text("```\n" + "x" * 96, 100, 100) == ["```\n" + "x" * 96]
    assert split_text("", 0, 100) == [""]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a" * 60 + "\nb. c" + "\n\n" + "d e" * 20, ["a" * 60 + "\nb. c", "\n\n" + "d e" * 20]),
        ("a" * 60 + "\nb. c d" + "e" * 90, ["a" * 60, "\nb. c d" + "e" * 90]),
        ("a" * 60 + ". b c" + "d" * 90, ["a" * 60 + ".", " b c" + "d" * 90]),
        ("漢" * 60 + "。" + "字" * 90, ["漢" * 60 + "。", "字" * 90]),
        ("漢" * 49 + "。" + "字" * 90, ["漢" * 49 + "。", "字" * 90]),
        ("a" * 60 + " b" + "c" * 90, ["a" * 60, " b" + "c" * 90]),
        ("a" * 20 + "\n\n" + "b" * 150, ["a" * 20 + "\n\n" + "b" * 78, "b" * 72]),
    ],
    ids=["paragraph", "line", "sentence", "chinese", "middle", "word", "anywhere"],
)
def test_the_best_seam(text: str, pieces: list[str]) -> None:
    """A text is split before a blank line, else before a line end, after a sentence, a word; not in the first half."""
    assert split_text(text, 100, 100) == pieces


def test_line_ends_are_not_divided() -> None:
    """A Windows line end is one seam."""
    assert split_text("a" * 70 + "\r\n" + "b" * 70, 100, 100) == ["a" * 70, "\r\n" + "b" * 70]


def test_a_block_is_closed_and_opened_again() -> None:
    """A block that a seam divides stays a block on both sides."""
    lines = [f"line_{number:02}" for number in range(20)]
    first, second = split_text("```py\n" + "\n".join(lines) + "\n```\nend", 120, 120)
    assert first.startswith("```py\nline_00\n")
    assert first.endswith("\n```")
    assert second.startswith("```py\nline_")
    assert second.endswith("\n```\nend")


def test_a_line_in_a_block_that_is_like_a_fence() -> None:
    """Backticks with a word after them don't close a block, nor do fewer than opened it."""
    for inner in ("````py", "```"):
        pieces = split_text(f"````\n{inner}\n" + "x\n" * 80 + "````\nend", 100, 100)
        assert pieces[1].startswith("````\nx\n")


def test_a_block_of_one_long_line() -> None:
    """A block that a cut within a line divides stays a block in each piece, and what comes after it is none."""
    text = "```py\n" + "x" * 150 + "\ny\n```\nAn end.\n" + "z" * 80
    first, second, third = split_text(text, 100, 100)
    assert first == "```py\n" + "x" * 85 + "\n````"
    assert second == "```py\n" + "x" * 65 + "\ny\n```\nAn end."
    assert third == "\n" + "z" * 80
    assert put_together([first, second, third]) == text


def test_an_opening_line_stays_whole() -> None:
    """A cut that would fall into the line that opens a block falls before it."""
    text = "Look:\n```python title\nx = 1\n```"
    assert split_text(text, 24, 100) == ["Look:\n", "```python title\nx = 1\n```"]


@given(st.integers(80, 110))
def test_characters_stay_whole(length: int) -> None:
    """A mark stays with its base, a joined emoji is one."""
    for piece in split_text("a" * length + "👩‍👩‍👧" + "b" * 30 + "e\u0301\u0323" * 50, 100, 100)[1:]:
        assert not unicodedata.combining(piece[0])
        assert piece[0] not in "\u200d👧"


def test_too_small() -> None:
    """Pieces that have no room for a fence and text are refused."""
    with pytest.raises(ValueError, match="at least 100"):
        split_text("text", 100, 99)


def test_the_longest_texts_of_real_exports() -> None:
    """The longest descriptions of a stranger's export, one of 103,431 characters, arrive whole in few pieces."""
    source = EXPORTS / "gitlab" / "meltano__sdk__gitlab_issues_api.ASSEMBLED.json"
    if not source.exists():
        pytest.skip("needs the folder shared/exports beside the project")
    texts = [issue["description"] or "" for issue in json.loads(source.read_text(encoding="utf-8"))]
    assert max(map(len, texts)) == 103_431
    for text in texts:
        pieces = split_text(text, 9_800, 3_960)
        assert put_together(pieces) == text
        assert len(pieces) <= 1 + count_units(text) // 3_000
