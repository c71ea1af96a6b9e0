"""The presets: what they know, and what they leave to a person."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from importer.mapping import scalars
from importer.mapping.model import UNDECIDED, MappingModel, fold
from importer.mapping.presets import is_preset, preset_names, preset_path, presets_folder
from importer.mapping.reader import load_mapping
from importer.mapping.texts import Condition
from importer.mapping.yaml_tree import Node, parse, plain
from importer.row.value_maps import ValueMap

EXPORTS = Path(__file__).parents[3] / "shared" / "exports"
needs_exports = pytest.mark.skipif(not EXPORTS.is_dir(), reason="the real exports are not beside this checkout")


def rows_of(name: str) -> list[dict[str, str]]:
    """The rows of an exported CSV; of a header that repeats, the last cell."""
    with (EXPORTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def unknown_in(rows: list[dict[str, str]], preset: str, field: str) -> set[str]:
    """The source values that a preset's map does not hold."""
    spec = getattr(load_mapping(preset).model, field)
    columns = [ref.name for ref in spec.refs]
    found = {next((row[name] for name in columns if row.get(name)), "") for row in rows}
    return {value for value in found if value and fold(value) not in map(fold, spec.values)}


def test_presets_are_found_in_one_place() -> None:
    """A preset's file lies in the presets' folder and is known as ours."""
    assert {"github", "jira", "linear"} <= set(preset_names())
    path = preset_path("jira")
    assert path is not None
    assert path.parent == presets_folder()
    assert is_preset(path)
    assert preset_path("nothing") is None
    assert not is_preset(Path("jira.yaml"))


@pytest.mark.parametrize("name", preset_names())
def test_each_preset_loads_and_explains_itself(name: str) -> None:
    """Every preset is a mapping by itself, says what it reads and comments its tables."""
    loaded = load_mapping(name)
    assert loaded.model.about
    assert loaded.model.source.value == "client" or name == "triage"  # which has the API's own field
    assert loaded.place("severity").file == f"{name}.yaml"


@pytest.mark.parametrize("name", preset_names())
def test_the_patterns_of_a_preset(name: str) -> None:
    """They are as good as those of a user have to be: loading a preset doesn't check them."""
    loaded = load_mapping(name)
    assert MappingModel.model_validate(plain(loaded.tree)) == loaded.model


def test_a_preset_is_loaded_without_its_patterns() -> None:
    """Those that nothing uses aren't compiled; where a mapping extends a preset, all are."""
    tree = plain(load_mapping("jira").tree)
    tree["title"] = {"column": "Summary", "pattern": "("}
    assert MappingModel.model_validate(tree, context=scalars.OF_PRESET)
    with pytest.raises(ValidationError, match="is not a regular expression"):
        MappingModel.model_validate(tree)


@pytest.mark.parametrize("name", preset_names())
def test_what_a_preset_does_not_know_never_ends_an_issue(name: str) -> None:
    """An unknown severity may become the middle one and an unknown status an open one: each with a warning."""
    model = load_mapping(name).model
    assert model.severity.unknown in (None, "medium")
    assert model.status.unknown in (None, "todo", "in_progress")
    assert model.category.unknown in (None, "Bug")
    targets = [target for spec in (model.severity, model.status) for target in spec.values.values()]
    assert UNDECIDED not in [*targets, model.severity.missing, model.status.missing]


ABSURD = {
    "severity": {
        "low": ("critical", "blocker", "urgent", "highest", "immediate", "high", "p0", "p1", "1 - critical", "sev1"),
        "critical": ("low", "lowest", "minor", "trivial", "normal", "medium", "p3", "p4"),
        "high": ("low", "lowest", "minor", "trivial"),
    },
    "status": {
        "todo": ("closed", "done", "resolved", "fixed", "completed", "cancelled", "canceled", "solved", "rejected"),
        "backlog": ("closed", "done", "resolved", "fixed", "completed", "cancelled", "in progress", "open"),
        "in_progress": ("closed", "done", "resolved", "fixed", "completed", "cancelled", "new", "to do"),
        "done": ("open", "new", "to do", "in progress", "reopened", "backlog", "won't fix", "duplicate", "cancelled"),
        "closed": ("open", "new", "to do", "in progress", "reopened", "backlog", "active", "assigned"),
    },
}


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("field", ABSURD)
def test_no_word_becomes_its_opposite(name: str, field: str) -> None:
    """Whether by the table or by a pattern: an urgent issue is never low, a closed one never still to be done."""
    value_map = ValueMap(field, getattr(load_mapping(name).model, field))
    for target, words in ABSURD[field].items():
        found = {word for word in words if (step := value_map.resolve(word)).how == "mapped" and step.target == target}
        assert not found, f"{name}.{field}: {found} → {target}"


