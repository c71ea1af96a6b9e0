"""Problems of a mapping in words: the key, the line, and the nearest right name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from importer.errors import Problem
from importer.mapping.problems import nearest

Problems = Callable[[str], list[Problem]]

SKIP = "extends: jira\nskip:\n  - name: old\n"


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        (SKIP + "    when: {colum: R, iss: y}\n", {"when.colum": "`column`", "when.iss": "`is`"}),
        (SKIP + "    when: [{colum: R, iss: y}]\n", {"when.0.colum": "`column`", "when.0.iss": "`is`"}),
        (SKIP + "    when: {first: [{colum: R}], is: y}\n", {"when.first.0.colum": "`column`"}),
        ("extends: jira\nfooter: {A: {colum: R}}\n", {"footer.A.colum": "`column`"}),
        ("extends: jira\nfooter: {~A: {colum: R}}\n", {"footer.~A.colum": "`column`"}),
        ("extends: jira\nresource_links: [{column: A, typ: call}]\n", {"resource_links.0.typ": "`type`"}),
        ("extends: jira\nstatus: {rules: [{when: {colum: A}, thn: done}]}\n", {"when.colum": "`column`"}),
        ("extends: jira\nduplicates: {newst: Updated}\n", {"duplicates.newst": "`newest`"}),
    ],
)
def test_a_misspelled_key_gets_the_nearest_name(problems: Problems, text: str, hints: dict[str, str]) -> None:
    """Wherever a group of keys may stand, in a list or for a list of one."""
    found = [problem for problem in problems(text) if problem.message == "unknown key"]
    for key, name in hints.items():
        assert [problem.hint for problem in found if problem.key.endswith(key)] == [f"did you mean {name}?"]


def test_a_key_like_no_other_gets_the_list(problems: Problems) -> None:
    """It is never empty."""
    [found] = problems(SKIP + "    when: {xyz: R, column: A, is: y}\n")
    assert found.hint.startswith("the keys here are column, path")
    assert "is, matches, filled" in found.hint


@pytest.mark.parametrize("word", ["newst", "newest"])
def test_a_word_in_place_of_a_group_gets_its_form(problems: Problems, word: str) -> None:
    """`newest` needs a column."""
    [found] = problems(f"extends: jira\nduplicates: {word}\n")
    assert found.message == f"{word!r} is not one of reject, first, {{newest: COLUMN}}"
    assert found.hint == "did you mean `{newest: COLUMN}`?"


@pytest.mark.parametrize(("word", "hint"), [("opened", ""), ("dnoe", "did you mean `done`?"), ("highest", "")])
def test_a_target_is_guessed_only_from_a_slip(problems: Problems, word: str, hint: str) -> None:
    """A wrong guess would send rows to the wrong place; the allowed names are listed."""
    [found] = problems(f"extends: jira\nstatus: {{missing: {word}}}\n")
    assert "is not one of backlog, todo, in_progress, in_review, done, closed" in found.message
    assert found.hint == hint


def test_names_that_are_alike_enough() -> None:
    """The ratio decides, case doesn't."""
    assert nearest("OPENED", ["done"], ratio=0.6) == "did you mean `done`?"
    assert nearest("OPENED", ["done"], ratio=0.75) == ""


