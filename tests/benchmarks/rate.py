"""How much of a target's rate is used, and how often it has to say 429: against the sandbox, on its real port.

python -m tests.benchmarks.rate [--seconds N] [--limit N]

Two imports of as many rows as that limit allows in so many seconds: one asks for the limit, one for twice that.
Then, against a server that answers at once, the CPU of an issue at `--rate 100` and at full speed, in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

from importer.ledger.opening import open_ledger
from importer.ledger.store import RunIdentity
from importer.load.creates import Loader
from importer.load.driver import RunConnection
from importer.load.updates import Updater
from importer.sandbox.gate import SandboxOptions
from importer.sandbox.server import serve_in_thread
from importer.triage.breaker import Breaker
from importer.triage.client import TriageClient
from importer.triage.limiter import Limiter
from importer.triage.paced import PacedCalls
from importer.triage.target import ApiKey
from tests.benchmarks.instant_server import instant_server
from tests.benchmarks.send import make_operations, measure, run_loop


async def import_rows(url: str, rows: int, rate: float, folder: Path) -> PacedCalls:
    """Import rows at a rate, eight at a time, as the command does by default."""
    with open_ledger(folder / f"rate-{rate}.db") as ledger:
        run = ledger.begin_run(RunIdentity(url, "bench", "source", "mapping"))
        async with TriageClient(url, ApiKey("org_benchmark")) as client:
            calls = PacedCalls(Limiter(rate), Breaker())
            connection = RunConnection(client, run, calls, concurrency=8)
            await Loader(connection, Updater(connection)).load(make_operations(run, rows))
            return calls


def compare_cpu(rate: float = 100, seconds: int = 12) -> None:
    """Print the CPU of an issue at a rate, and how many times that of one at full speed it is: medians of three."""
    found: dict[float, list[float]] = {rate: [], 0: []}
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    with instant_server(cores[-1]) as url:
        for number in range(3):
            for each, rows in ((rate, int(rate * seconds)), (0, 4000)):
                with tempfile.TemporaryDirectory(prefix=f"{number}-") as folder:
                    work = partial(import_rows, url, rows, each, Path(folder))
                    found[each].append(measure(rows, lambda work=work: run_loop(work())).cpu_us)  # type: ignore[misc]
    paced, full = (statistics.median(found[each]) for each in (rate, 0))
    print(f"--rate {rate:g}: {paced:.0f} µs of CPU an issue, at full speed {full:.0f}: {paced / full:.2f} times")  # noqa: T201


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=100)
    parser.add_argument("--limit", type=float, default=50, help="the target's requests a second")
    options = parser.parse_args()
    rows = round(options.limit * options.seconds)
    for rate in (options.limit, 2 * options.limit):
        with (
            tempfile.TemporaryDirectory() as folder,
            serve_in_thread(SandboxOptions(rate_limit=options.limit)) as sandbox,
        ):
            started = time.perf_counter()
            calls = asyncio.run(import_rows(sandbox.url, rows, rate, Path(folder)))
            reached = rows / (time.perf_counter() - started)
        share, refused = reached / options.limit, calls.rate_limited / calls.requests
        print(f"--rate {rate:<5g} {reached:6.1f} rows/s, {share:6.1%} of the target's rate, {refused:6.2%} 429")  # noqa: T201
    compare_cpu()


if __name__ == "__main__":
    main()
