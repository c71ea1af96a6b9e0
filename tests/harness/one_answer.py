"""One call of a client whose target gives one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from importer.triage.client import TriageClient
from importer.triage.target import ApiKey

KEY = "org_canary_4711"


Answer = httpx.Response | Exception


def call(answer: Answer, use: Callable[[TriageClient], Awaitable[Any]], seen: list[httpx.Request] | None = None) -> Any:
    """Make one call of a client whose target gives one answer."""

    def handle(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def main() -> Any:
        async with TriageClient("https://t.example", ApiKey(KEY), transport=httpx.MockTransport(handle)) as client:
            return await use(client)

    return asyncio.run(main())


def envelope(data: Any, status: int = 200) -> httpx.Response:
    """Wrap data as the API does."""
    return httpx.Response(status, json={"data": data, "errors": None})
