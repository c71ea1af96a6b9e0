"""A mapping is an input too: what in it would never end, or take all memory, is a sentence with file and line."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import jmespath
import pytest

from importer.errors import Problem
from importer.mapping.json_paths import COPIES_LIMIT, count_copies

MAPPING = """\
input: {{name: x, key: Key}}
title: {title}
severity: {{value: low}}
status: {{value: todo}}
category: {category}
"""


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
        ("{column: T, pattern: '(a+'}", "{value: Bug}", 2, "is not a regular expression"),
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
