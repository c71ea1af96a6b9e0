"""Fingerprints of additions, equal for what was sent and what Triage shows, because the two share no key.

A comment is known by the marker in its opening line; evidence by kind and id; a relation by its ends and kind; a flag
by call, type and turn. No text counts, as a target may rewrite it, but of comments without a marker, which aren't ours.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any

import orjson

from importer.records import Act, Operation
from importer.transform.markers import find_opening
from importer.triage.answers import OUTGOING, Attached, Entry, Flagged, Page, Related, plain_id
from importer.triage.client import TriageClient

COMMENT = "comment"
"""Type of an entry in the activity. Source: get/triage-issues-id-activity."""

NAMELESS = b""
"""The fingerprint of whatever lacks what it would be recognised by: it may be anything."""

ListedAddition = Entry | Attached | Flagged | Related
"""An addition as one of the API's lists shows it."""


Held = Mapping[Act, Counter[bytes]]
"""The additions of an issue: act → fingerprint → how many there are."""


LISTS: Mapping[Act, Callable[..., Awaitable[Page[Any]]]] = {
    Act.EVIDENCE: TriageClient.list_resources,
    Act.FLAG: TriageClient.list_flags,
    Act.COMMENT: TriageClient.list_activity,
    Act.RELATION: TriageClient.list_relations,
}


HANGING: Mapping[str, Act] = {"resource": Act.EVIDENCE, "flag": Act.FLAG, "relation": Act.RELATION}
"""Kinds of things that an issue counts, as its fields `…_count` name them → the act that adds one."""


def fingerprint(act: Act, issue_id: str, body: bytes) -> bytes:
    """Return the SHA-256 (32 bytes) of what identifies an addition at the target.

    `body` is the request's JSON. A relation has the same on both of its issues, where `issue_id` is its source. Raises
    ValueError for an act that no list shows.
    """
    fields = orjson.loads(body)
    match act:
        case Act.COMMENT:
            return fingerprint_shown(issue_id, Entry("", COMMENT, fields["detail"]))
        case Act.EVIDENCE:
            return fingerprint_shown(issue_id, Attached("", fields["resource_type"], fields["resource_id"]))
        case Act.FLAG:
            return fingerprint_shown(
                issue_id, Flagged("", fields["call_id"], fields["type"], fields.get("message_index"))
            )
        case Act.RELATION:
            related = Related("", fields["related_issue_id"], fields["relation_type"], OUTGOING)
            return fingerprint_shown(issue_id, related)
        case _:
            raise ValueError(f"{act} adds nothing that the target lists")


def fingerprint_shown(issue_id: str, item: ListedAddition) -> bytes:
    """Return the fingerprint of an item of an issue's list; an entry of the activity counts as a comment.

    An item without what identifies it is NAMELESS.
    """
    return sha256(orjson.dumps(_identify(issue_id, item))).digest() if all(_names_of(item)) else NAMELESS


def is_of_another(operation: Operation, item: ListedAddition) -> bool:
    """Whether the answer to an addition shows something else than what was sent: then nobody knows what became of it.

    A connection that is out of step, or a proxy, may answer a request with the answer to another one.
    """
    match item:
        case Entry():  # a comment without a marker may be ours, rewritten
            is_same = fingerprint_shown(operation.issue_id, item) == operation.whole_sha
            return item.type != COMMENT or not (is_same or find_opening(item.detail) is None)
        case Flagged():
            return bool(item.call_id != orjson.loads(operation.body)["call_id"])
        case Related():
            return bool(item.related_issue_id != plain_id(orjson.loads(operation.body)["related_issue_id"]))
    return False


def _identify(issue_id: str, item: ListedAddition) -> tuple[object, ...]:
    match item:
        case Entry():
            opening = find_opening(item.detail)
            return (Act.COMMENT, opening.marker) if opening else (Act.COMMENT, "", item.detail)
        case Attached():
            return (Act.EVIDENCE, item.resource_type, item.resource_id)
        case Flagged():
            return (Act.FLAG, item.call_id, _letters_of(item.type), item.message_index)
        case Related():
            ends = (plain_id(issue_id), plain_id(item.related_issue_id))
            return (Act.RELATION, item.relation_type, *(ends if item.direction == OUTGOING else ends[::-1]))


def _names_of(item: ListedAddition) -> tuple[str, ...]:
    """The fields that identify an item."""
    match item:
        case Entry():
            return (item.type, item.detail)
        case Attached():
            return (item.resource_type, item.resource_id)
        case Flagged():
            return (item.call_id, item.type)
        case Related():
            return (item.related_issue_id, item.relation_type, item.direction)


def _letters_of(type_: str) -> str:
    """ "Normalised to lower_snake_case" (post/triage-issues-id-flags), by no stated rules: only letters count."""
    return re.sub("[^a-z0-9]", "", type_.lower())


def is_addition(item: ListedAddition) -> bool:
    """Whether an item is an addition, or may be: of the activity's entries only comments are."""
    return not isinstance(item, Entry) or item.type in (COMMENT, "")
