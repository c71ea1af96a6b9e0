"""The value flow: its counts, its samples, and what smells."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.api import VALUE_FIELDS
from importer.check.observers.value_flow import OTHERS, ValueFlow, rare_categories
from importer.check.plan import DISTINCT_LIMIT
from importer.mapping.model import MappingModel
from tests.harness.making import mapping_of, run_of


def flow_of(mapping: MappingModel, *rows: tuple[str, ...]) -> ValueFlow:
    flow = ValueFlow()
    flow.add(run_of(mapping, rows))
    return flow


def severities(values: dict[str, str], counts: dict[str, int], **keys: Any) -> ValueFlow:
    """The flow of so many rows with each priority."""
    mapping = mapping_of(severity={"column": "Priority", "values": values, **keys})
    rows = [(f"{name}-{n}", "T", "", name, "Open") for name, count in counts.items() for n in range(count)]
    return flow_of(mapping, *rows)


CELLS = st.tuples(
    st.sampled_from(["", "A", "B"]),
    st.just("T"),
    st.just(""),
    st.sampled_from(["P1", " p1", "P2", "", " ", "?"]),
    st.sampled_from(["Open", "Closed", "", " ", "x"]),
)


@given(st.lists(CELLS, max_size=20), st.data())
def test_counts_add_up(rows: list[tuple[str, ...]], data: st.DataObject) -> None:
    """The streams of each field add up to the counted rows, however these come, and have at most two samples."""
    counted = data.draw(st.lists(st.sampled_from(range(len(rows))), unique=True).map(sorted)) if rows else []
    cut = data.draw(st.integers(0, len(counted)))
    flow, whole = ValueFlow(), ValueFlow()
    for counts, chosen in ((flow, counted[:cut]), (flow, counted[cut:]), (whole, counted)):
        run = run_of(mapping_of(), rows)
        for row in run.rows:
            row.skip = "" if row.place in chosen else "skipped"
        counts.add(run)
    assert flow.as_json() == whole.as_json()
    for name in VALUE_FIELDS:
        streams = flow.streams(name)
        assert sum(stream.rows for stream in streams) == len(counted)
        assert all(len(stream.samples) <= 2 and all(stream.samples) for stream in streams)


def test_rows_of_one_issue_are_one_sample() -> None:
    """They have its key, and a second example is another issue."""
    cells = [("A", "T", "", "P1", "Open")] * 3 + [("B", "T", "", "P1", "Open")]
    [stream] = flow_of(mapping_of(), *cells).streams("severity")
    assert (stream.rows, stream.samples) == (4, ["demo:A", "demo:B"])


def test_lines() -> None:
    """A line says source, target, rows, and whether a default, a rule or nothing but `unknown` decided."""
    rules = [{"when": {"column": "Title", "is": "Fire"}, "then": "critical"}]
    mapping = mapping_of(
        severity={"column": "Priority", "rules": rules, "values": {"P1": "high"}, "missing": "medium"},
        status={"column": "State", "unknown": "todo"},
    )
    rows = [("1", "Fire", "", "", "x"), ("2", "T", "", "", "x"), ("3", "T", "", "", "x"), ("4", "T", "", "P9", "x")]
    flow = flow_of(mapping, *rows)
    assert list(map(str, flow.streams("severity"))) == [
        "(empty) → medium 2 by default",
        "P9 → rejected 1",
        "Title is Fire → critical 1 by rule",
    ]
    assert list(map(str, flow.streams("status"))) == ["x → todo 4 as unknown"]
    assert flow.streams("severity")[0].samples == ["demo:2", "demo:3"]


def test_as_json() -> None:
    """`summary.json` has the streams of every field, widest first; the target of rejected rows is null."""
    flow = severities({"P1": "high"}, {"P9": 1, "P1": 3})
    assert flow.as_json()["severity"] == [
        {"source": "P1", "target": "high", "how": "mapped", "rows": 3, "samples": ["demo:P1-0", "demo:P1-1"]},
        {"source": "P9", "target": None, "how": "unknown", "rows": 1, "samples": ["demo:P9-0"]},
    ]


def test_free_text_in_a_value_column() -> None:
    """Beyond a limit of distinct values the rest is counted together, a category that is kept as written too."""
    mapping = mapping_of(category={"column": "Title", "keep_unknown": "true"})
    rows = [(str(n), f"text {n}", "", "P1", "Open") for n in range(DISTINCT_LIMIT + 5)]
    streams = flow_of(mapping, *rows).streams("category")
    assert len(streams) == DISTINCT_LIMIT + 1
    assert (streams[0].step.source, streams[0].target, streams[0].rows) == (OTHERS, OTHERS, 5)


@pytest.mark.parametrize(
    ("values", "smell"),
    [
        ({"P1": "low", "P3": "high"}, "severity: the ranks look inverted: P1 → low but P3 → high"),
        (
            {"1 - Urgent": "medium", "2 - High": "high"},
            "severity: the ranks look inverted: 1 - Urgent → medium but 2 - High → high",
        ),
        ({"P1": "critical", "P2": "high", "P10": "low"}, None),
        ({"P1": "high", "Sev 2": "critical"}, None),
        ({"1-Low": "low", "2-Medium": "medium", "4-Very High": "critical"}, None),
        ({"0": "medium", "1": "critical", "2": "high"}, None),
        ({"P0": "low", "P1": "critical"}, "severity: the ranks look inverted: P0 → low but P1 → critical"),
        ({"Blocker": "low", "Minor": "low"}, "severity: Blocker → low (2 rows)"),
        ({"Trivial": "critical"}, "severity: Trivial → critical (2 rows)"),
        ({"Blocker": "high", "Minor": "medium"}, None),
    ],
)
def test_smells_of_severity(values: dict[str, str], smell: str | None) -> None:
    """Inverted ranks and absurd words smell; scales that begin elsewhere, and a bare 0, don't."""
    suspicious_mappings = severities(values, dict.fromkeys(values, 2)).suspicious_mappings()
    assert [found for found in suspicious_mappings if found.startswith("severity: ")][:1] == ([smell] if smell else [])


