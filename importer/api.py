"""Triage's API as its reference describes it: limits, paths, names and fields, each with the page that says so.

A source such as `post/triage-issues` is the page https://docs.bland.ai/api-v1/post/triage-issues.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args
from urllib.parse import quote

DEFAULT_URL = "https://api.bland.ai"
"""Of the live service. Source: post/triage-issues."""

TITLE_LIMIT = 200
DESCRIPTION_LIMIT = 10_000
CATEGORY_LIMIT = 64
"""In UTF-16 units (see `count_units`). Source: post/triage-issues, patch/triage-issues-id."""

COMMENT_LIMIT = 4_000
"""In UTF-16 units. Source: post/triage-issues-id-comments."""

NOTE_LIMIT = 4_000
"""In UTF-16 units, of a flag's note. Source: post/triage-issues-id-flags."""

PAGE_LIMIT = 100
"""Items on one page of a list, at most. Source: get/triage-issues, and the page of every other list."""


def count_units(text: str) -> int:
    """Length of a text in UTF-16 units.

    The reference says "characters" and not which. This is the strictest reading: a text that fits counts no more code
    points, which is the other likely one.
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


ISSUES_PATH = "/v1/triage/issues"
"""Source: post/triage-issues, get/triage-issues."""

RESOURCES, FLAGS, COMMENTS, RELATIONS, ACTIVITY = "resources", "flags", "comments", "relations", "activity"
"""What belongs to an issue, as the last part of its path.

Source: post/triage-issues-id-resources, -flags, -comments, -relations; get/triage-issues-id-activity.
"""

CATEGORIES_PATH = "/v1/triage/categories"
"""Source: get/triage-categories."""

MEMBERSHIPS_PATH = "/v1/orgs/self/memberships"
"""Source: get/org_list_self_memberships."""


def issue_path(issue_id: str, part: str = "") -> str:
    """The path of an issue by its UUID, or of a `part` that belongs to it. Source: get/triage-issues-id."""
    path = f"{ISSUES_PATH}/{quote(issue_id, safe='')}"
    return f"{path}/{part}" if part else path


def members_path(org_id: str) -> str:
    """The path of an organisation's members. Source: get/org_members."""
    return f"/v1/orgs/{quote(org_id, safe='')}/members"


SeverityName = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[str, ...] = get_args(SeverityName)
"""The worst first. Source: post/triage-issues."""

StatusName = Literal["backlog", "todo", "in_progress", "in_review", "done", "closed"]
STATUSES: tuple[str, ...] = get_args(StatusName)
"""In the order of the work. Source: post/triage-issues."""

FINISHED = ("done", "closed")
"""Statuses of issues that nobody works on any more. Source: post/triage-issues."""

SOURCES = ("manual", "automated", "client")
"""How an issue came to be; `client`: made by a program for a user. Source: post/triage-issues."""

ResourceType = Literal["call", "sms_conversation", "file"]
"""What can be attached to an issue. Source: post/triage-issues-id-resources."""

RelationType = Literal["related_to", "blocks", "duplicate_of"]
"""The relations between issues. Source: post/triage-issues-id-relations."""


class IssueField(NamedTuple):
    """A field that a create may set and an issue then has.

    kind          how a mapping gives it: a title or description by steps of their own, a value by a value map, a person
                  by a user's id or a person of the source, a text as a cell or a constant says
    names         what it may be; () where it is free
    is_patchable  whether an update may set it
    is_nullable   whether an issue may be without it: then it is null in answers, which may leave it out
    """

    name: str
    kind: Literal["title", "description", "value", "person", "text"]
    names: tuple[str, ...] = ()
    is_patchable: bool = True
    is_nullable: bool = False


FIELDS = (
    IssueField("title", "title"),
    IssueField("severity", "value", SEVERITIES),
    IssueField("status", "value", STATUSES),
    IssueField("category", "value"),
    IssueField("source", "text", SOURCES, is_patchable=False),
    IssueField("owner_id", "person", is_nullable=True),
    IssueField("assignee_id", "person", is_nullable=True),
    IssueField("description", "description"),
)
"""All but `resource_links`. Source: post/triage-issues, patch/triage-issues-id."""

ISSUE_FIELDS = tuple(field.name for field in FIELDS)
"""Source: post/triage-issues."""

PATCHABLE_FIELDS = tuple(field.name for field in FIELDS if field.is_patchable)
"""What an update may set: all but the source. Source: patch/triage-issues-id."""

NULLABLE_FIELDS = frozenset(field.name for field in FIELDS if field.is_nullable)
"""What an issue may be without. Source: get/triage-issues-id, patch/triage-issues-id."""

PERSON_FIELDS = tuple(field.name for field in FIELDS if field.kind == "person")
"""Fields that hold a user's id, or null. Source: post/triage-issues."""

TEXT_FIELDS = tuple(field for field in FIELDS if field.kind == "text")
"""Fields that are sent as a cell or a constant of the mapping says. Source: post/triage-issues."""

BUILT_IN_CATEGORIES = ("Bug", "Dialogue", "Latency", "Routing", "Speech", "Telephony", "Tools", "Transcription")
"""Categories that every organisation has. Source: get/triage-categories."""

FieldName = Literal["severity", "status", "category"]
VALUE_FIELDS: tuple[FieldName, ...] = get_args(FieldName)
"""Fields whose values a mapping maps: fixed names, or the category's short free text. Source: post/triage-issues."""
