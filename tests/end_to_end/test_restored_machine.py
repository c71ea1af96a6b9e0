"""A machine that is restored from its backup: an old ledger, and a Triage in which later nights have written."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.mappings import DESK, FINDINGS
from tests.harness.running import Ended, Program, write_csv

pytestmark = pytest.mark.slow
DAILY = f"""
input: {{name: findings, kind: delta, key: {{content: true}}}}
{FINDINGS.lstrip()}skip: [{{name: passed, when: {{column: result, is: [pass]}}}}]
"""
HEADER = ("agent", "criterion", "call_id", "note", "turn", "severity", "result", "date")
ANN = ("Ann", "Greets", "c-1", "No name", "1", "medium", "fail", "2099-01-01T10:00:00Z")
BEN = ("Ben", "Greets", "b-1", "Ben is late", "1", "medium", "fail", "2099-01-01T10:00:00Z")
NIGHTS = [
    [ANN, BEN],
    [
        ("Ann", "Greets", "c-2", "No greeting", "1", "high", "fail", "2099-01-02T10:00:00Z"),
        (*ANN[:3], "Wrong name", *ANN[4:]),
    ],
    [
        (*BEN[:6], "pass", BEN[7]),
        ("Ann", "Greets", "c-3", "Hung up", "1", "medium", "fail", "2099-01-03T10:00:00Z"),
        ("Cid", "Greets", "d-1", "No name", "1", "low", "fail", "2099-01-03T10:00:00Z"),
    ],
]


class Machine:
    """Has nightly files, a ledger, and a backup of it."""

    def __init__(
        self, program: Program, url: str, mapping: str, header: Sequence[str], nights: Sequence[Sequence[Sequence[str]]]
    ) -> None:
        self._program, self._url, self._header, self._nights = program, url, header, nights
        self._backup = program.folder.parent / "backup"
        Path("mine.yaml").write_text(mapping, encoding="utf-8")

    def deliver(self, night: int) -> None:
        path = write_csv(Path(f"f{night}.csv"), self._nights[night], self._header)
        when = time.time() - 3600 + 600 * night
        os.utime(path, (when, when))

    def run(self) -> Ended:
        files = sorted(map(str, Path().glob("f*.csv")))
        where = ("-m", "mine.yaml", "--api-url", self._url, "--on-change", "update", "--files", "each-once")
        return self._program(
            "run", *files, *where, "--yes", "--json", "--rate", "0", "--no-canary", "--settle-seconds", "0.2"
        )

    def pass_nights(self, *, kept: int) -> None:
        """Let three nights pass; a backup is made after one of them."""
        for night in range(3):
            self.deliver(night)
            ended = self.run()
            assert ended.code == 0, ended.err
            if night == kept:
                shutil.copytree(self._program.state, self._backup)

    def restore(self) -> None:
        shutil.rmtree(self._program.state)
        shutil.copytree(self._backup, self._program.state)


def contents(sandbox: Any) -> Any:
    issues = sorted((each["title"], each["description"], each["severity"], each["status"]) for each in sandbox.issues())
    return issues, sorted(each["detail"] for each in sandbox.comments()), sorted(map(str, sandbox.flags()))


@pytest.mark.parametrize("kept", [0, 1])
def test_findings_of_each_file(program: Program, serve: Serve, kept: int) -> None:
    """Nothing is doubled, no correction said twice, and the next night has nothing to do."""
    sandbox = serve()
    machine = Machine(program, sandbox.url, DAILY, HEADER, NIGHTS)
    machine.pass_nights(kept=kept)
    before = contents(sandbox)
    assert (len(before[0]), any("Wrong name" in detail for detail in before[1])) == (3, True)
    machine.restore()
    again = machine.run()
    assert again.code == 0, again.err
    assert contents(sandbox) == before
    assert "No new file" in machine.run().err


ROWS = f"{DESK}comments: {{from: [Note]}}\n"
DAYS = [
    [("1", "A", "Text", "First note"), ("2", "B", "Text", "")],
    [("1", "A, corrected", "Text", "Second note"), ("3", "C", "Text", "Its note")],
    [("1", "A, corrected twice", "Longer text", "Second note"), ("2", "B", "Text, corrected", "A note")],
    [("1", "A, once more", "Longer text", "Second note")],
]


@pytest.mark.parametrize("kept", [0, 1])
def test_changed_rows_of_each_file(program: Program, serve: Serve, kept: int) -> None:
    """Nothing is doubled or set back; a file between looks like a person's edit, until the newest one agrees."""
    sandbox = serve()
    machine = Machine(program, sandbox.url, ROWS, ("Id", "Title", "Text", "Note"), DAYS)
    machine.pass_nights(kept=kept)
    before = contents(sandbox)
    machine.restore()
    again = machine.run()
    assert contents(sandbox) == before
    assert again.code == (ExitCode.DONE if kept else ExitCode.PARTLY), again.err
    assert again.err.count("  conflict ") == (not kept), again.err
    machine.deliver(3)
    next_night = machine.run()
    assert (next_night.code, next_night.outcomes()) == (ExitCode.DONE, {"updated": 1}), next_night.err
