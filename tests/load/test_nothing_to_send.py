"""A run that has nothing to send reads its source once, and what it leaves is the same as if it had read it again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import importer.load.nothing_to_send
from importer.check import part_workers
from importer.load import attempt
from importer.load.nothing_to_send import SettledRows
from tests.conftest import Serve
from tests.harness.additions import HEADER, MAPPING
from tests.harness.readings import counted_readings
from tests.harness.running import Ended, Program, issue_row, write_csv

REPORTS = ("results.csv", "errors.csv", "losses.csv")
OWN = ("run_id", "elapsed_seconds", "out", "suggestion", "vanished_since", "started_at", "ended_at")
"""Figures of a summary that are a run's own."""


def write_source(*, changed: bool = False) -> None:
    """Write rows of every outcome: with comments, a relation and lost evidence, changed, left out, and rejected."""
    rows = [[*issue_row(number), *[""] * (len(HEADER) - 6)] for number in range(1, 9)]
    comments, calls, blocks = HEADER.index("Comment"), HEADER.index("Calls"), HEADER.index("Blocks")
    rows[0][comments : comments + 2] = ["1/Mar/26;Ann;one", "2/Mar/26;Ann;two"]
    rows[1][blocks] = "PROJ-1"
    rows[2][calls] = "call-that-nobody-knows"
    rows[3] = [*issue_row(4, title="another title" if changed else None), *rows[3][6:]]
    rows[4] = [*issue_row(5, priority="Whatever"), *rows[4][6:]]
    rows[6] = list(rows[0])
    write_csv(Path("export.csv"), rows, HEADER)
    Path("mine.yaml").write_text(
        MAPPING + "duplicates: first\nskip: [{name: eighth, when: {column: Summary, is: Title 8}}]\n"
    )


def run(program: Program, url: str, out: str, *options: str) -> Ended:
    """Import it."""
    words = ("run", "export.csv", "-m", "mine.yaml", "--api-url", url, "--yes", "--json", "--no-canary")
    return program(*words, "--rate", "0", "--max-rejected", "100%", "--out", out, *options)


def test_read_once(program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is to be sent: the check's rows are the run's; once there is something, the source is read for it."""
    sandbox = serve()
    write_csv(Path("export.csv"), map(issue_row, (1, 2)))
    Path("mine.yaml").write_text("extends: jira\ninput: {name: jira}\n")
    for readings, outcomes in ((2, {"created": 2}), (1, {"unchanged": 2})):
        with counted_readings(monkeypatch) as seen:
            assert run(program, sandbox.url, "out").outcomes() == outcomes
        assert len(seen) == readings
    write_csv(Path("export.csv"), map(issue_row, (1, 2, 3)))
    with counted_readings(monkeypatch) as seen:
        assert run(program, sandbox.url, "out").outcomes() == {"created": 1, "unchanged": 2}
    assert seen == [part_workers.__name__, attempt.__name__]


def test_as_if_it_were_read_again(program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports, counts and what the ledger keeps of each row are the same, to the byte."""
    sandbox = serve()
    write_source()
    run(program, sandbox.url, "first")
    write_source(changed=True)
    monkeypatch.setattr(importer.load.nothing_to_send, "find_same_run", lambda *_: None)
    with monkeypatch.context() as patched:
        patched.setattr(SettledRows, "are_all", lambda *_: False)
        run(program, sandbox.url, "before")
        again = run(program, sandbox.url, "again")
    with counted_readings(monkeypatch) as seen:
        once = run(program, sandbox.url, "once")
    assert set(seen) == {part_workers.__name__}, once.err
    assert once.outcomes() == again.outcomes()
    assert len(once.outcomes()) == 4, "unchanged, changed, skipped and rejected"
    for name in REPORTS:
        assert Path("once", name).read_bytes() == Path("again", name).read_bytes(), name
    figures = [json.loads(Path(out, "summary.json").read_text()) for out in ("once", "again")]
    assert {name for name in figures[0] if figures[0][name] != figures[1][name]} <= set(OWN)
    program("report", once.summary["run_id"], "--out", "later")
    assert Path("later/results.csv").read_bytes() == Path("once/results.csv").read_bytes()
