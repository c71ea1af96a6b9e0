"""Group commit: who hands in an intent waits until it is durable."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from importer.errors import StorageFull
from importer.ledger.group_commit import DECISION_SECONDS, GroupCommit, Intent
from importer.ledger.journal import Decision
from importer.ledger.schema import State

DONE = Decision("s:1", State.DONE)


def test_intend_waits_for_the_commit() -> None:
    """An intent that is written and not yet committed lets nobody go on."""
    committed = threading.Event()

    def write(intents: list[Intent], decisions: list[Decision]) -> Callable[[], None]:
        return lambda: assert_waited(committed)

    async def main() -> None:
        commits = GroupCommit(write, 1)
        intent = asyncio.create_task(commits.intend({"key": "s:1"}))
        try:
            for _ in range(20):
                await asyncio.sleep(0.001)
            assert not intent.done()
        finally:
            committed.set()  # else the thread would be waited for where this fails
        await intent
        commits.close()

    asyncio.run(main())


def test_flush_while_the_last_group_is_committed() -> None:
    """Where nothing else was handed in meanwhile, it ends with that group."""
    committed = threading.Event()
    groups: list[list[Decision]] = []

    def write(intents: list[Intent], decisions: list[Decision]) -> Callable[[], None]:
        groups.append(decisions)
        return lambda: assert_waited(committed)

    async def main() -> None:
        commits = GroupCommit(write, 1)
        commits.record(DONE)
        await asyncio.sleep(DECISION_SECONDS * 2)
        flush = asyncio.create_task(commits.flush())
        await asyncio.sleep(0.01)
        assert not flush.done()
        committed.set()
        await asyncio.wait_for(flush, 120)
        commits.close()

    asyncio.run(main())
    assert groups == [[DONE]], "no empty group"


def test_flush_while_a_commit_fails() -> None:
    """What the last group has failed with is raised."""
    begun = threading.Event()

    def write(intents: list[Intent], decisions: list[Decision]) -> Callable[[], None]:
        return fail

    def fail() -> None:
        assert_waited(begun)
        raise StorageFull("full")

    async def main() -> None:
        commits = GroupCommit(write, 1)
        commits.record(DONE)
        await asyncio.sleep(DECISION_SECONDS * 2)
        flush = asyncio.create_task(commits.flush())
        await asyncio.sleep(0.01)
        begun.set()
        with pytest.raises(StorageFull):
            await asyncio.wait_for(flush, 120)
        commits.close()

    asyncio.run(main())


def assert_waited(event: threading.Event) -> None:
    """Wait as a disk lets wait."""
    assert event.wait(120)


def test_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory is too short for the thread, whoever waits is told, now and later."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        commits = GroupCommit(lambda intents, decisions: lambda: None, 1)
        monkeypatch.setattr(threading.Thread, "start", refuse)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="can't start new thread"):
                await asyncio.wait_for(commits.intend({"key": "s:1"}), 120)
        commits.close()

    asyncio.run(main())
