"""Delimiters: found by structure, or said."""

from __future__ import annotations

import pytest

from importer.errors import UsageError
from importer.sources.detect import check_delimiter, find_delimiter


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("title;text\none, two;x\nthree;y\n", ";"),
        ("a\tb,c\n1\t2\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ('a;b\n"x\ny;z";2\n', ";"),
        ("a,b;c\n1,2\n3\n4,5\n", ","),
        ("sep=^\na,b^c\n1,2^3\n", "^"),
        ('"sep=;"\r\na,b,c;d\r\n1,2,3;4\r\n', ";"),
        ("sep=,b\n1,2\n", ","),
    ],
)
def test_the_delimiter_is_found_by_structure(text: str, delimiter: str) -> None:
    """The delimiter is the one that gives rows of the header's width."""
    assert find_delimiter(text) == delimiter


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("Id,Title,State,Comment,Task\n1,T,open\n2,U,open,x\n3,V,open\n", ","),
        ("Id;Title;State;Comment;Task\n1;T;open\n2;U;open;x,y\n3;V;open\n", ";"),
        ("Say what, when, and where\nAll good\nBad, too\nNo\n", ";"),
    ],
)
def test_rows_that_end_early(text: str, delimiter: str) -> None:
    """They are ragged, which is said of each; a header that is read as one cell says nothing. Prose is no table."""
    assert find_delimiter(text) == delimiter


def test_a_sample_that_is_cut() -> None:
    """A last row that is cut doesn't count."""
    assert find_delimiter('a;b\n1;2\n3;"fo') == ";"
    assert find_delimiter("a;b;c\n1,5;2") == ";"


@pytest.mark.parametrize(("option", "delimiter"), [("tab", "\t"), (";", ";"), ("^", "^")])
def test_the_delimiter_can_be_said(option: str, delimiter: str) -> None:
    """Any character is a delimiter, and tab has a name."""
    assert check_delimiter(option) == delimiter


@pytest.mark.parametrize("option", ["", ";;", '"', "\n"])
def test_what_is_no_delimiter(option: str) -> None:
    """Anything else says what to type."""
    with pytest.raises(UsageError, match="is not a delimiter"):
        check_delimiter(option)
