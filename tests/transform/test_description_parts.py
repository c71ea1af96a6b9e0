"""A description's parts are told apart by their labels, and can stay one by one."""

from __future__ import annotations

import pytest

from importer.transform.description_parts import (
    ORIGIN,
    TEXT,
    decode_parts,
    digest_parts,
    encode_parts,
    find_parts,
    keep_parts,
)

KEY = "Imported from demo:P-1"
END = "tis0123456789ab tir0123456789abcdef0123 (leave this line: it identifies the import)"


def describe(text: str, *lines: str) -> str:
    return "\n".join([*([text, ""] if text else []), "---", KEY, *lines, END])


def test_parts() -> None:
    """What is empty isn't there, and lines of one label are one part."""
    assert find_parts(describe("Text\n\nmore", "Team: Blue", "Link: https://a: b")) == {
        TEXT: "Text\n\nmore",
        ORIGIN: KEY,
        "Team": "Team: Blue",
        "Link": "Link: https://a: b",
    }
    assert find_parts(describe("", "A: 1", "A: 2")) == {ORIGIN: KEY, "A": "A: 1\nA: 2"}
    assert find_parts("No footer: none") == {TEXT: "No footer: none"}


def test_digests() -> None:
    """White space around and the order of lines don't count; a word does."""
    one = describe("Text", "A: 1", "B: 2")
    assert decode_parts(encode_parts(one)) == digest_parts(one) == digest_parts(describe("Text \n", "B: 2", "A: 1"))
    changed = digest_parts(describe("Text", "A: 1", "B: 3")).items() - digest_parts(one).items()
    assert len(changed) == 1
    assert decode_parts(encode_parts("")) == {}


@pytest.mark.parametrize(
    ("labels", "new", "kept"),
    [
        (["B"], describe("New", "A: 2", "C: 3"), describe("New", "A: 2", "B: 2", "C: 3")),
        (["A"], describe("New"), describe("New", "A: 1")),
        ([TEXT], describe("", "A: 2"), describe("Text", "A: 2")),
        (["B"], describe("New", "A: 1", "B: a default"), describe("New", "A: 1", "B: 2")),
        (["D"], describe("New", "D: 4"), describe("New", "D: 4")),
    ],
    ids=["a line between others", "the only line", "the text", "instead of another", "one that isn't there"],
)
def test_parts_that_stay(labels: list[str], new: str, kept: str) -> None:
    """A line stands where it stood."""
    assert keep_parts(labels, new, describe("Text", "A: 1", "B: 2", "C: 3")) == kept


def test_what_has_no_footer() -> None:
    """Nobody knows where its parts are."""
    assert keep_parts(["A"], describe("New"), "Somebody wrote this") is None
