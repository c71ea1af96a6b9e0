"""A list that has no ids: a row that somebody edits becomes a new issue, which is said; a key is asked for once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from importer.check.knowledge import KnownIssue
from importer.check.observers.nameless import Edited, find_edited
from importer.errors import ExitCode
from tests.harness.running import Ended, Program, write_csv

HEADER = ("Ticket", "Title", "Area", "Notes")
FIELDS = "title: Title\nseverity: {value: low}\nstatus: {value: todo}\ncategory: {value: Task}\ndescription: Notes\n"
BY_CONTENT = f"input: {{name: list, key: {{content: true}}}}\n{FIELDS}"
ROWS = [
    ("T-1", "Printer jams", "IT", "Third floor"),
    ("T-2", "Chair is broken", "Office", "Room 12"),
    ("T-3", "VPN is slow", "IT", "In the evening"),
    ("T-4", "Coffee is cold", "Office", ""),
]
EDITED = [("T-1", "Printer jams", "IT", "Third floor, again"), *ROWS[1:], ("T-5", "Door squeaks", "Office", "")]
ASKED = "before the first import, choose a key that stays"


def night(program: Program, rows: Sequence[Sequence[str]], mapping: str, header: Sequence[str] = HEADER) -> Ended:
    Path("list.yaml").write_text(mapping, encoding="utf-8")
    source = write_csv(Path("list.csv"), rows, header)
    return program("run", source, "-m", "list.yaml", "--sandbox", "--yes", "--on-change", "update", "--json")


def said(ended: Ended, what: str) -> list[str]:
    return [warning for warning in ended.summary["warnings"] if what in warning]


def notice_of(ended: Ended) -> dict[str, Any]:
    return next((each for each in ended.summary["notices"] if each["cause"] == "row-edited"), {})


def test_an_edited_row_is_named(program: Program) -> None:
    """The night it becomes a new issue says so, with the title and both keys; the key is asked for once."""
    first = night(program, ROWS, BY_CONTENT)
    assert first.outcomes() == {"created": 4}, first.err
    assert said(first, ASKED)
    second = night(program, EDITED, BY_CONTENT)
    assert (second.code, second.outcomes()) == (ExitCode.DONE, {"created": 2, "unchanged": 3}), second.err
    (warning,) = said(second, "new tonight without a key: 2 rows, of which 1 seems to be edited: “Printer jams” (list:")
    assert not said(second, ASKED)
    notice = notice_of(second)
    assert (notice["count"], notice["new"], notice["who"]) == (1, 1, "nobody")
    assert all(key in warning for key in notice["keys"])
    third = night(program, EDITED, BY_CONTENT)
    assert third.outcomes() == {"unchanged": 5}
    assert (said(third, ASKED), said(third, "new tonight"), notice_of(third)) == ([], [], {})


def test_the_line_that_is_proposed(program: Program) -> None:
    """Pasted, it makes an edited row an update."""
    source = write_csv(Path("list.csv"), ROWS, HEADER)
    Path("list.yaml").write_text(BY_CONTENT, encoding="utf-8")
    (asked,) = said(program("validate", source, "-m", "list.yaml", "--json"), ASKED)
    line = re.search(r"`input: \{(.*)\}`", asked)
    assert line is not None
    keyed = BY_CONTENT.replace("key: {content: true}", line[1])
    assert night(program, ROWS, keyed).outcomes() == {"created": 4}
    edited = night(program, EDITED, keyed)
    assert edited.outcomes() == {"created": 1, "updated": 1, "unchanged": 3}, edited.err
    assert not notice_of(edited)


def test_a_list_that_has_no_such_column(program: Program) -> None:
    """It is said, with what to do."""
    ended = night(program, [row[1:] for row in ROWS], BY_CONTENT, HEADER[1:])
    assert said(ended, f"{ASKED}: no column has a value of its own in each row")


def test_which_rows_count_as_edited() -> None:
    """Those whose title is that of one row that is gone, and of one that is new."""
    gone = [KnownIssue(f"x:{key}", b"", title) for key, title in (("row-1", "One"), ("row-2", "Two"), ("row-3", "Two"))]
    gone.append(KnownIssue("x:P-4", b"", "Four"))
    new = {"x:row-5": "ONE!", "x:row-6": "Two", "x:row-7": "Four", "x:row-8": "Other"}
    assert find_edited(new, gone) == [Edited("x:row-5", "x:row-1", "ONE!")]
    assert find_edited({**new, "x:row-9": "One"}, gone) == []
