"""The issues that a verification expects, and those that it finds without expecting them: on disk, as both are many."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import orjson

from importer.ledger.statements import portions
from importer.scratch import Scratch
from importer.triage.snapshot import Numbers

_SCHEMA = """
CREATE TABLE expected (
    issue_id TEXT PRIMARY KEY, fields BLOB NOT NULL, resources INTEGER NOT NULL, numbers BLOB NOT NULL,
    is_confirmed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE unknown (
    place INTEGER PRIMARY KEY, issue_id TEXT NOT NULL UNIQUE, triage_id TEXT NOT NULL, length REAL NOT NULL,
    has_marker INTEGER NOT NULL, marker TEXT, key TEXT NOT NULL DEFAULT '', own TEXT NOT NULL DEFAULT ''
);
CREATE INDEX by_marker ON unknown (marker);
"""
_UNKNOWN = """
INSERT INTO unknown (issue_id, triage_id, length, has_marker) VALUES (?, ?, ?, ?)
ON CONFLICT (issue_id) DO UPDATE SET length = excluded.length, has_marker = excluded.has_marker
"""


class Expected(NamedTuple):
    """How an issue should look: the digest of its fields, and the number of resources that the import attached.

    `numbers` are those that the import put into its description, which don't count.
    """

    fields: bytes
    resources: int
    numbers: Numbers


class Unknown(NamedTuple):
    """A listed issue that the ledger doesn't know; if its description was cut, the whole one has `length` or more."""

    issue_id: str
    triage_id: str
    length: float
    has_marker: bool  # in the part of the description that the list shows


class Stranger(NamedTuple):
    """An unknown issue with a marker of the source; `key` is what this stands for, `own` the number of its issue."""

    issue_id: str
    triage_id: str
    marker: str
    key: str
    own: str


class ExpectedIssues:
    """The issues of one verification. Every method raises StorageFull if the temporary disk is full."""

    def __init__(self) -> None:
        self._scratch = Scratch(_SCHEMA)

    def expect(self, issues: Iterable[tuple[str, Expected]]) -> None:
        """Add the issues that are expected, each by its id."""
        self._scratch.write(
            "INSERT OR REPLACE INTO expected (issue_id, fields, resources, numbers) VALUES (?, ?, ?, ?)",
            ((issue_id, its.fields, its.resources, _dump(its.numbers)) for issue_id, its in issues),
        )

    def __len__(self) -> int:
        (count,) = self._scratch.row("SELECT count(*) FROM expected")
        return int(count)

    def find(self, issue_ids: Iterable[str]) -> Mapping[str, Expected | None]:
        """Return those of these issues that are expected, by id; None for those that were confirmed."""
        return {
            issue_id: None if is_confirmed else Expected(fields, resources, orjson.loads(numbers))
            for some in portions(issue_ids)
            for issue_id, fields, resources, numbers, is_confirmed in self._scratch.rows(
                f"SELECT * FROM expected WHERE issue_id IN ({', '.join('?' * len(some))})", some
            )
        }

    def confirm(self, issue_ids: Collection[str]) -> None:
        """Note that issues are as they are expected."""
        self._scratch.write("UPDATE expected SET is_confirmed = 1 WHERE issue_id = ?", ((each,) for each in issue_ids))

    def note_unknown(self, issues: Iterable[Unknown]) -> None:
        """Add issues that the ledger doesn't know; of one that comes again the last reading counts."""
        self._scratch.write(_UNKNOWN, issues)

    def unknown(self) -> Iterator[Unknown]:
        """Yield the issues that the ledger doesn't know, in the order in which they came."""
        found = self._scratch.rows("SELECT issue_id, triage_id, length, has_marker FROM unknown ORDER BY place")
        return (Unknown(issue_id, triage_id, length, bool(has)) for issue_id, triage_id, length, has in found)

    def note_marker(self, issue_id: str, marker: str) -> None:
        """Note the marker of the source that an unknown issue has."""
        self._scratch.execute("UPDATE unknown SET marker = ? WHERE issue_id = ?", (marker, issue_id))

    def note_owners(self, owners: Iterable[tuple[str, str, str]]) -> None:
        """Note marker, the key that it stands for, and the number of that key's issue, where an unknown one has it."""
        put = "UPDATE unknown SET key = ?, own = ? WHERE marker = ?"
        self._scratch.write(put, ((key, own, marker) for marker, key, own in owners))

    def strangers(self) -> Iterator[Stranger]:
        """Yield the unknown issues with a marker of the source, in the order in which they came."""
        query = "SELECT issue_id, triage_id, marker, key, own FROM unknown WHERE marker IS NOT NULL ORDER BY place"
        return (Stranger(*found) for found in self._scratch.rows(query))


def _dump(numbers: Numbers) -> bytes:
    return orjson.dumps(None if numbers is None else list(numbers))
