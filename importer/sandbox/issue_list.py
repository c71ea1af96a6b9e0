"""The endpoint that lists issues: pages, order, filters, search."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from importer.sandbox.body_rules import RESOURCE_TYPES, SEVERITIES, STATUSES
from importer.sandbox.issues import SELECT_ISSUES, show_issue
from importer.sandbox.refusals import bad_request
from importer.sandbox.request import Answer, Call, bad_cursor, page

_WINDOW_DAYS = {"24h": 1, "7d": 7, "30d": 30, "90d": 90}


def _rank(column: str, values: tuple[str, ...]) -> str:
    cases = " ".join(f"WHEN '{value}' THEN {rank}" for rank, value in enumerate(values))
    return f"CASE {column} {cases} END"


_SORTS = {
    "last_activity_at": "last_activity_at",
    "created_at": "created_at",
    "severity": _rank("severity", SEVERITIES),
    "status": _rank("status", STATUSES),
}


def list_issues(call: Call) -> Answer:
    """GET /v1/triage/issues: filtered, ordered, in pages with a keyset cursor."""
    limit, cursor = call.limit(), call.cursor()
    column = _SORTS[call.choice("sort", tuple(_SORTS), "last_activity_at")]
    descending = call.choice("order", ("asc", "desc"), "desc") == "desc"
    where, values = _filters(call)
    if cursor is not None:
        last = call.store.row_or_none(f"SELECT {column} AS value FROM issues WHERE id = ?", cursor)
        if last is None:
            raise bad_cursor()
        where.append(f"({column}, id) {'<' if descending else '>'} (?, ?)")
        values += [last["value"], cursor]
    order = "DESC" if descending else "ASC"
    condition = f"WHERE {' AND '.join(where)}" if where else ""
    ordered = f"ORDER BY {column} {order}, id {order}"
    # The page is chosen in a subquery; otherwise SQLite counts the links of every issue that it sorts.
    sql = f"{SELECT_ISSUES} WHERE number IN (SELECT number FROM issues {condition} {ordered} LIMIT ?) {ordered}"
    return page(call.store.rows(sql, *values, limit + 1), limit, lambda row: show_issue(call.store.org_id, row))


def _filters(call: Call) -> tuple[list[str], list[Any]]:
    """Return SQL conditions and their values: OR within one key, AND between keys."""
    query, where, values = call.query, list[str](), list[Any]()
    for name, allowed in (("status", STATUSES), ("severity", SEVERITIES), ("category", None)):
        wanted = query.getlist(name)
        if allowed and not set(wanted) <= set(allowed):
            raise bad_request(f"{name}: must be one of {', '.join(allowed)}")
        if wanted:
            where.append(f"{name} IN ({', '.join('?' * len(wanted))})")
            values += wanted
    for name in ("owner_id", "assignee_id"):
        if name in query:
            where.append(f"{name} = ?")
            values.append(query[name])
    if "resource_type" in query:
        where.append("number IN (SELECT issue FROM resources WHERE resource_type = ?)")
        values.append(call.choice("resource_type", RESOURCE_TYPES, ""))
    date_field = call.choice("date_field", ("last_activity_at", "created_at"), "last_activity_at")
    if "date_range" in query:
        where.append(f"{date_field} >= ?")
        values.append(call.store.ago(timedelta(days=_WINDOW_DAYS[call.choice("date_range", tuple(_WINDOW_DAYS), "")])))
    words = _words(query.get("search", ""))
    if words:
        _index_words(call)
        # The + makes SQLite walk in list order, so that it stops at a full page even for a word that all issues have.
        where.append("+number IN (SELECT rowid FROM words WHERE words MATCH ?)")
        values.append(words)
    return where, values


def _words(search: str) -> str:
    """Return a search as an FTS5 query: each word quoted, all required; a word with punctuation is a phrase."""
    return " ".join(f'"{word}"' for word in re.sub(r'["\0]', " ", search).split())


def _index_words(call: Call) -> None:
    call.store.db.execute(
        "INSERT INTO words (rowid, text) SELECT number, title || ' ' || description FROM issues"
        " WHERE number > (SELECT coalesce(max(rowid), 0) FROM words)"
    )
