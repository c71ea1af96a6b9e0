"""Finds the titles of issues in their snapshots: unchanged rows are stored without one."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy import select

from importer.ledger.schema import operations
from importer.ledger.statements import SOME, Transaction, find_in_portions
from importer.records import Act


class Titles:
    """Finds the titles of the issues of a source, as they were last written."""

    def __init__(self, transaction: Transaction, source_id: int) -> None:
        self._transaction, self._source_id = transaction, source_id

    def __call__(self, keys: Sequence[str]) -> dict[str, str]:
        """Return key → title; keys without an issue are absent."""
        own = (operations.c.source_id == self._source_id, operations.c.act == Act.CREATE, operations.c.key.in_(SOME))
        statement = select(operations.c.key, operations.c.returned).where(*own)
        found = dict[str, str]()
        with self._transaction() as connection:
            for key, returned in find_in_portions(connection, statement, keys):
                if returned:
                    found[key] = orjson.loads(returned).get("title") or ""
        return found
