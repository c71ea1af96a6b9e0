"""The HTTP client for Triage: one method for each endpoint in use, without retries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

import httpx
import orjson

from importer import __version__
from importer.api import (
    ACTIVITY,
    CATEGORIES_PATH,
    FLAGS,
    ISSUES_PATH,
    MEMBERSHIPS_PATH,
    RELATIONS,
    issue_path,
    members_path,
)
from importer.triage.actions import (
    FOREIGN,
    Action,
    CallFailed,
    Kind,
    action_for,
    error_message,
    is_own_form,
    parse_retry_after,
)
from importer.triage.answers import (
    Attached,
    Entry,
    Flagged,
    Issue,
    Member,
    Page,
    Related,
    Unreadable,
    about,
    page_of,
    read_attached,
    read_category,
    read_entry,
    read_first_org_id,
    read_flagged,
    read_issue,
    read_issue_of,
    read_listed_relation,
    read_members,
    read_org_ids,
    read_related,
)
from importer.triage.target import ApiKey
from importer.triage.transport import LONGEST_ANSWER, AiohttpTransport, Plain, Timeouts, too_long

T = TypeVar("T")

IN_WORDS: tuple[tuple[type[Exception], str], ...] = (
    # First match wins, so subclasses come before their bases.
    (httpx.ProxyError, "the proxy lets nothing through"),
    (httpx.ConnectTimeout, "no connection in time"),
    (httpx.TimeoutException, "no answer in time"),
    (httpx.ConnectError, "no connection"),
    (httpx.DecodingError, "the answer can't be read"),
    (httpx.UnsupportedProtocol, "the address can't be used"),
    (httpx.InvalidURL, "the address can't be used"),
    (Exception, "the connection broke off"),
)
"""What ended a call without an answer, for people."""


class TriageClient:
    """Calls the endpoints of Triage; `PacedCalls` adds retries and pace.

    Every method raises CallFailed and nothing else; no message has the API key in it. `base_url` comes from
    `normalise_target`; `transport` replaces the network in tests.
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
                "Accept-Encoding": "identity",
                "User-Agent": f"triage-importer/{__version__}",
            }
        )
        self._json_headers = httpx.Headers({**self._headers, "Content-Type": "application/json"})
        self._create_url = httpx.URL(base_url + ISSUES_PATH)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def create_issue(self, body: bytes) -> Issue:
        """Create an issue; `body` is JSON. Source: post/triage-issues."""
        return await self._call(Kind.CREATE, "POST", self._create_url, body, read_issue)

    async def attach_resource(self, issue_id: str, resource_type: str, resource_id: str) -> None:
        """Attach a call, conversation or file; repeating it has no effect. Source: post/triage-issues-id-resources."""
        url = self._url(f"{issue_path(issue_id)}/resources")
        body = orjson.dumps({"resource_type": resource_type, "resource_id": resource_id})

        def check(data: Mapping[str, Any]) -> None:
            if read_attached(data).resource_id not in ("", resource_id):
                raise Unreadable("it is another link")

        await self._call(Kind.REPEATABLE, "POST", url, body, about(check, issue_id))

    async def get_issue(self, issue_id: str) -> Issue:
        """Read an issue by its UUID, with its whole description. Source: get/triage-issues-id."""
        reader = partial(read_issue_of, issue_id=issue_id)
        return await self._call(Kind.READ, "GET", self._url(issue_path(issue_id)), b"", reader)

    async def update_issue(self, issue_id: str, body: bytes) -> Issue:
        """Change the fields in `body`; returns the whole issue. Source: patch/triage-issues-id."""
        reader = partial(read_issue_of, issue_id=issue_id)
        return await self._call(Kind.CHANGE, "PATCH", self._url(issue_path(issue_id)), body, reader)

    async def delete_issue(self, issue_id: str) -> None:
        """Delete an issue for good. Source: delete/triage-issues-id."""
        await self._call(Kind.CHANGE, "DELETE", self._url(issue_path(issue_id)), b"", lambda data: None)

    async def add_comment(self, issue_id: str, body: bytes) -> Entry:
        """Comment on an issue; returns the entry in its activity. Source: post/triage-issues-id-comments."""
        return await self._add(issue_id, "comments", body, about(read_entry, issue_id))

    async def add_flag(self, issue_id: str, body: bytes) -> Flagged:
        """Flag a call that is attached already. Source: post/triage-issues-id-flags."""
        return await self._add(issue_id, FLAGS, body, about(read_flagged, issue_id))

    async def add_relation(self, issue_id: str, body: bytes) -> Related:
        """Relate an issue to another. Source: post/triage-issues-id-relations."""
        ends = issue_id, str(orjson.loads(body).get("related_issue_id"))
        return await self._add(issue_id, RELATIONS, body, about(partial(read_related, of=issue_id), *ends))

    async def list_activity(self, issue_id: str, **query: str) -> Page[Entry]:
        """Read one page of an issue's activity, newest first: limit, cursor."""
        return await self._list(issue_path(issue_id, ACTIVITY), query, about(read_entry, issue_id))

    async def list_resources(self, issue_id: str, **query: str) -> Page[Attached]:
        """Read one page of an issue's resource links: limit, cursor."""
        return await self._list(f"{issue_path(issue_id)}/resources", query, about(read_attached, issue_id))

    async def list_flags(self, issue_id: str, **query: str) -> Page[Flagged]:
        """Read one page of an issue's flags: limit, cursor."""
        return await self._list(issue_path(issue_id, FLAGS), query, about(read_flagged, issue_id))

    async def list_relations(self, issue_id: str, **query: str) -> Page[Related]:
        """Read one page of an issue's relations in both directions: limit, cursor."""
        reader = partial(read_listed_relation, of=issue_id)
        return await self._list(issue_path(issue_id, RELATIONS), query, reader)

    async def list_issues(self, **query: str) -> Page[Issue]:
        """Read one page of issues: limit, cursor, sort, order, search and so on. Source: get/triage-issues."""
        return await self._list(ISSUES_PATH, query, read_issue, Kind.REPEATABLE)

    async def find_org_id(self) -> str:
        """Read the key's organisation from the first category, which carries it; "" if there are no categories."""
        url = self._url(f"{CATEGORIES_PATH}?limit=1")
        return await self._call(Kind.REPEATABLE, "GET", url, b"", read_first_org_id)

    async def list_categories(self, **query: str) -> Page[str]:
        """Read one page of the names of categories: limit, cursor. Source: get/triage-categories."""
        return await self._list(CATEGORIES_PATH, query, read_category, Kind.REPEATABLE)

    async def list_org_ids(self) -> tuple[str, ...]:
        """Read the ids of the organisations that the key's user belongs to. Source: get/org_list_self_memberships."""
        return await self._call(Kind.REPEATABLE, "GET", self._url(MEMBERSHIPS_PATH), b"", read_org_ids)

    async def list_members(self, org_id: str) -> tuple[Member, ...]:
        """Read all members of an organisation; the list has no pages. Source: get/org_members."""
        url = self._url(members_path(org_id))
        return await self._call(Kind.REPEATABLE, "GET", url, b"", read_members)

    def _url(self, path: str) -> httpx.URL:
        try:
            return httpx.URL(self._base + path)
        except httpx.InvalidURL as error:  # an id that is too long, which another program has given
            raise CallFailed(Action.REFUSE, _say(error)) from None

    async def _add(self, issue_id: str, part: str, body: bytes, reader: Callable[[Mapping[str, Any]], T]) -> T:
        url = self._url(issue_path(issue_id, part))
        return await self._call(Kind.CHANGE, "POST", url, body, reader)

    async def _list(
        self, path: str, query: Mapping[str, str], reader: Callable[[Mapping[str, Any]], T], kind: Kind = Kind.READ
    ) -> Page[T]:
        url = self._url(f"{path}?{urlencode(query)}")
        return await self._call(kind, "GET", url, b"", page_of(reader))

    async def _call(self, kind: Kind, method: str, url: httpx.URL, body: bytes, parse: Callable[[Any], T]) -> T:
        headers = self._json_headers if body else self._headers
        request = httpx.Request(method, url, headers=headers, stream=httpx.ByteStream(body))
        try:
            response = await self._transport.handle_async_request(request)
            raw = await _read(response)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            text = self._key.mask(_say(error).encode()).decode()
            raise CallFailed(action_for(error, kind), text) from None  # its request carries the key
        self._key.watch(raw)
        is_foreign = response.status_code in FOREIGN and not is_own_form(raw)
        action, problem = action_for(response.status_code, kind, is_foreign=is_foreign), ""
        if action is Action.DONE:
            try:
                return parse(None if response.status_code == 204 else _data(raw))
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                # A 2xx with a body that can't be read: nobody knows whether the call was executed.
                action = action_for(httpx.DecodingError(""), kind)
                reason = f" ({error})" if isinstance(error, Unreadable) else ""
                problem = f", an answer that can't be read{reason}:"
        raw = self._key.mask(raw)  # a traceback may show it
        raise CallFailed(
            action,
            f"{response.status_code}{problem} {error_message(raw)}".rstrip(" :"),
            status=response.status_code,
            retry_after=parse_retry_after(response.headers.get("Retry-After", "")),
            is_foreign=is_foreign,
            key_from=self._key.origin,
        )


async def _read(response: httpx.Response) -> bytes:
    if isinstance(response.stream, Plain):  # httpx's own reading costs 10 µs more, a tenth of a request
        return b"".join(response.stream)
    parts, size = [], 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > LONGEST_ANSWER:
            raise too_long()
        parts.append(part)
    return b"".join(parts)


def _data(raw: bytes) -> Any:
    document = orjson.loads(raw)
    if document.get("errors"):
        raise ValueError("errors in an answer of success")
    return document["data"]


def _say(error: Exception) -> str:
    """Say in words what ended a call, with what the error itself says of it."""
    words = next(words for kind, words in IN_WORDS if isinstance(error, kind))
    return f"{words}: {error}" if str(error) else words
