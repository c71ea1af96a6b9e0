"""Relations between issues: stored once, listed from both sides."""

from __future__ import annotations

import sqlite3

from importer.sandbox.body_rules import RELATION
from importer.sandbox.organisation import CALLER_ID
from importer.sandbox.refusals import bad_request, not_found
from importer.sandbox.request import NO_CONTENT, Answer, Call, Json, bad_cursor, page
from importer.sandbox.storage import Event, new_id

# A relation as seen from the issue in the path (`asked`), with the columns of the other issue.
SELECT_RELATIONS = """
SELECT relations.*, asked.id AS asked_id, asked.number AS asked,
    other.id AS other_id, other.number AS other_number, other.title AS other_title
FROM issues AS asked JOIN relations ON (issue = asked.number OR target = asked.number)
JOIN issues AS other ON other.number = CASE WHEN issue = asked.number THEN target ELSE issue END
"""


def add_relation(call: Call) -> Answer:
    """POST /v1/triage/issues/{id}/relations."""
    number = call.issue_number()
    fields = call.fields(RELATION)
    target = call.store.issue_number(fields["related_issue_id"])
    if target == number:
        raise bad_request("related_issue_id: must be another issue")
    relation_id = new_id()
    with call.store.writing() as at:
        call.store.insert(
            "relations", id=relation_id, issue=number, target=target, type=fields["relation_type"], created_at=at
        )
        call.store.add_event(number, at, Event("relation_added", "Added a relation."))
        call.store.touch(number, at)
    return Answer(
        show_relation(call.store.org_id, _select(call, number, "AND relations.id = :id", id=relation_id)[0]), 201
    )


def list_relations(call: Call) -> Answer:
    """GET /v1/triage/issues/{id}/relations: both directions."""
    number, limit, cursor = call.issue_number(), call.limit(), call.cursor()
    after = 0
    if cursor is not None:
        last = _select(call, number, "AND relations.id = :id", id=cursor)
        if not last:
            raise bad_cursor()
        after = last[0]["seq"]
    condition = "AND seq > :after ORDER BY seq LIMIT :size"
    rows = _select(call, number, condition, after=after, size=limit + 1)
    return page(rows, limit, lambda row: show_relation(call.store.org_id, row))


def remove_relation(call: Call) -> Answer:
    """DELETE /v1/triage/issues/{id}/relations/{relation_id}: from either side."""
    number = call.store.number_or_none(call.path["id"])
    found = _select(call, number, "AND relations.id = :id", id=call.path["relation_id"]) if number else []
    if number is None or not found:
        raise not_found("Relation")
    with call.store.writing() as at:
        call.store.db.execute("DELETE FROM relations WHERE seq = ?", (found[0]["seq"],))
        call.store.add_event(number, at, Event("relation_removed", "Removed a relation."))
        call.store.touch(number, at)
    return NO_CONTENT


def _select(call: Call, number: int, condition: str, **values: object) -> list[sqlite3.Row]:
    sql = f"{SELECT_RELATIONS} WHERE asked.number = :asked {condition}"
    return call.store.db.execute(sql, {"asked": number, **values}).fetchall()


def show_relation(org_id: str, row: sqlite3.Row) -> Json:
    """Return a relation as the API shows it."""
    return {
        "id": row["id"],
        "org_id": org_id,
        "issue_id": row["asked_id"],
        "related_issue_id": row["other_id"],
        "related_triage_id": f"T-{row['other_number']}",
        "related_title": row["other_title"],
        "relation_type": row["type"],
        "created_by_id": CALLER_ID,
        "created_at": row["created_at"],
        "direction": "outgoing" if row["issue"] == row["asked"] else "incoming",
    }
