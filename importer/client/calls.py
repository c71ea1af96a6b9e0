"""The calls that the importer makes, with small typed answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from importlib.metadata import version
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import quote, urlencode

import httpx
import orjson

from importer.client.actions import Action, CallFailed, Kind, action_for, error_message, parse_retry_after
from importer.client.target import ApiKey
from importer.client.transport import AiohttpTransport, Timeouts

T = TypeVar("T")


RETURNED = ("title", "severity", "status", "category", "source", "owner_id", "assignee_id", "author_id", "updated_at")
"""What is kept of an issue that a write returned, to tell later whether a person changed it."""


class Issue(NamedTuple):
    """An issue as the target shows it; what it leaves out, except the id, is "".

    `returned` is JSON: the fields RETURNED and the description's SHA-256.
    """

    id: str
    triage_id: str
    org_id: str
    description: str
    created_at: str
    resource_count: int
    returned: bytes


class Page(NamedTuple):
    """One page of a list; `next_cursor` is None on the last."""

    items: tuple[Issue, ...]
    next_cursor: str | None


class TriageClient:
    """The calls that the importer makes, each sent once.

    Every call raises CallFailed, and only that; the key is in none of its messages. `transport` stands in for the
    network. `base_url` is one that `normalise_target` gave.
    """

    def __init__(
        self,
        base_url: str,
        api_key: ApiKey,
        *,
        timeouts: Timeouts | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base = base_url
        self._key = api_key
        self._transport = transport or AiohttpTransport(timeouts or Timeouts())
        self._headers = httpx.Headers(
            {
                "Authorization": api_key.reveal(),
                "Accept": "application/json",
                "User-Agent": f"triage-importer/{version('triage-importer')}",
            }
        )
        self._json_headers = httpx.Headers({**self._headers, "Content-Type": "application/json"})
        self._create_url = httpx.URL(f"{base_url}/v1/triage/issues")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def create_issue(self, body: bytes) -> Issue:
        """Make an issue of a body that is JSON already."""
        return await self._call(Kind.CREATE, "POST", self._create_url, body, _issue)

    async def attach_resource(self, issue_id: str, resource_type: str, resource_id: str) -> None:
        """Attach a resource; one that is attached already stays so."""
        url = self._url(f"/v1/triage/issues/{quote(issue_id, safe='')}/resources")
        body = orjson.dumps({"resource_type": resource_type, "resource_id": resource_id})
        await self._call(Kind.REPEATABLE, "POST", url, body, lambda data: None)

    async def get_issue(self, issue_id: str) -> Issue:
        """Read one issue by its UUID, with its whole description."""
        url = self._url(f"/v1/triage/issues/{quote(issue_id, safe='')}")
        return await self._call(Kind.REPEATABLE, "GET", url, b"", _issue)

    async def list_issues(self, **query: str) -> Page:
        """Read one page of issues: limit, cursor, sort, order, search and the other parameters of List Issues."""
        url = self._url(f"/v1/triage/issues?{urlencode(query)}")
        return await self._call(Kind.REPEATABLE, "GET", url, b"", _page)

    async def find_org_id(self) -> str:
        """Read which organisation the key belongs to, from a category: each carries it. "" if there is none."""
        url = self._url("/v1/triage/categories?limit=1")
        return await self._call(Kind.REPEATABLE, "GET", url, b"", _first_org_id)

    async def me(self) -> Mapping[str, Any]:
        """Read `/v1/me`, whose answer is undocumented: whatever object it is."""
        return await self._call(Kind.REPEATABLE, "GET", self._url("/v1/me"), b"", dict)

    def _url(self, path: str) -> httpx.URL:
        return httpx.URL(self._base + path)

    async def _call(self, kind: Kind, method: str, url: httpx.URL, body: bytes, parse: Callable[[Any], T]) -> T:
        headers = self._json_headers if body else self._headers
        request = httpx.Request(method, url, headers=headers, stream=httpx.ByteStream(body))
        try:
            response = await self._transport.handle_async_request(request)
            raw = self._key.scrub(await _read(response))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            text = self._key.scrub(f"{type(error).__name__}: {error}".encode()).decode()
            raise CallFailed(action_for(error, kind), text) from None  # its request carries the key
        action = action_for(response.status_code, kind)
        if action is Action.DONE:
            try:
                return parse(_data(raw))
            except (ValueError, LookupError, TypeError, AttributeError):
                # An answer of success that says something else: executed or not, nobody knows.
                action = action_for(httpx.DecodingError(""), kind)
        message = f"{response.status_code} {error_message(raw)}".rstrip()
        retry_after = parse_retry_after(response.headers.get("Retry-After", ""))
        raise CallFailed(action, message, status=response.status_code, retry_after=retry_after)


async def _read(response: httpx.Response) -> bytes:
    # httpx's own reading costs 10 µs more, a tenth of a request.
    if isinstance(response.stream, httpx.ByteStream) and "Content-Encoding" not in response.headers:
        return b"".join(response.stream)
    return await response.aread()


def _data(raw: bytes) -> Any:
    document = orjson.loads(raw)
    if document.get("errors"):
        raise ValueError("errors in an answer of success")
    return document["data"]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a text")
    return value


def _first_org_id(data: dict[str, Any]) -> str:
    items = data["items"]
    return _text(items[0]["org_id"]) if items else ""


def _issue(data: dict[str, Any]) -> Issue:
    description = data.get("description") or ""
    digest = hashlib.sha256(description.encode()).hexdigest()
    returned = {name: data.get(name) for name in RETURNED} | {"description_sha256": digest}
    return Issue(
        id=_text(data["id"]),
        triage_id=str(data.get("triage_id") or ""),
        org_id=str(data.get("org_id") or ""),
        description=description,
        created_at=str(data.get("created_at") or ""),
        resource_count=int(data.get("resource_count") or 0),
        returned=orjson.dumps(returned),
    )


def _page(data: dict[str, Any]) -> Page:
    return Page(tuple(_issue(item) for item in data["items"]), data.get("next_cursor") or None)
