"""The rate limit: a token bucket."""

from __future__ import annotations

import math
from collections.abc import Callable


class TokenBucket:
    """Lets `rate` requests a second through, and at the start or after a rest as many at once as one second is worth.

    One second, because a client is told to wait in whole seconds: in that time a smaller bucket would overflow, and a
    client that obeys could never reach the rate.
    """

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self.rate = rate
        self.capacity = max(1.0, rate)
        self._clock = clock
        self._tokens = self.capacity
        self._filled_at = clock()

    def take(self) -> int:
        """Take a token. Returns 0, or the whole seconds after which there will be one (no token is taken then)."""
        now = self._clock()
        self._tokens = min(self.capacity, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0
        return max(1, math.ceil((1 - self._tokens) / self.rate))
