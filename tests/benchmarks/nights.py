"""A nightly import of which nothing, or next to nothing, is new: its CPU, its memory, and what its ledger grows by.

    python -m tests.benchmarks.nights [--rows 50000]

A ledger is written that has each row of a Jira-like export in Triage. Then `run` reads the export with its rows in
another order, and as it is, by turns (all rows are unchanged in each night), and once more as it is (nothing changed at
all), against a sandbox in a process of its own. The first night makes the room that later ones use for what they write
on the way. All of it on N and on 4 N rows; what is compared is the slope between them, in which start-up drops out.
Wanted: at most 1.5 times the CPU of `validate`, and of hashing the file; at most 50 bytes of ledger a row and run;
opening the ledger of a million rows in at most 0.3 s of CPU.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple
from uuid import UUID

import click
import orjson

from importer.api import issue_path
from importer.check.examine import examine
from importer.check.knowledge import NoLedger
from importer.check.plan import plan_rows
from importer.errors import ExitCode
from importer.ledger.added import encode_details
from importer.ledger.journal import Decision
from importer.ledger.opening import open_ledger
from importer.ledger.schema import State
from importer.ledger.store import RunIdentity
from importer.library.inputs import open_job
from importer.load.preflight import describe_input
from importer.records import ADDITION_KINDS, Operation
from importer.triage.answers import read_issue
from importer.triage.snapshot import Snapshot
from tests.benchmarks.processes import ROUNDS, TIMES, measure
from tests.benchmarks.source_files import Texts, make_discussed, make_ordinary, write_export

HASH = "import hashlib, sys; hashlib.file_digest(open(sys.argv[1], 'rb'), 'sha256')"
OPEN = (
    "import sys, time; from pathlib import Path; from importer.ledger.opening import open_ledger\n"
    "before = time.process_time()\n"
    "with open_ledger(Path(sys.argv[1])): print(time.process_time() - before)"
)
WANTED_RATIO, WANTED_BYTES, WANTED_SECONDS = 1.5, 50, 0.3
SHORT_ROUNDS = 3 * ROUNDS
"""Of what takes a tenth of a second beside a start-up of one."""
TIME = "2026-01-01T00:00:00.000Z"


@contextmanager
def sandbox(folder: Path) -> Iterator[str]:
    """Run the sandbox in a process of its own; give its URL."""
    command = [sys.executable, "-m", "importer", "sandbox", "--port", "0", "--db", str(folder / "sandbox.db")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield next(word for line in process.stderr for word in line.split() if word.startswith("http://127.0.0.1:"))
        finally:
            process.terminate()


def write_ledger(path: Path, export: Path, url: str) -> None:
    """Write a ledger by which each row of an export has an issue."""
    number = 0
    with open_job([str(export)]) as job, open_ledger(path) as ledger:
        identity = RunIdentity(url, job.source_name, "the first night", job.mapping.digest)
        run = ledger.begin_run(identity, options={"refs": [], "headers": [], **describe_input(job)})
        for rows in examine(job):
            plan_rows(rows, {}, NoLedger())
            run.register([row.result for row in rows.rows])
            decisions, creates = list[Decision](), list[Operation]()
            for row in rows.rows:
                each = row.operation
                if each is None:
                    continue
                creates.append(each)
                number += 1
                answer = {"id": make_id(number), "triage_id": f"T-{number}", "created_at": TIME, "updated_at": TIME}
                issue = read_issue({**orjson.loads(each.body), **answer})
                done = Decision(each.key, State.DONE, issue_id=issue.id, triage_id=issue.triage_id)
                decisions.append(done._replace(returned=Snapshot.take(issue, each.body).dump()))
                for more in row.additions:
                    path_ = issue_path(issue.id, ADDITION_KINDS[more.act].path)
                    sent = Operation(each.key, "POST", path_, more.body, "", act=more.act, name=more.name)
                    sent = sent._replace(issue_id=issue.id, triage_id=issue.triage_id)
                    decisions.append(done._replace(operation=sent, details=encode_details(more.covers)))
            run.decide(decisions, creates)
        run.finish(ExitCode.DONE, {})


def make_id(number: int) -> str:
    """Make an issue's id, which no compression makes shorter, as Triage's."""
    return str(UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128))


def reverse(export: Path, other: Path) -> None:
    """Write the rows of a table in the other order."""
    with export.open(newline="", encoding="utf-8") as source, other.open("w", newline="", encoding="utf-8") as target:
        header, *rows = csv.reader(source)
        csv.writer(target).writerows([header, *reversed(rows)])


class Night:
    """Runs an import of a ledger's source, and measures it."""

    def __init__(self, ledger: Path, url: str) -> None:
        self._ledger, self._url = ledger, url

    def __call__(self, export: Path, out: Path) -> tuple[float, float, int]:
        """Import an export; give CPU seconds, peak memory in MB, and the bytes that the ledger has grown by."""
        before = self._size()
        seconds, peak = measure(
            *("-m", "importer", "run", str(export)),
            *("--api-url", self._url, "--ledger", str(self._ledger)),
            *("--yes", "--no-canary", "--out", str(out)),
        )
        return seconds, peak, self._size() - before

    def _size(self) -> int:
        return sum(file.stat().st_size for file in self._ledger.parent.glob(f"{self._ledger.name}*"))


