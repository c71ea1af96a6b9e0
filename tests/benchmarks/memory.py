"""Peak memory of `validate`, and of `run`, `verify` and previews of `undo` and `repair`, on ten times the rows.

    python -m tests.benchmarks.memory [--only wide] [--share 0.1]

`validate` reads files of every shape, `run` imports one into a sandbox. Each command runs in a process of its own,
whose peak the system counts.
Wanted: at most 200 MB for `validate`, 250 MB for the others, and the same within 32 MB for ten times the rows.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import click

from importer.sandbox.gate import SandboxOptions
from importer.sandbox.server import serve_in_thread
from tests.benchmarks.processes import measure
from tests.benchmarks.source_files import WORDS, make_ordinary, write_export

WANTED_MB, WANTED_RUN_MB, WANTED_GROWTH_MB = 200, 250, 32
TIMES = 10
BARE = ["Summary", "Issue key", "Status", "Priority", "Issue Type"]
CELLS = ["Done", "High", "Bug"]


def write_ordinary(path: Path, rows: int) -> None:
    """A Jira export with texts of 300 characters."""
    write_export(path, rows, make_ordinary)


def write_json(path: Path, rows: int) -> None:
    """One JSON array of records as GitHub's API gives them, 4 KB each."""
    draw = random.Random(rows)
    user = {"login": "ann", "id": 7, "url": "https://api.github.com/users/ann", "type": "User", "site_admin": False}
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            record = {
                "html_url": f"https://github.com/acme/app/issues/{number}",
                "repository_url": "https://api.github.com/repos/acme/app",
                "number": number,
                "title": f"Issue {number}",
                "user": user,
                "labels": [{"name": draw.choice(["bug", "enhancement"]), "color": "d73a4a", "description": None}],
                "state": draw.choice(["open", "closed"]),
                "assignees": [user] * (number % 3),
                "created_at": "2024-01-02T03:04:05Z",
                "body": " ".join(draw.choices(WORDS, k=600)) + " größer 漢字",
            }
            file.write(("," if number else "[") + json.dumps(record, ensure_ascii=bool(number % 2)) + "\n")
        file.write("]")


def write_beside(path: Path, rows: int) -> None:
    """One record, and beside it an object with this many events, in an array."""
    event = {"at": "2024-01-02T03:04:05Z", "who": "ann", "from": "open", "to": "closed", "note": "x" * 60}
    with path.open("w", encoding="utf-8") as file:
        file.write('{"history": [{"events": [')
        for number in range(rows):
            file.write(("," if number else "") + json.dumps({**event, "id": number}))
        file.write(']}], "issues": [{"id": 1, "key": "P-1", "title": "One", "status": "open"}]}')


def write_heavy(path: Path, rows: int) -> None:
    """Rows of a megabyte, in a small file: gzip makes little of texts that repeat."""
    text = (" ".join(random.Random(1).choices(WORDS, k=2000)) + "\n") * 100
    with gzip.open(path, "wt", encoding="utf-8", newline="", compresslevel=1) as file:
        _write(file, [*BARE, "Description"], ([f"Issue {n}", f"P-{n}", *CELLS, f"{n} {text}"] for n in range(rows)))


def write_discussed(path: Path, rows: int) -> None:
    """Three rows, one of them with this many comments, each in a column of its own."""
    said = [f"03/Mar/26 9:12 AM;u-01;comment {number}" for number in range(rows)]
    cells = ([f"Issue {n}", f"P-{n}", *CELLS, *(said if n == 1 else [""] * rows)] for n in range(3))
    with path.open("w", encoding="utf-8", newline="") as file:
        _write(file, [*BARE, *["Comment"] * rows], cells)


