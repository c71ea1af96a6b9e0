"""Damage in a ledger that nothing points to: `runs check` reads all of it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from importer.errors import ExitCode
from importer.ledger.integrity import check_ledger
from importer.ledger.opening import open_ledger, read_ledger
from tests.harness.ledger_sending import begin, row, send
from tests.harness.running import Program


def write_ledger(path: Path, rows: int = 400) -> None:
    """Write a ledger with a few pages of rows and operations."""
    with open_ledger(path) as ledger:
        run = begin(ledger)
        run.register(map(row, range(1, rows + 1)))
        send(run, *(f"k{number}" for number in range(1, rows + 1)))


def rot(path: Path, table: str) -> None:
    """Change a page of a table, as a disk does that forgets: size and times of the file stay."""
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT max(pageno) FROM dbstat WHERE name = ?", (table,)).fetchone()
    before = path.stat()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(bytes(4096))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_no_file(place: str | Path) -> None:
    """An absent ledger, and one on a server, have no file to read."""
    with read_ledger(place) as ledger:
        assert not check_ledger(ledger)


@pytest.mark.parametrize("table", ["operations", "rows"])
def test_the_command(program: Program, table: str) -> None:
    """It reads all, says that all is well or ends with 2 and the remedy; `--ledger` may stand before its name, too."""
    assert "is no file" in program("runs", "check").err
    write_ledger(program.ledger)
    ended = program("runs", "check")
    assert (ended.code, ended.err) == (ExitCode.DONE, f"The ledger {program.ledger} is whole.\n")
    other = Path("other.db").resolve()
    write_ledger(other)
    rot(other, table)
    for words in (("runs", "check", "--ledger", str(other)), ("runs", "--ledger", str(other), "check")):
        ended = program(*words)
        assert ended.code == ExitCode.UNUSABLE
        assert f"Move {other} away" in ended.err
