"""Lists of words that stand once, and mappings that name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.api import VALUE_FIELDS
from importer.errors import MappingError
from importer.mapping.presets import preset_names, presets_folder, shared_words_path
from importer.mapping.reader import load_mapping
from importer.mapping.shared_words import word_lists
from importer.transform.columns import Columns
from importer.transform.value_maps import ValueMap
from tests.harness.making import chunk_of

BASE = """
input: {name: demo, key: Key}
title: Title
category: {value: General}
severity: {value: low}
"""


def load(folder: Path, status: str) -> ValueMap:
    """The value map of a mapping with this status."""
    path = folder / "demo.yaml"
    path.write_text(f"{BASE}status: {status}", encoding="utf-8")
    return ValueMap("status", load_mapping(str(path)).model.status)


def load_on(folder: Path, base: str, status: str) -> ValueMap:
    """The value map of a mapping that extends another one with this status."""
    path = folder / "mine.yaml"
    path.write_text(f"extends: {base}\nstatus: {status}\n", encoding="utf-8")
    return ValueMap("status", load_mapping(str(path)).model.status)


def test_a_list_stands_behind_the_values_of_a_mapping(tmp_path: Path) -> None:
    """What the mapping says itself wins, whether as a value or as a pattern."""
    words = load(tmp_path, "{column: Status, words: boards, values: {Fixed: in_review, '/shipped/': closed}}")
    assert words.resolve("Finished").target == "done"
    assert words.resolve("fixed").target == "in_review"
    assert words.resolve("shipped at last").target == "closed"


def test_several_lists_are_tried_in_their_order(tmp_path: Path) -> None:
    """`feedback` is a word of sites; 反馈 only of the second list."""
    words = load(tmp_path, "{column: Status, words: [sites, asian]}")
    assert words.resolve("Feedback").target == "in_progress"
    assert words.resolve("反馈").target == "in_progress"
    assert load(tmp_path, "{column: Status, words: sites}").resolve("反馈").how == "unknown"


def test_words_of_an_extended_mapping_stay(tmp_path: Path) -> None:
    """A value of one's own is put before those of the preset."""
    words = load_on(tmp_path, "notion", "{values: {/ship/: closed}}")
    assert words.resolve("Shipped").target == "closed"
    assert words.resolve("Erledigt").target == "done"


def test_words_of_one_s_own_stand_behind_an_extended_mapping(tmp_path: Path) -> None:
    """The preset's own values and patterns win over them, since words are tried last."""
    (tmp_path / "base.yaml").write_text(
        f"{BASE}status: {{column: Status, values: {{Fixed: in_review, '/ship/': closed}}}}", encoding="utf-8"
    )
    words = load_on(tmp_path, "./base.yaml", "{words: boards}")
    assert words.resolve("fixed").target == "in_review"
    assert words.resolve("Shipped").target == "closed"
    assert words.resolve("Finished").target == "done"


def test_words_of_one_s_own_replace_those_of_an_extended_mapping(tmp_path: Path) -> None:
    """As every list does."""
    words = load_on(tmp_path, "notion", "{words: asian}")
    assert words.resolve("Erledigt").how == "unknown"
    assert words.resolve("反馈").target == "in_progress"


def test_a_list_that_there_is_not(tmp_path: Path) -> None:
    """The problem names the line, and the lists or the nearest."""
    with pytest.raises(MappingError) as caught:
        load(tmp_path, "{column: Status, words: board}")
    [problem] = caught.value.problems
    assert problem.message == "there is no list of words 'board'"
    assert problem.line == 6
    assert problem.hint == "did you mean `boards`?"


def test_each_list_is_used_and_none_is_written_out_again() -> None:
    """A preset that has a list's words line by line would grow apart from it."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in presets_folder().glob("*.yaml")}
    models = [load_mapping(name).model for name in preset_names()]
    for field in VALUE_FIELDS:
        used = {name for model in models for name in getattr(model, field).words}
        assert used == set(word_lists(field))
        for name, words in word_lists(field).items():
            assert isinstance(words.value, dict)
            lines = [word.replace("'", "''") for word in words.value]
            assert [stem for stem, text in texts.items() if all(line in text for line in lines)] == [], (
                f"{field} {name}"
            )


def test_a_word_s_place_is_the_shared_file() -> None:
    """Whoever asks where a word is decided is sent there."""
    words = word_lists("status")["boards"].value
    assert isinstance(words, dict)
    place = load_mapping("notion").place("status", "values", next(iter(words)))
    assert place.file == f"shared/{shared_words_path().name}"


@pytest.mark.parametrize("labels", ["Tags", "[Labels, Tags]", "{column: Tags, pattern: '.*'}"])
def test_labels_decide_before_all_else(tmp_path: Path, labels: str) -> None:
    """Those that say a kind, among others; then the rules of the mapping, then its values."""
    more = "rules: [{when: {column: Tags, matches: legal}, then: Law}], column: Kind, keep_unknown: true"
    (tmp_path / "demo.yaml").write_text(
        BASE.replace("{value: General}", f"{{labels: {labels}, {more}}}") + "status: {value: todo}", encoding="utf-8"
    )
    model = load_mapping(str(tmp_path / "demo.yaml")).model
    rows = [("voice, Bug", "Task"), ("Type: Feature; legal", "Task"), ("legal", "Task"), ("bugfix", "Chore")]
    columns = Columns(chunk_of(("Tags", "Kind"), rows))
    assert ValueMap("category", model.category).apply(columns).targets == ["Bug", "Feature", "Law", "Chore"]


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


def test_no_preset_writes_label_rules_out_again() -> None:
    """The shared patterns stand in no preset."""
    text = shared_words_path().read_text(encoding="utf-8").partition("\nlabels:\n")[2]
    patterns = [line.split("': ")[0].strip(" '") for line in text.splitlines()]
    assert len(patterns) == 5
    texts = {path.stem: path.read_text(encoding="utf-8") for path in presets_folder().glob("*.yaml")}
    assert [stem for stem, preset in texts.items() if any(pattern in preset for pattern in patterns)] == []
