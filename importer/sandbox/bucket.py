"""The token bucket behind the sandbox's rate limit."""

from __future__ import annotations

import math
from collections.abc import Callable


class TokenBucket:
    """Allows `rate` requests a second, and a burst of one second's worth at the start or after a rest.

    One second, because Retry-After is in whole seconds: a smaller bucket would overflow while a client waits, so that a
    client that obeys could never reach the rate.
    """

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self.rate = rate
        self.capacity = max(1.0, rate)
        self._clock = clock
        self._tokens = self.capacity
        self._filled_at = clock()

    def take(self) -> int:
        """Take a token and return 0; if there is none, return the whole seconds until there will be one."""
        now = self._clock()
        self._tokens = min(self.capacity, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0
        return max(1, math.ceil((1 - self._tokens) / self.rate))
