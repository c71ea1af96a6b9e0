"""A transport that keeps each request with its answer, so that `probe` can show what it has seen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from importer.api import CATEGORIES_PATH, ISSUES_PATH
from importer.triage.redaction import redact

HEADERS_KEPT = ("retry-after",)


@dataclass
class Exchange:
    """A request and its answer; the status is 0 if none came, and `raw` says why."""

    request: httpx.Request
    status: int = 0
    raw: bytes = b""
    headers: dict[str, str] | None = None

    @property
    def name(self) -> str:
        """What is asked, as the table of assumptions names it: `GET issue`, `POST comments`, `GET search`."""
        method, path, query = self.request.method, self.request.url.path, self.request.url.params
        if path == ISSUES_PATH and method == "GET":
            return "GET search" if "search" in query else "GET list"
        _, has_id, part = path.partition(f"{ISSUES_PATH}/")[2].partition("/")
        return f"{method} {part if has_id else 'categories' if path == CATEGORIES_PATH else 'issue'}"

    @property
    def issue_id(self) -> str:
        """The id of the issue that is asked about, "" if it is none."""
        return self.request.url.path.partition(f"{ISSUES_PATH}/")[2].partition("/")[0]

    @property
    def document(self) -> Any:
        """The answer as JSON, {} if it is none."""
        try:
            return orjson.loads(self.raw) if self.raw else {}
        except orjson.JSONDecodeError:
            return {}

    def items(self) -> Iterator[dict[str, Any]]:
        """Yield what the answer is about: an issue, an entry, or those of a page."""
        document = self.document
        data = document.get("data") if isinstance(document, dict) else None
        listed = data.get("items") if isinstance(data, dict) else None
        documents = listed if isinstance(listed, list) else [data]
        for part in documents:
            if isinstance(part, dict):
                yield part

    def show(self, issue_ids: Collection[str]) -> dict[str, Any]:
        """Return request and answer to be shown to others: of a page only what belongs to these issues, and no key."""
        answer = self.document or self.raw.decode(errors="replace")[:1000]
        if isinstance(answer, dict) and isinstance(answer.get("data"), dict) and "items" in answer["data"]:
            items = [*self.items()]
            ids = {*issue_ids}
            items_shown = [item for item in items if {item.get("id"), item.get("issue_id")} & ids]
            answer = {**answer, "data": {"items": items_shown, "left_out": len(items) - len(items_shown)}}
        body = self.request.read()
        exchange = {
            "request": f"{self.request.method} {self.request.url.raw_path.decode()}",
            "body": orjson.loads(body) if body else None,
            "status": self.status,
            "headers": self.headers or {},
            "answer": answer,
        }
        return dict(orjson.loads(redact(orjson.dumps(exchange))))


class Recorder(httpx.AsyncBaseTransport):
    """Passes requests on, and keeps them in `exchanges`."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        self.exchanges: list[Exchange] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises as the transport behind it."""
        exchange = Exchange(httpx.Request(request.method, request.url, content=await request.aread()))
        self.exchanges.append(exchange)
        try:
            response = await self._transport.handle_async_request(request)
            exchange.raw = await response.aread()
        except httpx.HTTPError as error:
            exchange.raw = (str(error) or type(error).__name__).encode()
            raise
        exchange.status = response.status_code
        exchange.headers = {name: value for name, value in response.headers.items() if name.lower() in HEADERS_KEPT}
        return httpx.Response(exchange.status, headers=exchange.headers, stream=httpx.ByteStream(exchange.raw))

    async def aclose(self) -> None:
        """Close the transport behind it."""
        await self._transport.aclose()

    def last(self, name: str) -> Exchange | None:
        """Return the last exchange of this name, None if there is none."""
        return next((exchange for exchange in reversed(self.exchanges) if exchange.name == name), None)
