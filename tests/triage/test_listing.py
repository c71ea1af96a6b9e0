"""Lists of issues that misbehave end in a sentence."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.harness.fake_triage import make_issue
from tests.harness.running import CATEGORIES, Program, serve_answers, write_issues

PAGE = [make_issue(number, f"issue {number}") for number in range(1, 6)]


def endless(cursor_after: Callable[[str], str], items: list[dict[str, Any]]) -> Callable[..., tuple[int, Any]]:
    """A Triage whose list shows the same issues again and again; `cursor_after` gives the next cursor."""

    def answer(method: str, path: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        if "categories" in path:
            return 200, CATEGORIES
        if "issues?" not in path or method == "POST":
            return 404, {"data": None, "errors": [{"error": "not_found", "message": "Issue not found"}]}
        cursor = parse_qs(urlsplit(path).query).get("cursor", [""])[0]
        return 200, {"data": {"items": items, "next_cursor": cursor_after(cursor)}, "errors": None}

    return answer


NUMBERS = count()
CURSORS: dict[str, Callable[[str], str]] = {
    "the same": lambda cursor: "a",
    "in a circle": lambda cursor: {"": "a", "a": "b", "b": "c"}.get(cursor, "a"),
    "always new": lambda cursor: str(uuid.UUID(int=next(NUMBERS))),
}


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("items", [PAGE, []], ids=["issues", "empty"])
@pytest.mark.parametrize("cursor_after", CURSORS.values(), ids=CURSORS)
def test_pages_that_never_end(
    program: Program, cursor_after: Callable[[str], str], items: list[dict[str, Any]]
) -> None:
    """They are noticed, whatever their cursors look like, and nothing is sent."""
    write_issues(Path("export.csv"), 2)
    with serve_answers(endless(cursor_after, items)) as url:
        ended = program("run", "export.csv", "-m", "jira", "--yes", "--rate", "0", "--api-url", url)
    assert ended.code == 3
    assert "The list of issues in Triage never ends" in ended.err
