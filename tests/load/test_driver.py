"""The driver: the intent comes before each request, and each act goes its way after each answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest

from importer.errors import RunStopped
from importer.ledger.schema import State
from importer.load.acts import ACTS
from importer.load.driver import Write, carry_out
from importer.records import Act, Operation
from importer.triage.actions import Action, CallFailed
from importer.triage.client import TriageClient
from importer.triage.paced import Interrupted, PacedCalls
from tests.harness.bench import Bench, opened
from tests.harness.virtual_time import VirtualTime

OPERATION = Operation("k", "PATCH", "/v1/triage/issues/1", b"{}", "", act=Act.UPDATE, issue_id="1")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    time_ = VirtualTime()
    with opened(tmp_path, time_) as ledger:
        yield Bench(time_, ledger)


def _write(bench: Bench, use: Callable[[Write, Callable[[], Awaitable[None]]], Awaitable[None]]) -> list[str]:
    """Use a write in a run; give the states that the ledger has for its operation afterwards, and its attempts."""
    run = bench.begin()

    async def main(_: TriageClient, calls: PacedCalls) -> None:
        async with run.sending(2):
            await use(Write(run, calls, OPERATION), partial(run.intend, OPERATION))

    bench.with_client(main)
    with bench.ledger.transaction() as connection:
        return [
            f"{state} {attempts}"
            for state, attempts in connection.exec_driver_sql("SELECT state, attempts FROM operations")
        ]


def test_the_intent_comes_first(bench: Bench) -> None:
    """When a request leaves, its intent is in the ledger; a repeated one has one of its own."""
    seen: list[str] = []

    async def use(write: Write, intend: Callable[[], Awaitable[None]]) -> None:
        async def request() -> str:
            with bench.ledger.transaction() as connection:
                seen.append(str(connection.exec_driver_sql("SELECT state FROM operations").scalar()))
            if len(seen) == 1:
                raise CallFailed(Action.RETRY, "503 later")
            return "answer"

        assert await write.send(request, intend) == "answer"
        assert write.requests == 2
        write.end(State.DONE)
        assert write.requests == 0

    assert _write(bench, use) == ["done 2"]
    assert seen == ["sent", "sent"]


@pytest.mark.parametrize(
    ("cause", "state"),
    [(None, "unsent 1"), (Action.RETRY, "unsent 1"), (Action.SETTLE, "sent 0")],
)
def test_what_ends_the_run(bench: Bench, cause: Action | None, state: str) -> None:
    """A request that surely was not executed is recorded as unsent; one that may have been stays open."""

    async def use(write: Write, intend: Callable[[], Awaitable[None]]) -> None:
        async def request() -> None:
            raise RunStopped("the target is down") from (CallFailed(cause, "503") if cause else None)

        try:
            await write.send(request, intend)
        except RunStopped as stop:
            write.withdraw(stop)

    assert _write(bench, use) == [state]


def test_a_doubted_request_is_not_withdrawn(bench: Bench) -> None:
    """Once a request may have been executed, an interrupt before the next one takes nothing back."""

    async def use(write: Write, intend: Callable[[], Awaitable[None]]) -> None:
        async def request() -> None:
            raise CallFailed(Action.SETTLE, "no answer")

        with pytest.raises(CallFailed):
            await write.send(request, intend)
        write.doubt()
        write.withdraw(Interrupted())

    assert _write(bench, use) == ["sent 0"]


def test_what_never_left_is_not_withdrawn(bench: Bench) -> None:
    """Without a request there is nothing to record."""

    async def use(write: Write, intend: Callable[[], Awaitable[None]]) -> None:
        write.withdraw(Interrupted())

    assert _write(bench, use) == []


def test_an_answered_request_is_not_withdrawn(bench: Bench) -> None:
    """An interrupt while the answer is looked at doesn't say that nothing was executed."""

    async def use(write: Write, intend: Callable[[], Awaitable[None]]) -> None:
        async def request() -> str:
            return "answer"

        await write.send(request, intend)
        write.withdraw(Interrupted())

    assert _write(bench, use) == ["sent 0"]


WAYS = {  # what each request is answered -> what follows for acts whose refusals are doubted, and for others
    ("retry",): ("sent refused", "sent refused"),
    ("settle", "done"): ("sent doubted looked sent", "sent doubted looked sent"),
    ("refuse", "done"): ("sent doubted looked refused", "sent refused"),
    ("gone", "done"): ("sent doubted looked sent", "sent doubted looked sent"),
    ("stop",): ("sent doubted stopped", "sent doubted stopped"),
    ("down",): ("sent stopped", "sent stopped"),
}


@pytest.mark.parametrize("answers", WAYS)
@pytest.mark.parametrize("act", [act for act in ACTS if act is not Act.EVIDENCE])
def test_each_act_after_each_answer(bench: Bench, act: Act, answers: tuple[str, ...]) -> None:
    """What may have been executed is looked for; a refusal is believed at once, or once it was looked behind."""
    done, left = list[str](), list(answers)

    async def request() -> None:
        answer = left[0] if len(left) == 1 else left.pop(0)
        done.append("sent")
        if answer == "down":
            raise RunStopped("the target is down")
        if answer != "done":
            status = 404 if answer == "gone" else 0
            raise CallFailed(Action.REFUSE if answer == "gone" else Action(answer), answer, status=status)

    async def use(write: Write, intend: Callable[[], Awaitable[None]]) -> None:
        write.operation = write.operation._replace(act=act)

        async def look(error: CallFailed) -> None:
            done.append("looked")

        def doubt(error: CallFailed) -> None:
            done.append("doubted")
            write.doubt(error)

        send = partial(write.send, request, intend)
        try:
            await carry_out(write, send, refuse=lambda error: done.append("refused"), doubt=doubt, look=look)
        except RunStopped:
            done.append("stopped")

    _write(bench, use)
    assert " ".join(each for each, _ in groupby(done)) == WAYS[answers][not ACTS[act].doubts_refusals]
