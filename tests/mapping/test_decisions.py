"""The table of decisions beside a mapping: what it decides, how spreadsheets may save it, what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from importer.errors import MappingError, Problem
from importer.mapping.reader import LoadedMapping, load_mapping, open_targets

WriteMapping = Callable[..., str]
Load = Callable[..., LoadedMapping]

MAPPING = """\
input: {name: mine, key: Key}
title: Summary
severity: {column: Priority, values: {P1: high, Odd: "?"}}
status: {column: Status, values: {New: todo, '/^QA/': in_review}}
category: {column: Type, values: {Fault: Bug}, missing: General}
decisions: values.csv
"""


@pytest.fixture
def load(write: WriteMapping, tmp_path: Path) -> Load:
    """Load a mapping with a table beside it, given as lines without a header or as the file's bytes."""

    def load_with(table: str | bytes, text: str = MAPPING) -> LoadedMapping:
        data = table if isinstance(table, bytes) else f"field,value,decision\n{table}".encode()
        (tmp_path / "values.csv").write_bytes(data)
        return load_mapping(write(text))

    return load_with


def problems_of(load: Load, table: str | bytes, text: str = MAPPING) -> list[Problem]:
    with pytest.raises(MappingError) as caught:
        load(table, text)
    return list(caught.value.problems)


def test_a_filled_decision_wins(load: Load) -> None:
    """It takes the place of the mapping's word, whatever the case of the value; an empty one leaves it."""
    model = load("status,NEW,done\nseverity,Odd,low\nseverity,P1,\ncategory,Fault,Defect").model
    assert model.status.values == {"NEW": "done", "/^QA/": "in_review"}
    assert model.severity.values == {"P1": "high", "Odd": "low"}
    assert model.category.values == {"Fault": "Defect"}


def test_the_empty_value_is_the_empty_cell(load: Load) -> None:
    """A decision without a value becomes `missing`, over one that is there."""
    model = load("severity,,low\ncategory,,Other").model
    assert (model.severity.missing, model.category.missing) == ("low", "Other")


@pytest.mark.parametrize("word", ["in_progress", "In Progress", " IN-PROGRESS "])
def test_a_word_may_be_written_as_people_write_it(load: Load, word: str) -> None:
    """Case, white space and a hyphen for the underscore don't count."""
    assert load(f"status,New,{word}").model.status.values["New"] == "in_progress"


def test_an_open_line_is_an_open_target(load: Load) -> None:
    """`?` is one where the mapping has no word on the value: neither the value nor a pattern nor Triage's own name."""
    loaded = load("status,Fresh,?\nstatus,QA 2,?\nstatus,new,?\nstatus,done,?\ncategory,,?\ncategory,Odd,?\nstatus,,?")
    assert loaded.model.status.values == {"New": "todo", "/^QA/": "in_review", "Fresh": "?"}
    assert loaded.model.category.missing == "General"
    assert loaded.model.category.values == {"Fault": "Bug", "Odd": "?"}
    assert loaded.model.status.missing == "?"


def test_what_keeps_or_takes_unknown_values_covers_open_lines(load: Load) -> None:
    """With `keep_unknown` or `unknown` nothing is open."""
    text = MAPPING.replace("missing: General", "missing: General, keep_unknown: true")
    assert "Odd" not in load("category,Odd,?", text).model.category.values


def test_open_targets_have_their_lines(load: Load, tmp_path: Path) -> None:
    """One of the mapping stands there, one of the table in the table."""
    loaded = load("status,Fresh,?")
    assert [(found.file, found.line, found.key) for found in open_targets(loaded)] == [
        (str(tmp_path / "mine.yaml"), 3, "severity.values.Odd"),
        (str(tmp_path / "values.csv"), 2, "status.values.Fresh"),
    ]


def test_rules_missing_and_unknown_may_be_open_too(load: Load) -> None:
    """Every place that takes a target may have `?`."""
    text = MAPPING.replace(
        "status: {", "status: {rules: [{when: {column: A, is: b}, then: '?'}], missing: '?', unknown: '?', "
    )
    keys = [found.key for found in open_targets(load("severity,Odd,low", text))]
    assert keys == ["status.rules.0.then", "status.missing", "status.unknown"]


def test_a_decision_takes_a_value_out_of_neutral(load: Load) -> None:
    """What somebody has decided warns no longer."""
    text = MAPPING.replace('values: {P1: high, Odd: "?"}', "values: {P1: high, Odd: low}, neutral: [Odd, P1]")
    assert load("severity,odd,critical", text).model.severity.neutral == ["P1"]


def test_a_value_that_looks_like_a_pattern_is_that_value(load: Load) -> None:
    """Slashes around it don't make it match others."""
    loaded = load("status,/N/,done").model.status.values
    assert loaded[r"/(?s)\A/N/\Z/"] == "done"


def test_the_mapping_above_wins_over_the_table_below(write: WriteMapping, load: Load) -> None:
    """A table speaks for its own file; one that extends it has the last word."""
    load("status,New,done")
    above = write("extends: ./mine.yaml\nstatus: {values: {New: closed}}\n", "above.yaml")
    assert load_mapping(above).model.status.values["New"] == "closed"


def test_decisions_are_part_of_the_digest(load: Load) -> None:
    """The same decision in YAML has the same digest; another one has another."""
    plain = MAPPING.replace("decisions: values.csv\n", "")
    undecided = load("status,New,").digest
    assert undecided == load("", plain).digest
    assert undecided != load("status,New,done").digest == load("", plain.replace("New: todo", "New: done")).digest


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ("status,New,dnoe", "decision", "'dnoe' is not one of backlog, todo, in_progress, in_review, done, closed"),
        ("severity,P1,urgent", "decision", "'urgent' is not one of critical, high, medium, low"),
        ("stats,New,done", "field", "'stats' is not a field"),
        (f"category,Fault,{'x' * 65}", "decision", "65 characters"),
    ],
)
def test_a_wrong_word_has_its_place(load: Load, line: str, column: str, said: str) -> None:
    """File, line and column, and the words that are allowed."""
    [problem] = problems_of(load, f"severity,P1,\n{line}\n")
    assert (problem.line, problem.key) == (3, column)
    assert said in problem.message
    assert problem.hint


def test_two_decisions_on_one_value_are_a_problem(load: Load) -> None:
    """Neither wins in silence; the same decision twice is fine."""
    [problem] = problems_of(load, "status,New,done\nstatus,NEW,closed\n")
    assert (problem.line, problem.key) == (3, "decision")
    assert load("status,New,done\nstatus,NEW,done\n").model.status.values["New"] == "done"


def test_a_table_that_is_not_there_is_a_problem(write: WriteMapping) -> None:
    """It is named with the line of the mapping."""
    with pytest.raises(MappingError) as caught:
        load_mapping(write(MAPPING.replace("values.csv", "other.csv")))
    [problem] = caught.value.problems
    assert (problem.line, problem.key, problem.message) == (6, "decisions", "there is no file 'other.csv'")


def test_a_row_that_has_moved_decides_nothing(load: Load) -> None:
    """Its decision is the rest of its value; the other lines are looked at all the same."""
    found = problems_of(load, "status,Waiting, for Ann,todo\nstatus,Open,dnoe\n")
    assert [(problem.line, problem.message.split(" is ")[0]) for problem in found] == [
        (2, "has more cells than the header"),
        (3, "'dnoe'"),
    ]
