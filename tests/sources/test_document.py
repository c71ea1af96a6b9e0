"""A JSON document in pieces."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import SourceError, SourceNotReady
from importer.sources.document import Document
from importer.sources.json_values import write

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
STRINGS = st.text(max_size=6).map(write) | st.sampled_from([r'"\u00e9\ud83d\ude00"', r'"\\\""'])
SPACES = st.text(" \n\t\r", max_size=3)


def listed(items: list[str]) -> str:
    """Write a compact array."""
    return f"[{','.join(items)}]"


def keyed(items: dict[str, str]) -> str:
    """Write a compact object."""
    return "{" + ",".join(f"{write(key)}:{item}" for key, item in items.items()) + "}"


JSON_TEXTS = st.recursive(
    NUMBERS | STRINGS | st.sampled_from(["true", "false", "null"]),
    lambda inner: (
        st.lists(inner, max_size=4).map(listed) | st.dictionaries(st.text(max_size=3), inner, max_size=4).map(keyed)
    ),
    max_leaves=12,
)


@given(st.lists(JSON_TEXTS, max_size=6), SPACES, SPACES, st.integers(1, 40))
def test_any_array_in_pieces_of_any_size(texts: list[str], before: str, after: str, piece: int) -> None:
    """Each element arrives with its own text and line, numbers as written, however little is read at a time."""
    document = Document(io.StringIO(f"[{before}{f'{after},{before}'.join(texts)}{after}]", newline=""), "f", piece)
    line = 1 + before.count("\n")
    for text, _ in zip(texts, document.elements(), strict=True):
        assert document.line == line
        value, raw = document.value()
        assert raw == text
        if '"\\u' not in text and "\\ud83d" not in text:
            assert write(value) == text
        line += before.count("\n") + after.count("\n")
    assert document.peek() == ""


@given(st.dictionaries(st.text(max_size=3), JSON_TEXTS, max_size=5), st.integers(1, 40))
def test_values_can_be_skipped(members: dict[str, str], piece: int) -> None:
    """Passing over a value ends exactly behind it."""
    document = Document(io.StringIO(keyed(members)), "f", piece)
    keys = []
    for key in document.members():
        keys.append(key)
        document.skip()
    assert keys == list(members)
    document.end()


class Counting(Document):
    """A document that counts the values that are read of it, keys among them."""

    count = 0

    def value(self) -> tuple[Any, str]:
        self.count += 1
        return super().value()


@pytest.mark.parametrize("piece", [1, 2, 100])
def test_the_beginning_of_what_comes_next(piece: int) -> None:
    """It is seen without being read, wherever a piece ends."""
    document = Document(io.StringIO(' [ \n {"a": 1}]'), "a.json", piece)
    assert document.peek_within() == "{"
    assert document.value()[0] == [{"a": 1}]
    assert Document(io.StringIO("["), "a.json", piece).peek_within() == ""


def test_small_values_are_skipped_whole() -> None:
    """An object that isn't big is passed over at once, wherever a piece ends."""
    record = keyed({str(number): '{"a":[1,2]}' for number in range(50)})
    document = Counting(io.StringIO(listed([record] * 1000)), "f")
    for _ in document.elements():
        document.skip()
    assert document.peek() == ""
    assert document.count == 0


EVENTS = listed([keyed({"id": "7", "note": write("x" * 80)})] * 20_000)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(keyed({"events": EVENTS}), id="in an object"),
        pytest.param(listed([keyed({"events": EVENTS})]), id="in an object of an array"),
        pytest.param(listed([listed([EVENTS])]), id="in an array of arrays"),
        pytest.param(listed([keyed({"a": keyed({"b": listed([EVENTS])})})]), id="further down"),
    ],
)
@pytest.mark.parametrize("read", [Document.skip, lambda document: document.abridged(10)], ids=["skip", "abridged"])
def test_a_big_value_is_not_held(text: str, read: Callable[[Document], Any]) -> None:
    """Two megabytes that nobody needs take no more memory than a few pieces, wherever they are."""
    document = Document(io.StringIO(text), "f", 1000)
    tracemalloc.start()
    try:
        read(document)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    document.end()
    assert peak < 100_000


