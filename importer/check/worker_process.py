"""How the processes are started that examine parts: they outlive a signal to the whole group, until this one ends them.

Closing a terminal, `timeout` or a service manager signals to every process at once, Ctrl-C too; but only the one that
the person has started can end in order. Had the others died first, `concurrent.futures` would report that as a failure.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext, SpawnProcess

from importer.errors import ENDING_SIGNALS

SAFE_PATH = "PYTHONSAFEPATH"


class Worker(SpawnProcess):
    """A process that only SIGKILL ends."""

    def terminate(self) -> None:
        """Kill it, as the executor does with the others after one is lost."""
        self.kill()


class WorkerContext(SpawnContext):
    """Starts workers. Forks would share this process's connections and threads."""

    Process = Worker


def make_context() -> SpawnContext:
    """Give the context of an executor, with Python's tracker of semaphores started in the same way."""
    with starting():
        resource_tracker.ensure_running()
    return WorkerContext()


@contextmanager
def starting() -> Iterator[None]:
    """While the block runs, what is started has these signals blocked, and imports nothing from the present folder."""
    folder = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"  # else `python -c` takes a `types.py` beside the source for Python's own
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        yield
    finally:
        if folder is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = folder
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