class Found(NamedTuple):
    """What nights of one size took: seconds of CPU, MB, and bytes of ledger."""

    check: float
    night: float
    same: float
    hashing: float
    peak: float
    grown: float


class Import:
    """An export whose rows are all in Triage, and what its nights have taken."""

    def __init__(self, folder: Path, rows: int, url: str, make: Texts) -> None:
        self._folder = folder / str(rows)
        self._folder.mkdir()
        self._export, self._other = self._folder / "export.csv", self._folder / "other.csv"
        write_export(self._export, rows, make)
        reverse(self._export, self._other)
        write_ledger(self._folder / "ledger.db", self._export, url)
        self._night = Night(self._folder / "ledger.db", url)
        self._night(self._other, self._folder / "first")
        self._checks, self._same, self._hashing = list[float](), list[float](), list[float]()
        self._nights = list[tuple[float, float, int]]()

    def spend(self, *, other: bool) -> None:
        """Check the export, and import it with its rows in one of two orders: all are unchanged."""
        out = self._folder / str(len(self._nights))
        validate = ("-m", "importer", "validate", str(self._export), "--out", f"{out}-check")
        self._checks.append(measure(*validate)[0])
        self._nights.append(self._night(self._other if other else self._export, out))

    def repeat(self) -> None:
        """Import it as in the last night, and hash it."""
        self._same.append(self._night(self._export, self._folder / str(len(self._nights) - 1))[0])
        self._hashing.append(measure("-c", HASH, str(self._export))[0])

    def found(self) -> Found:
        seconds, peaks, grown = zip(*self._nights, strict=True)
        check, night, same, hashing = map(median, (self._checks, seconds, self._same, self._hashing))
        return Found(check, night, same, hashing, max(peaks), max(grown))


@click.command()
@click.option("--rows", default=50_000, show_default=True, help=f"Of the smaller file; the other has {TIMES} times.")
@click.option("--opened", default=1_000_000, show_default=True, help="Rows of the ledger that is only opened; 0: none.")
@click.option("--comments", is_flag=True, help="Each row has a comment.")
def main(rows: int, opened: int, comments: bool) -> None:
    """Measure nights of which nothing, or next to nothing, is new."""
    os.environ["BLAND_API_KEY"] = "org_benchmark"
    with tempfile.TemporaryDirectory() as name, sandbox(Path(name)) as url:
        folder, make = Path(name), make_discussed if comments else make_ordinary
        export = folder / "opened.csv"
        os.environ["XDG_STATE_HOME"] = name
        imports = [Import(folder, count, url, make) for count in (rows, rows * TIMES)]
        for other in (True, False) * 2:  # both sizes by turns, as the machine's speed changes within minutes
            for each in imports:
                each.spend(other=other)
        for _ in range(SHORT_ROUNDS):
            for each in imports:
                each.repeat()
        few, many = (each.found() for each in imports)
        slope = Found(*((much - little) / (rows * (TIMES - 1)) for little, much in zip(few, many, strict=True)))
        click.echo(
            f"an unchanged row: {slope.night * 1e6:.1f} µs of CPU, {slope.night / slope.check:.2f} times validate "
            f"({slope.check * 1e6:.1f} µs; wanted {WANTED_RATIO}); {many.grown / rows / TIMES:.0f} bytes of ledger "
            f"(wanted {WANTED_BYTES}); a night of {rows * TIMES:,} rows {many.night:.1f} s, peak {many.peak:.0f} MB"
        )
        click.echo(
            f"nothing changed at all: {slope.same * 1e6:.2f} µs of CPU a row, {slope.same / slope.hashing:.2f} times "
            f"hashing ({slope.hashing * 1e6:.2f} µs; wanted {WANTED_RATIO}); {many.same:.2f} s in all"
        )
        if opened:
            write_export(export, opened, make_ordinary)
            write_ledger(folder / "large.db", export, url)
            answer = subprocess.run(
                [sys.executable, "-c", OPEN, str(folder / "large.db")], check=True, capture_output=True, text=True
            )
            click.echo(f"opening a ledger of {opened:,} rows: {float(answer.stdout):.2f} s (wanted {WANTED_SECONDS})")


if __name__ == "__main__":
    main()
