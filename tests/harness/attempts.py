"""An import that is killed, and started again until it has come to its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.harness.forked import Forked
from tests.harness.hostile import RunningSandbox
from tests.harness.promises import (
    FINISHED,
    Broken,
    check_end,
)
from tests.harness.running import KEY, Ended, finish, read_csv

ATTEMPTS_TO_FINISH = 20


QUIET_SECONDS = 60.0
"""An attempt that sends no request for so long, and its settle seconds, hangs."""


Wait = Callable[[Forked], object]


@dataclass(frozen=True)
class Command:
    """One import as people start it, in a folder of its own that holds the source and takes the reports."""

    folder: Path
    url: str
    ledger: str
    settle_seconds: float
    more: tuple[str, ...] = ()
    mapping: str = "jira"

    def start(self) -> Forked:
        arguments = [
            "run",
            "export.csv",
            "-m",
            self.mapping,
            "--api-url",
            self.url,
            "--yes",
            "--json",
            "--out",
            "reports",
        ]
        arguments += ["--max-rejected", "100%"]
        arguments += ["--settle-seconds", f"{self.settle_seconds:g}", *self.more]
        return self._start(*arguments)

    def _start(self, *arguments: str) -> Forked:
        environment = {name: value for name, value in os.environ.items() if name != "TRIAGE_API_URL"}
        environment |= {"BLAND_API_KEY": KEY, "TRIAGE_IMPORT_DEBUG": "1"}
        return Forked([*arguments, "--ledger", self.ledger], self.folder, environment)

    def attempt(self, wait: Wait) -> Ended | None:
        """Start it and kill it after `wait`; gives None if that killed it, else how it had ended before."""
        process = self.start()
        try:
            wait(process)
        finally:
            process.kill()
        ended = finish(process)
        return None if ended.code == -signal.SIGKILL else ended

    def finish(self, rows: int, sandbox: RunningSandbox) -> Ended:
        """Let it run until it has finished, again where it says that something is left to be sent. Raises Broken."""

        def wait(process: Forked) -> None:
            seen = None
            while process.poll() is None and seen != (seen := sandbox.requests()):
                process.wait(QUIET_SECONDS + self.settle_seconds)

        for _ in range(ATTEMPTS_TO_FINISH):
            ended = self.attempt(wait)
            if ended is None:
                raise Broken("silent", "an attempt that nobody disturbs neither asks anything nor ends")
            check_end(ended, rows)
            if ended.code in FINISHED and not is_incomplete(self.folder / "reports"):
                return ended
        raise Broken("silent", f"it is not finished after {ATTEMPTS_TO_FINISH} attempts")

    def verify(self) -> Ended:
        """Let the program itself read back what its last run has sent."""
        return finish(self._start("verify", "last", "--rate", "0", "--json", "--out", "verified"))


def is_incomplete(reports: Path) -> bool:
    """Whether something is left to be sent after a run has finished."""
    return any(
        "incomplete" in result["code"] or ("evidence-pending" in result["code"] and "missing-" not in result["message"])
        for result in read_csv(reports / "results.csv")
    )
