"""How much of a target's rate is used, and how often it has to say 429: against the sandbox, on its real port.

python -m tests.benchmarks.rate [--rows N] [--limit N]

Two imports, one told the target's limit, one not.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from importer.ledger.opening import open_ledger
from importer.ledger.store import RunIdentity
from importer.load.connection import RunConnection
from importer.load.creates import Loader
from importer.load.updates import Updater
from importer.sandbox.server import serve_in_thread
from importer.sandbox.settings import SandboxOptions
from importer.triage.breaker import Breaker
from importer.triage.client import TriageClient
from importer.triage.limiter import Limiter
from importer.triage.paced import PacedCalls
from importer.triage.target import ApiKey
from tests.benchmarks.send import make_operations


async def import_rows(url: str, rows: int, rate: float, folder: Path) -> PacedCalls:
    """Import rows at a rate, eight at a time, as the command does by default."""
    with open_ledger(folder / f"rate-{rate}.db") as ledger:
        run = ledger.begin_run(RunIdentity(url, "bench", "source", "mapping"))
        async with TriageClient(url, ApiKey("org_benchmark")) as client:
            calls = PacedCalls(Limiter(rate), Breaker())
            connection = RunConnection(client, run, calls, concurrency=8)
            await Loader(connection, Updater(connection)).load(make_operations(run, rows))
            return calls


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--limit", type=float, default=50, help="the target's requests a second")
    options = parser.parse_args()
    for rate in (options.limit, 0):
        with (
            tempfile.TemporaryDirectory() as folder,
            serve_in_thread(SandboxOptions(rate_limit=options.limit)) as sandbox,
        ):
            started = time.perf_counter()
            calls = asyncio.run(import_rows(sandbox.url, options.rows, rate, Path(folder)))
            reached = options.rows / (time.perf_counter() - started)
        share, refused = reached / options.limit, calls.rate_limited / calls.requests
        print(f"--rate {rate:<5g} {reached:6.1f} rows/s, {share:6.1%} of the target's rate, {refused:6.2%} 429")  # noqa: T201


if __name__ == "__main__":
    main()
