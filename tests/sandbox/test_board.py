"""Reading a sandbox's file for a rehearsal."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from importer.sandbox.board import read_board
from importer.sandbox.storage import SandboxError
from tests.harness.hostile import HostileOptions, serve_in_thread
from tests.sandbox.conftest import BODY, ISSUES, KEY, Json, post


def test_issues_with_all_that_belongs_to_them(tmp_path: Path) -> None:
    """Comments, evidence, flags, and relations from both ends, each issue with where it came from."""
    file = tmp_path / "box.db"
    with serve_in_thread(HostileOptions(db=file)) as sandbox:
        first, second, _ = (post(sandbox).json()["data"] for _ in range(3))

        def add(part: str, body: Json) -> None:
            path = f"{sandbox.url}{ISSUES}/{first['id']}/{part}"
            assert httpx.post(path, json=body, headers=KEY).status_code == 201

        add("comments", {"detail": "Seen again."})
        add("resources", {"resource_type": "call", "resource_id": "c-1"})
        add("flags", {"call_id": "c-1", "type": "Slow", "note": "two seconds"})
        add("relations", {"related_issue_id": second["id"], "relation_type": "blocks"})
        with pytest.raises(SandboxError, match="in use by another sandbox"):
            read_board(file, [], 9)

    board = read_board(file, [(first["id"], "a.csv line 2"), (second["id"], "a.csv line 3"), ("gone", "")], 9)
    one, two = board.issues
    assert (board.total, one["origin"], two["origin"]) == (2, "a.csv line 2", "a.csv line 3")
    assert {name: one[name] for name in BODY} == BODY
    assert (one["comments"], one["resources"]) == (["Seen again."], [("call", "c-1")])
    assert one["flags"] == [("slow", "two seconds", "c-1", None)]
    assert one["relations"] == [("blocks", "outgoing", "T-1002", "A title")]
    assert two["relations"] == [("blocks", "incoming", "T-1001", "A title")]


def test_open_ones_come_first(tmp_path: Path) -> None:
    """Of more than are wanted, those that are finished are left out."""
    file = tmp_path / "box.db"
    with serve_in_thread(HostileOptions(db=file)) as sandbox:
        made = [
            post(sandbox, BODY | {"status": status}).json()["data"] for status in ("done", "todo", "closed", "backlog")
        ]
    board = read_board(file, [(issue["id"], "") for issue in made], 3)
    assert board.total == 4
    assert [issue["status"] for issue in board.issues] == ["todo", "backlog", "done"]
