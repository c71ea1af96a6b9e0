"""The calls that the importer makes, with small typed answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import quote, urlencode

import httpx
import orjson

from importer.client.actions import (
    Action,
    CallFailed,
    Kind,
    action_for,
    error_message,
    is_error_document,
    parse_retry_after,
)
from importer.client.target import ApiKey
from importer.client.transport import AiohttpTransport, Timeouts

T = TypeVar("T")

ISSUES_PATH = "/v1/triage/issues"
"""Source: post/triage-issues."""
FIELDS = ("title", "severity", "status", "category", "source", "owner_id", "assignee_id")
"""What an issue says beside its description, ids, times and counts."""


class Issue(NamedTuple):
    """An issue as the target shows it; what it leaves out, except the id, is "", 0 or None.

    `fields` has each of FIELDS; `had_agent` is whether an agent was ever asked to work on it.
    """

    id: str
    triage_id: str
    org_id: str
    description: str
    fields: Mapping[str, Any]
    created_at: str
    updated_at: str
    resource_count: int
    flag_count: int
    relation_count: int
    had_agent: bool
    author_id: str = ""

    @property
    def title(self) -> str:
        """Its title."""
        return str(self.fields["title"] or "")


class Page(NamedTuple):
    """One page of a list; `next_cursor` is None on the last."""

    items: tuple[Issue, ...]
    next_cursor: str | None


class Entry(NamedTuple):
    """One entry of an issue's activity; `type` is `comment`, `status_changed` and so on."""

    id: str
    type: str
    detail: str


class Entries(NamedTuple):
    """One page of an issue's activity, newest first."""

    items: tuple[Entry, ...]
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
        self._create_url = httpx.URL(base_url + ISSUES_PATH)

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
        url = self._url(f"{issue_path(issue_id)}/resources")
        body = orjson.dumps({"resource_type": resource_type, "resource_id": resource_id})
        await self._call(Kind.REPEATABLE, "POST", url, body, lambda data: None)

    async def get_issue(self, issue_id: str) -> Issue:
        """Read one issue by its UUID, with its whole description."""
        return await self._call(Kind.REPEATABLE, "GET", self._url(issue_path(issue_id)), b"", _issue)

    async def update_issue(self, issue_id: str, body: bytes) -> Issue:
        """Change some fields; the answer is the whole issue."""
        return await self._call(Kind.CHANGE, "PATCH", self._url(issue_path(issue_id)), body, _issue)

    async def delete_issue(self, issue_id: str) -> None:
        """Delete an issue for good."""
        await self._call(Kind.CHANGE, "DELETE", self._url(issue_path(issue_id)), b"", lambda data: None)

    async def list_activity(self, issue_id: str, **query: str) -> Entries:
        """Read one page of an issue's activity: limit, cursor."""
        url = self._url(f"{issue_path(issue_id)}/activity?{urlencode(query)}")
        return await self._call(Kind.REPEATABLE, "GET", url, b"", _entries)

    async def list_issues(self, **query: str) -> Page:
        """Read one page of issues: limit, cursor, sort, order, search and the other parameters of List Issues."""
        url = self._url(f"{ISSUES_PATH}?{urlencode(query)}")
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
                return parse(None if response.status_code == 204 else _data(raw))
            except (ValueError, LookupError, TypeError, AttributeError):
                # An answer of success that says something else: executed or not, nobody knows.
                action = action_for(httpx.DecodingError(""), kind)
        if response.status_code in (404, 405, 410) and not is_error_document(raw):
            action = Action.STOP  # what answers is not Triage: a proxy's page says nothing of an issue
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
    return Issue(
        id=_text(data["id"]),
        triage_id=str(data.get("triage_id") or ""),
        org_id=str(data.get("org_id") or ""),
        description=str(data.get("description") or ""),
        fields={name: data.get(name) for name in FIELDS},
        created_at=str(data.get("created_at") or ""),
        updated_at=str(data.get("updated_at") or ""),
        resource_count=int(data.get("resource_count") or 0),
        flag_count=int(data.get("flag_count") or 0),
        relation_count=int(data.get("relation_count") or 0),
        had_agent=bool(data.get("latest_agent_session")),
        author_id=str(data.get("author_id") or ""),
    )


def _page(data: dict[str, Any]) -> Page:
    return Page(tuple(_issue(item) for item in data["items"]), data.get("next_cursor") or None)


def _entries(data: dict[str, Any]) -> Entries:
    items = (
        Entry(_text(item["id"]), str(item.get("type") or ""), str(item.get("detail") or "")) for item in data["items"]
    )
    return Entries(tuple(items), data.get("next_cursor") or None)


def issue_path(issue_id: str) -> str:
    """The path of an issue by its UUID."""
    return f"{ISSUES_PATH}/{quote(issue_id, safe='')}"
