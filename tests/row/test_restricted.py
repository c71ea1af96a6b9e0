"""Who may read it: what the source restricts is sent, or left out, only after somebody has decided so."""

from __future__ import annotations

from typing import Any

import pytest

from importer.codes import PRIVATE_UNDECIDED, RESTRICTED_UNDECIDED
from importer.row.decisions import SKIPPED
from tests.harness.brought import Bring
from tests.harness.making import issues_of, mapping_of

ROWS = [("P-1", "One", "", "P1", "Open"), ("P-2", "Two", "internal", "P1", "Open")]


@pytest.mark.parametrize(
    ("treatment", "codes", "skips"),
    [("?", [(1, RESTRICTED_UNDECIDED)], ["", ""]), ("send", [], ["", ""]), ("skip", [], ["", SKIPPED])],
)
def test_a_restricted_issue(treatment: str, codes: list[tuple[int, str]], skips: list[str]) -> None:
    """It is rejected until it is decided; then its footer names the restriction, or it is left out."""
    mapping = mapping_of(description=None, restricted={"level": "Text", "issues": treatment})
    issues = issues_of(mapping, ROWS)
    assert [(row, finding.code) for row in (0, 1) for finding in issues[row].findings if finding.rejects] == codes
    assert [issue.skip for issue in issues] == skips
    assert "\nRestricted: internal\n" in issues[1].description
    assert "Restricted" not in issues[0].description


def test_a_footer_names_it_once() -> None:
    """Where a line of the mapping has the same cells, that is enough."""
    issues = issues_of(mapping_of(restricted={"level": "Text"}, footer={"Level": "Text"}), ROWS)
    assert "Level: internal" in issues[1].description
    assert "Restricted" not in issues[1].description


@pytest.mark.parametrize(
    ("changes", "codes"),
    [({}, [PRIVATE_UNDECIDED]), ({"private": "keep"}, []), ({"private": "drop"}, []), ({"open": "drop"}, [])],
)
def test_private_comments(changes: dict[str, str], codes: list[str]) -> None:
    """Their issue is rejected until it is decided, unless its comments aren't sent anyway."""
    source = {"column": "Text", "parse": "(?P<private>internal)?(?P<text>.*)"}
    mapping = mapping_of(comments={"from": [source], **changes})
    issues = issues_of(mapping, [ROWS[0], ("P-2", "Two", "internal: no", "P1", "Open")])
    assert [finding.code for finding in issues[1].findings] == codes
    assert not issues[0].findings


@pytest.mark.parametrize(
    ("preset", "restricted", "free"),
    [
        ("gitlab", {"confidential": True}, {"confidential": False}),
        ("bugzilla", {"groups": ["core-security"]}, {"groups": []}),
        ("redmine", {"is_private": True}, {"is_private": False}),
        ("mantis", {"view_state": {"name": "private"}}, {"view_state": {"name": "public"}}),
        ("phabricator", {"fields": {"policy": {"view": "PHID-PLCY-1"}}}, {"fields": {"policy": {"view": "public"}}}),
        ("youtrack", {"visibility": {"$type": "LimitedVisibility"}}, {"visibility": {"$type": "UnlimitedVisibility"}}),
        ("launchpad", {"information_type": "Private Security"}, {"information_type": "Public Security"}),
    ],
)
def test_presets(bring: Bring, preset: str, restricted: dict[str, Any], free: dict[str, Any]) -> None:
    """Each knows how its tracker says it."""
    found = bring(preset, [{"id": 1, **restricted}, {"id": 2, **free}], source_name="one")
    assert [RESTRICTED_UNDECIDED in issue.codes for issue in found.values()] == [True, False]


def test_jira(bring: Bring) -> None:
    """The security level is a column."""
    header = ("Issue key", "Summary", "Security Level")
    found = bring("jira", [header, ("P-1", "One", "Staff"), ("P-2", "Two", "")])
    assert [RESTRICTED_UNDECIDED in found[key].codes for key in ("P-1", "P-2")] == [True, False]
