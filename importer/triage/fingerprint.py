"""Fingerprints of additions: equal for what was sent and for what Triage shows of it, which has no key in common."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any

import orjson

from importer.records import Act
from importer.triage.answers import Attached, Entry, Flagged, Page, Related
from importer.triage.client import TriageClient
from importer.triage.snapshot import digest

COMMENT = "comment"
"""Type of an entry in the activity. Source: get/triage-issues-id-activity."""

OUTGOING = "outgoing"
"""Direction of a relation as seen from its source. Source: get/triage-issues-id-relations."""

Shown = Entry | Attached | Flagged | Related
"""An addition as one of the API's lists shows it."""


Held = Mapping[Act, Counter[bytes]]
"""The additions of an issue: act → fingerprint → how many there are."""


LISTS: Mapping[Act, Callable[..., Awaitable[Page[Any]]]] = {
    Act.EVIDENCE: TriageClient.list_resources,
    Act.FLAG: TriageClient.list_flags,
    Act.COMMENT: TriageClient.list_activity,
    Act.RELATION: TriageClient.list_relations,
}


def fingerprint(act: Act, issue_id: str, body: bytes) -> bytes:
    """Return the SHA-256 (32 bytes) of what an addition says, whatever Triage's normalisation did to it.

    `body` is the request's JSON. Equal additions to one issue have the same fingerprint; a relation has the same on
    both of its issues, where `issue_id` is its source. Raises ValueError for an act that no list shows.
    """
    fields = orjson.loads(body)
    match act:
        case Act.COMMENT:
            return fingerprint_shown(issue_id, Entry("", COMMENT, fields["detail"]))
        case Act.EVIDENCE:
            return fingerprint_shown(issue_id, Attached("", fields["resource_type"], fields["resource_id"]))
        case Act.FLAG:
            note, index = fields.get("note") or "", fields.get("message_index")
            return fingerprint_shown(issue_id, Flagged("", fields["call_id"], fields["type"], note, index))
        case Act.RELATION:
            related = Related("", fields["related_issue_id"], fields["relation_type"], OUTGOING)
            return fingerprint_shown(issue_id, related)
        case _:
            raise ValueError(f"{act} adds nothing that the target lists")


def fingerprint_shown(issue_id: str, item: Shown) -> bytes:
    """Return the fingerprint of an item of an issue's list; an entry of the activity counts as a comment."""
    return sha256(orjson.dumps(_identify(issue_id, item))).digest()


def _identify(issue_id: str, item: Shown) -> tuple[object, ...]:
    match item:
        case Entry():
            return (Act.COMMENT, digest(item.detail))
        case Attached():
            return (Act.EVIDENCE, item.resource_type, item.resource_id)
        case Flagged():
            # "Normalised to lower_snake_case" (post/triage-issues-id-flags), by no stated rules: compare letters alone.
            letters = re.sub("[^a-z0-9]", "", item.type.lower())
            return (Act.FLAG, item.call_id, letters, digest(item.note), item.message_index)
        case Related():
            ends = (issue_id, item.related_issue_id)
            return (Act.RELATION, item.relation_type, *(ends if item.direction == OUTGOING else ends[::-1]))


def is_addition(item: Shown) -> bool:
    """Whether an item is an addition; of the activity's entries only comments are."""
    return not isinstance(item, Entry) or item.type == COMMENT
