"""All rows again after their ledger was lost: the CPU of that run, beside looking and checking alone.

    python -m tests.benchmarks.lost [--rows 6000 --rows 12000 …]

Each row of a Jira-like export is in Triage, and the ledger is gone: the run finds every issue by its marker, records
it and creates nothing. Beside it stands `rebuild-ledger` of the same rows, which looks and checks and does no more: it
reads the target, checks each row once and records what it has found.
Wanted: at most 1.5 times its CPU at each size, and no more CPU a row at the largest size than at the smallest.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import click
import orjson

from importer.check.examine import examine
from importer.check.knowledge import NoLedger
from importer.check.plan import plan_rows
from importer.library.inputs import open_job
from importer.sandbox.storage import Store, new_id
from tests.benchmarks.nights import sandbox
from tests.benchmarks.processes import measure
from tests.benchmarks.source_files import make_ordinary, write_export

ROWS = (6_000, 12_000, 24_000, 50_000)
WANTED = 1.5
TIME = "2026-01-01T00:00:00.000Z"


class Found(NamedTuple):
    """Seconds of CPU for a number of rows: of the run without a ledger, and of looking and checking alone."""

    rows: int
    run: float
    look: float


def fill_target(database: Path, export: Path) -> None:
    """Put the issues of an export into the database of a sandbox, as its creates would."""
    store = Store(database)
    try:
        with store.writing(), open_job([str(export)]) as job:
            for run in examine(job):
                plan_rows(run, {}, NoLedger())
                for operation in (row.operation for row in run.rows if row.operation is not None):
                    fields = orjson.loads(operation.body)
                    times = dict.fromkeys(("created_at", "updated_at", "last_activity_at"), TIME)
                    store.insert("issues", id=new_id(), **fields, **times)
    finally:
        store.close()


def compare(folder: Path, rows: int) -> Found:
    """Measure one number of rows."""
    folder.mkdir()
    export = folder / "export.csv"
    write_export(export, rows, make_ordinary)
    fill_target(folder / "sandbox.db", export)
    with sandbox(folder) as url:

        def lose(command: str, *options: str) -> float:
            given = ("--api-url", url, "--rate", "0", "--ledger", str(folder / command), "--out", str(folder / "out"))
            return measure("-m", "importer", command, str(export), *given, *options)[0]

        return Found(rows, lose("run", "--yes", "--no-canary"), lose("rebuild-ledger"))


@click.command()
@click.option("--rows", type=int, multiple=True, default=ROWS, show_default=True)
def main(rows: tuple[int, ...]) -> None:
    """Measure runs whose ledger was lost."""
    os.environ["BLAND_API_KEY"] = "org_benchmark"
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_STATE_HOME"] = name
        for each in (compare(Path(name) / str(number), number) for number in rows):
            click.echo(
                f"{each.rows:>7,} rows: {each.run:6.1f} s of CPU, {each.run / each.rows * 1e6:4.0f} µs a row, "
                f"{each.run / each.look:.2f} times looking and checking ({each.look:.1f} s; wanted {WANTED})"
            )


if __name__ == "__main__":
    main()
