"""The ends of relations and references: what the issues that rows name turn out to be, once all rows are read.

An end may stand anywhere in the source, so what is said is joined with all keys. SQLite does that in flat memory, in a
file without a name that is gone with the process: it is no ledger, and remembers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator
from types import TracebackType
from typing import NamedTuple, Self

from importer.records import Finding, Mention, Relation
from importer.scratch import Scratch

InTriage = Callable[[Collection[str]], Container[str]]
"""Asks a ledger which of these full keys have an issue in Triage."""

ASKED_AT_ONCE = 1_000
CYCLE_SHOWN = 8
"""Issues of a cycle that its finding names."""

# Keys are bytes, because a cell can hold half a character. `row` is the key of the row that says it.
_SPOOL = """
CREATE TABLE keys (key BLOB, sendable INTEGER);
CREATE TABLE said (place INTEGER, row BLOB, owner BLOB, type TEXT, other BLOB);
CREATE TABLE named (place INTEGER, row BLOB, key BLOB);
CREATE TABLE losers (place INTEGER PRIMARY KEY);
CREATE TABLE findings (place INTEGER, code TEXT, value TEXT, message TEXT);
"""
# The standing of an end: 1 where it is or will be in Triage, 0 where its row is rejected, -1 where it has none.
_JOIN = """
BEGIN;
DELETE FROM said WHERE place IN losers;
DELETE FROM named WHERE place IN losers;
CREATE INDEX keys_by_key ON keys (key, sendable);
CREATE TABLE ends (id INTEGER PRIMARY KEY, key BLOB UNIQUE, standing INTEGER);
INSERT INTO ends (key, standing)
  SELECT key, coalesce((SELECT max(sendable) FROM keys WHERE keys.key = wanted.key), -1)
  FROM (SELECT owner AS key FROM said UNION SELECT other FROM said UNION SELECT key FROM named) AS wanted;
"""
_REACHABLE = """
FROM said
JOIN ends AS owners ON owners.key = said.owner AND owners.standing = 1
JOIN ends AS others ON others.key = said.other AND others.standing = 1
"""
_COUNT_RELATIONS = f"SELECT count(*) FROM (SELECT DISTINCT owner, type, other {_REACHABLE})"
_COUNT_REFERS = "SELECT count(DISTINCT row) FROM named JOIN ends USING (key) WHERE standing = 1"
_OPEN_ENDS = """
SELECT place, type, row = owner, ends.key, standing
FROM said JOIN ends ON ends.key = CASE row WHEN owner THEN other ELSE owner END
WHERE standing < 1
ORDER BY said.rowid
"""
# Who blocks nobody, or is blocked by nobody, is in no cycle.
_BLOCKS = f"""
BEGIN;
CREATE TABLE blocks AS
  SELECT owners.id AS owner, others.id AS other, min(place) AS place {_REACHABLE}
  WHERE type = 'blocks' GROUP BY owners.id, others.id;
CREATE INDEX blocks_by_owner ON blocks (owner, other, place);
DELETE FROM blocks
  WHERE owner NOT IN (SELECT other FROM blocks) OR other NOT IN (SELECT owner FROM blocks);
"""

_SAYS = {
    ("related_to", True): "is related to",
    ("related_to", False): "is related to",
    ("blocks", True): "blocks",
    ("blocks", False): "is blocked by",
    ("duplicate_of", True): "is a duplicate of",
    ("duplicate_of", False): "has as its duplicate",
}
"""A relation's type, and whether the row is its owner → in words."""

_HINTS = {
    "relation-end-missing": "import that issue too, and the next run sends the relation",
    "relation-end-rejected": "correct that row, and the next run sends the relation",
    "relation-cycle": "all of them are sent as they are; remove the wrong one in the source, or later in Triage",
}


