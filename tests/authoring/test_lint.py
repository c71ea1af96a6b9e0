"""Lines of mappings that do something else than they seem to."""

from __future__ import annotations

import pytest

from importer.authoring.lint import lint
from importer.mapping.presets import preset_names
from importer.mapping.reader import load_mapping
from tests.harness.mapping_files import WriteMapping

BASE = """\
input: {name: demo, key: Key}
title: Title
severity: {value: low}
category: {value: General}
"""
STATUS = "status: {value: todo}\n"


@pytest.mark.parametrize("name", preset_names())
def test_presets_have_no_such_line(name: str) -> None:
    """What we ship is what counts."""
    assert lint(load_mapping(name)) == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("skip: [{name: a, when: {column: A, matches: '/^QA/'}}]", "skip.0.when.matches"),
        ("description: {column: A, pattern: '/QA$/'}", "description.pattern"),
        ("relations: [{column: A, type: blocks, find: '/^[A-Z]+-\\d+$/'}]", "relations.0.find"),
    ],
)
def test_slashes_around_a_pattern_never_fit(write: WriteMapping, text: str, key: str) -> None:
    """A beginning behind a character, or an end before one; slashes that texts can have are left alone."""
    [found] = lint(load_mapping(write(f"{BASE}{STATUS}{text}\n")))
    assert (found.key, found.line) == (key, 6)
    assert found.message == "never finds anything: its slashes are a part of it"
    for fine in ("/QA/", "^/QA", r"costs \$/"):
        text = f"skip: [{{name: a, when: {{column: A, matches: '{fine}'}}}}]"
        assert lint(load_mapping(write(f"{BASE}{STATUS}{text}\n"))) == []


def test_a_group_is_not_called_by_a_dollar(write: WriteMapping) -> None:
    """`$1` is a text; beside a group that is called as it should be, it may be meant."""
    lines = "description: {column: A, pattern: '(a)', to: '$1 b'}\nreferences: [{pattern: '#(a)', key: $1}]\n"
    found = lint(load_mapping(write(BASE + STATUS + lines)))
    assert [(problem.key, problem.message) for problem in found] == [
        ("description.to", "`$1` stays as it is written"),
        ("references.0.key", "`$1` stays as it is written"),
    ]
    assert found[0].hint == r"the group is called `\1` here"
    fine = r"description: {column: A, pattern: '(a)', to: 'US$5 \1'}"
    assert lint(load_mapping(write(BASE + STATUS + fine))) == []


def test_a_column_that_goes_somewhere_is_not_dropped(write: WriteMapping) -> None:
    """`drop` takes nothing away; what is read only in part may be named, since the rest of it is lost."""
    text = "footer: {Created: Created at, Kind: {first: [Kind, Type]}}\ndrop: [Rank, Created at, Type, 'Title*']\n"
    [found] = lint(load_mapping(write(BASE + STATUS + text)))
    assert (found.key, found.line) == ("drop.1", 7)
    assert found.message == "'Created at' is not dropped: `footer.Created` takes it"
    assert "`Created: {value: ''}` takes a line of the footer away" in found.hint
