"""What a request may say: the documented fields and limits of bodies, as data, and how a request is refused.

Lengths are in UTF-16 units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import orjson

SEVERITIES = ("low", "medium", "high", "critical")
STATUSES = ("backlog", "todo", "in_progress", "in_review", "done", "closed")
SOURCES = ("manual", "automated", "client")
RESOURCE_TYPES = ("call", "sms_conversation", "file")
RELATION_TYPES = ("related_to", "blocks", "duplicate_of")
MISSING = "missing-"
"""Prefix of ids that name nothing, to rehearse refusals."""
LATE = "late-"
"""Prefix of resource ids that name nothing until the sandbox is started again, to rehearse late evidence."""

Check = Callable[[str, object], Iterable[str]]
"""Path and value → problems, each of which begins with its path."""


class Refusal(Exception):
    """A request that is answered with an error in the API's envelope."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def not_found(what: str) -> Refusal:
    """Return a 404 in the documented words: `Issue not found`."""
    return Refusal(404, "not_found", f"{what} not found")


def bad_request(message: str) -> Refusal:
    """Return a 400; the message names each invalid path."""
    return Refusal(400, "bad_request", message)


class Shape(NamedTuple):
    """The known fields of a body with their checks, and the required ones. Other fields are ignored."""

    checks: Mapping[str, Check]
    required: tuple[str, ...] = ()


def read_body(body: bytes, shape: Shape) -> dict[str, Any]:
    """Return the known fields of a JSON body; an empty body is an empty object.

    Raises Refusal 400; its message lists each invalid path.
    """
    try:
        value = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise bad_request(f"body: not JSON ({error})") from error
    problems = _problems("", value, shape)
    if problems:
        raise bad_request("; ".join(problems))
    return {name: value[name] for name in shape.checks if name in value}


def _problems(path: str, value: object, shape: Shape) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path.rstrip('.') or 'body'}: must be an object"]
    problems = [f"{path}{name}: is required" for name in shape.required if name not in value]
    for name, check in shape.checks.items():
        if name in value:
            problems += check(path + name, value[name])
    return problems


def text(shortest: int, longest: int | None = None) -> Check:
    """Allow a text of `shortest` to `longest` UTF-16 units."""

    def check(path: str, value: object) -> Iterable[str]:
        if not isinstance(value, str):
            yield f"{path}: must be a string"
            return
        units = len(value.encode("utf-16-le")) // 2
        if units < shortest:
            yield f"{path}: must have at least {shortest} character"
        elif longest is not None and units > longest:
            yield f"{path}: must have at most {longest} characters, has {units}"

    return check


def one_of(values: tuple[str, ...]) -> Check:
    """Allow one of these words."""

    def check(path: str, value: object) -> Iterable[str]:
        if value not in values:
            yield f"{path}: must be one of {', '.join(values)}"

    return check


def or_null(inner: Check) -> Check:
    """Allow null, or what `inner` allows."""
    return lambda path, value: () if value is None else inner(path, value)


def list_of(inner: Check) -> Check:
    """Allow an array whose items `inner` allows."""

    def check(path: str, value: object) -> Iterable[str]:
        if not isinstance(value, list):
            yield f"{path}: must be an array"
            return
        for index, item in enumerate(value):
            yield from inner(f"{path}.{index}", item)

    return check


def _shape(shape: Shape) -> Check:
    return lambda path, value: _problems(f"{path}.", value, shape)


def _user(path: str, value: object) -> Iterable[str]:
    yield from text(1)(path, value)
    if isinstance(value, str) and value.startswith(MISSING):
        yield f"{path}: no such user in this organization"


def _index(path: str, value: object) -> Iterable[str]:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        yield f"{path}: must be an integer from 0"


RESOURCE = Shape({"resource_type": one_of(RESOURCE_TYPES), "resource_id": text(1)}, ("resource_type", "resource_id"))

_ISSUE: dict[str, Check] = {
    "title": text(1, 200),
    "severity": one_of(SEVERITIES),
    "category": text(1, 64),
    "description": text(0, 10_000),
    "status": one_of(STATUSES),
}
CREATE_ISSUE = Shape(
    {
        **_ISSUE,
        "source": one_of(SOURCES),
        "owner_id": _user,
        "assignee_id": _user,
        "resource_links": list_of(_shape(RESOURCE)),
    },
    ("title", "severity", "category"),
)
PATCH_ISSUE = Shape({**_ISSUE, "owner_id": or_null(_user), "assignee_id": or_null(_user)})
COMMENT = Shape({"detail": text(1, 4000), "resource_link_ids": list_of(text(1))}, ("detail",))
FLAG = Shape(
    {
        "call_id": text(1),
        "type": text(1),
        "note": text(1, 4000),
        "node_id": text(0),
        "node_name": text(0),
        "message_index": _index,
        "message_text": text(0),
    },
    ("call_id", "type"),
)
RELATION = Shape(
    {"related_issue_id": text(1), "relation_type": one_of(RELATION_TYPES)}, ("related_issue_id", "relation_type")
)
