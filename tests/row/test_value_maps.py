"""Severity, status and category: rules, the value map, and what is missing or unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from string import ascii_letters, digits
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.model import Category, Severity, Status
from importer.mapping.texts import Condition
from importer.row.compiler import Compiler
from importer.row.value_maps import Step, ValueMap, ValueReader, describe, value_maps
from importer.sources.source_rows import SourceRows
from tests.harness.making import mapping_of, source_rows_of


def severity(**keys: Any) -> ValueMap:
    return ValueMap("severity", Severity.model_validate({"column": "P", **keys}))


def reader_of(
    value_map: ValueMap, source_rows: SourceRows, change: Callable[[Step], Step] = lambda step: step
) -> ValueReader:
    layout = source_rows.layout
    return ValueReader(value_map, Compiler(layout), layout, change)


def steps_of(value_map: ValueMap, source_rows: SourceRows) -> list[Step]:
    """What becomes of each row."""
    return list(map(reader_of(value_map, source_rows).read, source_rows.rows))


def targets_of(value_map: ValueMap, source_rows: SourceRows) -> list[str | None]:
    return [step.target for step in steps_of(value_map, source_rows)]


def apply(value_map: ValueMap, *cells: str) -> list[str | None]:
    return targets_of(value_map, source_rows_of(["P"], [[cell] for cell in cells]))


@given(st.text(ascii_letters + digits + " ", min_size=1).filter(str.strip), st.text(" \t\n"), st.text(" \t\n"))
def test_case_and_outer_white_space(name: str, before: str, after: str) -> None:
    """A value map ignores case and outer white space, on its side and on the source's."""
    value_map = severity(values={name: "high"}, unknown="low")
    assert apply(value_map, name, before + name.swapcase() + after) == ["high", "high"]


@pytest.mark.parametrize(
    "text", ["A\u0300 faire", "À\xa0faire", "À  faire", "\ufeffÀ faire", "À fai\xadre", "À faire\u200b"]
)
def test_what_can_not_be_seen_is_no_difference(text: str) -> None:
    """A value map knows a value that looks like one of its own, whichever of the two has the odd signs."""
    assert apply(severity(values={"À faire": "low"}), text) == ["low"]
    assert apply(severity(values={text: "low"}), "À faire") == ["low"]


def test_a_value_that_can_not_be_seen_is_none() -> None:
    """A cell with nothing but invisible signs is as empty as one of white space."""
    assert severity(missing="low").resolve("\u200b\ufeff") == Step("", "low", "default", ("severity", "missing"))


def test_other_alphabets() -> None:
    """Case is ignored in every alphabet."""
    assert apply(severity(values={"Straße": "low", "ВЫСОКИЙ": "high"}), "STRASSE", "высокий") == ["low", "high"]


@given(st.lists(st.sampled_from(["P1", "p1", " P1 ", "P2", "", " ", "x"])))
def test_each_distinct_value_once(cells: list[str]) -> None:
    """What a text became before is not worked out again, nor changed again."""
    value_map = severity(values={"P1": "high"}, missing="low")
    changed = list[Step]()

    def change(step: Step) -> Step:
        changed.append(step)
        return replace(step, source="…")

    source_rows = source_rows_of(["P"], [[cell] for cell in cells])
    reader = reader_of(value_map, source_rows, change)
    steps = [reader.read(row) for row in source_rows.rows]
    assert steps == [replace(value_map.resolve(cell), source="…") for cell in cells]
    assert len(changed) == len(set(cells))
    assert all(value_map.resolve(cell) is value_map.resolve(cell) for cell in cells)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        (" p1 ", Step("p1", "critical", "mapped", ("severity", "values", "P1"))),
        ("sev-3", Step("sev-3", "medium", "mapped", ("severity", "values", "/^sev-[34]$/"))),
        ("HIGH", Step("HIGH", "high", "same", ("severity",))),
        (" ", Step("", "low", "default", ("severity", "missing"), neutral=True)),
        ("P2", Step("P2", "high", "mapped", ("severity", "values", "P2"), neutral=True)),
        ("new", Step("new", None, "unknown", ("severity",))),
    ],
)
def test_steps(text: str, step: Step) -> None:
    """A step says what a text became, why, by which line of the mapping, and whether somebody has decided it."""
    values = {"P1": "critical", "P2": "high", "/^sev-[34]$/": "medium"}
    assert severity(values=values, missing="low", neutral=["", "p2"]).resolve(text) == step


