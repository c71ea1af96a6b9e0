"""The table of operations: how each act is requested and looked for, and what must be there first.

What else is known of a kind of addition is in `records.ADDITION_KINDS`.

Triage gives no key to an addition. It is known again by its fingerprint, equal for what was sent and what a list shows:
a comment by the marker in its opening line; evidence by kind and id; a relation by its ends and kind; a flag by call,
type and turn. No text counts, as a target may rewrite it, but of comments without a marker, which aren't ours.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from importer.records import ADDITION_KINDS, Act, Operation
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


class Handling(NamedTuple):
    """How operations of one act are carried out.

    attempts         most requests without a clear answer; after them its outcome stays open
    doubts_refusals  whether a refusal may have been carried out all the same: then it is looked for first
    add              requests it; its answer shows what a list would show. None where an answer says nothing of it
    list             gives the list of an issue that shows it. None for what is a field of the issue itself
    shown            the type in which answers and lists show it. None for what is a field of the issue itself
    made_of          what a list would show of a request's body
    named            what each item of that list must have to be recognised
    identity         what tells an item from others on the issue with this id
    is_another       whether an answer (second) can't be that to what was sent (first)
    needs            the evidence that must be attached before a request with this body
    """

    attempts: int = 5
    doubts_refusals: bool = True
    add: Callable[[TriageClient, str, bytes], Awaitable[ListedAddition]] | None = None
    list: Callable[..., Awaitable[Page[Any]]] | None = None
    shown: type[ListedAddition] | None = None
    made_of: Callable[[Any], ListedAddition] | None = None
    named: tuple[str, ...] = ()
    identity: Callable[[str, Any], tuple[object, ...]] = lambda issue_id, item: ()
    is_another: Callable[[Any, Any], bool] = lambda request, answer: False
    needs: Callable[[Any], str] = lambda body: ""


def _identify_comment(issue_id: str, item: Entry) -> tuple[object, ...]:
    opening = find_opening(item.detail)
    # Without a marker it isn't ours, and only its text tells it from others.
    return (opening.marker,) if opening else ("", item.detail)


def _identify_relation(issue_id: str, item: Related) -> tuple[object, ...]:
    """Both of its issues show a relation: the one as outgoing, the other as incoming."""
    ends = (plain_id(issue_id), plain_id(item.related_issue_id))
    if item.direction != OUTGOING:
        ends = ends[::-1]
    return (item.relation_type, *ends)


def _is_another_comment(comment: Entry, answer: Entry) -> bool:
    """A comment without a marker may be ours, rewritten."""
    if answer.type != COMMENT:
        return True
    if find_opening(answer.detail) is None:
        return False
    return _identify_comment("", comment) != _identify_comment("", answer)


ACTS: Mapping[Act, Handling] = {
    Act.CREATE: Handling(attempts=sys.maxsize),  # until its issue is there, or it is refused
    **dict.fromkeys((Act.UPDATE, Act.DELETE, Act.REFER, Act.RECALL, Act.REOPEN), Handling()),
    Act.EVIDENCE: Handling(
        list=TriageClient.list_resources,
        shown=Attached,
        made_of=lambda body: Attached("", body["resource_type"], body["resource_id"]),
        named=("resource_type", "resource_id"),
        identity=lambda issue_id, item: (item.resource_type, item.resource_id),
    ),
    Act.FLAG: Handling(
        doubts_refusals=False,
        add=TriageClient.add_flag,
        list=TriageClient.list_flags,
        shown=Flagged,
        made_of=lambda body: Flagged("", body["call_id"], body["type"], body.get("message_index")),
        named=("call_id", "type"),
        # "Normalised to lower_snake_case" (post/triage-issues-id-flags), by no stated rules: only letters count.
        identity=lambda issue_id, item: (
            item.call_id,
            re.sub("[^a-z0-9]", "", item.type.lower()),
            item.message_index,
        ),
        is_another=lambda request, answer: request.call_id != answer.call_id,
        needs=lambda body: f"call/{body['call_id']}",
    ),
    Act.COMMENT: Handling(
        doubts_refusals=False,
        add=TriageClient.add_comment,
        list=TriageClient.list_activity,
        shown=Entry,
        made_of=lambda body: Entry("", COMMENT, body["detail"]),
        named=("type", "detail"),
        identity=_identify_comment,
        is_another=_is_another_comment,
    ),
    Act.RELATION: Handling(
        doubts_refusals=False,
        add=TriageClient.add_relation,
        list=TriageClient.list_relations,
        shown=Related,
        made_of=lambda body: Related("", body["related_issue_id"], body["relation_type"], OUTGOING),
        named=("related_issue_id", "relation_type", "direction"),
        identity=_identify_relation,
        is_another=lambda request, answer: plain_id(request.related_issue_id) != plain_id(answer.related_issue_id),
    ),
}
LISTS = {act: handling.list for act, handling in ACTS.items() if handling.list is not None}
HANGING = {kind.counted: act for act, kind in ADDITION_KINDS.items() if kind.counted}
"""Kinds of things that an issue counts, as its fields `…_count` name them → the act that adds one."""
_ACTS_BY_SHOWN = {handling.shown: act for act, handling in ACTS.items() if handling.shown is not None}


def fingerprint(act: Act, issue_id: str, body: bytes) -> bytes:
    """Return the SHA-256 (32 bytes) of what identifies an addition at the target; `body` is the request's JSON.

    A relation has the same on both of its issues, where `issue_id` is its source.
    """
    made_of = ACTS[act].made_of
    assert made_of is not None, act
    addition = made_of(orjson.loads(body))
    return fingerprint_shown(issue_id, addition)


def fingerprint_shown(issue_id: str, item: ListedAddition) -> bytes:
    """Return the fingerprint of an item of an issue's list; an entry of the activity counts as a comment."""
    act = _ACTS_BY_SHOWN[type(item)]
    if not all(getattr(item, name) for name in ACTS[act].named):
        return NAMELESS
    identity = ACTS[act].identity(issue_id, item)
    return sha256(orjson.dumps((act, *identity))).digest()


def is_of_another(operation: Operation, item: ListedAddition) -> bool:
    """Whether the answer to an addition shows something else than what was sent: then nobody knows what became of it.

    A connection that is out of step, or a proxy, may answer a request with the answer to another one.
    """
    handling = ACTS[operation.act]
    assert handling.made_of is not None
    request = handling.made_of(orjson.loads(operation.body))
    return handling.is_another(request, item)


def is_addition(item: ListedAddition) -> bool:
    """Whether an item is an addition, or may be: of the activity's entries only comments are."""
    return not isinstance(item, Entry) or item.type in (COMMENT, "")
