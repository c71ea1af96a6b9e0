"""The event loop, and how signals reach what runs on it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the fastest loop that this platform has."""
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
    """Let the running loop call `action` when the program is asked to end. For the main thread.

    A signal that is ignored stays so: `nohup` and a shell's `&` rely on it.
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