@pytest.mark.parametrize("name", preset_names())
def test_values_keep_the_rank_of_their_names(name: str) -> None:
    """Where a preset has ranks P0, P1, …, a higher number is never more severe."""
    values = load_mapping(name).model.severity.values
    ranks = [
        ["critical", "high", "medium", "low"].index(values[key]) for key in ("P0", "P1", "P2", "P3") if key in values
    ]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("name", preset_names())
def test_of_a_table_nothing_is_lost_that_has_a_name(name: str) -> None:
    """A column that a preset doesn't name stands in the footer; what may be lost is named under `drop`."""
    assert load_mapping(name).model.rest.csv == "footer"


def test_jira_knows_the_standard_names_in_several_languages() -> None:
    """A status that a site invented is not in the table."""
    status = load_mapping("jira").model.status.values
    for name in ("To Do", "Zu erledigen", "À faire", "Por hacer", "待办", "할 일", "К выполнению"):
        assert status[name] == "todo"
    assert "Waiting for customer" not in status


def test_github_key_names_the_repository() -> None:
    """The web's address and the API's give the same key."""
    key = load_mapping("github").model.input.key
    assert key.pattern is not None
    assert key.to is not None
    for url in (
        "https://github.com/o/r/issues/7",
        "https://api.github.com/repos/o/r/issues/7",
        "https://x.y/o/r/pull/7#a",
    ):
        match = re.search(key.pattern, url)
        assert match is not None
        assert match.expand(key.to) == "o/r#7"


@pytest.mark.parametrize(
    ("label", "severity", "category"),
    [
        ("bug", None, "Bug"),
        ("Type: Bug", None, "Bug"),
        ("kind/feature", None, "Feature"),
        ("enhancement", None, "Feature"),
        ("documentation", None, "Documentation"),
        ("debug", None, None),
        ("Type", None, None),
        ("P0", "critical", None),
        ("priority: high", "high", None),
        ("low-priority", "low", None),
        ("sev2", "high", None),
        ("highlight", None, None),
        ("low hanging fruit", None, None),
    ],
)
def test_github_labels_that_say_it(label: str, severity: str | None, category: str | None) -> None:
    """Whole labels count; a word in another label is no evidence."""
    model = load_mapping("github").model
    assert first_match(model.severity.rules, label) == severity
    assert first_match(model.category.rules, label) == category


@pytest.mark.parametrize(
    ("labels", "category"),
    [("Bug", "Bug"), ("Alpha, Bug", "Bug"), ("Feature,Alpha", "Feature"), ("Debug", None), ("Bugfix, Alpha", None)],
)
def test_linear_labels_stand_in_one_cell(labels: str, category: str | None) -> None:
    """One of several labels counts, a part of one doesn't."""
    assert first_match(load_mapping("linear").model.category.rules, labels) == category


def first_match(rules: Any, text: str) -> str | None:
    """What the first rule whose pattern is found makes of a text."""

    def holds(condition: Condition) -> bool:
        return bool(condition.matches and re.search(condition.matches, text))

    return next((rule.then for rule in rules if all(holds(condition) for condition in rule.when)), None)


@needs_exports
@pytest.mark.parametrize(
    ("file", "preset"),
    [
        ("jira/ericmedlock__planeso-jira-migration__Jira.csv", "jira"),
        ("jira/Maarten-DLVW__RAC22-SWDVT-1D_werkplaats-2-mvc-nohtyp__Jira.csv", "jira"),
        ("linear/semperos__shortcut-repl__linear-export.csv", "linear"),
    ],
)
@pytest.mark.parametrize("field", ["severity", "status"])
def test_real_csv_exports_hold_no_unknown_value(file: str, preset: str, field: str) -> None:
    """Their standard values are all in the tables."""
    rows = rows_of(file)
    assert rows
    assert unknown_in(rows, preset, field) == set()


def test_presets_repeat_no_value() -> None:
    """A table that says a value twice would not load; that it does not is seen on the text itself."""
    for name in preset_names():
        path = preset_path(name)
        assert path is not None
        tree, problems = parse(path.read_text(encoding="utf-8"), path.name)
        assert isinstance(tree, Node)
        assert problems == []