@pytest.mark.parametrize(
    ("text", "line", "key", "message"),
    [
        ("title:\n  value: ''\n", 3, "title.value", "is empty, and an issue needs a title"),
        ("input:\n  records: 'a['\n", 3, "input.records", "is not a path of names"),
        ("severity:\n  neutral:\n    - P1\n    - P9\n", 5, "severity.neutral.1", "'P9' is not in `values`"),
        ("status:\n  neutral:\n    - ''\n", 4, "status.neutral.0", "is the empty cell"),
        ("footer:\n  '': X\n", 3, "footer.", "is not a label"),
        ("footer:\n  A: A\n  'B:': X\n", 4, "footer.B:", "is not a label"),
        ('footer:\n  "A\\nB": X\n', 3, "footer.A\nB", "is not a label"),
    ],
)
def test_what_loads_but_means_nothing_has_a_line(
    problems: Problems, text: str, line: int, key: str, message: str
) -> None:
    """The line is that of the key itself, not of the group that it stands in."""
    [found] = problems(f"extends: jira\n{text}")
    assert (found.line, found.key) == (line, key)
    assert message in found.message


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ('status: {first: [A], template: "{B}", missing: opened}', ["status.missing", "status"]),
        ('status: {first: [A], template: "{B}"}', ["status"]),
        ("skip: [{name: a, when: {column: A, value: b, iss: c}}]", ["skip.0.when.iss", "skip.0.when"]),
        ("footer: {column: A, value: B, X: {typ: A}}", ["footer.X.typ"]),
    ],
)
def test_a_wrong_key_hides_no_second_source(problems: Problems, text: str, keys: list[str]) -> None:
    """Both are named, each once; footer labels that are called like sources are none."""
    assert [problem.key for problem in problems(f"extends: jira\n{text}\n")] == keys


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("format: csv", "it is a key of `input`"),
        ("keep_unknown: true", "it is a key of `category`"),
        ("severity: {labels: Tags}", "it is a key of `category`"),
        ("title: {footer: {A: B}}", "`footer` belongs at the top level of a mapping: write it without indentation"),
        ("title: {column:Summary}", "a key is followed by a colon and an ordinary space: `column: Summary`"),
        ("severity: {empty: low}", "the keys here are column, path, first"),
        ("version: 2", "the keys here are about, input, title"),
    ],
)
def test_a_key_in_the_wrong_place_is_told_its_own(problems: Problems, text: str, hint: str) -> None:
    """A name that is only a little like it would send people astray."""
    [found] = problems(f"extends: jira\n{text}\n")
    assert (found.message, found.line) == ("unknown key", 2)
    assert found.hint.startswith(hint)


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("title: []", "title.first", "is an empty list"),
        ("comments: {from: [{lines: {}}]}", "comments.from.0.lines", "is an empty group"),
        ("decisions: ''", "decisions", "is an empty text"),
        ("evidence_wait_days: [7]", "evidence_wait_days", "must be a whole number, not a list"),
        ("secrets: [mask]", "secrets", "a list is not one of warn, mask, refuse, ignore"),
        ("rest: keep", "rest", "'keep' is not one of footer, comment, drop"),
        (f"secrets: {'x' * 9999}", "secrets", f"'{'x' * 79}…' is not one of warn, mask, refuse, ignore"),
    ],
)
def test_what_is_wrong_is_said_once_and_in_words(problems: Problems, text: str, key: str, message: str) -> None:
    """Under the key that stands in the file, and not as long as the value."""
    [found] = problems(f"extends: jira\n{text}\n")
    assert (found.key, found.message) == (key, message)


def test_a_group_that_is_wanted_is_told_its_keys(problems: Problems) -> None:
    """What to write in place of a text."""
    [found] = problems("extends: jira\npeople: {unmatched: finding}\n")
    assert found.hint == "Owners and assignees that users.csv doesn't match. Its keys are open, closed."


def test_an_empty_value_hides_no_other_problem_of_its_line(problems: Problems) -> None:
    """A group may stand on one line; a key that there is not says more than that it is empty."""
    found = problems("extends: jira\ninput: {name: , kind: full}\ntitle: {Summary}\nextends:\n")
    assert [(problem.line, problem.key, problem.message.split(" ")[0]) for problem in found] == [
        (2, "input.name", "is"),
        (2, "input.kind", "'full'"),
        (3, "title.Summary", "unknown"),
        (4, "extends", "occurs"),
    ]


def test_what_an_extended_mapping_says_can_be_taken_back(problems: Problems) -> None:
    """The key that is in the way stands in no file of the person's own."""
    [found] = problems("extends: jira\ncategory:\n  unknown: Other\n")
    assert (found.line, found.key) == (3, "category.unknown")
    assert found.hint.startswith("add `keep_unknown: false`")
