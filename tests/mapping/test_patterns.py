"""A pattern that meets a text which it takes for ever for is a sentence with file and line, after seconds of CPU."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.mapping import patterns
from importer.mapping.patterns import SlowPattern, TimedPattern, compile_pattern, find_untimed
from tests.harness.running import Program, write_csv

CELL = 32_767
"""The characters that a spreadsheet's cell can have."""
SLOW = {
    "x.*y.*z": "xy" * (CELL // 2),
    r"^(?:.*?,){3}P$": "1," * (CELL // 2),
}
ENDLESS_IN_RE = ("(a+)+$", "(a|a)*b", r"(\w+\s?)*$", "(x+x+|a+a+)+y", "(a?){30}a{30}b", "(a|ab|b)*c", r"(?:\d+|\w)+!")


@pytest.mark.slow
@pytest.mark.parametrize("pattern", SLOW)
def test_a_search_that_takes_too_long(pattern: str) -> None:
    """It ends with an error."""
    found = compile_pattern(pattern)
    started = time.process_time()
    with pytest.raises(SlowPattern):
        found.search(SLOW[pattern])
    assert time.process_time() - started < 2 * patterns.LIMIT_SECONDS


@pytest.mark.parametrize("pattern", ENDLESS_IN_RE)
def test_most_patterns_that_re_never_ends_take_no_time(pattern: str) -> None:
    """There is no need to refuse them."""
    assert compile_pattern(pattern).fullmatch("a" * 60 + "?") is None


@pytest.mark.parametrize("use", ["search", "fullmatch", "finditer"])
def test_each_use_has_an_end(use: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is that of one search, and afterwards searches go on."""
    monkeypatch.setattr(patterns, "LIMIT_SECONDS", 0.05)
    found = compile_pattern("x.*y.*z")
    with pytest.raises(SlowPattern, match="The pattern"):
        getattr(found, use)("xy" * 20_000)
    match = found.search("c" * 200 + "xyz")
    assert match is not None
    assert match[0] == "xyz"


def test_what_has_a_limit() -> None:
    """Patterns with several repetitions; the others are Python's own, and all find the same."""
    assert not isinstance(compile_pattern(r"PROJ-\d+"), TimedPattern)
    assert not isinstance(compile_pattern(r"\*\+a{2}"), TimedPattern)
    pattern, text = r"(\w+)-(\d+)", f"see A-1, B-22 {'x' * 200} C-3"
    assert [each.groups() for each in compile_pattern(pattern).finditer(text)] == re.findall(pattern, text)
    assert compile_pattern(pattern).sub(lambda match: match[2], text) == re.sub(pattern, r"\2", text)


@pytest.mark.parametrize(
    "where",
    [
        "title: {column: Title, pattern: 'x.*y.*z'}",
        "skip: [{name: none, when: {column: Title, matches: 'x.*y.*z'}}]",
        "category: {column: Title, values: {'/x.*y.*z/': Bug}, keep_unknown: true}",
        "resource_links: [{column: Title, type: call, find: 'x.*y.*z'}]",
        "relations: [{column: Title, type: blocks, find: 'x.*y.*z'}]",
        "comments: {from: [{column: Title, parse: '(?P<text>x.*y.*z)'}]}",
        "references: [{pattern: 'x.*y.*z', key: '1'}]",
    ],
)
def test_the_line_is_named(program: Program, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the mapping has the pattern, the check ends with its file and line."""
    monkeypatch.setattr(patterns, "LIMIT_SECONDS", 0.05)
    write_csv(Path("export.csv"), [("1", "xy" * 5_000)], ("ID", "Title"))
    lines = [
        "input: {name: mine, key: ID}",
        "title: {column: Title, too_long: shorten}",
        "severity: {value: low}",
        "status: {value: todo}",
        "category: {value: Bug}",
        "description: Title",
    ]
    name = where.partition(":")[0]
    text = [where, *(line for line in lines if not line.startswith(f"{name}:"))]
    Path("mine.yaml").write_text("\n".join(text), encoding="utf-8")
    ended = program("validate", "export.csv", "-m", "mine.yaml")
    assert ended.code == 2
    assert "x.*y.*z" in ended.err
    assert "mine.yaml:1: has the pattern" in ended.err
    assert "characters for over" in ended.err


@pytest.mark.parametrize(
    ("pattern", "length"),
    [
        ("x.*y", 2_048),  # each place where it may begin, times each where it may end: the square
        ("x.*y.*z", 128),
        (r"^x.*y.*z", 2_048),
        (r"(?m)^x.*y.*z", 128),
        (r"^(?P<date>\d[^;\n]{4,40}?);(?P<author>[^;\n]{0,255});(?P<text>.*)$", 1_024),
        ("x?y?z?", 8_192),
        (r"^(?:.*?,){3}P$", 128),
        ("(?:a|b)(?:c|d)", 8_192),
        (r"(?=.*a)(?=.*b)", 128),
        *((pattern, 0) for pattern in ENDLESS_IN_RE),
    ],
)
def test_which_texts_are_not_timed(pattern: str, length: int) -> None:
    """A search takes at most ten million steps in them."""
    assert find_untimed(pattern) == length


def test_both_searches_find_the_same() -> None:
    """In a short text and in a long one, with a pattern that only one of them knows, too."""
    for pattern in (r"(\w+)-(\d+)", r"(\p{Lu}+)-(\d+)"):
        found = compile_pattern(pattern)
        for text in ("see AB-1", "see AB-1" + "." * 600, "see AB-1" + "." * 10_000):
            match = found.search(text)
            assert match is not None
            assert match.span() == (4, 8)
            assert found.sub(lambda each: each[2], text)[:5] == "see 1"
            assert [each[1] for each in found.finditer(text)] == ["AB"]
            assert found.fullmatch(text) is None


@given(
    st.sampled_from([r"^(?:|a)+b*", r"^a*b*?", r"\Aa+b+", r"(?m)^a*b*", r"^a*|b*", r"(?s)^(?:.*?b)?.*$"]),
    st.text("ab\n", max_size=6),
)
def test_all_matches_are_found(pattern: str, text: str) -> None:
    """Those that `re` finds, empty matches included."""
    found = compile_pattern(pattern).finditer(text)
    assert [match.span() for match in found] == [match.span() for match in re.finditer(pattern, text)]
