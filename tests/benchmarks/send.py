"""How fast issues leave: the importer against a requests loop and a shared httpx client, in one run.

    python -m tests.benchmarks.send [--rows N] [--concurrency N]

The server answers 201 at once from a core of its own; the client has another. The importer sends with its ledger and
with one that forgets everything, A B A B. Printed for each way, as medians of three: issues a second, CPU microseconds
of the client an issue, and what the importer is times that way; then the ledger's share, in CPU and by the clock.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import httpx
import orjson
import requests

from importer.ledger.journal import Decision, Run
from importer.ledger.opening import open_ledger
from importer.ledger.store import RunIdentity
from importer.load.creates import Loader
from importer.load.driver import RunConnection
from importer.load.updates import Updater
from importer.records import Operation, Outcome, Row
from importer.sources.source_rows import ROWS_TOGETHER
from importer.triage.breaker import Breaker
from importer.triage.client import TriageClient
from importer.triage.limiter import Limiter
from importer.triage.paced import PacedCalls
from importer.triage.target import ApiKey
from tests.benchmarks.instant_server import instant_server

ROUNDS = 3
LEDGER_ON, LEDGER_NULL = "importer, ledger on", "importer, ledger null"
PLAIN, SHARED = "requests.Session loop", "shared httpx.AsyncClient"
HEADERS = {"Authorization": "org_benchmark", "Content-Type": "application/json"}


class Speed(NamedTuple):
    """Issues a second, and CPU microseconds an issue of the client's process."""

    issues_per_second: float
    cpu_us: float


def measure(count: int, work: Callable[[], object]) -> Speed:
    """Time `count` issues, in wall clock and in CPU of this process, all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Speed(count / wall, cpu / count * 1e6)


def make_body(number: int) -> bytes:
    """Build a body of about 1 KB, footer and marker included."""
    description = f"{'A sentence of the original description. ' * 16}\n\n---\nKey: bench:{number}\ntir{number:020x}"
    issue = {"title": f"Issue {number}", "severity": "high", "category": "Bug", "status": "todo", "source": "client"}
    return orjson.dumps({**issue, "description": description})


def make_operations(run: Run, count: int) -> Iterator[Operation]:
    """Register rows chunk by chunk and give their operations, as the pipeline does."""
    for start in range(1, count + 1, ROWS_TOGETHER):
        numbers = range(start, min(start + ROWS_TOGETHER, count + 1))
        run.register(
            Row(1, "bench.csv", n, n + 1, f"bench:B-{n}", Outcome.PLANNED, raw=(f"B-{n}", "Issue", "High", "x" * 200))
            for n in numbers
        )
        for n in numbers:
            body = make_body(n)
            yield Operation(f"bench:B-{n}", "POST", "/v1/triage/issues", body, f"tir{n:020x}")


class NullRun(Run):
    """A run whose ledger forgets everything at once: what durability costs is the difference."""

    async def intend(self, operation: Operation, details: bytes | None = None, *_: Any, **__: Any) -> None:
        """Forget an intent."""

    def record(self, decision: Decision) -> None:
        """Forget an outcome."""

    def register(self, planned: Iterable[Row]) -> None:
        """Forget rows, which were made with or without a ledger."""
        deque(planned, maxlen=0)


async def import_rows(url: str, count: int, concurrency: int, folder: Path, *, ledger_on: bool) -> None:
    """Send `count` rows as `run` does: one ledger, one limiter without a limit, workers on one iterator."""
    with open_ledger(folder / f"ledger-{ledger_on}-{count}.db") as ledger:
        run = ledger.begin_run(RunIdentity(url, "bench", "source", "mapping"))
        if not ledger_on:
            run.__class__ = NullRun
        async with TriageClient(url, ApiKey("org_benchmark")) as client:
            calls = PacedCalls(Limiter(), Breaker())
            connection = RunConnection(client, run, calls, concurrency=concurrency)
            await Loader(connection, Updater(connection)).load(make_operations(run, count))
        assert calls.requests == count, f"{calls.requests} requests for {count} rows"
        if ledger_on:
            assert run.count()[Outcome.CREATED] == count


def send_with_requests(url: str, count: int) -> None:
    """Send with a plain loop over one requests.Session."""
    with requests.Session() as session:
        session.headers.update(HEADERS)
        for number in range(count):
            answer = session.post(f"{url}/v1/triage/issues", data=make_body(number))
            assert answer.json()["data"]["id"]


async def send_with_httpx(url: str, count: int, concurrency: int) -> None:
    """Send with one shared httpx.AsyncClient in a gather behind a semaphore."""
    semaphore = asyncio.Semaphore(concurrency)

    async with httpx.AsyncClient(timeout=None, headers=HEADERS) as client:

        async def send(number: int) -> None:
            async with semaphore:
                answer = await client.post(f"{url}/v1/triage/issues", content=make_body(number))
                assert answer.json()["data"]["id"]

        await asyncio.gather(*(send(number) for number in range(count)))


def run_loop(work: Awaitable[object]) -> None:
    """Run on uvloop where it is installed, as the importer does."""

    async def main() -> None:
        await work

    try:
        import uvloop
    except ImportError:
        asyncio.run(main())
    else:
        uvloop.run(main())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--folder", type=Path, help="where the ledger is written; a temporary folder by default")
    options = parser.parse_args()
    gc.set_threshold(100_000, 50, 100)  # as the command line does
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    with tempfile.TemporaryDirectory(dir=options.folder) as name, instant_server(cores[-1]) as url:
        folder, rows, concurrency = Path(name), options.rows, options.concurrency
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {cores[0]})
        run_loop(import_rows(url, 1000, concurrency, folder, ledger_on=True))  # warm
        speeds: dict[str, list[Speed]] = {name: [] for name in (LEDGER_ON, LEDGER_NULL, PLAIN, SHARED)}
        for number in range(ROUNDS):
            for name in (LEDGER_ON, LEDGER_NULL):
                own = folder / f"{number}-{name}"
                own.mkdir()
                sending = partial(import_rows, url, rows, concurrency, own, ledger_on=name == LEDGER_ON)
                speeds[name].append(measure(rows, lambda sending=sending: run_loop(sending())))  # type: ignore[misc]
            speeds[PLAIN].append(measure(5000, lambda: send_with_requests(url, 5000)))
            speeds[SHARED].append(measure(5000, lambda: run_loop(send_with_httpx(url, 5000, concurrency))))
    report({name: find_median(measured) for name, measured in speeds.items()})


def find_median(speeds: list[Speed]) -> Speed:
    return Speed(*(median(figures) for figures in zip(*speeds, strict=True)))


def report(speeds: dict[str, Speed]) -> None:
    """Print a line for each way, and the ledger's share."""
    on, null = speeds[LEDGER_ON], speeds[LEDGER_NULL]
    for name, speed in speeds.items():
        ratio = on.issues_per_second / speed.issues_per_second
        figures = f"{speed.issues_per_second:8.0f} issues/s {speed.cpu_us:7.0f} µs CPU"
        print(f"{name:26} {figures}   ours is {ratio:5.2f} times")  # noqa: T201
    by_cpu, by_clock = 1 - null.cpu_us / on.cpu_us, 1 - on.issues_per_second / null.issues_per_second
    print(f"the ledger's share is {by_cpu:.2f} in CPU, {by_clock:.2f} by the clock")  # noqa: T201


if __name__ == "__main__":
    main()
