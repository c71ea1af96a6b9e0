"""A pattern that meets a text which it takes for ever for is a sentence with file and line, after seconds of CPU."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.transform import watched_patterns
from importer.transform.watched_patterns import SlowPattern, WatchedPattern, compile_pattern, find_each
from tests.harness.running import Program, write_csv

CELL = 32_767
"""The characters that a spreadsheet's cell can have."""
SLOW = {
    "a*a*a*b": "a" * CELL,
    "a*a*b": "a" * CELL,
    r"(.*)\s*(.*)\s*$x": " " * CELL,
    "x.*y.*z": "xy" * (CELL // 2),
    r"\w+\d+\w+!": "1" * CELL,
    r"^(?:.*?,){3}P$": "1," * (CELL // 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("pattern", SLOW)
def test_a_search_that_takes_too_long(pattern: str) -> None:
    """It ends, whichever way the pattern is used."""
    found = compile_pattern(pattern)
    started = time.process_time()
    with pytest.raises(SlowPattern) as raised:
        found.search(SLOW[pattern])
    assert time.process_time() - started < 2 * watched_patterns.LIMIT_SECONDS
    assert pickle.loads(pickle.dumps(raised.value)).message == raised.value.message


@pytest.mark.parametrize("use", ["search", "fullmatch", "finditer"])
def test_each_use_has_an_end(use: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is that of one search, and afterwards searches go on."""
    monkeypatch.setattr(watched_patterns, "LIMIT_SECONDS", 0.05)
    found = compile_pattern("a*a*a*b")
    with pytest.raises(SlowPattern, match="The pattern"):
        getattr(found, use)("a" * 5_000)
    assert found.search("a" * 50) is None
    match = found.search("c" * 200 + "aab")
    assert match is not None
    assert match[0] == "aab"


def test_the_text_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several texts that are searched one after the other, the one that takes too long."""
    monkeypatch.setattr(watched_patterns, "LIMIT_SECONDS", 0.05)
    for pattern in ("a*a*a*b", "^a*a*a*b"):
        texts = ["c" * 7_000, "aab", "a" * 5_000, "b" * 6_000]
        with pytest.raises(SlowPattern, match="a text of 5,000 characters"):
            [*find_each(compile_pattern(pattern), texts)]


def test_the_clock_stops_at_the_end() -> None:
    """A process that ends slowly is not ended by a tick, and one that it has forked has a clock of its own."""
    program = """
import os, time
import importer.transform.watched_patterns as watched
from importer.transform.watched_patterns import SlowPattern, compile_pattern
class Late:
    def __del__(self, clock=time.process_time):
        end = clock() + 0.3
        while clock() < end: pass
watched.TICK_SECONDS = watched.LIMIT_SECONDS = 0.1
compile_pattern("b*c*d").search("x" * 200)
if os.fork():
    code = os.waitstatus_to_exitcode(os.wait()[1])
else:
    try:
        compile_pattern("a*a*a*b").search("a" * 5000)
    except SlowPattern:
        os._exit(7)
    os._exit(8)
os.late = Late()
raise SystemExit(code)
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False)
    assert ended.returncode == 7


def test_what_is_watched() -> None:
    """Patterns with several repetitions; the others are Python's own, and all find the same."""
    assert not isinstance(compile_pattern(r"PROJ-\d+"), WatchedPattern)
    assert not isinstance(compile_pattern(r"\*\+a{2}"), WatchedPattern)
    pattern, text = r"(\w+)-(\d+)", f"see A-1, B-22 {'x' * 200} C-3"
    assert [each.groups() for each in compile_pattern(pattern).finditer(text)] == re.findall(pattern, text)
    assert compile_pattern(pattern).sub(lambda match: match[2], text) == re.sub(pattern, r"\2", text)


@pytest.mark.parametrize(
    "where",
    [
        "title: {column: Title, pattern: 'a*a*a*b'}",
        "skip: [{name: none, when: {column: Title, matches: 'a*a*a*b'}}]",
        "category: {column: Title, values: {'/a*a*a*b/': Bug}, keep_unknown: true}",
        "resource_links: [{column: Title, type: call, find: 'a*a*a*b'}]",
        "relations: [{column: Title, type: blocks, find: 'a*a*a*b'}]",
        "comments: {from: [{column: Title, parse: '(?P<text>a*a*a*b)'}]}",
        "references: [{pattern: 'a*a*a*b', key: '1'}]",
    ],
)
def test_the_line_is_named(program: Program, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the mapping has the pattern, the check ends with its file and line."""
    monkeypatch.setattr(watched_patterns, "LIMIT_SECONDS", 0.05)
    write_csv(Path("export.csv"), [("1", "a" * 5_000 + " b")], ("ID", "Title"))
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
    assert "a*a*a*b" in ended.err
    assert "mine.yaml:1: has the pattern" in ended.err
    assert "characters for over" in ended.err


@given(
    st.sampled_from([r"^(?:|a)+b*", r"^a*b*?", r"\Aa+b+", r"(?m)^a*b*", r"^a*|b*", r"(?s)^(?:.*?b)?.*$"]),
    st.text("ab\n", max_size=6),
)
def test_all_matches_are_found(pattern: str, text: str) -> None:
    """A pattern that begins with the beginning of a text finds what `re` does, empty matches included."""
    (found,) = find_each(compile_pattern(pattern), [text])
    assert [match.span() for match in found] == [match.span() for match in re.finditer(pattern, text)]
