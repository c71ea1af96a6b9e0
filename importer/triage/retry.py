"""The retry policy for calls that were certainly not executed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

from importer.triage.limiter import Sleep


def make_retrying(is_retryable: Callable[[BaseException], bool], sleep: Sleep = asyncio.sleep) -> AsyncRetrying:
    """Return the retry policy: exponential waits with full jitter, at most 6 attempts within 2 minutes."""
    return AsyncRetrying(
        retry=retry_if_exception(is_retryable),
        stop=stop_after_attempt(6) | stop_after_delay(120),
        wait=wait_random_exponential(multiplier=0.5, max=30),
        sleep=sleep,
        reraise=True,
    )
