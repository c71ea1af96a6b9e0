"""Running a coroutine on uvloop where there is one, in any thread, and turning a signal to end into a call."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from importer.errors import ENDING_SIGNALS

T = TypeVar("T")
HEARD_SECONDS = 0.2
"""So late a signal is heard that comes while a loop runs in another thread."""
_handlers: ContextVar[list[Callable[[int], object]]] = ContextVar("handlers")
"""What handles a signal while a loop runs: the last one does."""


def run_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end: on uvloop, or on asyncio's own loop where uvloop isn't installed.

    Where this thread runs a loop already, as a notebook's does, it is run in another, which ends with it.

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
            result = _beside_running_loop(lambda: _run(run()))
        except asyncio.CancelledError:
            if not signals:
                raise
    if signals:
        raise KeyboardInterrupt
    return result


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(coroutine)


def _beside_running_loop(call: Callable[[], T]) -> T:
    """Call in this thread, or in another one if a loop runs in this one: a thread has one at a time."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return call()
    with ThreadPoolExecutor(1) as executor:
        result = executor.submit(copy_context().run, call)
        try:
            while not wait([result], HEARD_SECONDS).done:  # a signal that another thread gets doesn't end a wait
                continue
        finally:
            if not result.done():  # the caller's own handler has raised something
                _handlers.get()[-1](signal.SIGINT)
        return result.result()


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

    These are the signals that would raise KeyboardInterrupt: Ctrl-C alone, where nobody asks for more, as the command
    line does. A caller's own handlers stay, as ignored signals do, on which `nohup` and a shell's `&` rely. No other
    thread than the main one gets any.
    """
    if (handlers := _handlers.get(None)) is not None:  # in the thread of a loop, whose caller hears the signals
        handlers.append(handle)
        try:
            yield
        finally:
            handlers.remove(handle)
        return
    numbers = list[signal.Signals]()
    handlers = [handle]
    token = _handlers.set(handlers)
    try:
        if threading.current_thread() is threading.main_thread():
            for number in ENDING_SIGNALS:
                if signal.getsignal(number) is signal.default_int_handler:
                    numbers.append(number)
                    signal.signal(number, lambda number, _: handlers[-1](number))
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.default_int_handler)
        _handlers.reset(token)
