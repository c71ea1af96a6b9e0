"""What identifies an addition at an issue: the same for what was sent and for what the target shows of it."""

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
"""Direction of a relation as its source shows it. Source: get/triage-issues-id-relations."""


Shown = Entry | Attached | Flagged | Related
"""What a list of the target shows of an addition."""


Held = Mapping[Act, Counter[bytes]]
"""What hangs on an issue: act → fingerprint → how often."""


LISTS: Mapping[Act, Callable[..., Awaitable[Page[Any]]]] = {
    Act.EVIDENCE: TriageClient.list_resources,
    Act.FLAG: TriageClient.list_flags,
    Act.COMMENT: TriageClient.list_activity,
    Act.RELATION: TriageClient.list_relations,
}


def fingerprint(act: Act, issue_id: str, body: bytes) -> bytes:
    """Say in 32 bytes what an addition is, however the target writes it; equal ones on one issue have the same.

    A relation has one fingerprint on both of its issues: `issue_id` is the one that it goes out of.
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
    """Say the same of what a list of the issue shows; of an entry as if it was a comment."""
    return sha256(orjson.dumps(_identify(issue_id, item))).digest()


def _identify(issue_id: str, item: Shown) -> tuple[object, ...]:
    match item:
        case Entry():
            return (Act.COMMENT, digest(item.detail))
        case Attached():
            return (Act.EVIDENCE, item.resource_type, item.resource_id)
        case Flagged():
            # "Normalised to lower_snake_case" (post/triage-issues-id-flags), nobody says how.
            letters = re.sub("[^a-z0-9]", "", item.type.lower())
            return (Act.FLAG, item.call_id, letters, digest(item.note), item.message_index)
        case Related():
            ends = (issue_id, item.related_issue_id)
            return (Act.RELATION, item.relation_type, *(ends if item.direction == OUTGOING else ends[::-1]))


def _is_addition(item: Shown) -> bool:
    return not isinstance(item, Entry) or item.type == COMMENT
