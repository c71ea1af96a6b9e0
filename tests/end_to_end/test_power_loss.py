"""What a power cut leaves of a ledger: all that a commit has written, whatever else the disk had."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from importer.ledger.opening import open_ledger
from tests.harness.ledger_sending import TARGET
from tests.harness.power import cut_power, find_vfs, record_syncs
from tests.harness.running import ROOT

pytestmark = pytest.mark.skipif(find_vfs() is None, reason="the library of this Python's SQLite is not to be reached")
SEEDS = range(8)


def write_and_die(folder: Path, kind: str) -> None:
    """Write in a process of its own, which then ends at once, as one that is killed."""
    command = [sys.executable, "-m", "tests.end_to_end.test_power_loss", str(folder), kind]
    subprocess.run(command, check=True, cwd=ROOT)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_recorded_is_there(tmp_path: Path, seed: int) -> None:
    """An intent that `sending` has called durable is known after a power cut, and the file is whole."""
    write_and_die(tmp_path, "ledger")
    cut_power(tmp_path / "ledger", tmp_path / "synced", Random(seed))
    with open_ledger(tmp_path / "ledger" / "ledger.db") as ledger:
        known = ledger.find_known(TARGET, "jira-acme", [f"k{number}" for number in range(50)])
    assert len(known) == 50


def test_the_harness_sees_what_was_not_synced(tmp_path: Path) -> None:
    """Of a database that doesn't wait for the disk a power cut may leave nothing."""
    lost = 0
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        write_and_die(folder, "careless")
        cut_power(folder / "ledger", folder / "synced", Random(seed))
        path = folder / "ledger" / "ledger.db"
        try:
            lost += sqlite3.connect(path).execute("SELECT count(*) FROM t").fetchone() != (50,)
        except sqlite3.DatabaseError:
            lost += 1
    assert lost


def main(folder: Path, kind: str) -> None:
    """Write fifty rows, each in a commit of its own."""
    from os import _exit

    from tests.harness.ledger_sending import begin, send

    path = folder / "ledger" / "ledger.db"
    path.parent.mkdir()
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
