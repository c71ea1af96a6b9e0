"""Running a coroutine on uvloop where there is one, and turning SIGINT, SIGTERM and SIGHUP into a call."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from importer.errors import ENDING_SIGNALS

T = TypeVar("T")


def run_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end: on uvloop, or on asyncio's own loop where uvloop isn't installed. Main thread only.

    A signal that asks the program to end cancels it. Only once the loop is closed KeyboardInterrupt is raised:
    raised by the signal itself, in whatever callback runs just then, it can be taken for a connection's error and lost.
    """
    signals = list[int]()
    task: asyncio.Task[T] | None = None

    async def run() -> T:
        nonlocal task
        task = asyncio.current_task()
        if signals and task is not None:
            task.cancel()
        return await coroutine

    def end(number: int) -> None:
        signals.append(number)
        if task is not None:
            task.get_loop().call_soon_threadsafe(task.cancel)

    with _handled_by(end):
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                result = runner.run(run())
        except asyncio.CancelledError:
            if not signals:
                raise
    if signals:
        raise KeyboardInterrupt
    return result


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # Windows has none
        return None
    return uvloop.new_event_loop


@contextmanager
def signals_call(action: Callable[[], object]) -> Iterator[None]:
    """While the block runs, call `action` on the running loop when a signal asks the program to end, instead."""
    loop = asyncio.get_running_loop()
    with _handled_by(lambda _: loop.call_soon_threadsafe(action)):
        yield


@contextmanager
def _handled_by(handle: Callable[[int], object]) -> Iterator[None]:
    """While the block runs, pass signals that ask the program to end to `handle`, which must not raise.

    Signals that are ignored stay ignored: `nohup` and a shell's `&` rely on it.
    """
    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    taken = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    try:
        for number in taken:
            signal.signal(number, lambda number, _: handle(number))
        yield
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)
