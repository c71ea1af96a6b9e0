"""Running a coroutine on uvloop where there is one, and turning SIGINT, SIGTERM and SIGHUP into a call."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end: on uvloop, or on asyncio's own loop where uvloop isn't installed."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(coroutine)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # Windows has none
        return None
    return uvloop.new_event_loop


@contextmanager
def signals_call(action: Callable[[], None]) -> Iterator[None]:
    """While the block runs, call `action` on the running loop when a signal asks the program to end. Main thread only.

    Signals that are ignored stay ignored: `nohup` and a shell's `&` rely on it.
    """
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    taken = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in taken:
        loop.add_signal_handler(number, action)
    try:
        yield
    finally:
        for number, handler in taken.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
