"""The values of columns and paths in JSON records."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError

from importer.mapping.json_paths import compile_path
from importer.mapping.reader import load_mapping
from importer.mapping.reads import collect_refs
from importer.records import Finding, Ref
from importer.sources.json_values import decoder, to_cells
from importer.sources.record_values import KINDS_KEPT, RecordValues


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("fields[?id == `10001`].value | [0]", ["yes"]),
        ("fields[?score > `1.5`].value | [0]", ["yes"]),
        ("sum(fields[].id)", ["20003"]),
        ("fields[].score", ["1e1", "1.50"]),
        ("labels[].name | join(', ', @)", ["a, b"]),
        ("nothing.here", [""]),
        ('not_null(nothing.here, `"none"`)', ["none"]),
        ("length(keys(@))", ["2"]),
        ("@.labels[0].name", ["a"]),
        ("labels.name || length(labels)", ["2"]),
    ],
)
def test_paths_find_values(path: str, expected: list[str]) -> None:
    """In a JMESPath numbers are numbers, and what it returns is as written; a path may not depend on any key."""
    record = decoder.decode(
        '{"fields": [{"id": 10001, "score": 1e1, "value": "yes"}, {"id": 10002, "score": 1.50, "value": "no"}],'
        ' "labels": [{"name": "a"}, {"name": "b"}]}'
    )
    found = RecordValues([Ref("path", path)])(record)
    assert isinstance(found, dict)
    assert to_cells(found.get(0)) == expected


def test_a_column_is_a_key_by_its_exact_name() -> None:
    """A top-level key is no path: dots belong to the name."""
    assert RecordValues([Ref("column", "a.b")])({"a.b": "x", "a": {"b": "y"}}) == {0: "x"}


@pytest.mark.parametrize("record", [{"labels": None}, {}])
def test_a_path_that_does_not_fit_the_record(record: dict[str, Any]) -> None:
    """A JMESPath function that gets the wrong type makes a finding with a way out, of the first path that fails."""
    paths = ("name", "join(', ', labels)", "length(labels)")
    found = RecordValues([Ref("path", path) for path in paths])(record)
    assert isinstance(found, Finding)
    assert (found.code, found.value) == ("row-path-failed", "join(', ', labels)")
    assert "||" in found.hint


def test_a_later_record_has_what_earlier_ones_lack() -> None:
    """However many kinds of records come before it, at whatever depth their keys differ."""
    names = [f"k{number}" for number in range(KINDS_KEPT + 2)]
    values = RecordValues([*(Ref("path", f"{name}.id") for name in names), Ref("path", "fields.last.id")])
    for place, name in enumerate(names):
        assert values({name: {"id": place}}) == {place: place}
    assert values({"fields": {"first": 1}}) == {}
    assert values({"fields": {"last": {"id": 1}}}) == {len(names): 1}


PATHS = (
    *("a", "a.b", "a.b.c[0]", "a[0].b", "[a.b, c][]", "not_null(a.b, c, `1`)", "a || b.c", "a.b && c", "!a.b"),
    *("a | b | c", "keys(@)", "@", "@.a", "*", "a.*", "{x: a.b, y: `1`}", "c[?b == 'x'].a", "map(&a, c || `[]`)"),
    *("not_null(a, c).b", "length(a.b || `[]`)", "sort_by(c || `[]`, &b)[0].a", "a.b == c", "(a || b).c"),
    *("type(a.b)", "[0].a"),
)
PRESETS = ("bugzilla", "github", "jira", "phabricator", "trac", "zendesk")
WORDS = ("a", "b", "c", "fields", "comments", "comment", "labels", "name", "status", "user", "priority", "nodes", "id")
LEAVES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "x"])
RECORDS = st.dictionaries(
    st.sampled_from(WORDS),
    st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner), max_leaves=8
    ),
)


@pytest.mark.parametrize("refs", [[Ref("path", path) for path in PATHS], *PRESETS], ids=["paths", *PRESETS])
@given(records=st.lists(RECORDS, max_size=4))
def test_what_a_record_is_not_asked_for_is_empty(refs: Any, records: list[dict[str, Any]]) -> None:
    """Each record has the cells that all columns and paths find in it, one by one."""
    refs = collect_refs(load_mapping(refs).model) if isinstance(refs, str) else refs
    values = RecordValues(refs)
    for record in records:
        try:
            wanted = [record.get(ref.name) if ref.kind == "column" else compile_path(ref.name)(record) for ref in refs]
        except JMESPathError:
            assert isinstance(values(record), Finding)
            continue
        found = values(record)
        assert isinstance(found, dict)
        for place, value in enumerate(wanted):
            assert (to_cells(found.get(place)) or [""]) == (to_cells(value) or [""])
