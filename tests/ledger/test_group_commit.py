"""Group commit: who hands in an intent waits until it is durable."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from importer.errors import StorageFull
from importer.ledger.group_commit import GroupCommit
from importer.ledger.journal import Decision, Intent
from importer.ledger.schema import State

DONE = Decision("s:1", State.DONE)


def intent(key: str) -> Intent:
    return Intent((key,))


def test_intend_waits_for_the_commit() -> None:
    """An intent that is written and not yet committed lets nobody go on."""
    committed = threading.Event()

    def write(intents: list[Intent], decisions: list[Decision]) -> Callable[[], None]:
        return lambda: assert_waited(committed)

    async def main() -> None:
        commits = GroupCommit(write, 1)
        waiting = asyncio.create_task(commits.intend(intent("s:1")))
        try:
            for _ in range(20):
                await asyncio.sleep(0.001)
            assert not waiting.done()
        finally:
            committed.set()  # else the thread would be waited for where this fails
        await waiting
        commits.close()

    asyncio.run(main())


def test_flush_while_the_last_group_is_committed() -> None:
    """Where nothing else was handed in meanwhile, it ends with that group."""
    begun, committed = threading.Event(), threading.Event()
    groups: list[list[Decision]] = []

    def write(intents: list[Intent], decisions: list[Decision]) -> Callable[[], None]:
        groups.append(decisions)
        begun.set()
        return lambda: assert_waited(committed)

    async def main() -> None:
        commits = GroupCommit(write, 1)
        commits.record(DONE)
        await asyncio.to_thread(assert_waited, begun)
        flush = asyncio.create_task(commits.flush())
        await go_on()
        assert not flush.done()
        committed.set()
        await asyncio.wait_for(flush, 120)
        commits.close()

    asyncio.run(main())
    assert groups == [[DONE]], "no empty group"


def test_flush_while_a_commit_fails() -> None:
    """What the last group has failed with is raised."""
    begun, waited_for = threading.Event(), threading.Event()

    def write(intents: list[Intent], decisions: list[Decision]) -> Callable[[], None]:
        begun.set()
        return fail

    def fail() -> None:
        assert_waited(waited_for)
        raise StorageFull("full")

    async def main() -> None:
        commits = GroupCommit(write, 1)
        commits.record(DONE)
        await asyncio.to_thread(assert_waited, begun)
        flush = asyncio.create_task(commits.flush())
        await go_on()
        waited_for.set()
        with pytest.raises(StorageFull):
            await asyncio.wait_for(flush, 120)
        commits.close()

    asyncio.run(main())


async def go_on() -> None:
    """Let each task go as far as it can by itself."""
    for _ in range(10):
        await asyncio.sleep(0)


def assert_waited(event: threading.Event) -> None:
    """Wait as a disk lets wait."""
    assert event.wait(120)


def test_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory is too short for the thread, whoever waits is told, now and later."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        commits = GroupCommit[Intent, Decision](lambda intents, decisions: lambda: None, 1)
        monkeypatch.setattr(threading.Thread, "start", refuse)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="can't start new thread"):
                await asyncio.wait_for(commits.intend(intent("s:1")), 120)
        commits.close()

    asyncio.run(main())


class Groups:
    """Keeps the keys of each group that is written; with `gate`, a commit waits for it."""

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.keys: list[list[str]] = []
        self.begun = threading.Event()
        self._gate = gate

    def write(self, intents: list[Intent], decisions: list[Decision]) -> Callable[[], None]:
        self.keys.append([each.values[0] for each in intents])
        self.begun.set()
        return lambda: assert_waited(self._gate) if self._gate is not None else None


def test_whoever_asks_first_goes_on_first() -> None:
    """Intents that come while a group is committed are the next one, and all go on in the order in which they came."""
    gate, went_on = threading.Event(), list[str]()
    groups = Groups(gate)

    async def main() -> None:
        commits = GroupCommit(groups.write, 2)

        async def send(key: str) -> None:
            await commits.intend(intent(key))
            went_on.append(key)

        first = [asyncio.create_task(send(key)) for key in "ab"]
        await asyncio.to_thread(assert_waited, groups.begun)
        second = [asyncio.create_task(send(key)) for key in "cde"]
        await go_on()
        assert went_on == []
        gate.set()
        await asyncio.wait_for(asyncio.gather(*first, *second), 120)
        commits.close()

    asyncio.run(main())
    assert groups.keys == [["a", "b"], ["c", "d", "e"]]
    assert went_on == list("abcde")
