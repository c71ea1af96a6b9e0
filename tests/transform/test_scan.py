"""One scan of many texts finds the rows that a search of each finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from importer.transform.scan import Scan, find_signs

ALNUM, AB, DIGITS = find_signs(str.isalnum), find_signs(lambda sign: sign in "ab"), find_signs(str.isdigit)
TEXTS = st.lists(st.text(alphabet="ab1 \n@é٣\ud800", max_size=12), max_size=6)


@given(TEXTS)
def test_needles(texts: list[str]) -> None:
    """Each row with a needle is found, by whichever byte of it."""
    needles = {b"b1": 1, b"a@": 0, b"1ab": 1, "é".encode(): 0, b"\xed\xa0\x80": 2}
    scan = Scan(texts, needles)
    rows = {needle.decode("utf-8", "surrogatepass"): scan.rows_with([needle]) for needle in needles}
    assert rows == {needle: {row for row, text in enumerate(texts) if needle in text} for needle in rows}


@given(TEXTS)
def test_runs(texts: list[str]) -> None:
    """A run doesn't reach over a line end, and a digit of another script is a part of one."""
    lines = list(Scan(texts, {}, [ALNUM]).lines_with_run(ALNUM, 3, ALNUM))
    expected = [(row, line) for row, text in enumerate(texts) for line in text.split("\n")]
    assert [
        pair for pair in expected if any(run in pair[1] for run in ("ab1", "1b1", "a٣b", "bbb")) and pair not in lines
    ] == []
    assert all(pair in expected for pair in lines)
    assert all(any(len(word) > 1 for word in line.split()) for _, line in lines)


@given(TEXTS)
def test_runs_from_a_sign(texts: list[str]) -> None:
    """A run counts from the first of its signs that it may begin with; a sign that isn't ASCII may be one."""
    lines = list(Scan(texts, {}, [ALNUM, DIGITS]).lines_with_run(ALNUM, 2, DIGITS))
    expected = [(row, line) for row, text in enumerate(texts) for line in text.split("\n")]
    assert [pair for pair in expected if any(run in pair[1] for run in ("1a", "1b", "11")) and pair not in lines] == []
    assert all(pair in expected and ("1" in pair[1] or not pair[1].isascii()) for pair in lines)


@given(TEXTS)
def test_lines(texts: list[str]) -> None:
    """Each line with the needle is yielded once, in order, with its row."""
    lines = [(row, line) for row, text in enumerate(texts) for line in text.split("\n")]
    assert list(Scan(texts, {b"@": 0}).lines_with(b"@")) == [(row, line) for row, line in lines if "@" in line]


@given(TEXTS)
def test_words(texts: list[str]) -> None:
    """A word ends at a blank, or with its line, and is yielded once."""
    words = [(row, word) for row, text in enumerate(texts) for line in text.split("\n") for word in line.split(" ")]
    found = list(Scan(texts, {}, [ALNUM, AB]).words_with_run(AB, 2))
    is_wanted = [any(run in word for run in ("aa", "ab", "ba", "bb")) for _, word in words]
    assert [word for word, wanted in zip(words, is_wanted, strict=True) if wanted and word not in found] == []
    assert [word for word in found if word not in words] == []