def test_exact_value_before_pattern() -> None:
    """Exact values come before patterns, patterns in the order in which they are written; none minds the case."""
    value_map = severity(values={"/^p/": "low", "/1/": "high", "P1": "critical"})
    assert apply(value_map, "p1", "P11", "x1") == ["critical", "low", "high"]


def test_missing_without_default() -> None:
    """An empty cell without a default has no target."""
    assert severity().resolve("\t") == Step("", None, "missing", ("severity",))


def test_target_for_the_unknown() -> None:
    """A mapping can name a target for what it doesn't know."""
    assert severity(unknown="low").resolve("?") == Step("?", "low", "unknown", ("severity", "unknown"))


def test_rules_come_first() -> None:
    """The first rule that holds wins, before the value map; the rest of the rows goes on to it."""
    rules = [
        {"when": {"column": "L", "is": "urgent"}, "then": "critical"},
        {"when": [{"column": "L", "matches": "^u"}, {"column": "P", "filled": "true"}], "then": "high"},
    ]
    value_map = severity(rules=rules, values={"P3": "low"})
    source_rows = source_rows_of(["L", "P"], [["urgent", "P3"], ["ux", "P3"], ["ux", ""], ["", "P3"]])
    steps = steps_of(value_map, source_rows)
    assert [step.target for step in steps] == ["critical", "high", None, "low"]
    assert steps[1] == Step("L matches ^u and P is filled", "high", "rule", ("severity", "rules", 1))


def test_later_rules_do_not_ask_decided_rows() -> None:
    """A date that a later rule can't read is no matter where an earlier one has decided."""
    rules = [
        {"when": {"column": "L", "is": "urgent"}, "then": "critical"},
        {"when": {"column": "D", "before": "2020-01-01"}, "then": "low"},
    ]
    source_rows = source_rows_of(["L", "D"], [["urgent", "soon"], ["", "soon"], ["", "soon"]])
    reader = reader_of(
        ValueMap("severity", Severity.model_validate({"rules": rules, "missing": "medium"})), source_rows
    )
    rows = source_rows.rows
    assert [reader.read(row).target for row in rows] == ["critical", "medium", "medium"]
    # Each row with such a date is told of it, also where what its cells decide is known by then.
    assert [row.unreadable for row in rows] == ["", "soon", "soon"]


def test_rules_without_a_text() -> None:
    """Rules alone may decide; where none holds, the default does."""
    rules = [{"when": {"column": "P", "is": "x"}, "then": "high"}]
    value_map = ValueMap("severity", Severity.model_validate({"rules": rules, "missing": "low"}))
    assert apply(value_map, "x", "y") == ["high", "low"]


def test_category_from_labels() -> None:
    """A label may have commas in it: a column that repeats is a cell for each label, never split."""
    spec = Category.model_validate({"column": "P", "values": {"Bug, UI": "Bug"}})
    value_map = ValueMap("category", spec)
    assert targets_of(value_map, source_rows_of(["P", "P"], [["", "bug, ui"], ["Bug", "UI"]])) == ["Bug", None]


def test_category_as_it_is_written() -> None:
    """`keep_unknown` takes a category as it is written, on one line."""
    value_map = ValueMap("category", Category.model_validate({"column": "P", "keep_unknown": "true"}))
    assert apply(value_map, " Web / UI ", "two\nlines") == ["Web / UI", "two lines"]


def test_constant() -> None:
    """A constant is every row's target."""
    value_map = ValueMap("status", Status.model_validate({"value": "done"}))
    assert value_map.resolve("done") == Step("done", "done", "constant", ("status", "value"))


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ([{"path": "labels[].name", "is": ["bug", "defect"]}], "labels[].name is bug, defect"),
        ([{"first": ["A", "B"], "filled": "false"}], "A or B is empty"),
        (
            [{"column": "D", "after": "2024-01-31"}, {"column": "E", "before": "2025-01-31"}],
            "D after 2024-01-31 and E before 2025-01-31",
        ),
        ([{"value": "x", "is": "x"}], "text is x"),
    ],
)
def test_describe(conditions: list[dict[str, Any]], words: str) -> None:
    """A rule in a few words."""
    assert describe([Condition.model_validate(condition) for condition in conditions]) == words


