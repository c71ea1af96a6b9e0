"""What a power cut leaves of a ledger: all that a commit has written, whatever else the disk had."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from importer.ledger.opening import open_ledger
from tests.harness.ledger_sending import TARGET
from tests.harness.power import cut_power, find_vfs, record_syncs
from tests.harness.running import ROOT

pytestmark = pytest.mark.skipif(find_vfs() is None, reason="the library of this Python's SQLite is not to be reached")
SEEDS = range(8)


def cut_each(folder: Path, kind: str) -> Iterator[Path]:
    """Write in a process that ends as one that is killed; give what power cuts leave of the ledger's folder."""
    command = [sys.executable, "-m", "tests.end_to_end.test_power_loss", str(folder / "written"), kind]
    subprocess.run(command, check=True, cwd=ROOT)
    for seed in SEEDS:
        place = shutil.copytree(folder / "written", folder / f"{seed}")
        cut_power(place / "ledger", place / "synced", Random(seed))
        yield place / "ledger"


def test_what_was_recorded_is_there(tmp_path: Path) -> None:
    """An intent that `sending` has called durable is known after a power cut, and the file is whole."""
    for folder in cut_each(tmp_path, "ledger"):
        with open_ledger(folder / "ledger.db") as ledger:
            known = ledger.find_known(TARGET, "jira-acme", [f"k{number}" for number in range(50)])
        assert len(known) == 50


def test_the_harness_sees_what_was_not_synced(tmp_path: Path) -> None:
    """Of a database that doesn't wait for the disk a power cut may leave nothing."""
    lost = 0
    for folder in cut_each(tmp_path, "careless"):
        try:
            lost += sqlite3.connect(folder / "ledger.db").execute("SELECT count(*) FROM t").fetchone() != (50,)
        except sqlite3.DatabaseError:
            lost += 1
    assert lost


def main(folder: Path, kind: str) -> None:
    """Write fifty rows, each in a commit of its own."""
    from os import _exit

    from tests.harness.ledger_sending import begin, send

    path = folder / "ledger" / "ledger.db"
    path.parent.mkdir(parents=True)
    record_syncs(path.parent, folder / "synced")
    if kind == "ledger":
        opened = open_ledger(path)
        run = begin(opened.__enter__())
        for number in range(50):
            send(run, f"k{number}")
    else:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE t (n)")
        for number in range(50):
            connection.execute("INSERT INTO t VALUES (?)", (number,))
    _exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
