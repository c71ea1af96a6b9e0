"""Paths of the presets into JSON: into lists rather than lists as they are, and GraphQL's lists in either form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from importer.mapping.identities import Identity
from importer.mapping.presets import preset_names
from importer.mapping.reader import load_mapping
from importer.mapping.yaml_tree import plain
from tests.harness.brought import Bring

DAY = "2026-03-01T08:00:00Z"


def lists_in(node: Any) -> Iterator[list[Any]]:
    """Every list of a mapping, whose members may be texts of which the first counts."""
    if isinstance(node, list):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from lists_in(child)


def paths_in(node: Any) -> Iterator[str]:
    """Every path of a mapping."""
    if isinstance(node, dict) and isinstance(node.get("path"), str):
        yield node["path"]
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from paths_in(child)


def whole_column(text: Any) -> str | None:
    if isinstance(text, dict) and not {"pattern", "format", "lookup"} & set(text):
        text = text.get("column")
    return text if isinstance(text, str) else None


@pytest.mark.parametrize("name", preset_names())
def test_what_is_in_a_list_comes_before_the_list(name: str) -> None:
    """A list or an object as it is would be taken for filled, and the path into it never be asked."""
    for texts in lists_in(plain(load_mapping(name).tree)):
        for place, text in enumerate(texts):
            column = whole_column(text)
            later = [other["path"] for other in texts[place + 1 :] if isinstance(other, dict) and "path" in other]
            assert column is None or not [path for path in later if re.match(rf'"?{re.escape(column)}"?[\[.]', path)]


@pytest.mark.parametrize("name", preset_names())
def test_nodes_may_stand_in_edges(name: str) -> None:
    """Whoever asks GraphQL chooses which: a path that reads a list's nodes reads its edges too."""
    for path in paths_in(plain(load_mapping(name).tree)):
        for key in re.findall(r"(\w+)\.nodes\b", path):
            assert re.search(rf"\b{key}\.edges\[\]\.node\b", path), path


def edges(*nodes: Any) -> dict[str, Any]:
    """A list as GraphQL answers it where edges were asked for."""
    return {"edges": [{"node": node} for node in nodes]}


def test_edges_of_a_github_issue(bring: Bring) -> None:
    """People, sub-issues and dependencies of an issue that lists them as edges."""
    url = "https://github.com/o/r/issues"
    record: dict[str, Any] = {"number": 1, "title": "T", "state": "OPEN", "url": f"{url}/1", "createdAt": DAY}
    record |= {"assignees": edges({"login": "ben"}), "subIssues": edges({"url": f"{url}/8"})}
    record |= {"blocking": edges({"url": f"{url}/6"}), "blockedBy": edges({"url": f"{url}/7"})}
    found = bring("github", [record])["o/r#1"]
    assert found.assignee == Identity(account="ben")
    assert found.relations == [
        ("o/r#1", "related_to", "o/r#8"),
        ("o/r#1", "blocks", "o/r#6"),
        ("o/r#7", "blocks", "o/r#1"),
    ]


def test_edges_of_a_gitlab_issue(bring: Bring) -> None:
    """Notes and people of an issue that lists them as edges, by themselves or in discussions."""
    url = "https://gitlab.com/g/p/-/issues"
    note = {"body": "Yes", "author": {"name": "Ann"}, "createdAt": DAY, "system": False}
    record: dict[str, Any] = {"iid": "1", "title": "T", "state": "opened", "webUrl": f"{url}/1"}
    record |= {"assignees": edges({"name": "Ben", "username": "ben"}), "notes": edges(note, note | {"system": True})}
    record |= {"blockedByIssues": edges({"webUrl": f"{url}/7"})}
    found = bring("gitlab", [record])["g/p#1"]
    assert found.assignee == Identity("Ben", "ben")
    assert found.comments == [("Ann", DAY, "Yes")]
    assert found.relations == [("g/p#7", "blocks", "g/p#1")]
    del record["notes"]
    assert bring("gitlab", [record | {"discussions": edges({"notes": edges(note)})}])["g/p#1"].comments


def test_attachments_of_a_bitbucket_archive(bring: Bring) -> None:
    """They stand beside the issues, as many as there are: each is named, with its place in the archive."""
    issue = {"id": 7, "title": "T", "kind": "bug", "status": "open", "voters": [], "content": "Hm", "created_on": DAY}
    files = [{"issue": 7, "filename": f"{name}.png", "path": f"attachments/{name}", "user": None} for name in "ab"]
    found = bring("bitbucket", {"issues": [issue], "attachments": files, "comments": []}, source_name="app")["7"]
    assert [text for *_, text in found.comments] == [f"Attachment: {name}.png (attachments/{name})" for name in "ab"]


def test_ids_of_a_gitlab_export(bring: Bring) -> None:
    """A project's export names people by their ids alone, which users.csv may match."""
    record = {"iid": 1, "title": "T", "state": "opened", "project_id": 5, "author_id": 22, "relative_position": 500}
    found = bring("gitlab", [record | {"issue_assignees": [{"user_id": 23, "issue_id": 9}]}])["5#1"]
    assert found.assignee == Identity(account="23")


def test_edges_of_a_linear_issue(bring: Bring) -> None:
    """Comments, children and relations of an issue that lists them as edges."""
    record: dict[str, Any] = {"id": "5d", "identifier": "ENG-1", "title": "T", "state": {"name": "Todo"}}
    record |= {"comments": edges({"body": "Yes", "user": {"name": "Ann"}, "createdAt": DAY})}
    record |= {"children": edges({"identifier": "ENG-2"})}
    record |= {"relations": edges({"type": "blocks", "relatedIssue": {"identifier": "ENG-3"}})}
    found = bring("linear", [record])["ENG-1"]
    assert found.comments == [("Ann", DAY, "Yes")]
    assert found.relations == [("ENG-1", "related_to", "ENG-2"), ("ENG-1", "blocks", "ENG-3")]
