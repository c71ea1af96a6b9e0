"""The spool on disk, and each of the six that are kept in one: a full disk ends them with a sentence."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from importer.scratch import Scratch
from tests.harness.families import HEADER, MAPPING
from tests.harness.running import ROOT, WAIT_SECONDS, write_csv

LIMIT_BYTES = 1 << 20

# What fills each of them with some megabytes.
FILL = {
    "ends": """
from importer.check.relation_targets import RelationTargets
with RelationTargets() as ends:
    ends.add_keys(f"s:{number}" for number in range(300_000))
""",
    "agenda": """
from importer.load.queue import AdditionQueue, QueueItem
from importer.records import Comment, IssueParts
parts = IssueParts(comments=(Comment("1", "", "", "x" * 900),))
AdditionQueue().add((0.0, QueueItem(f"k{number}", parts)) for number in range(9_000))
""",
    "relations of the agenda": """
from importer.load.queue import AdditionQueue, QueueItem
from importer.records import IssueParts, Relation
agenda = AdditionQueue()
for number in range(40_000):
    agenda.add([(0.0, QueueItem("k", IssueParts(relations=(Relation(f"{number:0300}", "blocks", "k"),))))])
""",
    "another order": """
from importer.load.queue import RankedOperations
ranked = RankedOperations()
for number in range(9):
    ranked.add((0.0, "x" * 900) for _ in range(1_000))
""",
    "attachments": """
from importer.check.coverage.attachments import Attachment, AttachmentSpool
AttachmentSpool().add([Attachment(f"k{number}", "x" * 900, "") for number in range(9_000)])
""",
    "comments": """
from importer.mapping.reads import Annex
from importer.sources.annexes import ANY_FILE, AnnexObject, AnnexSpool
objects = ({"of": str(number), "text": "x" * 900} for number in range(9_000))
AnnexSpool(Annex("", "of"), (AnnexObject(ANY_FILE, "c.csv", 1, each) for each in objects))
""",
    "links": """
from importer.library.inputs import open_job
given = dict(mapping="m.yaml", source_name=None, encoding=None, delimiter=None, format=None)
with open_job(("export.csv",), **given) as job:
    job.find_keys(0, ["1"])
""",
}


def run_on_a_small_disk(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run some code in a process whose files take a megabyte each, and whose temporary ones are in a folder."""
    limit = f"import resource, signal\nresource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT_BYTES}, {LIMIT_BYTES}))\n"
    return subprocess.run(
        [sys.executable, "-c", limit + code],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )


@pytest.mark.parametrize("what", FILL)
def test_a_full_disk(tmp_path: Path, what: str) -> None:
    """It stops the run with a sentence that says which folder is full and what can be done, and not as a bug."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    if what == "links":
        rows = [(f"K{number}", f"{number:0300}", f"{number + 1:0300}", "") for number in range(9_000)]
        write_csv(tmp_path / "export.csv", rows, HEADER)
        (tmp_path / "m.yaml").write_text(MAPPING, encoding="utf-8")
    caught = "try:\n" + "".join(f"    {line}\n" for line in FILL[what].splitlines())
    caught += "except StorageFull as error:\n    print(error.message)\n    print(error.hint)\n"
    done = run_on_a_small_disk(folder, f"from importer.errors import StorageFull\n{caught}")
    assert (done.returncode, done.stderr) == (0, "")
    message, hint = done.stdout.splitlines()
    assert message.startswith(f"{folder} takes no more: ")
    assert hint == "Make room there, or set TMPDIR to a folder that has it, then run the same command again."
    assert not list(folder.iterdir())


def test_a_full_disk_while_reading(tmp_path: Path) -> None:
    """What has to be sorted on disk is the same."""
    code = """
from importer.errors import StorageFull
from importer.scratch import Scratch
with Scratch("CREATE TABLE t (x)") as scratch:
    scratch.execute("PRAGMA cache_size = 5")
    scratch.write("INSERT INTO t VALUES (?)", ((f"{number * 7919 % 9000:04}",) for number in range(9_000)))
    try:
        for _ in scratch.rows("SELECT x || printf('%.900c', 'x') AS y FROM t ORDER BY y"):
            pass
    except StorageFull as error:
        print(error.message)
"""
    done = run_on_a_small_disk(tmp_path, code)
    assert done.stdout.startswith(f"{tmp_path} takes no more: "), done.stderr


@pytest.mark.parametrize("name", ["TMPDIR", "SQLITE_TMPDIR"])
def test_which_folder_is_full(tmp_path: Path, name: str) -> None:
    """The one that SQLite takes is named: its own variable goes before the common one."""
    environment = {**os.environ, "TMPDIR": "/nowhere", "SQLITE_TMPDIR": "/nowhere", name: str(tmp_path)}
    code = "from importer.scratch import scratch_folder; print(scratch_folder())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path}\n"


def test_a_mistake_is_none_of_the_disk() -> None:
    """SQL that is wrong is a bug and says so."""
    with Scratch("CREATE TABLE t (x)") as scratch, pytest.raises(sqlite3.OperationalError, match="no such table"):
        scratch.execute("INSERT INTO u VALUES (1)")


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """A process that is killed leaves no file; nor does one that forgets to close it."""
    code = (
        "import os, signal\nfrom importer.scratch import Scratch\nscratch = Scratch('CREATE TABLE t (x)')\n"
        "scratch.write('INSERT INTO t VALUES (?)', [('x' * 900,)] * 9_000)\n"
    )
    for ending, code_at_end in (("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL), ("del scratch", 0)):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code + ending],
            env={**os.environ, "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (code_at_end, "")
        assert not list(tmp_path.iterdir())


def test_another_thread_drops_it() -> None:
    """It is closed all the same: an executor's threads leave what they have opened to whoever ends it."""
    with ThreadPoolExecutor(1) as executor:
        scratch = executor.submit(Scratch, "CREATE TABLE t (x)").result()
    scratch.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        scratch.execute("INSERT INTO t VALUES (1)")


def test_rows_that_nobody_reads_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stops in the middle closes the spool first: what is left of the query then ends without a word."""
    said = list[object]()
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    scratch = Scratch("CREATE TABLE numbers (number INTEGER);")
    scratch.write("INSERT INTO numbers VALUES (?)", [(number,) for number in range(9)])
    rows = scratch.rows("SELECT number FROM numbers")
    assert next(rows) == (0,)
    scratch.close()
    del rows
    gc.collect()
    assert said == []
