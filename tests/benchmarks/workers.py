"""A check by two processes against one, and against two of Dask's on this machine: wall clock and CPU by slope.

    python -m tests.benchmarks.workers [--rows 60000]

The time of N rows is taken from that of 4 N, so that the start of the processes drops out; what counts is the median of
A B C A B C. The wall clock says something only on two cores that nobody else uses.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import click

from tests.benchmarks.check import ROUNDS, TIMES, measure
from tests.benchmarks.source_files import make_ordinary, write_export

WANTED = 1.4
"""How many times as fast two processes are as one, by the wall clock."""
ON_DASK = """
import sys
from dataclasses import replace
from pathlib import Path

from distributed import Client, LocalCluster
from importer.check.knowledge import NoLedger
from importer.library.inputs import open_job
from importer.pipeline import run_check
from importer.progress import Unseen

if __name__ == "__main__":
    with (
        LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
        open_job([sys.argv[1]], mapping="jira") as job,
    ):
        run_check(replace(job, workers=2, executor=client.get_executor()), NoLedger(), Unseen(), Path(sys.argv[2]))
"""


@click.command()
@click.option("--rows", default=60_000, show_default=True, help=f"Of the smaller file; the other has {TIMES} times.")
def main(rows: int) -> None:
    """Compare one process with two."""
    sizes = (rows, rows * TIMES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in sizes:
            write_export(folder / f"{count}.csv", count, make_ordinary)
        (folder / "on_dask.py").write_text(ON_DASK, encoding="utf-8")
        out = str(folder / "out")
        validate = ("-m", "importer", "validate", "-m", "jira", "--json", "--out", out)
        ways: dict[str, Callable[[str], tuple[str, ...]]] = {
            "1 process": lambda path: (*validate, path, "--workers", "1"),
            "2 processes": lambda path: (*validate, path, "--workers", "2"),
            "2 of Dask": lambda path: (str(folder / "on_dask.py"), path, out),
        }
        taken: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for _ in range(ROUNDS):
            for count in sizes:
                for way, command in ways.items():
                    started = time.perf_counter()
                    seconds, _ = measure(*command(str(folder / f"{count}.csv")))
                    taken.setdefault((way, count), []).append((time.perf_counter() - started, seconds))
    few, many = sizes
    slopes = {
        way: [
            (median(each[kind] for each in taken[way, many]) - median(each[kind] for each in taken[way, few]))
            / (many - few)
            * 1e6
            for kind in (0, 1)
        ]
        for way in ways
    }
    one, _ = slopes["1 process"]
    for way, (wall, cpu) in slopes.items():
        click.echo(f"{way:12} {wall:6.1f} µs a row by the clock, {cpu:6.1f} µs of CPU, {one / wall:.2f} times as fast")
    raise SystemExit(0 if one / slopes["2 processes"][0] >= WANTED else 1)


if __name__ == "__main__":
    main()