def write_wide(path: Path, rows: int) -> None:
    columns = 16_000 - len(BARE)
    cells = (
        [f"Issue {n}", f"P-{n}", *CELLS, *("x" if (n + column) % 97 == 0 else "" for column in range(columns))]
        for n in range(rows)
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        _write(file, [*BARE, *(f"Custom field ({number})" for number in range(columns))], cells)


def _write(file: IO[str], header: list[str], rows: Iterable[Sequence[str]]) -> None:
    writer = csv.writer(file)
    writer.writerow(header)
    writer.writerows(rows)


class Shape(NamedTuple):
    """A kind of file: its name, how it is written, its rows, the most MB, and how many more than a tenth of it."""

    name: str
    write: Callable[[Path, int], None]
    rows: int
    wanted_mb: int = WANTED_MB
    growth_mb: int = WANTED_GROWTH_MB


SHAPES = {
    "ordinary": Shape("ordinary.csv", write_ordinary, 500_000),
    "json": Shape("array.json", write_json, 250_000),
    "beside": Shape("beside.json", write_beside, 700_000),
    "heavy": Shape("heavy.csv.gz", write_heavy, 1_500),
    # One row is never divided, and here each of its comments is a column, too: 1.1 KB a comment.
    "discussed": Shape("discussed.csv", write_discussed, 100_000, WANTED_MB, 120),
    "wide": Shape("wide.csv", write_wide, 5_000),
}


def check_shape(folder: Path, shape: Shape, share: float) -> bool:
    """Measure `validate` on a tenth of the rows and on all; print a line, and say whether the peaks are as wanted."""
    peaks = []
    for rows in (int(shape.rows * share) // TIMES, int(shape.rows * share)):
        path = folder / shape.name
        shape.write(path, rows)
        start = time.monotonic()
        seconds, peak = measure("-m", "importer", "validate", str(path), "--out", str(folder / "out"))
        peaks.append(peak)
        click.echo(
            f"validate {shape.name:14} {rows:9,} rows, {path.stat().st_size / 1e6:6,.0f} MB: peak {peak:4.0f} MB, "
            f"{seconds:6.1f} s of CPU, {time.monotonic() - start:6.1f} s"
        )
        path.unlink()
    return max(peaks) <= shape.wanted_mb and peaks[1] - peaks[0] <= shape.growth_mb


def measure_run(folder: Path, rows: int) -> dict[str, float]:
    """Import rows with a ledger into a sandbox without a limit, verify it, then preview its undo and a repair.

    Print a line for each command, and give its peak in MB.
    """
    path, ledger, mapping = folder / f"run-{rows}.csv", folder / f"ledger-{rows}.db", folder / "corrected.yaml"
    write_ordinary(path, rows)
    mapping.write_text("extends: jira\nseverity: {values: {Highest: high, High: critical, Medium: low, Low: medium}}\n")
    peaks = {}
    with serve_in_thread(SandboxOptions(db=folder / f"issues-{rows}.db")) as sandbox:
        commands: dict[str, tuple[str, ...]] = {
            "run": (str(path), "--api-url", sandbox.url, "--concurrency", "32", "--yes"),
            "verify": ("last",),
            "undo": ("last", "--close"),
            "repair": ("last", "-m", str(mapping), "--fields", "severity"),
        }
        for name, words in commands.items():
            line = (name, *words, "--ledger", str(ledger), "--rate", "0", "--out", str(folder / name))
            seconds, peaks[name] = measure("-m", "importer", *line)
            click.echo(f"{name:8} {path.name:14} {rows:9,} rows: peak {peaks[name]:4.0f} MB, {seconds:6.1f} s of CPU")
    return peaks


def check_run(folder: Path, rows: int) -> bool:
    """Measure a run and its previews on a tenth of the rows and on all; say whether the peaks are as wanted."""
    few, many = (measure_run(folder, count) for count in (rows // TIMES, rows))
    growth = max(many[name] - few[name] for name in many)
    return max(*few.values(), *many.values()) <= WANTED_RUN_MB and growth <= WANTED_GROWTH_MB


@click.command()
@click.option("--only", type=click.Choice([*SHAPES, "run"]), help="One kind of file, or `run` alone.")
@click.option("--share", default=1.0, show_default=True, help="Of the rows of each kind.")
def main(only: str | None, share: float) -> None:
    """Measure the memory of checks and of runs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        good = [check_shape(folder, shape, share) for kind, shape in SHAPES.items() if only in (None, kind)]
        os.environ |= {"BLAND_API_KEY": "org_benchmark", "XDG_STATE_HOME": name}
        if only in (None, "run"):
            good.append(check_run(folder, int(100_000 * share)))
    raise SystemExit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
