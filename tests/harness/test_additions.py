"""What the storm looks at besides issues: nothing of it can be doubled, lost or out of order unseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from importer.api import COMMENT_LIMIT
from importer.sandbox.body_rules import MISSING
from tests.harness.additions import COMMENTS, HEADER, Drawn, Target, check_additions, join_parts
from tests.harness.promises import Broken, Source

WHO = "Ann · 1/Mar/26"


def row(number: int, text: str, comments: tuple[str, ...] = (), *more: str) -> tuple[str, ...]:
    """A row of `HEADER`."""
    said = (*(f"1/Mar/26;Ann;{comment}" for comment in comments), *("",) * (COMMENTS - len(comments)))
    left = ("",) * (len(HEADER) - 6 - COMMENTS - len(more))
    return (f"PROJ-{number}", f"Title {number}", "High", "To Do", "Bug", text, *said, *more, *left)


SOURCE = Source(
    [
        row(
            1, "After PROJ-2.", ("a", "a", "b"), "c1,missing-2", "c1", "Wrong Tone", "loud", "3", "PROJ-2", "", "PROJ-2"
        ),
        row(2, "Not PROJ-9.", ("As PROJ-3 says.",), "", "", "", "", "", "", "PROJ-1"),
        row(3, "", ()),
    ],
    ["good"] * 3,
)


def issue(number: int, text: str) -> dict[str, Any]:
    description = f"{text}\n\n---\nImported from jira:PROJ-{number}"
    return {"id": f"id-{number}", "triage_id": f"T-{number}", "title": f"Title {number}", "description": description}


def comment(number: int, detail: str) -> dict[str, Any]:
    return {"issue_id": f"id-{number}", "detail": detail}


def relation(kind: str) -> dict[str, Any]:
    return {"issue_id": "id-1", "related_issue_id": "id-2", "relation_type": kind}


FLAG = {"issue_id": "id-1", "call_id": "c1", "type": "wrong_tone", "note": "loud", "message_index": 3}
WHOLE = Target(
    issues=[issue(1, "After PROJ-2 (T-2)."), issue(2, "Not PROJ-9."), issue(3, "")],
    comments=[
        comment(1, f"{WHO}\n\na"),
        comment(2, f"{WHO}\n\nAs PROJ-3 (T-3) says."),
        comment(1, f"{WHO}\n\na\n\n---\n\n{WHO}\n\nb"),
    ],
    resources=[{"issue_id": "id-1", "resource_id": "c1"}],
    flags=[FLAG],
    relations=[relation("blocks"), relation("related_to")],
)
BROKEN: dict[str, tuple[str, Callable[[Target], Target]]] = {
    "a comment is lost": ("lost", lambda it: replace(it, comments=it.comments[1:])),
    "a comment is doubled": ("doubled", lambda it: replace(it, comments=[*it.comments, it.comments[0]])),
    "a comment is another's": ("doubled", lambda it: replace(it, comments=[*it.comments, comment(3, "a")])),
    "comments have changed places": ("disordered", lambda it: replace(it, comments=it.comments[::-1])),
    "a call is lost": ("lost", lambda it: replace(it, resources=[])),
    "a flag is lost": ("lost", lambda it: replace(it, flags=[])),
    "a flag is doubled": ("doubled", lambda it: replace(it, flags=[FLAG, FLAG])),
    "a flag is on another turn": ("doubled", lambda it: replace(it, flags=[FLAG | {"message_index": 2}])),
    "a relation is lost": ("lost", lambda it: replace(it, relations=it.relations[1:])),
    "a relation is doubled": ("doubled", lambda it: replace(it, relations=[*it.relations, it.relations[1]])),
    "a number is not put in": (
        "lost",
        lambda it: replace(it, issues=[issue(1, "After PROJ-2."), *it.issues[1:]]),
    ),
    "a number is another": ("lost", lambda it: replace(it, issues=[issue(1, "After PROJ-2 (T-3)."), *it.issues[1:]])),
    "a number is put in twice": (
        "lost",
        lambda it: replace(it, issues=[issue(1, "After PROJ-2 (T-2) (T-2)."), *it.issues[1:]]),
    ),
    "a text is another": ("lost", lambda it: replace(it, issues=[*it.issues[:1], issue(2, "Not"), *it.issues[2:]])),
}


def test_all_is_there() -> None:
    """Folded or not, from either row, as it is to be."""
    check_additions(WHOLE, SOURCE)


@pytest.mark.parametrize(("what", "change"), BROKEN.values(), ids=BROKEN)
def test_something_is_not_as_it_is_to_be(what: str, change: Callable[[Target], Target]) -> None:
    """It is seen, and called what it is."""
    with pytest.raises(Broken) as broken:
        check_additions(change(WHOLE), SOURCE)
    assert broken.value.what == what, broken.value


def test_parts_are_joined() -> None:
    """A comment in parts is one; a part that is missing, or comes too early, breaks it."""
    parts = [f"{WHO} · part {number} of 3\n\n{'abc'[number - 1]}" for number in (1, 2, 3)]
    assert list(join_parts(parts)) == [(WHO, "abc")]
    assert list(join_parts([*parts, f"{WHO}\n\nx"])) == [(WHO, "abc"), (WHO, "x")]
    assert list(join_parts(parts[:2])) == []
    assert (WHO, "abc") not in list(join_parts([parts[0], parts[2], parts[1]]))


def test_a_drawn_source_has_everything() -> None:
    """Long and equal comments, unknown calls, flags, relations that both rows name, and names of issues."""
    drawn = Drawn(Random(1), 100)
    rows = [drawn.issue(number) for number in range(1, 101)]
    said = [[comment for comment in row[6 : 6 + COMMENTS] if comment] for row in rows]
    assert any(len(comment) > COMMENT_LIMIT for comments in said for comment in comments)
    assert any(len(comments) > len(set(comments)) for comments in said)
    assert any(MISSING in row[HEADER.index("Calls")] for row in rows)
    assert any(row[HEADER.index("Flag")] for row in rows)
    blocked = {(row[0], other) for row in rows for other in row[HEADER.index("Blocks")].split(",") if other}
    assert blocked & {(other, row[0]) for row in rows for other in row[HEADER.index("Blocked by")].split(",")}
    assert any("PROJ-" in row[5] for row in rows)