def test_value_maps_of_a_mapping() -> None:
    """A mapping has its three value maps in a fixed order."""
    assert [value_map.field for value_map in value_maps(mapping_of())] == ["severity", "status", "category"]


@pytest.mark.parametrize(
    ("own", "stage", "target"),
    [
        ("Zurückgestellt vom Kunden", "To Do", "backlog"),  # they agree, and the words say more
        ("Ready for QA", "In Progress", "in_review"),
        ("Ready for release", "Done", "done"),  # they don't
        ("Not started", "In Progress", "in_progress"),
        ("Shipped", "To Do", "todo"),
        ("Ready for QA", "", "in_review"),  # it isn't there
        ("With the carrier", "Done", "done"),  # no word says anything
        ("With the carrier", "", None),
        ("Mine", "Done", "closed"),  # the mapping's own values before all
    ],
)
def test_a_stage_of_the_tracker(own: str, stage: str, target: str | None) -> None:
    """It decides over words of another stage, and where there are none; within it words decide."""
    values = {"To Do": "todo", "In Progress": "in_progress", "Done": "done", "Mine": "closed"}
    spec = {"column": "P", "stage": "S", "words": ["all"], "values": values}
    value_map = ValueMap("status", Status.model_validate(spec))
    assert targets_of(value_map, source_rows_of(["P", "S"], [[own, stage]])) == [target]


def test_a_fallback_for_what_is_unknown() -> None:
    """It is read where the value map doesn't know the text, and counts where it knows this one."""
    spec = Severity.model_validate({"column": "P", "fallback": "S", "values": {"x": "high"}, "unknown": "low"})
    steps = steps_of(ValueMap("severity", spec), source_rows_of(["P", "S"], [["?", "x"], ["?", "?"], ["x", "low"]]))
    assert [(step.source, step.target, step.how) for step in steps] == [
        ("?", "high", "fallback"),
        ("?", "low", "unknown"),
        ("x", "high", "mapped"),
    ]


def test_a_word_of_the_title() -> None:
    """It names the category of a row that says none, and of no other; words are looked for in each title."""
    spec = Category.model_validate({"column": "P", "titles": "T", "missing": "Other"})
    titles = [["", "Latency of the first word"], ["", "Hello"], ["Bug", "Latency"], ["", "Slow: latency"]]
    steps = steps_of(ValueMap("category", spec), source_rows_of(["P", "T"], titles))
    assert [step.how for step in steps] == ["rule", "default", "unknown", "rule"]
    assert steps[0].path == ("category", "titles")
    assert steps[0].target == steps[3].target != "Other"


def test_a_word_for_nothing_may_be_a_value() -> None:
    """A value map knows `None`; to a rule that asks whether a cell is filled it is nothing."""
    rules = [{"when": {"column": "L", "filled": True}, "then": "critical"}]
    value_map = severity(rules=rules, values={"None": "low"}, missing="high")
    assert targets_of(value_map, source_rows_of(["L", "P"], [["nan", "None"], ["nan", ""], ["x", "None"]])) == [
        "low",
        "high",
        "critical",
    ]


def test_lost_markup_is_told_of_each_row() -> None:
    """Also where what the cells decide is known by then."""
    source_rows = source_rows_of(["P"], [["<b>high</b>"], ["high<script>x</script>"], ["high<script>x</script>"]])
    spec = Severity.model_validate({"column": "P", "format": "html", "as": "text"})
    reader, rows = reader_of(ValueMap("severity", spec), source_rows), source_rows.rows
    assert [reader.read(row).target for row in rows] == ["high", "high", "high"]
    assert [row.dropped for row in rows] == [None, {"script": 1}, {"script": 1}]


def test_cells_without_a_rule_for_them_are_not_looked_at() -> None:
    """Rows that differ elsewhere are decided once."""
    changed = list[Step]()

    def change(step: Step) -> Step:
        changed.append(step)
        return step

    source_rows = source_rows_of(["Key", "P"], [[str(key), "high"] for key in range(5)])
    reader = reader_of(severity(), source_rows, change)
    assert {reader.read(row).target for row in source_rows.rows} == {"high"}
    assert len(changed) == 1
