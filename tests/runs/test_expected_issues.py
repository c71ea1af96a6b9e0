"""The issues that a verification expects."""

from __future__ import annotations

import tracemalloc

from importer.runs.expected_issues import Expected, ExpectedIssues, Stranger, Unknown


def test_flat_memory() -> None:
    """Neither expected issues nor unknown ones stay in memory."""
    issues = ExpectedIssues()
    tracemalloc.start()
    issues.expect((f"id-{number}", Expected(bytes(16), 0, ())) for number in range(20_000))
    issues.note_unknown(Unknown(f"other-{number}", f"T-{number}", 64.0, False) for number in range(20_000))
    issues.confirm([f"id-{number}" for number in range(100)])
    assert len(issues) == sum(1 for _ in issues.unknown()) == 20_000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000_000


def test_strangers() -> None:
    """They come in the order in which a list showed them first, each with the issue of the key of its marker."""
    issues = ExpectedIssues()
    first = [Unknown("a", "T-1", float("inf"), False), Unknown("b", "T-2", 64.0, True), Unknown("c", "T-3", 64.0, True)]
    issues.note_unknown(first)
    again = first[0]._replace(length=70.0, has_marker=True)
    issues.note_unknown([again])
    assert list(issues.unknown()) == [again, *first[1:]]
    for each in issues.unknown():
        if each.issue_id != "b":
            issues.note_marker(each.issue_id, "tir-1")
    issues.note_owners([("tir-0", "s:0", "T-8"), ("tir-1", "s:1", "T-9")])
    assert list(issues.strangers()) == [
        Stranger("a", "T-1", "tir-1", "s:1", "T-9"),
        Stranger("c", "T-3", "tir-1", "s:1", "T-9"),
    ]
