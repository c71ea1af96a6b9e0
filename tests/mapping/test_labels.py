"""`labels` and `words` of a mapping."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import MappingError
from importer.mapping.reader import load_mapping
from importer.row.compiler import Compiler
from importer.row.value_maps import ValueMap, ValueReader
from tests.harness.making import source_rows_of

BASE = """
input: {name: demo, key: Key}
title: Title
category: {value: General}
severity: {value: low}
"""


def load(folder: Path, status: str) -> ValueMap:
    path = folder / "demo.yaml"
    path.write_text(f"{BASE}status: {status}", encoding="utf-8")
    return ValueMap("status", load_mapping(str(path)).model.status)


def load_on(folder: Path, base: str, status: str) -> ValueMap:
    """The value map of a mapping that extends another one with this status."""
    path = folder / "mine.yaml"
    path.write_text(f"extends: {base}\nstatus: {status}\n", encoding="utf-8")
    return ValueMap("status", load_mapping(str(path)).model.status)


def test_words_stand_behind_the_values_of_a_mapping(tmp_path: Path) -> None:
    """What the mapping says itself wins, whether as a value or as a pattern."""
    words = load(tmp_path, "{column: Status, words: all, values: {Fixed: in_review, '/shipped/': closed}}")
    assert words.resolve("Finished").target == "done"
    assert words.resolve("fixed").target == "in_review"
    assert words.resolve("shipped at last").target == "closed"


def test_words_of_some_languages(tmp_path: Path) -> None:
    """Others aren't known then; a mapping's own list replaces that of the one it extends."""
    words = load(tmp_path, "{column: Status, words: [de, zh]}")
    assert (words.resolve("Erledigt").target, words.resolve("反馈").target) == ("done", "in_progress")
    assert words.resolve("Hecho").how == "unknown"
    assert load_on(tmp_path, "notion", "{words: zh}").resolve("Erledigt").how == "unknown"
    assert load_on(tmp_path, "notion", "{values: {/ship/: closed}}").resolve("Shipped").target == "closed"


def test_how_a_word_decided_is_said(tmp_path: Path) -> None:
    """A whole name is as good as a value; a word within one is to be looked at."""
    words = load(tmp_path, "{column: Status, words: all}")
    assert [words.resolve(name).how for name in ("Waiting", "Waiting for Ann", "Limbo")] == [
        "mapped",
        "word",
        "unknown",
    ]
    assert words.resolve("Waiting").path == ("status", "words")


def test_a_language_that_there_is_not(tmp_path: Path) -> None:
    """The problem names the line and what there is."""
    with pytest.raises(MappingError) as caught:
        load(tmp_path, "{column: Status, words: board}")
    [problem] = caught.value.problems
    assert problem.message.startswith("'board' is neither `all` nor one of cs, de, en,")
    assert problem.line == 6


@pytest.mark.parametrize("labels", ["Tags", "[Labels, Tags]", "{column: Tags, pattern: '.*'}"])
def test_labels_decide_before_all_else(tmp_path: Path, labels: str) -> None:
    """Those that say a kind, among others; then the rules of the mapping, then its values."""
    more = "rules: [{when: {column: Tags, matches: legal}, then: Law}], column: Kind, keep_unknown: true"
    (tmp_path / "demo.yaml").write_text(
        BASE.replace("{value: General}", f"{{labels: {labels}, {more}}}") + "status: {value: todo}", encoding="utf-8"
    )
    model = load_mapping(str(tmp_path / "demo.yaml")).model
    rows = [("voice, Bug", "Task"), ("Type: Feature; legal", "Task"), ("legal", "Task"), ("bugfix", "Chore")]
    columns = source_rows_of(("Tags", "Kind"), rows)
    reader = ValueReader(ValueMap("category", model.category), Compiler(columns.layout), columns.layout)
    assert [reader.read(row).target for row in columns.rows] == ["Bug", "Feature", "Law", "Chore"]


@pytest.mark.parametrize(
    ("base", "mine", "names"),
    [
        ("{labels: Tags, column: Kind}", "{rules: [RULE]}", ["label bug", "mine"]),
        ("{rules: [RULE], column: Kind}", "{labels: Tags}", ["label bug", "mine"]),
        ("{labels: Tags, column: Kind}", "{labels: Labels, rules: [RULE]}", ["label bug", "mine"]),
    ],
)
def test_labels_and_rules_of_an_extended_mapping_stand_together(
    tmp_path: Path, base: str, mine: str, names: list[str]
) -> None:
    """A rule of one's own takes no labels away, and labels of one's own no rules."""
    rule = "{name: mine, when: {column: Kind, is: legal}, then: Law}"
    text = BASE.replace("{value: General}", base) + "status: {value: todo}"
    (tmp_path / "base.yaml").write_text(text.replace("RULE", rule), encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: ./base.yaml\ncategory: {mine}\n".replace("RULE", rule), encoding="utf-8")
    rules = load_mapping(str(path)).model.category.rules
    assert [rules[0].name, rules[-1].name, len(rules)] == [*names, 6]


@pytest.mark.parametrize("labels", ["{}", "{column: Tags, is: bug}", "{template: '{'}", "[]"])
def test_what_is_wrong_with_labels_is_said_of_them(tmp_path: Path, labels: str) -> None:
    """Once, under the key that stands in the file, and not of each rule that they stand for."""
    path = tmp_path / "demo.yaml"
    path.write_text(
        BASE.replace("{value: General}", f"{{labels: {labels}, column: Kind}}") + "status: {value: todo}",
        encoding="utf-8",
    )
    with pytest.raises(MappingError) as caught:
        load_mapping(str(path))
    assert [problem.key.split(".")[:2] for problem in caught.value.problems] == [["category", "labels"]]
