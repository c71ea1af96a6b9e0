"""A signal ends what a loop does, wherever it arrives."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from importer.errors import ENDING_SIGNALS
from importer.triage import event_loop
from importer.triage.event_loop import run_loop, signals_call

LONG = 30.0


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The handlers of the program: each of the signals is a KeyboardInterrupt."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in ENDING_SIGNALS}
    yield
    left = [signal.getsignal(number) for number in ENDING_SIGNALS]
    for number, handler in before.items():
        signal.signal(number, handler)
    assert set(left) == {signal.default_int_handler}


@pytest.fixture(params=["uvloop", "asyncio"], autouse=True)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kinds of loop."""
    if request.param == "asyncio":
        monkeypatch.setattr(event_loop, "_loop_factory", lambda: None)
    else:
        pytest.importorskip("uvloop")


async def wait_for_data(arrived: Callable[[], None]) -> None:
    """Call this when data arrives at a connection, in its callback, and wait for long."""

    class Peer(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            arrived()

    ours, theirs = socket.socketpair()
    with theirs:
        await asyncio.get_running_loop().create_connection(Peer, sock=ours)
        theirs.send(b"data")
        await asyncio.sleep(LONG)


@pytest.mark.parametrize("number", ENDING_SIGNALS)
def test_in_a_callback_of_a_connection(number: signal.Signals, capfd: pytest.CaptureFixture[str]) -> None:
    """Where the loop would take an exception for the connection's."""
    with pytest.raises(KeyboardInterrupt):
        run_loop(wait_for_data(lambda: signal.raise_signal(number)))
    assert capfd.readouterr() == ("", "")


def test_while_the_work_tidies_up() -> None:
    """A second one cancels what a first one has left to do, and nothing else comes of it."""
    reached = list[str]()

    async def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(LONG)
        finally:
            reached.append("tidying up")
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(LONG)

    with pytest.raises(KeyboardInterrupt):
        run_loop(work())
    assert reached == ["tidying up"]


def test_when_the_work_is_done() -> None:
    """What is done by then doesn't count: the person has asked for the end."""

    async def work() -> int:
        signal.raise_signal(signal.SIGHUP)
        return 1

    with pytest.raises(KeyboardInterrupt):
        run_loop(work())


def test_before_the_work_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal while the loop is made is not forgotten."""
    factory = event_loop._loop_factory() or asyncio.new_event_loop

    def make() -> asyncio.AbstractEventLoop:
        signal.raise_signal(signal.SIGTERM)
        return factory()

    monkeypatch.setattr(event_loop, "_loop_factory", lambda: make)
    with pytest.raises(KeyboardInterrupt):
        run_loop(asyncio.sleep(LONG))


def test_an_action_instead() -> None:
    """Who sends finds an end of its own."""

    async def work() -> str:
        heard = asyncio.Event()
        with signals_call(heard.set):
            signal.raise_signal(signal.SIGTERM)
            await heard.wait()
        return "in order"

    assert run_loop(work()) == "in order"


def test_ignored_ones_stay_ignored() -> None:
    """As `nohup` has them."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)

    async def work() -> str:
        signal.raise_signal(signal.SIGHUP)
        await asyncio.sleep(0)
        return "in order"

    try:
        assert run_loop(work()) == "in order"
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_cancellations() -> None:
    """A task that somebody else cancels is no interruption by a person."""

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(LONG)

    with pytest.raises(asyncio.CancelledError):
        run_loop(work())


def within_loop(call: Callable[[], object]) -> object:
    """What a call gives in a thread that runs a loop, as a notebook's kernel does: without handlers of its own."""

    async def make() -> object:
        return call()

    with closing(asyncio.new_event_loop()) as loop:
        return loop.run_until_complete(make())


def test_beside_a_running_loop() -> None:
    """As in a notebook: in a thread that ends with the call, which a signal reaches all the same."""

    async def work() -> str:
        heard = asyncio.Event()
        with signals_call(heard.set):
            threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()
            await heard.wait()
        return "in order"

    before = {*threading.enumerate()}
    assert within_loop(lambda: run_loop(work())) == "in order"
    with pytest.raises(KeyboardInterrupt):
        within_loop(lambda: run_loop(wait_for_data(lambda: signal.raise_signal(signal.SIGINT))))
    assert {*threading.enumerate()} <= before


def test_in_another_thread() -> None:
    """It gets no signals, and changes no handler."""
    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(run_loop, asyncio.sleep(0, "done")).result() == "done"


def test_a_handler_of_the_caller_stays() -> None:
    """Only what would raise KeyboardInterrupt is taken for the time of the loop."""
    heard = list[int]()
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))

    async def work() -> str:
        signal.raise_signal(signal.SIGTERM)
        return "in order"

    try:
        assert run_loop(work()) == "in order"
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
