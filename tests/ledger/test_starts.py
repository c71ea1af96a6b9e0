"""The starts of commands: in a file beside the ledger, and in the ledger, each once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from importer.ledger.opening import open_ledger, read_ledger
from importer.ledger.overview import list_starts, note_start, read_notes
from tests.conftest import Serve
from tests.harness.running import KEY, Program, issue_row, write_csv

ENDED: dict[str, Any] = {"exit_code": 6, "seconds": 1.5, "why": "it is not there"}
DEAD = 2**22 + 1
"""No process has this id: it is above the largest that Linux gives."""


def note(name: str, pid: int, **more: Any) -> dict[str, Any]:
    """What a start notes when it begins."""
    return {"id": name, "started_at": 1.0, "pid": pid, "command": "run", "files": "[]"} | more


def test_whoever_opens_the_ledger_takes_them_in(place: str | Path, monkeypatch: Any, tmp_path: Path) -> None:
    """But for one whose process is at work; one that is taken in twice is there once."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for each in (note("alive", os.getppid()), note("dead", DEAD), note("over", DEAD), note("over", DEAD, **ENDED)):
        note_start(place, each)
    for _ in range(2):
        with open_ledger(place) as ledger:
            assert ledger.start == ""
        assert read_notes(place).keys() == {"alive"}
        with read_ledger(place) as book:
            known = {each["id"]: each for each in list_starts(book, place)}
        assert {name: (each["is_running"], each["exit_code"]) for name, each in known.items()} == {
            "alive": (True, None),
            "dead": (False, None),
            "over": (False, 6),
        }
        note_start(place, note("over", DEAD, **ENDED))
    note_start(place, note("alive", os.getppid(), **ENDED))
    note_start(place, note("own", os.getpid()))
    with open_ledger(place) as ledger:
        assert (ledger.start, read_notes(place)) == ("own", {})


def test_the_key_is_in_none(program: Program, serve: Serve) -> None:
    """It is masked in a reason and in the name of a file."""
    write_csv(Path(f"{KEY}.csv"), [issue_row(1)])
    assert program("run", f"{KEY}.csv", "-m", "jira", "--api-url", serve().url, "--yes").code == 0
    assert program("run", f"{KEY}-missing.csv", "-m", "jira", "--sandbox").code == 6
    assert len(program.starts()) == 2
    files = (file for file in program.ledger.parent.iterdir() if file.is_file())
    assert not [file for file in files if KEY.encode() in file.read_bytes()]
