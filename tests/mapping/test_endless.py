"""A mapping is an input too: what in it would never end, or take all memory, is a sentence with file and line."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import jmespath
import pytest

from importer.errors import Problem
from importer.mapping.endless import COPIES_LIMIT, count_copies, is_endless

MAPPING = """\
input: {{name: x, key: Key}}
title: {title}
severity: {{value: low}}
status: {{value: todo}}
category: {category}
"""


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a+)+$", "(a*)*b", r"(\w+\s?)*$", "(?:a+|b)+c", "((a+)b?)+c", "(x+x+)+y", "(?:a{1,50})+", "(.*)*"),
        *(
            "(a?){30}a{30}b",
            "(a{1,9}){1,9}b",
            "(?:a*){5}b",
            "a*a*a*a*b",
            r"(a)\1*\1*\1*a*a*a*a*b",
            "(.*)(.*).*.*=x",
            r"\w+x?\w*[a-z]+.+!",
        ),
        *("x|(?:(a+)+)", "(a|a)*", r"([\w.]+\.)+", "(a|ab|b)*c", r"(?:\d+|\w)+!", "(a?b?)+c"),
    ],
)
def test_a_repeated_repetition_is_endless(pattern: str) -> None:
    """It can divide the same text in ever so many ways."""
    assert is_endless(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a|b)+",
        "(?:[^;]*;){2}",
        r"(?:\w+,)+",
        r"^(?:.+\n)*",
        "(?:a+)?b",
        "(?>a+)+",
        "(?:a+)++",
        r"\(+a\)+",
        "(?:a|bc)+x",
        r"^(.*)\s*-\s*(.*)\s*$",
        r"(.*)\s*(.*)\s*$",
        r"(?:\d{1,3}\.){3}\d{1,3}",
        "(a?){5}",
        r"\s*\w+\s*=\s*\w+\s*",
    ],
)
def test_what_ends(pattern: str) -> None:
    """Something stands between, or it is tried once."""
    assert not is_endless(pattern)


@pytest.mark.parametrize(
    ("path", "copies"),
    [("a.b", 1), ("[a, b]", 2), ("[@,@]|[@,@]", 4), ("not_null(a, b)", 2), ("a[1:2].b", 1), ("{a: b, c: d}.[a, c]", 4)],
)
def test_copies(path: str, copies: int) -> None:
    """Of one value, at the most."""
    assert count_copies(jmespath.compile(path).parsed) == copies


@pytest.mark.parametrize(
    ("title", "category", "line", "said"),
    [
        ("{column: T, pattern: '(a+)+$'}", "{value: Bug}", 2, "could search forever"),
        ("T", f"{{path: '{'|'.join(['[@,@]'] * 30)}'}}", 5, f"more than {COPIES_LIMIT:,}"),
        ("T", f"{{path: '{'(' * 5_000}a{')' * 5_000}'}}", 5, "nested too deeply"),
    ],
    ids=["pattern", "copies", "depth"],
)
def test_a_mapping_is_refused(
    problems: Callable[[str], list[Problem]], title: str, category: str, line: int, said: str
) -> None:
    """Each is one sentence that quotes the beginning of what is meant, with its line."""
    (problem,) = problems(MAPPING.format(title=title, category=category))
    assert (problem.line, said in problem.message) == (line, True)
    assert len(problem.message) < 250


def test_aliases_that_explode(problems: Callable[[str], list[Problem]]) -> None:
    """A few lines that stand for billions of values are refused at once, with the line where it is too much."""
    names = "abcdefghi"
    levels = [f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in pairwise(names)]
    started = time.process_time()
    found = problems("\n".join(["a: &a [x, x, x, x, x, x, x, x, x]", *levels]))
    assert ["has over 200,000 values" in problem.message for problem in found] == [True]
    assert found[0].line > 0
    assert time.process_time() - started < 10
