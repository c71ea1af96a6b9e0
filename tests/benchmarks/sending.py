"""What a check and a first import cost as whole processes, in any version that is installed somewhere."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.instant_server import instant_server
from tests.benchmarks.processes import measure

RATE = "100000"
"""Requests a second: no limit that anybody waits for."""


def spend_check(export: Path, python: str = sys.executable) -> float:
    """Check a Jira export with the program that a Python has, and give the seconds of CPU."""
    with tempfile.TemporaryDirectory() as out:
        return measure("-P", "-m", "importer", "validate", str(export), "-m", "jira", "--out", out, python=python)[0]


def spend_run(export: Path, python: str = sys.executable) -> float:
    """Import a Jira export whose rows are all new, likewise; all children count, the server doesn't."""
    with tempfile.TemporaryDirectory() as folder, instant_server(max(os.sched_getaffinity(0))) as url:
        out = Path(folder) / "out"
        seconds, _ = measure(
            *("-P", "-m", "importer", "run", str(export), "-m", "jira", "--api-url", url, "--rate", RATE),
            *("--ledger", f"{folder}/ledger.db", "--yes", "--no-canary", "--out", str(out)),
            python=python,
            BLAND_API_KEY="org_benchmark",
            XDG_STATE_HOME=folder,
        )
        summary = json.loads((out / "summary.json").read_bytes())
        assert summary["created"] == summary["rows"], summary
    return seconds
