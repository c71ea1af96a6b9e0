"""`validate` against `csv.reader` alone on the same file: rows a second by slope, and peak memory.

    python -m tests.benchmarks.check [--rows 20000] [--only ordinary]

Both run in processes of their own, A B A B, on N and on 4 N rows; what counts is the median of their CPU time, which
noise on the machine moves least, and the slope between the two files, in which start-up drops out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import click

from tests.benchmarks.source_files import (
    Texts,
    make_dashed,
    make_discussed,
    make_ordinary,
    real_texts,
    write_export,
)

READER = "import csv, sys; sum(1 for _ in csv.reader(open(sys.argv[1], newline='', encoding='utf-8')))"
START = """
import os, sys
unseen = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=unseen)
_, status, usage = os.wait4(process, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""
TIMES = 4
ROUNDS = 3
WANTED = {"ordinary": 0.15, "dash a row": 0.12, "comment a row": 0.12, "real texts": 0.10}
"""The least share of the reader's rows a second, by kind of file."""
WANTED_MB, WANTED_GROWTH_MB = 400, 64


def measure(*command: str, python: str = sys.executable, **variables: str) -> tuple[float, float]:
    """Run a command of Python's, whose output goes nowhere; give its CPU seconds and its peak memory in MB.

    `variables` are put into its environment. The processes that it has waited for count, too. A small process starts
    it: what the system gives as the peak of a new process is never less than its parent's.
    """
    starter = [sys.executable, "-S", "-c", START, python, *command]
    started = subprocess.run(starter, check=True, capture_output=True, text=True, env=os.environ | variables)
    status, seconds, peak = started.stdout.split()
    if int(status) not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return float(seconds), float(peak)


def compare(folder: Path, kind: str, make: Texts, rows: int) -> bool:
    """Measure one kind of file, print a line, and say whether it is as wanted."""
    reader: dict[int, list[float]] = {rows: [], rows * TIMES: []}
    checks: dict[int, list[float]] = {rows: [], rows * TIMES: []}
    peaks = dict.fromkeys(reader, 0.0)
    for count in reader:
        write_export(folder / f"{count}.csv", count, make)
    for _ in range(ROUNDS):
        for count in reader:
            path = str(folder / f"{count}.csv")
            reader[count].append(measure("-c", READER, path)[0])
            seconds, peak = measure(
                *("-m", "importer", "validate", path, "-m", "jira", "--json"),
                *("--out", str(folder / "out")),
            )
            checks[count].append(seconds)
            peaks[count] = max(peaks[count], peak)
    slope, own = (
        (median(each[rows * TIMES]) - median(each[rows])) / (rows * (TIMES - 1)) * 1e6 for each in (reader, checks)
    )
    ratio, growth = slope / own, peaks[rows * TIMES] - peaks[rows]
    click.echo(
        f"{kind:14} csv.reader {slope:6.2f} µs a row, validate {own:7.2f} µs a row, ratio {ratio:.3f} "
        f"(wanted {WANTED[kind]:.2f}); peak {max(peaks.values()):.0f} MB, {growth:+.0f} MB for {TIMES} times the rows"
    )
    return ratio >= WANTED[kind] and max(peaks.values()) < WANTED_MB and growth <= WANTED_GROWTH_MB


@click.command()
@click.option("--rows", default=20_000, show_default=True, help=f"Of the smaller file; the other has {TIMES} times.")
@click.option("--only", type=click.Choice(list(WANTED)), help="One kind of file.")
def main(rows: int, only: str | None) -> None:
    """Compare `validate` with `csv.reader`."""
    makers = {
        "ordinary": make_ordinary,
        "dash a row": make_dashed,
        "comment a row": make_discussed,
        "real texts": real_texts(),
    }
    with tempfile.TemporaryDirectory() as folder:
        good = [compare(Path(folder), kind, make, rows) for kind, make in makers.items() if only in (None, kind)]
    raise SystemExit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
