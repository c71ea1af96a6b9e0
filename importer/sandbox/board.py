"""Reads issues with all that belongs to them out of a sandbox's file, for the page of a rehearsal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from importer.sandbox.request import Json
from importer.sandbox.storage import Store

_ORDER = "ORDER BY status IN ('done', 'closed'), number"
_CHOSEN = "issue IN (SELECT number FROM chosen)"
_RELATIONS = """
SELECT side.number, relations.type, side.direction, other.number AS other, other.title
FROM (SELECT seq, issue AS number, target AS other, 'outgoing' AS direction FROM relations
    UNION ALL SELECT seq, target, issue, 'incoming' FROM relations) AS side
JOIN relations USING (seq) JOIN issues AS other ON other.number = side.other
WHERE side.number IN (SELECT number FROM chosen) ORDER BY seq
"""


class Board(NamedTuple):
    """The chosen issues, and how many there are in all.

    An issue has the fields that the API shows, its `origin`, and lists of `comments` (texts), `resources`, `flags` and
    `relations`.
    """

    issues: Sequence[Json]
    total: int


def read_board(file: Path, origins: Iterable[tuple[str, str]], most: int) -> Board:
    """Read the issues with these ids, each with where it came from; at most `most`, open ones first.

    Raises SandboxError if the file can't be used.
    """
    with closing(Store(file)) as store:
        store.db.execute("CREATE TEMP TABLE wanted (id TEXT PRIMARY KEY, origin TEXT NOT NULL)")
        store.db.execute("BEGIN")
        store.db.executemany("INSERT OR IGNORE INTO wanted VALUES (?, ?)", origins)
        store.db.execute("COMMIT")
        store.db.execute(
            f"CREATE TEMP TABLE chosen AS SELECT number FROM issues JOIN wanted USING (id) {_ORDER} LIMIT ?",
            (most,),
        )
        total = store.row("SELECT count(*) AS number FROM issues JOIN wanted USING (id)")["number"]
        return Board(_read_chosen(store), total)


def _read_chosen(store: Store) -> list[Json]:
    comments, resources, flags, relations = (defaultdict[int, list[object]](list) for _ in range(4))
    for row in store.rows(f"SELECT * FROM events WHERE type = 'comment' AND {_CHOSEN} ORDER BY seq"):
        comments[row["issue"]].append(row["detail"])
    for row in store.rows(f"SELECT * FROM resources WHERE {_CHOSEN} ORDER BY seq"):
        resources[row["issue"]].append((row["resource_type"], row["resource_id"]))
    for row in store.rows(f"SELECT * FROM flags WHERE {_CHOSEN} ORDER BY seq"):
        flags[row["issue"]].append((row["type"], row["note"], row["call_id"], row["message_text"]))
    for row in store.rows(_RELATIONS):
        relations[row["number"]].append((row["type"], row["direction"], f"T-{row['other']}", row["title"]))
    return [
        {
            **row,
            "triage_id": f"T-{row['number']}",
            "comments": comments[row["number"]],
            "resources": resources[row["number"]],
            "flags": flags[row["number"]],
            "relations": relations[row["number"]],
        }
        for row in store.rows(
            f"SELECT issues.*, origin FROM issues JOIN wanted USING (id) JOIN chosen USING (number) {_ORDER}"
        )
    ]