class TargetFindings:
    """The findings on ends, all of them warnings, in the order of their places. Their file is gone with them."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._count: int = scratch.row("SELECT count(*) FROM findings")[0]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[int, Finding]]:
        rows = self._scratch.rows("SELECT place, code, value, message FROM findings ORDER BY place, rowid")
        return (_finding(*row) for row in rows)

    def between(self, first: int, end: int) -> list[tuple[int, Finding]]:
        """Those of the places from `first` to before `end`: of one chunk."""
        rows = self._scratch.rows(
            "SELECT place, code, value, message FROM findings WHERE place >= ? AND place < ? ORDER BY place, rowid",
            (first, end),
        )
        return [_finding(*row) for row in rows]


class TargetsFound(NamedTuple):
    """What the ends turned out to be.

    relations  distinct relations whose two ends are, or will be, in Triage: a request each
    refers     issues whose text names at least one other that is, or will be, in Triage: a request each
    """

    relations: int
    refers: int
    findings: TargetFindings


class RelationTargets:
    """Takes all keys of a source and what its rows say of other issues; `find` tells what became of those.

    A row is known by its place in the input, counted from 0 over all files. Raises StorageFull if the disk doesn't
    take what outgrows a few megabytes. Where nothing is said, nothing is joined.
    """

    def __init__(self) -> None:
        self._scratch = Scratch(_SPOOL)
        self._is_idle = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.close()

    def add_keys(self, keys: Iterable[tuple[str, bool]]) -> None:
        """Take the full keys of a chunk's rows, each with whether its issue is or will be in Triage.

        Rows that the mapping leaves out don't belong here; rejected ones do, with False.
        """
        self._scratch.write("INSERT INTO keys VALUES (?, ?)", ((_as_bytes(key), ok) for key, ok in keys))

    def add(self, place: int, row_key: str, relations: Iterable[Relation], mentions: Iterable[Mention]) -> None:
        """Take what a row that can be sent says, as far as it isn't in Triage already."""
        row = _as_bytes(row_key)
        said = [(place, row, _as_bytes(one.owner), one.type, _as_bytes(one.other)) for one in relations]
        named = [(place, row, _as_bytes(mention.key)) for mention in mentions]
        self._is_idle &= not said and not named
        self._scratch.write("INSERT INTO said VALUES (?, ?, ?, ?, ?)", said)
        self._scratch.write("INSERT INTO named VALUES (?, ?, ?)", named)

    def find(self, in_triage: InTriage, losers: Iterable[int] = ()) -> TargetsFound:
        """Say what the ends are, after all rows; `losers` are places that lose against another row with their key.

        A relation between a row and an issue that it names is sent where both are reachable: in this import, or in
        Triage as far as the ledger knows. Cycles of `blocks` are sent as they are, since no page forbids them.
        """
        if self._is_idle:
            return TargetsFound(0, 0, TargetFindings(self._scratch))
        self._scratch.write("INSERT OR IGNORE INTO losers VALUES (?)", ((place,) for place in losers))
        self._scratch.script(_JOIN)
        self._look_up(in_triage)
        self._scratch.script(_BLOCKS)
        self._keep(_end_finding(*row) for row in self._scratch.rows(_OPEN_ENDS))
        self._keep(self._cycle_findings())
        self._scratch.execute("CREATE INDEX findings_by_place ON findings (place)")
        relations, refers = (self._scratch.row(sql)[0] for sql in (_COUNT_RELATIONS, _COUNT_REFERS))
        return TargetsFound(relations, refers, TargetFindings(self._scratch))

    def _look_up(self, in_triage: InTriage) -> None:
        """Ask for all that this import doesn't send; a rejected row's issue may be there from an earlier run."""
        wanted, last = "SELECT id, key FROM ends WHERE standing < 1 AND id > ? ORDER BY id LIMIT ?", 0
        while batch := list(self._scratch.rows(wanted, (last, ASKED_AT_ONCE))):
            last = batch[-1][0]
            ids = {name: number for number, key in batch if (name := _as_name(key))}
            known = in_triage(ids.keys())
            reached = ((number,) for name, number in ids.items() if name in known)
            self._scratch.write("UPDATE ends SET standing = 1 WHERE id = ?", reached)

    def _keep(self, findings: Iterable[tuple[int, str, str, str]]) -> None:
        self._scratch.write("INSERT INTO findings VALUES (?, ?, ?, ?)", findings)

    def _cycle_findings(self) -> Iterator[tuple[int, str, str, str]]:
        """A finding for each cycle, at the row that says its first relation."""
        owners = self._scratch.rows("SELECT owner FROM blocks GROUP BY owner ORDER BY min(place), owner")
        for issues, length in find_cycles((owner for (owner,) in owners), self._blocked_by):
            (place,) = self._scratch.row("SELECT place FROM blocks WHERE owner = ? AND other = ?", issues[:2])
            names = [self._name(issue) for issue in issues]
            more = [f"… ({length:,} issues)"] if length > len(issues) else []
            cycle = " → ".join((*names, *more, names[0]))
            yield place, "relation-cycle", cycle, f"these block each other in a circle: {cycle}"

    def _blocked_by(self, issue: int) -> list[int]:
        rows = self._scratch.rows("SELECT other FROM blocks WHERE owner = ? ORDER BY place, other", (issue,))
        return [other for (other,) in rows]

    def _name(self, issue: int) -> str:
        return _native(self._scratch.row("SELECT key FROM ends WHERE id = ?", (issue,))[0])


def find_cycles(
    starts: Iterable[int], successors: Callable[[int], Iterable[int]], shown: int = CYCLE_SHOWN
) -> Iterator[tuple[list[int], int]]:
    """The first `shown` nodes of each cycle that a walk in depth closes, and how many the cycle has.

    Each comes once, and without the steps that closed them there would be none; of cycles that share such a step one
    comes. Memory is one path and the nodes that are done, time is linear.
    """
    done: set[int] = set()
    for start in starts:
        path: list[int] = []
        depth: dict[int, int] = {}
        branches: list[Iterator[int]] = [iter((start,))]
        while branches:
            for node in branches[-1]:
                if node in depth:
                    yield path[depth[node] : depth[node] + shown], len(path) - depth[node]
                elif node not in done:
                    depth[node] = len(path)
                    path.append(node)
                    branches.append(iter(successors(node)))
                    break
            else:
                branches.pop()
                if path:
                    node = path.pop()
                    del depth[node]
                    done.add(node)


def _end_finding(place: int, kind: str, is_owner: int, key: bytes, standing: int) -> tuple[int, str, str, str]:
    native = _native(key)
    what = f"the issue {_SAYS[kind, bool(is_owner)]} {native}"
    if standing == 0:
        return place, "relation-end-rejected", native, f"{what}, whose row is rejected"
    return place, "relation-end-missing", native, f"{what}, which is neither in this import nor in Triage"


def _finding(place: int, code: str, value: str, message: str) -> tuple[int, Finding]:
    return place, Finding(code, "relations", message, _HINTS[code], value, rejects=False)


def _as_bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _as_name(key: bytes) -> str:
    """The key as text; "" where it is none that could be sent, so that no ledger is asked for it."""
    try:
        return "" if b"\0" in key else key.decode()
    except UnicodeDecodeError:
        return ""


def _native(key: bytes) -> str:
    """The native key, for people to read; the source's name has no colon."""
    return key.decode(errors="replace").partition(":")[2]
