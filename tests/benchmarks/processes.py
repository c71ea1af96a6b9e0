"""The CPU and the memory of whole processes."""

from __future__ import annotations

import os
import subprocess
import sys

STARTER = """
import os, sys
unseen = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=unseen)
_, status, usage = os.wait4(process, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""
TIMES = 4
"""A larger file has so many times the rows of a smaller one: the slope between them is what a row costs."""
ROUNDS = 3


def measure(*command: str, python: str = sys.executable, **variables: str) -> tuple[float, float]:
    """Run a command of Python's, whose output goes nowhere; give its CPU seconds and its peak memory in MB.

    `variables` are put into its environment. The processes that it has waited for count, too. A small process starts
    it: what the system gives as the peak of a new process is never less than its parent's.
    """
    environment = os.environ | variables
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # templates of pages would be compiled anew at each start
    starter = [sys.executable, "-S", "-c", STARTER, python, *command]
    started = subprocess.run(starter, check=True, capture_output=True, text=True, env=environment)
    status, seconds, peak = started.stdout.split()
    if int(status) not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return float(seconds), float(peak)
