"""The circuit breaker: ends a run whose target is down."""

from __future__ import annotations

import time

from importer.errors import TargetUnreachable
from importer.triage.limiter import Clock


class Breaker:
    """Ends a run once FAILURES calls in a row have failed over SECONDS, or nothing but 429 came for LIMITED_SECONDS."""

    FAILURES = 10
    SECONDS = 60.0
    LIMITED_SECONDS = 1800.0
    LONGEST_PAUSE = 30.0

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._last_success = clock()

    def succeed(self) -> None:
        """Count an answer that shows that the target works."""
        self._failures = 0
        self._last_success = self._clock()

    def fail(self, message: str) -> float:
        """Count a 5xx or a missing answer; return the seconds that all workers should pause.

        Raises:
            TargetUnreachable: after 10 failures in a row, at least 60 seconds after the last success.
        """
        self._failures += 1
        silence = self._clock() - self._last_success
        if self._failures >= self.FAILURES and silence >= self.SECONDS:
            raise _unreachable(f"{self._failures} calls in {silence:.0f} seconds failed, the last with: {message}")
        # One or two may fail by themselves.
        return 0.0 if self._failures < 3 else min(self.LONGEST_PAUSE, 0.25 * 2 ** min(10, self._failures - 3))

    def limit(self) -> None:
        """Count a 429.

        Raises:
            TargetUnreachable: after half an hour without any other answer.
        """
        silence = self._clock() - self._last_success
        if silence >= self.LIMITED_SECONDS:
            raise _unreachable(f"it has answered nothing but 429 for {silence / 60:.0f} minutes")


def _unreachable(message: str) -> TargetUnreachable:
    hint = "What is done is recorded: the same command continues once the target answers again."
    return TargetUnreachable(f"The target is down: {message}.", hint=hint)
