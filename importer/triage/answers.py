"""Answers of the API as small typed values: the fields that are needed, tolerant of any others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from importer.api import ISSUE_FIELDS, NULLABLE_FIELDS, PERSON_FIELDS

T = TypeVar("T")

FIELDS = tuple(name for name in ISSUE_FIELDS if name != "description")
"""The fields of an issue that an import sets, except its description. Source: get/triage-issues-id."""
NEEDED = frozenset((*ISSUE_FIELDS, "triage_id"))
"""What must be known of an issue."""
MOST = 2**53
"""The highest count: the ledger keeps them as JSON, in which a higher number is another one."""
LONGEST_TEXT = 4000
"""Characters of an id or a cursor: both stand in addresses, of which servers and proxies take 8,000 bytes."""
OUTGOING = "outgoing"
"""Direction of a relation as seen from its source. Source: get/triage-issues-id-relations."""
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class Unreadable(ValueError):
    """An answer that isn't what it should be; says to people why."""


class Issue(NamedTuple):
    """An issue as the API returns it; any field but the id may be missing and is then "", 0 or None.

    triage_id               its number, `T-1042`
    unanswered              those of NEEDED that are missing
    fields                  each of FIELDS
    created_at, updated_at  ISO 8601, as returned
    had_agent               whether an agent session was ever started on it

    Source: get/triage-issues-id.
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
    unanswered: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """The title; "" if the API returned none."""
        return str(self.fields["title"] or "")

    def lacks(self, sent_fields: Mapping[str, Any]) -> bool:
        """Whether a field is missing that can't be told from what was sent; an owner or assignee may be missing."""
        return any(name not in NULLABLE_FIELDS or sent_fields.get(name) for name in self.unanswered)

    def completed(self, values: Mapping[str, Any]) -> Issue:
        """Return the issue with the fields that are missing as they are in `values`."""
        if not self.unanswered:
            return self
        missing = {name: values.get(name) for name in FIELDS if name in self.unanswered}
        description = values.get("description") if "description" in self.unanswered else self.description
        return self._replace(fields={**self.fields, **missing}, description=str(description or ""))


class Page(NamedTuple, Generic[T]):
    """One page of a list; `next_cursor` is None on the last page."""

    items: tuple[T, ...]
    next_cursor: str | None


class Entry(NamedTuple):
    """An entry of an issue's activity; `type` is `comment`, `status_changed` and so on, `detail` its text.

    `to_status` is what a change of the status has made of it, "" in other entries.
    """

    id: str
    type: str
    detail: str
    created_at: str = ""
    to_status: str = ""


class Attached(NamedTuple):
    """A resource link: a call, conversation or file attached to an issue. `id` is the link's own."""

    id: str
    resource_type: str
    resource_id: str


class Flagged(NamedTuple):
    """A flag on a call that is attached to an issue."""

    id: str
    call_id: str
    type: str
    message_index: int | None


class Related(NamedTuple):
    """A relation as seen from one of its two issues; `direction` is `outgoing` if that issue is its source."""

    id: str
    related_issue_id: str
    relation_type: str
    direction: str


class Member(NamedTuple):
    """A member of the organisation. Source: get/org_members."""

    user_id: str
    name: str
    mail: str


def read_id(data: Mapping[str, Any]) -> str:
    """Read the id of what was created. Raises ValueError or LookupError if there is none."""
    return _id(data["id"])


def read_first_org_id(data: Mapping[str, Any]) -> str:
    """Read the organisation of the first item of a list; "" if the list is empty."""
    items = data["items"]
    return _id(items[0]["org_id"]) if items else ""


def read_category(data: Mapping[str, Any]) -> str:
    """Read the name of a category."""
    return _text(data["name"])


def read_issue(data: Mapping[str, Any]) -> Issue:
    """Read an issue. Source: get/triage-issues-id."""
    return Issue(
        id=read_id(data),
        triage_id=str(data.get("triage_id") or ""),
        org_id=plain_id(str(data.get("org_id") or "")),
        description=str(data.get("description") or ""),
        fields={name: data.get(name) for name in FIELDS} | {name: _person(data.get(name)) for name in PERSON_FIELDS},
        created_at=str(data.get("created_at") or ""),
        updated_at=str(data.get("updated_at") or ""),
        resource_count=_count(data.get("resource_count")),
        flag_count=_count(data.get("flag_count")),
        relation_count=_count(data.get("relation_count")),
        had_agent=bool(data.get("latest_agent_session")),
        author_id=str(data.get("author_id") or ""),
        unanswered=NEEDED.difference(data),
    )


