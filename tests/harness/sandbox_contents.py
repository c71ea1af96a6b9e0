"""All that a sandbox has, as the API shows it, in the order of creation."""

from __future__ import annotations

import sqlite3

from importer.sandbox.activity import SELECT_RELATIONS, show_entry, show_flag, show_link, show_relation
from importer.sandbox.issues import SELECT_ISSUES, show_issue
from importer.sandbox.request import Json
from importer.sandbox.storage import Store


def all_issues(store: Store) -> list[Json]:
    return [show_issue(store.org_id, row) for row in store.rows(f"{SELECT_ISSUES} ORDER BY number")]


def all_comments(store: Store) -> list[Json]:
    return [show_entry(row["issue_id"], row) for row in _rows(store, "events", "type = 'comment'")]


def all_resources(store: Store) -> list[Json]:
    return [show_link(store.org_id, row["issue_id"], row) for row in _rows(store, "resources")]


def all_flags(store: Store) -> list[Json]:
    return [show_flag(store.org_id, row["issue_id"], row) for row in _rows(store, "flags")]


def all_relations(store: Store) -> list[Json]:
    """Return all relations as seen from their sources."""
    rows = store.rows(f"{SELECT_RELATIONS} WHERE asked.number = issue ORDER BY seq")
    return [show_relation(store.org_id, row) for row in rows]


def _rows(store: Store, table: str, condition: str = "true") -> list[sqlite3.Row]:
    return store.rows(
        f"SELECT t.*, issues.id AS issue_id FROM {table} AS t JOIN issues ON number = issue"
        f" WHERE {condition} ORDER BY seq"
    )
