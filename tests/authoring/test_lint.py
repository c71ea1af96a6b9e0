"""Lines of mappings that never have an effect."""

from __future__ import annotations

import pytest

from importer.authoring.lint import lint
from importer.mapping.presets import preset_names
from importer.mapping.reader import load_mapping
from tests.harness.mapping_files import WriteMapping

BASE = """\
input: {name: demo, key: Key, dates: [%s]}
title: Title
severity: {value: low}
category: {value: General}
"""
PLAIN = BASE % "'%d.%m.%Y'"


def warnings(write: WriteMapping, text: str) -> list[str]:
    return [f"{problem.key}: {problem.message}" for problem in lint(load_mapping(write(text)))]


def of_status(write: WriteMapping, *lines: str) -> list[str]:
    """What is said of a mapping whose status has these lines."""
    return warnings(write, PLAIN + "\n  ".join(["status:", *lines]) + "\n")


@pytest.mark.parametrize("name", preset_names())
def test_presets_have_no_idle_line(name: str) -> None:
    """What we ship is what counts."""
    assert lint(load_mapping(name)) == []


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ("{column: A, is: [x, y]}", "{column: A, is: X}"),
        ("{column: A, filled: true}", "{column: A, is: x}"),
        ("{column: A, filled: true}", "{column: A, before: 2020-01-01}"),
        ("{column: A, before: 2021-01-01}", "{column: A, before: 2020-01-01}"),
        ("{column: A, after: 2020-01-01}", "{column: A, after: 2021-01-01}"),
        ("{column: A, matches: a}", "{column: A, matches: a}"),
        ("{column: A, is: x}", "[{column: B, is: x}, {column: A, is: x}]"),
    ],
)
def test_a_rule_after_a_weaker_one_is_dead(write: WriteMapping, weaker: str, stronger: str) -> None:
    """The later one of two; in the other order, each has its rows."""
    rules = [f"- {{when: {when}, then: todo}}" for when in (weaker, stronger)]
    assert [line.split(": ")[1] for line in of_status(write, "column: S", "rules:", *rules)] == ["is never reached"]
    if weaker != stronger and "matches" not in weaker:
        assert of_status(write, "column: S", "rules:", *reversed(rules)) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{column: A, is: x}", "{column: B, is: x}"),
        ("{column: A, is: x, pattern: a}", "{column: A, is: x}"),
        ("{column: A, matches: a}", "{column: A, is: a}"),
        ("{column: A, filled: true}", "{column: A, matches: a}"),
        ("[{column: A, is: x}, {column: B, is: x}]", "{column: A, is: x}"),
    ],
)
def test_rules_that_may_both_hold_are_left_alone(write: WriteMapping, first: str, second: str) -> None:
    """Other texts, more conditions, and what only running a pattern would tell."""
    rules = [f"- {{when: {when}, then: todo}}" for when in (first, second)]
    assert of_status(write, "column: S", "rules:", *rules) == []


def test_skip_rules_take_rows_from_each_other_and_from_value_rules(write: WriteMapping) -> None:
    """What is left out needs no status."""
    text = PLAIN + "status: {column: S, rules: [{when: {column: A, is: x}, then: todo}]}\nskip:\n"
    rules = ["{name: a, when: {column: A, is: [x, y]}}", "{name: b, when: {column: A, is: y}}"]
    found = warnings(write, text + "\n".join(f"  - {rule}" for rule in rules))
    assert [line.split(": is")[0] for line in found] == ["status.rules.0", "skip.1"]


@pytest.mark.parametrize("test", ["is: x", "filled: true", "after: 2020-01-01"])
def test_conditions_that_exclude_each_other(write: WriteMapping, test: str) -> None:
    """A rule that wants a text empty and filled; two texts that a column of many cells may have are fine."""
    rule = "- {when: [{column: A, %s}, {column: %s, filled: false}], then: todo}"
    assert [line.split(":")[1] for line in of_status(write, "column: S", "rules:", rule % (test, "A"))] == [
        " never holds"
    ]
    assert of_status(write, "column: S", "rules:", rule % (test, "B")) == []


@pytest.mark.parametrize(
    ("values", "dead"),
    [
        (["Done: done", "/^done$/: closed"], "/^done$/"),
        (["Done: done", "Fixed: done", "/^(?:Done|Fixed)$/: closed"], "/^(?:Done|Fixed)$/"),
        (["/^qa/: todo", "/^QA/: done"], "/^QA/"),
        (["/^qa/: todo", "/^QA done$/: done"], "/^QA done$/"),
        ([r"/^in\./: todo", r"/^In\.x$/: done"], r"/^In\.x$/"),
    ],
)
def test_patterns_that_never_get_a_text(write: WriteMapping, values: list[str], dead: str) -> None:
    """What they find is taken before."""
    (found,) = of_status(write, "column: S", "values:", *(f"  {value}" for value in values))
    assert found.startswith(f"status.values.{dead}: is never reached: ")


@pytest.mark.parametrize(
    "values",
    [
        ["Done: done", "/done/: done"],
        ["Done: done", "/^(Done|Fixed)$/: done"],
        [r"/\D/: todo", r"/\d/: done"],
        ["/^qa done/: todo", "/^qa/: done"],
        ["/(?-i:QA)/: todo", "/^qa$/: done"],
    ],
)
def test_patterns_that_may_get_a_text(write: WriteMapping, values: list[str]) -> None:
    """More than the earlier line, or another case of an escape."""
    assert of_status(write, "column: S", "values:", *(f"  {value}" for value in values)) == []


