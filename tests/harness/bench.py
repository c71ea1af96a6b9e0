"""What a part of the loader needs around it: a ledger, a client of a target behind a transport, and time to steer."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from importer.ledger.journal import Run
from importer.ledger.opening import open_ledger
from importer.ledger.store import Ledger, RunIdentity
from importer.sandbox.routes import build_application
from importer.sandbox.storage import Store
from importer.triage.breaker import Breaker
from importer.triage.client import TriageClient
from importer.triage.limiter import Limiter
from importer.triage.paced import PacedCalls
from importer.triage.target import ApiKey
from tests.harness.virtual_time import VirtualTime

T = TypeVar("T")
TARGET = "https://t.example"


def real_time() -> VirtualTime:
    """Time that begins now, for what is compared with the times of a sandbox."""
    clock = VirtualTime()
    clock.now = time.time()
    return clock


def paced(time: VirtualTime) -> PacedCalls:
    """Calls without a rate, whose waits are virtual."""
    return PacedCalls(Limiter(0, clock=time.monotonic, sleep=time.sleep), Breaker(time.monotonic), sleep=time.sleep)


class Bench:
    """Runs what needs a client in virtual time; tests add what they work on.

    transport  what stands in for the network
    ledger     where there is one; `begin` begins a run of its only source, or continues it
    """

    source = "s"

    def __init__(self, time: VirtualTime, ledger: Ledger | None = None) -> None:
        self.time, self._ledger = time, ledger
        self.transport: httpx.AsyncBaseTransport = httpx.MockTransport(lambda request: httpx.Response(500))

    @property
    def ledger(self) -> Ledger:
        assert self._ledger is not None
        return self._ledger

    def begin(self, digest: str = "d") -> Run:
        """Begin the run of what has this digest, or continue it."""
        return self.ledger.begin_run(RunIdentity(TARGET, self.source, digest, "m"))

    def with_client(self, use: Callable[[TriageClient, PacedCalls], Coroutine[Any, Any, T]]) -> T:
        """Give a client and its calls to what uses them, and let time pass until that is done."""
        calls = paced(self.time)

        async def main() -> T:
            async with TriageClient(TARGET, ApiKey("org_rehearsal"), transport=self.transport) as client:
                return await use(client, calls)

        return self.time.run(main())


class SandboxTransport(httpx.AsyncBaseTransport):
    """A sandbox in this process."""

    def __init__(self, store: Store) -> None:
        self._sandbox = httpx.ASGITransport(build_application(store))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._sandbox.handle_async_request(request)


def refusal(status: int, message: str = "because") -> httpx.Response:
    return httpx.Response(status, json={"data": None, "errors": [{"error": "no", "message": message}]})


@contextmanager
def opened(folder: Path, time: VirtualTime) -> Iterator[Ledger]:
    """Open a ledger of its own in a folder, with the test's clock."""
    with open_ledger(folder / "ledger.db", now=time.clock) as ledger:
        yield ledger
