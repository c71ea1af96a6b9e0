"""Answers as they are read."""

from __future__ import annotations

import pytest

from importer.triage.answers import MOST, read_issue
from importer.triage.snapshot import Snapshot


@pytest.mark.parametrize(
    ("count", "read"), [(None, 0), (0, 0), (7, 7), ("7", 7), (7.9, 7), (-1, 0), (1e300, MOST), (10**30, MOST)]
)
def test_counts(count: object, read: int) -> None:
    """However many things a target says an issue has, the ledger can keep it."""
    issue = read_issue({"id": "3f0c", "resource_count": count, "flag_count": count, "relation_count": count})
    assert (issue.resource_count, issue.flag_count, issue.relation_count) == (read,) * 3
    assert Snapshot.parse(Snapshot.take(issue).dump()).counts["resource_count"] == read


@pytest.mark.parametrize("count", ["many", [1], {"a": 1}])
def test_no_count(count: object) -> None:
    """What is none makes the whole answer one that can't be read."""
    with pytest.raises((TypeError, ValueError)):
        read_issue({"id": "3f0c", "flag_count": count})
