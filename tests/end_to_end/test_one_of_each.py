"""What is said where there is one of everything: verbs and nouns agree with their number."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from importer.cli.repair import say_counts
from importer.cli.run_screen import describe_open
from importer.codes import OPEN
from tests.conftest import Serve
from tests.end_to_end.wayback import CORRECTED
from tests.harness.pages import Page
from tests.harness.running import Program, issue_row, write_csv

DISAGREEING = re.compile(
    r"(?<![\w.,])1 (?:more )?(?:rows|issues|keys|runs|cells|comments|columns|people|answers|requests|texts|others"
    r"|causes|are|were|have|need|differ)\b(?! in all)|\b1 of \d+ \w+ (?:are|were|have|need)\b"
)
"""A number of one before the plural of a noun or verb; 30.1 issues a second are no one."""


def test_one_issue_from_check_to_undo(program: Program, serve: Serve) -> None:
    """One row of a source with one attachment, that everything is done with."""
    sandbox = serve()
    Path("corrected.yaml").write_text(CORRECTED, encoding="utf-8")
    header = ("Issue key", "Summary", "Priority", "Status", "Issue Type", "Description", "Attachment", "Left over")
    source = write_csv(
        Path("export.csv"), [(*issue_row(1), "01/Jan/26 9:00 AM;ann;a.png;https://a.example/1", "x")], header
    )
    send = ("run", source, "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0")
    commands: tuple[tuple[str | Path, ...], ...] = (
        ("validate", source, "-m", "jira", "-v"),
        ("users", source, "-m", "jira"),
        send,
        (*send, "--min-rows", "2"),
        ("verify", "last", "--rate", "0"),
        ("runs",),
        ("sources",),
        ("report", "--source", "jira"),
        ("repair", "last", "-m", "corrected.yaml", "--fields", "severity", "--rate", "0"),
        ("undo", "last", "--close", "--rate", "0"),
    )
    said = []
    for command in commands:
        ended = program(*command)
        said += [ended.out, ended.err]
    said += [Page(page).text for page in Path().glob("*/report.html")]
    assert len(said) > 20
    assert [found[0] for text in said for found in DISAGREEING.finditer(text)] == []


@pytest.mark.parametrize("code", OPEN)
def test_one_issue_that_is_open(code: str) -> None:
    """The same sentence is said of one and of many."""
    (sentence,) = describe_open({code: 1})
    assert sentence.startswith("1 issue ")
    assert not re.search(r"\b(?:they|them|their|are)\b", sentence)


def test_one_that_differs() -> None:
    """A repair of one issue."""
    assert say_counts(Counter({"untouched": 1}), 1) == "1 differs: 1 untouched will be patched"
