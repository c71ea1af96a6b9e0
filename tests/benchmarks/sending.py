"""What an issue costs in a whole `run`, besides its check, in this version or in any other that is installed somewhere.

    python -m tests.benchmarks.sending [PYTHON...] [--rows 5000]

PYTHON is the interpreter of a virtual environment with a version of the program; without any, this one is measured.
`validate` and a first `run` against a server that answers at once are processes of their own, on N and on 4 N ordinary
rows, the versions by turns. What counts is the slope of their CPU, the medians' of three, in which start-up drops out.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

import click

from tests.benchmarks.check import ROUNDS, TIMES, measure
from tests.benchmarks.instant_server import instant_server
from tests.benchmarks.source_files import make_ordinary, write_export

RATE = "100000"
"""Requests a second: no limit that anybody waits for."""


def spend_check(export: Path, python: str = sys.executable) -> float:
    """Check a Jira export with the program that a Python has, and give the seconds of CPU."""
    with tempfile.TemporaryDirectory() as out:
        return measure("-P", "-m", "importer", "validate", str(export), "-m", "jira", "--out", out, python=python)[0]


def spend_run(export: Path, python: str = sys.executable) -> float:
    """Import a Jira export whose rows are all new, likewise; all children count, the server doesn't."""
    with tempfile.TemporaryDirectory() as folder, instant_server(max(os.sched_getaffinity(0))) as url:
        out = Path(folder) / "out"
        seconds, _ = measure(
            *("-P", "-m", "importer", "run", str(export), "-m", "jira", "--api-url", url, "--rate", RATE),
            *("--ledger", f"{folder}/ledger.db", "--yes", "--no-canary", "--out", str(out)),
            python=python,
            BLAND_API_KEY="org_benchmark",
            XDG_STATE_HOME=folder,
        )
        summary = json.loads((out / "summary.json").read_bytes())
        assert summary["created"] == summary["rows"], summary
    return seconds


@click.command()
@click.argument("pythons", metavar="[PYTHON...]", nargs=-1)
@click.option("--rows", default=5000, show_default=True, help=f"Of the smaller file; the other has {TIMES} times.")
def main(pythons: tuple[str, ...], rows: int) -> None:
    """Measure what sending costs."""
    pythons = pythons or (sys.executable,)
    with tempfile.TemporaryDirectory() as folder:
        exports = [Path(folder) / f"{count}.csv" for count in (rows, rows * TIMES)]
        for count, export in zip((rows, rows * TIMES), exports, strict=True):
            write_export(export, count, make_ordinary)
        ways = [(way, python, export) for export in exports for way in (spend_check, spend_run) for python in pythons]
        spent: dict[object, list[float]] = {way: [] for way in ways}
        for way, python, export in ways * ROUNDS:
            spent[way, python, export].append(way(export, python))
    few, many = exports
    for python in pythons:
        check, run = (
            (median(spent[way, python, many]) - median(spent[way, python, few])) / (rows * (TIMES - 1)) * 1e6
            for way in (spend_check, spend_run)
        )
        click.echo(f"{python}: {run - check:.0f} µs of CPU an issue besides its check of {check:.1f} µs")


if __name__ == "__main__":
    main()