def test_absurd_status() -> None:
    """An open issue that is done smells, and a closed one that isn't."""
    mapping = mapping_of(
        status={"column": "State", "values": {"Open": "closed", "Resolved": "todo", "Closed": "closed"}}
    )
    rows = [("1", "T", "", "P1", "Open"), ("2", "T", "", "P1", "resolved"), ("3", "T", "", "P1", "Closed")]
    suspicious_mappings = flow_of(mapping, *rows).suspicious_mappings()
    assert suspicious_mappings == ["status: Open → closed (1 row)", "status: resolved → todo (1 row)"]


def test_one_value_for_nearly_all() -> None:
    """One value for 95 % of twenty rows or more smells; a constant, or too few rows to tell, doesn't."""
    values = {"P1": "high", "P2": "low"}
    assert severities(values, {"P1": 19, "P2": 1}).suspicious_mappings() == [
        "severity: 19 of 20 rows become high",
        "status: 20 of 20 rows become todo",
    ]
    assert "high" not in "".join(severities(values, {"P1": 18, "P2": 2}).suspicious_mappings())
    assert severities(values, {"P1": 19}).suspicious_mappings() == []
    assert not any(smell.startswith("severity") for smell in severities(values, {"?": 30}).suspicious_mappings())


def test_what_words_decide_is_a_decision_to_look_at() -> None:
    """A status that a pattern finds in a longer name says so in its line, in summary.json, and in one warning."""
    mapping = mapping_of(status={"column": "State", "values": {"Open": "todo", "/review/": "in_review"}})
    states = ("Open", "In review by Ann", "In review by Ann", "Legal review")
    flow = flow_of(mapping, *((f"P-{number}", "T", "", "P1", state) for number, state in enumerate(states)))
    assert [str(stream) for stream in flow.streams("status")] == [
        "In review by Ann → in_review 2 by a word",
        "Legal review → in_review 1 by a word",
        "Open → todo 1",
    ]
    assert [line["how"] for line in flow.as_json()["status"]] == ["word", "word", "mapped"]
    (warning,) = (each for each in flow.suspicious_mappings() if "words" in each)
    assert warning == (
        "status: words in 2 names decide 3 rows; check them, and settle them in the mapping or in one that extends it: "
        '`status: {values: {"In review by Ann": in_review, "Legal review": in_review}}`'
    )


def test_rare_categories() -> None:
    """Names with fewer than five issues are counted, with their issues, if there are many of them."""
    mapping = mapping_of(category={"column": "Text", "keep_unknown": True})
    rows = [
        (str(number), "T", name, "P1", "Open") for number, name in enumerate(["A"] * 5 + ["B"] * 4 + list("CDEFGHIJK"))
    ]
    flow = ValueFlow()
    flow.add(run_of(mapping, rows))
    assert rare_categories(flow) == "category: 10 names of fewer than 5 issues each, 13 issues in all"
    assert rare_categories(ValueFlow()) == ""