@given(JSON_TEXTS, st.integers(1, 40))
def test_an_abridged_value_without_long_arrays_is_the_value(text: str, piece: int) -> None:
    """Read part by part or at once, nothing is lost of what has no long array."""
    document = Document(io.StringIO(text), "f", piece)
    value = document.abridged(4)
    assert write(value) == write(Document(io.StringIO(text), "f").value()[0])
    document.end()


def test_an_abridged_value_has_the_first_of_each_array() -> None:
    """Of a big value the arrays are cut, in arrays and in objects; a small one is whole."""
    long = listed([*map(str, range(1000))])
    document = Document(
        io.StringIO(listed([keyed({"a": long, "b": listed([long, long, "7"]), "c": '"x"'})] * 3)), "f", 4
    )
    assert document.abridged(2) == [{"a": [0, 1], "b": [[0, 1], [0, 1]], "c": "x"}] * 2
    document.end()
    assert Document(io.StringIO("[1, 2, 3]"), "f").abridged(2) == [1, 2, 3]


def test_an_abridged_value_that_is_nested_too_deeply() -> None:
    """Its error names the place, as that of any other."""
    with pytest.raises(SourceError, match="nested too deeply"):
        Document(io.StringIO("[" * 100_000), "f").abridged(2)


def read(text: str, piece: int = 4) -> None:
    """Read an array to its end."""
    document = Document(io.StringIO(text, newline=""), "f.json", piece)
    for _ in document.elements():
        document.value()
    document.end()


@pytest.mark.parametrize("text", ["[", '[\n{"a": 1},\n', '[{"a": 1}', '[{"a": "x', '[{"a"', "[1", "[1,"])
def test_a_document_that_is_cut_off(text: str) -> None:
    """A document without its end is not ready and says in which line it ends."""
    line = text.count("\n") + 1
    with pytest.raises(SourceNotReady, match=rf"f\.json ends inside its JSON document \(line {line}\)"):
        read(text)


@given(st.lists(JSON_TEXTS, min_size=1, max_size=4).map(listed), st.integers(1, 40), st.data())
def test_a_document_that_is_cut_anywhere(text: str, piece: int, data: st.DataObject) -> None:
    """Wherever a document is cut, in a word, a number or an escape too, it is not ready instead of damaged."""
    with pytest.raises(SourceNotReady):
        read(text[: data.draw(st.integers(1, len(text) - 1))], piece)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[1,\n x]", "f.json:2: column 2 is"),
        ("[1 tru]", "f.json:1: column 4 is not valid JSON: expected ,"),
        ("[1 e" + " " * 20 + "]", "f.json:1: column 4 is not valid JSON: expected ,"),
        ("[{'a': 1}]", "f.json:1: column 3 is not valid JSON: it is as Python prints it: write it with json.dumps"),
        ("[1 2]", "f.json:1: column 4 is not valid JSON: expected ,"),
        ('[{"a": 1,, "b": 2}]', "f.json:1: column 10 is"),
        ('[{"a": "b\nc"}]', "f.json:1: column 10 is"),
        ("[1, 2, 3, 4, 5, 6 7, 8, 9]", "f.json:1: column 19 is"),
        ('[{"a": 1\0}]', "f.json:1: column 9 is"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_document_that_is_damaged(text: str, place: str) -> None:
    """Damage is named with line and column."""
    with pytest.raises(SourceError, match=place):
        read(text)


def test_damage_does_not_read_the_rest() -> None:
    """What follows the damage is not taken into memory."""
    text = io.StringIO('[{"a" 1}, ' + "1, " * 100_000)
    document = Document(text, "f", 100)
    next(document.elements())
    with pytest.raises(SourceError, match="column 7"):
        document.value()
    assert text.tell() < 1000


def test_something_behind_the_end() -> None:
    """What follows a document is refused with a way out, where nobody reads on."""
    with pytest.raises(SourceError, match="has more text after the end") as raised:
        read("[1]\n[2]")
    assert "--format jsonl" in raised.value.hint