def test_values_that_a_rule_takes(write: WriteMapping) -> None:
    """Of the same text; with a fallback its text may come to them."""
    lines = ["column: S", "values: {Done: done, New: todo}", "rules: [{when: {column: S, is: done}, then: closed}]"]
    (found,) = of_status(write, *lines)
    assert found.startswith("status.values.Done: is never looked up: the rule at ")
    assert of_status(write, *lines, "fallback: T") == []
    assert of_status(write, "column: T", *lines[1:]) == []


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        (["value: todo", "missing: todo"], "status.missing"),
        (["first: [S, {value: todo}]", "missing: todo"], "status.missing"),
        (["value: todo", "values: {a: done}"], "status.values"),
        (["value: todo", "unknown: todo"], "status.unknown"),
        (["column: S", "fallback: S"], "status.fallback"),
        (["column: S", "missing: todo", "rules: [{when: {column: S, filled: false}, then: done}]"], "status.missing"),
        (["first: [S, T, S]"], "status.first.2"),
    ],
)
def test_keys_that_can_t_count(write: WriteMapping, lines: list[str], key: str) -> None:
    """Because of what the text is, or what it says twice."""
    (found,) = of_status(write, *lines)
    assert found.startswith(f"{key}: ")


def test_what_says_the_same_twice(write: WriteMapping) -> None:
    """Footer labels, date formats, and an example that can't fail; empty labels take lines away and are fine."""
    text = BASE % "'%d.%m.%Y', '%d.%m.%Y'" + "status: {value: todo}\nexamples: [{given: {Key: a}, expect: {}}]\n"
    footer = "footer: {A: Reporter, B: Reporter, C: {value: ''}, D: {value: ''}}\n"
    found = [line.split(": ")[0] for line in warnings(write, text + footer)]
    assert found == ["input.dates.1", "examples.0", "footer.B"]


def test_only_the_own_lines_are_named(write: WriteMapping) -> None:
    """An override that leaves a base's line without work is what overrides are for; the other way round it is lost."""
    base = "column: S\n  values: {/^a$/: todo, B: done}\n  missing: todo"
    write(f"{PLAIN}status:\n  {base}\nfooter: {{Who: Reporter}}\n", "base.yaml")
    assert warnings(write, "extends: base.yaml\nstatus: {values: {A: done}}\n") == []
    assert warnings(write, "extends: base.yaml\nstatus: {value: done}\n") == []
    found = warnings(write, "extends: base.yaml\nfooter: {By: Reporter}\nstatus: {values: {/^b$/: todo}}\n")
    assert [line.split(": ")[0] for line in found] == ["footer.By", "status.values./^b$/"]


def test_what_is_about_tables_alone(write: WriteMapping) -> None:
    """JSON has no delimiter and no lines above its table."""
    text = PLAIN.replace("{name: demo, key: Key,", "{name: demo, key: Key, FORMAT delimiter: ';', skip_lines: 2,")
    status = "status: {value: todo}\n"
    assert warnings(write, text.replace("FORMAT", "format: jsonl,") + status) == [
        "input.delimiter: is never read: `format: jsonl` has none",
        "input.skip_lines: is never read: `format: jsonl` has none",
    ]
    assert warnings(write, text.replace("FORMAT", "format: csv,") + status) == []
    assert warnings(write, text.replace("FORMAT", "") + status) == []


OTHER_BASE = """\
input: {name: demo, key: Key}
title: Title
severity: {value: low}
category: {value: General}
"""
STATUS = "status: {value: todo}\n"


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
    [found] = lint(load_mapping(write(f"{OTHER_BASE}{STATUS}{text}\n")))
    assert (found.key, found.line) == (key, 6)
    assert found.message == "never finds anything: its slashes are a part of it"
    for fine in ("/QA/", "^/QA", r"costs \$/"):
        text = f"skip: [{{name: a, when: {{column: A, matches: '{fine}'}}}}]"
        assert lint(load_mapping(write(f"{OTHER_BASE}{STATUS}{text}\n"))) == []


def test_a_group_is_not_called_by_a_dollar(write: WriteMapping) -> None:
    """`$1` is a text; beside a group that is called as it should be, it may be meant."""
    lines = "description: {column: A, pattern: '(a)', to: '$1 b'}\nreferences: [{pattern: '#(a)', key: $1}]\n"
    found = lint(load_mapping(write(OTHER_BASE + STATUS + lines)))
    assert [(problem.key, problem.message) for problem in found] == [
        ("description.to", "`$1` stays as it is written"),
        ("references.0.key", "`$1` stays as it is written"),
    ]
    assert found[0].hint == r"the group is called `\1` here"
    fine = r"description: {column: A, pattern: '(a)', to: 'US$5 \1'}"
    assert lint(load_mapping(write(OTHER_BASE + STATUS + fine))) == []


def test_a_value_with_flags_is_no_pattern(write: WriteMapping) -> None:
    """What can't be a pattern, since more stands behind it, is looked up as it is written."""
    text = "status: {column: S, values: {/^qa/i: todo, /opt/api: done, '/x/': todo}}\n"
    [found] = lint(load_mapping(write(OTHER_BASE + text)))
    assert found.key == "status.values./^qa/i"
    assert found.hint == "write /^qa/, which ignores case"


def test_a_column_that_goes_somewhere_is_not_dropped(write: WriteMapping) -> None:
    """`drop` takes nothing away; what is read only in part may be named, since the rest of it is lost."""
    text = "footer: {Created: Created at, Kind: {first: [Kind, Type]}}\ndrop: [Rank, Created at, Type, 'Title*']\n"
    [found] = lint(load_mapping(write(OTHER_BASE + STATUS + text)))
    assert (found.key, found.line) == ("drop.1", 7)
    assert found.message == "'Created at' is not dropped: `footer.Created` takes it"
    assert "`Created: {value: ''}` takes a line of the footer away" in found.hint
