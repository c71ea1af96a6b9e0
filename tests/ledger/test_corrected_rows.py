"""Rows that somebody has corrected in an errors file, in ledgers of each kind."""

from __future__ import annotations

import pytest

from importer.errors import ExitCode
from importer.ledger.journal import Decision, Run
from importer.ledger.previous_run import find_corrected_rows
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.records import Act, Operation, Outcome, Row
from tests.harness.ledger_sending import TARGET, begin

SOURCE = "jira-acme"
REASONS = (("severity-unknown", "severity", "unknown severity: 'Pressing'"),)


def rejected(record: int, key: str) -> Row:
    """A row that no mapping takes."""
    codes, fields, messages = zip(*REASONS, strict=True)
    return Row(0, "a.csv", record, record + 1, key, Outcome.REJECTED, codes, fields, messages, ("",))


def send(run: Run, key: str, act: Act = Act.CREATE) -> None:
    """Let an issue be made or changed."""
    operation = Operation(key, "POST", "/", b"{}", key, act=act, issue_id=key)
    change = None if act is Act.CREATE else operation
    done = Decision(key, State.DONE, issue_id=key, triage_id="T-1", returned=b"{}", operation=change)
    run.decide([done], [] if change else [operation])


@pytest.mark.parametrize("origin", ["a.csv:1", ""])
@pytest.mark.parametrize("later", [False, True])
def test_what_was_mended(ledger: Ledger, origin: str, later: bool) -> None:
    """A row that came from an errors file, as long as nothing else has written its issue since."""
    first = begin(ledger, digest="1")
    first.register([rejected(1, "s:a"), rejected(2, "s:b")])
    first.finish(ExitCode.PARTLY, {})
    assert find_corrected_rows(ledger.transaction, TARGET, SOURCE) == {}
    second = begin(ledger, digest="2")
    second.register([Row(0, "errors.csv", 1, 2, "s:a", Outcome.PLANNED, origin=origin)])
    send(second, "s:a")
    second.finish(ExitCode.DONE, {})
    if later:
        third = begin(ledger, digest="3")
        third.register([Row(0, "a.csv", 1, 2, "s:a", Outcome.PLANNED)])
        send(third, "s:a", Act.UPDATE)
        third.finish(ExitCode.DONE, {})
    found = find_corrected_rows(ledger.transaction, TARGET, SOURCE)
    if origin and not later:
        assert found["s:a"] == (second.name, "s:a", "T-1", {REASONS})
        assert found.keys() == {"s:a"}
    else:
        assert found == {}
