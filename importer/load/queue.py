"""The addition queue: what to add to issues after all creates, stored on disk in flat memory."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from importer.mapping.issue_parts import Bundling
from importer.records import IssueParts, Operation, Relation
from importer.scratch import Scratch

_TABLES = """
CREATE TABLE items (rank REAL NOT NULL, place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, item BLOB NOT NULL);
CREATE INDEX items_rank ON items (rank, place);
CREATE TABLE more (key TEXT NOT NULL, item BLOB NOT NULL);
CREATE INDEX more_key ON more (key);
CREATE TABLE relations (owner TEXT, type TEXT, other TEXT, PRIMARY KEY (owner, type, other)) WITHOUT ROWID;
"""


class QueueItem(NamedTuple):
    """What is to be added to one issue.

    key          full key of its row
    parts        evidence, flags, comments, relations and mentions, as the mapping reads them
    bundling     how its comments are sent
    description  as the create has it; "" where it names no other issue
    body_sha     SHA-256 of the create's body: of an issue made from another one the description is left alone
    kept         labels of the parts that stay in the description as the issue has them, for want of a column
    is_all       whether the run sends nothing else for this row, so that the additions decide its outcome
    """

    key: str
    parts: IssueParts
    bundling: Bundling = "separate"
    description: str = ""
    body_sha: bytes = b""
    kept: Sequence[str] = ()
    is_all: bool = False


class RankedOperations:
    """Sorts operations by rank, those of equal rank as they came; on disk, in flat memory."""

    def __init__(self) -> None:
        self._scratch = Scratch("CREATE TABLE ranked (rank REAL, place INTEGER PRIMARY KEY, operation BLOB);")

    def add(self, ranked: Iterable[tuple[float, Operation]]) -> None:
        """Add operations with their ranks. Raises StorageFull if the temporary disk is full."""
        values = ((rank, pickle.dumps(operation)) for rank, operation in ranked)
        self._scratch.write("INSERT INTO ranked (rank, operation) VALUES (?, ?)", values)

    def __iter__(self) -> Iterator[Operation]:
        """Yield all, the lowest rank first, then delete them."""
        for (pickled,) in self._scratch.rows("SELECT operation FROM ranked ORDER BY rank, place"):
            yield pickle.loads(pickled)
        self._scratch.close()


class AdditionQueue:
    """Items by rank, those of equal rank as they came; a relation that two rows name is there once.

    Raises StorageFull if the temporary disk is full.
    """

    def __init__(self) -> None:
        self._scratch: Scratch | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever added."""
        return self._scratch is None

    def close(self) -> None:
        """Delete all items."""
        if self._scratch is not None:
            self._scratch.close()

    def add(self, items: Iterable[tuple[float, QueueItem]]) -> None:
        """Add the items of some rows with their ranks, lower ones first; a later item of a key adds its parts."""
        items = list(items)
        if not items:
            return
        if self._scratch is None:
            self._scratch = Scratch(_TABLES)
        self._scratch.write(
            "INSERT INTO relations VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (relation for _, item in items for relation in item.parts.relations),
        )
        self._scratch.write(
            "INSERT INTO more SELECT key, ? FROM items WHERE key = ?",
            ((pickle.dumps(item.parts), item.key) for _, item in items if any(item.parts)),
        )
        self._scratch.write(
            "INSERT INTO items (rank, key, item) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (
                (rank, item.key, pickle.dumps(item._replace(parts=item.parts._replace(relations=()))))
                for rank, item in items
            ),
        )

    def __iter__(self) -> Iterator[QueueItem]:
        """Yield each item with the relations that its key owns; at the end come relations whose owner has no item."""
        if self._scratch is None:
            return
        # Relations lie apart from their items: two rows may name one, and it is sent with the issue that owns it.
        relations = "SELECT owner, type, other FROM relations WHERE owner = ? ORDER BY type, other"
        for (pickled,) in self._scratch.rows("SELECT item FROM items ORDER BY rank, place"):
            item: QueueItem = pickle.loads(pickled)
            for (pickled_parts,) in self._scratch.rows(
                "SELECT item FROM more WHERE key = ? ORDER BY rowid", (item.key,)
            ):
                item = item._replace(parts=item.parts.joined(pickle.loads(pickled_parts)))
            owned = tuple(map(Relation._make, self._scratch.rows(relations, (item.key,))))
            yield item._replace(parts=item.parts._replace(relations=owned))
        ownerless = "SELECT DISTINCT owner FROM relations WHERE owner NOT IN (SELECT key FROM items)"
        for (owner,) in self._scratch.rows(ownerless):
            owned = tuple(map(Relation._make, self._scratch.rows(relations, (owner,))))
            yield QueueItem(owner, IssueParts(relations=owned))
