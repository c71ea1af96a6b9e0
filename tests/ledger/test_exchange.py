"""Group commit: who hands in an intent waits until it is durable."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from importer.ledger.exchange import Exchange


def test_intend_waits_for_the_commit() -> None:
    """An intent that is written and not yet committed lets nobody go on."""
    committed = threading.Event()

    def write(intents: list[str], decisions: list[str]) -> Callable[[], None]:
        return lambda: assert_waited(committed)

    async def main() -> None:
        exchange: Exchange[str, str] = Exchange(write, 1)
        intent = asyncio.create_task(exchange.intend("k1"))
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert not intent.done()
        committed.set()
        await intent
        exchange.close()

    asyncio.run(main())


def assert_waited(event: threading.Event) -> None:
    """Wait as a disk lets wait."""
    assert event.wait(10)