def _person(value: Any) -> Any:
    return plain_id(value) if isinstance(value, str) else value


def _count(value: Any) -> int:
    """Read a count, as far as the ledger can keep it: 0 where there is none. Raises ValueError or TypeError."""
    return max(0, min(int(value or 0), MOST))


def about(reader: Callable[[Mapping[str, Any]], T], *issue_ids: str) -> Callable[[Mapping[str, Any]], T]:
    """Return a function that reads what `reader` reads, and raises Unreadable if it says that it is another issue's.

    A proxy or a connection that is out of step may answer a request with the answer to another one.
    """

    def check(data: Mapping[str, Any]) -> T:
        named = plain_id(str(data.get("issue_id") or ""))
        if named and named not in map(plain_id, issue_ids):
            raise Unreadable("it is about another issue")
        return reader(data)

    return check


def read_issue_of(data: Mapping[str, Any], issue_id: str) -> Issue:
    """Read the issue with this id. Raises Unreadable if it is another one."""
    issue = read_issue(data)
    if issue.id != plain_id(issue_id):
        raise Unreadable("it is another issue")
    return issue


def read_entry(data: Mapping[str, Any]) -> Entry:
    """Read an entry of the activity. Source: get/triage-issues-id-activity."""
    return Entry(read_id(data), *_texts(data, "type", "detail", "created_at", "to_status"))


def read_attached(data: Mapping[str, Any]) -> Attached:
    """Read a resource link. Source: get/triage-issues-id-resources."""
    return Attached(read_id(data), *_texts(data, "resource_type", "resource_id"))


def read_flagged(data: Mapping[str, Any]) -> Flagged:
    """Read a flag. Source: get/triage-issues-id-flags."""
    call_id, type_ = _texts(data, "call_id", "type")
    return Flagged(read_id(data), call_id, type_, data.get("message_index"))


def read_related(data: Mapping[str, Any], of: str) -> Related:
    """Read a relation of an issue. Source: get/triage-issues-id-relations.

    The page doesn't say which end an incoming one names: where that is the issue itself, the other one is its source.
    """
    source, related, relation_type, direction = _texts(
        data, "issue_id", "related_issue_id", "relation_type", "direction"
    )
    source = plain_id(source)
    related = plain_id(related)
    end = source if related == plain_id(of) else related
    return Related(read_id(data), end, relation_type, direction)


def read_listed_relation(data: Mapping[str, Any], of: str) -> Related:
    """Read a relation in the list of an issue. Raises Unreadable if it is an outgoing one of another issue."""
    reader = partial(read_related, of=of)
    return about(reader, of)(data) if data.get("direction") == OUTGOING else reader(data)


def read_org_ids(data: list[Any]) -> tuple[str, ...]:
    """Read the ids of the organisations that a user belongs to. Source: get/org_list_self_memberships."""
    return tuple(_id(item["org_id"]) for item in data)


def read_members(data: list[Any]) -> tuple[Member, ...]:
    """Read the members of an organisation. Source: get/org_members."""
    return tuple(_member(item) for item in data)


def _member(data: Mapping[str, Any]) -> Member:
    first, last, mail = _texts(data, "first_name", "last_name", "member_email")
    return Member(_id(data["user_id"]), f"{first} {last}".strip(), mail)


def page_of(reader: Callable[[Mapping[str, Any]], T]) -> Callable[[Mapping[str, Any]], Page[T]]:
    """Return a function that reads a page whose items `reader` reads; `null` is an empty list, too."""

    def read_page(data: Mapping[str, Any]) -> Page[T]:
        cursor = data.get("next_cursor") or None
        return Page(tuple(map(reader, data["items"] or ())), None if cursor is None else _text(cursor, "its cursor"))

    return read_page


def _texts(data: Mapping[str, Any], *names: str) -> list[str]:
    return [str(data.get(name) or "") for name in names]


def _id(value: Any) -> str:
    """Read an id."""
    return plain_id(_text(value))


def plain_id(text: str) -> str:
    """Return an id as it is compared and stored: a UUID in lower case, because case doesn't matter in one.

    Source: RFC 9562, section 4.
    """
    return text.lower() if _UUID.fullmatch(text) else text


def _text(value: Any, name: str = "an id in it") -> str:
    """Read an id or a cursor; one that is a number, as its digits."""
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not text:
        raise Unreadable(f"{name} is no text")
    if len(text) > LONGEST_TEXT:
        raise Unreadable(f"{name} has {len(text):,} characters")
    return text
