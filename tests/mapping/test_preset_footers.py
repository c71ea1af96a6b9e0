"""What presets put into the footer: made-up records of each tracker."""

from __future__ import annotations

from typing import Any

from tests.harness.brought import Bring


def test_jira_sprints(bring: Bring) -> None:
    """Those that have ended come along, as the CSV export has them, before the one that goes on."""
    fields: dict[str, Any] = {"summary": "Echo", "status": {"name": "To Do"}}
    ended = {"closedSprints": [{"id": 1, "name": "Sprint 7"}, {"id": 2, "name": "Sprint 8"}]}
    for sprints, said in (
        (ended, ["Sprint 7, Sprint 8"]),
        (ended | {"sprint": {"name": "Sprint 9"}}, ["Sprint 7, Sprint 8, Sprint 9"]),
        ({"closedSprints": [], "sprint": {"name": "Sprint 9"}}, ["Sprint 9"]),
        ({"closedSprints": None, "sprint": None}, []),
    ):
        footer = bring("jira", [{"key": "VO-1", "fields": fields | sprints}])["VO-1"].footer
        assert [line for line in footer if line.startswith("Sprint")] == [f"Sprint: {each}" for each in said]


def test_gitlab_times(bring: Bring) -> None:
    """An iteration without a title has its days; times are as GitLab writes them, none where there are none."""
    issue = {"id": 11, "iid": 1, "title": "T", "state": "opened", "web_url": "https://gitlab.com/g/p/-/issues/1"}
    issue |= {"iteration": {"title": None, "start_date": "2024-01-01", "due_date": "2024-01-14"}}
    issue |= {"time_stats": {"time_estimate": 50_400, "human_time_estimate": "14h", "human_total_time_spent": None}}
    footer = bring("gitlab", [issue])["g/p#1"].footer
    assert "Iteration: 2024-01-01 to 2024-01-14" in footer
    assert "Time estimate: 14h" in footer
    assert not any(line.startswith("Time spent") for line in footer)


def test_bugzilla_footer(bring: Bring) -> None:
    """What a bug is about is no address of the bug; its attachments are named by number, as comments name them."""
    bug = {"id": 5, "summary": "T", "status": "NEW", "severity": "normal", "is_open": True, "url": "https://x.example/"}
    bug |= {"whiteboard": "[soon]", "alias": ["short"], "platform": "x86", "op_sys": "Unspecified", "see_also": ["u"]}
    bug |= {"attachments": [{"id": 7, "file_name": "a.patch"}, {"id": 8, "file_name": "a.patch"}]}
    footer = bring("bugzilla", [bug])["5"].footer
    told = [line for line in footer if line.partition(":")[0] not in ("Imported from bugzilla", "Created")]
    assert told[:-1] == [
        "URL: https://x.example/",
        "Alias: short",
        "Hardware: x86",
        "Whiteboard: [soon]",
        "See also: u",
        "Attachments: 7 a.patch, 8 a.patch",
    ]
