"""`validate` against `csv.reader` alone: rows a second and peak memory, for a generated Jira-like export.

    python -m tests.benchmarks.check [--rows 500000] [--times 10]

Both run in processes of their own, one after the other; what counts is their CPU time, which noise on the machine
moves least. Wanted: at least 0.10 of the reader's rows a second, a peak below
400 MB, and the same within 64 MB for ten times the rows.
"""

from __future__ import annotations

import csv
import os
import random
import sys
import tempfile
from pathlib import Path

import click

WORDS = (
    *("the", "call", "dropped", "when", "agent", "transferred", "customer", "to", "billing", "queue"),
    *("and", "audio", "was", "lost", "again", "after", "music"),
)
HEADER = [
    *("Summary", "Issue key", "Issue id", "Issue Type", "Status", "Project key", "Project name", "Priority"),
    *("Resolution", "Assignee", "Reporter", "Created", "Updated", "Resolved", "Description"),
    *(["Labels"] * 3 + ["Comment"] * 2 + [f"Custom field ({number})" for number in range(20)]),
]
READER = "import csv, sys; sum(1 for _ in csv.reader(open(sys.argv[1], newline='', encoding='utf-8')))"
WANTED_RATIO, WANTED_MB, WANTED_GROWTH_MB = 0.10, 400, 64


def write_export(path: Path, rows: int) -> None:
    """Write a Jira-like CSV: descriptions of 300 characters, every tenth with newlines and quotes."""
    draw = random.Random(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(rows):
            text = " ".join(draw.choices(WORDS, k=70))[:300]
            if number % 10 == 0:
                text = f'{text[:100]}\n"quoted" line\n{text[115:]}'
            title = f"Issue {number} " + " ".join(draw.choices(WORDS, k=6))
            kind, status = draw.choice(["Bug", "Story", "Task"]), draw.choice(["To Do", "In Progress", "Done"])
            priority = draw.choice(["Highest", "High", "Medium", "Low"])
            writer.writerow(
                [title, f"PROJ-{number}", str(100_000 + number), kind, status, "PROJ", "Project", priority, "", "ann"]
                + ["bob", "12/Sep/25 9:05 AM", "12/Sep/25 9:05 AM", "", text, "one", "two", "", "a comment", ""]
                + [""] * 20
            )


def measure(*command: str) -> tuple[float, float]:
    """Run a command, whose output goes nowhere; give its CPU seconds and its peak memory in MB."""
    unseen = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    process = os.posix_spawn(sys.executable, [sys.executable, *command], os.environ, file_actions=unseen)
    _, status, usage = os.wait4(process, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


@click.command()
@click.option("--rows", default=500_000, show_default=True)
@click.option("--times", default=10, show_default=True, help="How many times the rows the second file has; 0: none.")
def main(rows: int, times: int) -> None:
    """Compare `validate` with `csv.reader`."""
    good = True
    with tempfile.TemporaryDirectory() as folder:
        peaks: list[float] = []
        for count in (rows, rows * times) if times else (rows,):
            path = Path(folder) / f"jira-{count}.csv"
            write_export(path, count)
            reader, _ = measure("-c", READER, str(path))
            out = Path(folder) / "out"
            seconds, peak = measure("-m", "importer", "validate", str(path), "--out", str(out))  # recognised
            written = [(out / name).stat().st_size / 1e6 for name in ("planned.jsonl", "results.csv")]
            ratio, peaks = reader / seconds, [*peaks, peak]
            good &= ratio >= WANTED_RATIO and peak < WANTED_MB
            click.echo(
                f"{count:,} rows: csv.reader {count / reader:,.0f} rows/s, validate {count / seconds:,.0f} rows/s, "
                f"ratio {ratio:.3f} (wanted {WANTED_RATIO}); peak {peak:.0f} MB (wanted < {WANTED_MB}); "
                f"planned.jsonl {written[0]:.0f} MB, results.csv {written[1]:.0f} MB"
            )
            path.unlink()
        if times:
            growth = peaks[-1] - peaks[0]
            good &= growth <= WANTED_GROWTH_MB
            click.echo(f"peak for {times} times the rows: {growth:+.0f} MB (wanted at most {WANTED_GROWTH_MB})")
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
