"""Retries: how often, and with which waits."""

from __future__ import annotations

import asyncio

import pytest

from importer.triage.paced import make_retrying


def test_retries_are_bounded() -> None:
    """A call is tried six times, with waits in between, and then its own error is raised."""
    waits: list[float] = []
    calls = 0

    async def note(seconds: float) -> None:
        waits.append(seconds)

    async def fail() -> None:
        nonlocal calls
        calls += 1
        raise ConnectionError

    async def main() -> None:
        await make_retrying(lambda error: isinstance(error, ConnectionError), note)(fail)

    with pytest.raises(ConnectionError):
        asyncio.run(main())
    assert calls == 6
    assert len(waits) == 5
    assert all(0 <= wait <= 30 for wait in waits)
