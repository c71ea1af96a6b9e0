"""What this version costs beside earlier ones: each kind of work, measured in one run, by turns.

    python -m tests.benchmarks.base REVISION... [--only NAME]... [--rows 5000] [--rounds 3]

Each revision, and the working tree as `now`, is installed into a virtual environment of its own, which is kept. Each
figure is the CPU of whole processes. Where a row is what counts, it is the slope between files of N and of 4 N rows, in
which start-up drops out; else the process as it is, on few rows. Medians count. `beside` compares `now` with another
line of the table, such as a JSON record with a row of CSV.

Measure against the round before, not the last commit: many small losses add up unseen.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import venv
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click

from tests.benchmarks.nights import sandbox
from tests.benchmarks.processes import ROUNDS, TIMES, measure
from tests.benchmarks.sending import spend_check, spend_run
from tests.benchmarks.source_files import (
    Texts,
    make_dashed,
    make_discussed,
    make_ordinary,
    make_real,
    write_export,
)

CHECKOUT = Path(__file__).resolve().parents[2]
NOW = "now"
NIGHTLY_ROWS = 200
RATE = "1000"
"""Requests a second that a night may make: nobody waits for it."""
TITLE = re.compile(r"^Issue 7 ", re.MULTILINE)

Spend = Callable[[Path, str], float]
"""Does a piece of work with a file and the program of a Python; gives its seconds of CPU."""


class Work(NamedTuple):
    """A kind of work: a line of the table.

    rows    0: a row is what counts; else the process as it is, on so many rows
    more    times the rows that others get, as these rows cost little
    beside  the line that it is compared with
    less    the line that is taken off, because it is measured on its own
    """

    name: str
    spend: Spend
    make: Texts = make_ordinary
    suffix: str = ".csv"
    rows: int = 0
    more: int = 1
    beside: str = ""
    less: str = ""


def read_csv(file: Path, python: str) -> float:
    """Only read a table: the least that can be done."""
    reader = "import csv, sys; sum(1 for _ in csv.reader(open(sys.argv[1], newline='', encoding='utf-8')))"
    return measure("-c", reader, str(file), python=python)[0]


def import_pandas(_: Path, python: str) -> float:
    """Only import pandas: what a start-up is compared with."""
    return measure("-c", "import pandas", python=python)[0]


def validate(file: Path, python: str) -> float:
    """Check a file whose preset must be recognised."""
    with tempfile.TemporaryDirectory() as out:
        return measure("-P", "-m", "importer", "validate", str(file), "--out", out, python=python)[0]


def show_help(_: Path, python: str) -> float:
    """Print the help."""
    return measure("-P", "-m", "importer", "--help", python=python)[0]


def spend_night(night: int, file: Path, python: str) -> float:
    """Import a file in several nights, and give what the last one costs: of the third, one title has changed."""
    with tempfile.TemporaryDirectory() as name, sandbox(Path(name)) as url:
        folder = Path(name)
        source = folder / file.name
        shutil.copy(file, source)
        seconds = 0.0
        for number in range(1, night + 1):
            if number == 3:
                source.write_text(TITLE.sub("Issue seven ", source.read_text("utf-8")), "utf-8")
            seconds, _ = measure(
                *("-P", "-m", "importer", "run", str(source), "--on-change", "update", "--api-url", url),
                *("--rate", RATE, "--ledger", f"{name}/ledger.db", "--yes", "--no-canary"),
                *("--out", str(folder / f"out-{number}")),
                python=python,
                BLAND_API_KEY="org_benchmark",
                XDG_STATE_HOME=name,
            )
        return seconds


WORKS = (
    Work("csv.reader", read_csv, more=4),
    Work("ordinary rows", spend_check, more=4, beside="csv.reader"),
    Work("a dash in each text", spend_check, make_dashed, more=4, beside="ordinary rows"),
    Work("a comment a row", spend_check, make_discussed, more=4, beside="ordinary rows"),
    Work("real texts", spend_check, make_real, beside="ordinary rows"),
    Work("JSON array", spend_check, suffix=".json", beside="ordinary rows"),
    Work("JSON lines", spend_check, suffix=".jsonl", beside="ordinary rows"),
    Work("sending", spend_run, beside="ordinary rows", less="ordinary rows"),
    Work("import pandas", import_pandas, rows=1),
    Work("--help", show_help, rows=1, beside="import pandas"),
    Work("start-up", validate, rows=1, beside="import pandas"),
    Work("start-up, -m jira", spend_check, rows=1, beside="import pandas"),
    Work("a night's check", validate, rows=NIGHTLY_ROWS),
    Work("first night", partial(spend_night, 1), rows=NIGHTLY_ROWS, beside="a night's check"),
    Work("nothing new", partial(spend_night, 2), rows=NIGHTLY_ROWS, beside="a night's check"),
    Work("one changed", partial(spend_night, 3), rows=NIGHTLY_ROWS, beside="a night's check"),
)


def install(revision: str, folder: Path) -> str:
    """Install a revision, or the working tree, into an environment of its own; give its Python."""
    name = NOW
    if revision != NOW:
        name = _git("rev-parse", "--verify", f"{revision}^{{commit}}").decode().strip()
    environment = folder / name
    python, is_installed = str(environment / "bin" / "python"), environment / "installed"
    if is_installed.exists():
        return python
    if not Path(python).exists():
        venv.create(environment, with_pip=True)
    with tempfile.TemporaryDirectory() as tree:
        if revision == NOW:
            files = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
            packing = ["tar", "-c", "--null", "--ignore-failed-read", "-T", "-"]
            packed = subprocess.run(packing, cwd=CHECKOUT, input=files, stdout=subprocess.PIPE, check=True).stdout
        else:
            packed = _git("archive", name)
        subprocess.run(["tar", "-x", "-C", tree], input=packed, check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", f"{tree}[sandbox]"], check=True)
    if revision != NOW:
        is_installed.touch()
    return python


def _git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=CHECKOUT, stdout=subprocess.PIPE, check=True).stdout


def measure_all(works: Sequence[Work], pythons: Sequence[str], rows: int, rounds: int) -> dict[tuple[str, str], float]:
    """Do each kind of work with each Python, by turns; give seconds of a row or a process, by name and Python."""
    spent: dict[tuple[str, str, int], list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        turns = list[tuple[Work, Path, int]]()
        for number, work in enumerate(works):
            for count in _sizes(work, rows):
                file = Path(name) / f"{number}-{count}{work.suffix}"
                write_export(file, count, work.make)
                turns.append((work, file, count))
        for _ in range(rounds):
            for work, file, count in turns:
                for python in pythons:
                    spent.setdefault((work.name, python, count), []).append(work.spend(file, python))
    costs = dict[tuple[str, str], float]()
    for work in works:
        for python in pythons:
            sizes = _sizes(work, rows)
            seconds = [median(spent[work.name, python, count]) for count in sizes]
            if work.rows:
                costs[work.name, python] = seconds[0]
            else:
                costs[work.name, python] = (seconds[1] - seconds[0]) / (sizes[1] - sizes[0])
            if work.less:
                costs[work.name, python] -= costs[work.less, python]
    return costs


def _sizes(work: Work, rows: int) -> tuple[int, ...]:
    return (work.rows,) if work.rows else (rows * work.more, rows * work.more * TIMES)


def draw_table(works: Sequence[Work], versions: dict[str, str], costs: dict[tuple[str, str], float]) -> Iterator[str]:
    """Draw the table in Markdown: costs, then `now` as a share of each other version, and of the line beside it."""
    now, earlier = versions[NOW], {name: python for name, python in versions.items() if name != NOW}
    header = ["work", *versions, *(f"now ÷ {name}" for name in earlier), "now beside"]
    yield f"| {' | '.join(header)} |"
    yield f"| --- |{' ---: |' * (len(header) - 2)} --- |"
    for work in works:
        cost, unit = costs[work.name, now], "ms" if work.rows else "µs a row"
        factor = 1e3 if work.rows else 1e6
        cells = [f"{costs[work.name, python] * factor:.1f} {unit}" for python in versions.values()]
        cells += [f"{cost / costs[work.name, python]:.2f}" for python in earlier.values()]
        other = costs.get((work.beside, now))
        cells.append(f"{cost / other:.2f} × {work.beside}" if other else "")
        yield f"| {' | '.join([work.name, *cells])} |"


@click.command()
@click.argument("revisions", metavar="REVISION...", nargs=-1)
@click.option("--only", multiple=True, type=click.Choice([work.name for work in WORKS]), help="A line of the table.")
@click.option("--rows", default=5000, show_default=True, help=f"Of the smaller files; the larger have {TIMES} times.")
@click.option("--rounds", default=ROUNDS, show_default=True)
@click.option("--environments", type=click.Path(path_type=Path), default=Path.home() / ".cache/triage-import-bases")
def main(revisions: Sequence[str], only: Sequence[str], rows: int, rounds: int, environments: Path) -> None:
    """Measure this version beside earlier ones."""
    wanted = set(only) or {work.name for work in WORKS}
    wanted |= {name for work in WORKS if work.name in wanted for name in (work.beside, work.less)}
    works = [work for work in WORKS if work.name in wanted]
    versions = {name: install(name, environments) for name in (*revisions, NOW)}
    for line in draw_table(works, versions, measure_all(works, list(versions.values()), rows, rounds)):
        click.echo(line)


if __name__ == "__main__":
    main()
