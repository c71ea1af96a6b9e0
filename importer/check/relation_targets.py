"""Relation targets: decides, once all rows are read, whether the issues that rows name are in Triage or will be.

A row may name one that comes later in the source, so what rows name is joined with all keys. SQLite does that in flat
memory, in a temporary file that is gone with the process: it is no ledger, and remembers nothing.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Self

from importer.check.checked_row import CheckedRow
from importer.check.examine import RowRun
from importer.codes import RELATION_AMBIGUOUS, RELATION_ELSEWHERE, RELATION_END_MISSING, RELATION_END_REJECTED
from importer.records import Act, Addition, Finding, Mention, Relation
from importer.scratch import Scratch, as_bytes

InTriage = Callable[[Collection[str]], Container[str]]
"""Asks a ledger which of these full keys have an issue in Triage."""
Elsewhere = Callable[[Collection[str]], Mapping[str, int]]
"""Asks a ledger how many other sources in the target have an issue of each of these keys, if any."""
FindingRow = tuple[int, str, str, str]
"""A row of the table of findings: its row's place, code, value, message."""

ASKED_AT_ONCE = 1_000
NAMED_BITS = 1 << 22

# Keys are bytes, because a cell can hold half a character. `row` is the key of the row that has the relation or the
# mention; a relation's owner is that row or the other issue.
_SPOOL = """
CREATE TABLE read (keys BLOB);
CREATE TABLE relations (place INTEGER, row BLOB, owner BLOB, type TEXT, other BLOB);
CREATE TABLE mentions (place INTEGER, row BLOB, key BLOB);
CREATE TABLE losers (place INTEGER PRIMARY KEY);
CREATE TABLE findings (place INTEGER, code TEXT, value TEXT, message TEXT);
"""
# `reach` of a target: 1 where it is or will be in Triage, 0 where its row is rejected, -1 where it has no row; of these
# 2 where another source has its issue, which can't own a relation of this one, and 3 where several have one.
_JOIN = """
BEGIN;
DELETE FROM relations WHERE place IN losers;
DELETE FROM mentions WHERE place IN losers;
CREATE TABLE targets (id INTEGER PRIMARY KEY, key BLOB UNIQUE, reach INTEGER DEFAULT -1);
INSERT INTO targets (key)
  SELECT owner FROM relations UNION SELECT other FROM relations UNION SELECT key FROM mentions;
"""
_REACH = "UPDATE targets SET reach = max(reach, ?) WHERE key = ?"
_REACHABLE = """
FROM relations
JOIN targets AS owners ON owners.key = relations.owner AND owners.reach = 1
JOIN targets AS others ON others.key = relations.other AND others.reach IN (1, 2)
"""
_COUNT_RELATIONS = f"SELECT count(*) FROM (SELECT DISTINCT owner, type, other {_REACHABLE})"
_COUNT_REFERS = "SELECT count(DISTINCT row) FROM mentions JOIN targets USING (key) WHERE reach IN (1, 2)"
_UNREACHABLE = """
SELECT place, type, row = owner, targets.key, reach
FROM relations JOIN targets ON targets.key = CASE row WHEN owner THEN other ELSE owner END
WHERE reach NOT IN (1, CASE row WHEN owner THEN 2 ELSE 1 END)
ORDER BY relations.rowid
"""
# An issue that blocks none, or is blocked by none, is in no cycle: without them the search has little left to do.
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
"""A relation's type, and whether the row is its owner → the relation in words, as seen from the row."""

_EITHER = (False, True)
_UNSENT = {
    RELATION_END_MISSING: _EITHER,
    RELATION_END_REJECTED: _EITHER,
    RELATION_AMBIGUOUS: _EITHER,
    RELATION_ELSEWHERE: (True,),
}
"""Codes of relations of a row that aren't sent → whether its other issue owns them."""
_ONCE_MORE = "then run this file again: only a run that has this row sends the relation"
_HINTS = {
    RELATION_END_MISSING: f"import that issue too, {_ONCE_MORE}",
    RELATION_END_REJECTED: f"correct that row, {_ONCE_MORE}",
    RELATION_AMBIGUOUS: "say in Triage which of them it is",
    RELATION_ELSEWHERE: "import that source, too: its row says the relation the other way round",
    "relation-cycle": "they are sent as they are; remove the wrong one in the source, or later in Triage",
}


class TargetFindings:
    """The findings on relation targets in the order of the rows, all of them warnings; kept in a temporary file."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._count: int = scratch.row("SELECT count(*) FROM findings")[0]

    def __len__(self) -> int:
        return self._count

    def between(self, first: int, end: int) -> list[tuple[int, Finding]]:
        """Give the findings of the rows from place `first` to before `end`."""
        rows = self._scratch.rows(
            "SELECT place, code, value, message FROM findings WHERE place >= ? AND place < ? ORDER BY place, rowid",
            (first, end),
        )
        findings = list[tuple[int, Finding]]()
        for place, code, value, message in rows:
            finding = Finding(code, "relations", message, _HINTS[code], value, rejects=False)
            findings.append((place, finding))
        return findings

    def add_to(self, rows: Sequence[CheckedRow]) -> None:
        """Add each finding to its row, of a run of rows."""
        first = rows[0].place if rows else 0
        for place, finding in self.between(first, first + len(rows)):
            rows[place - first].findings.append(finding)


class SendableLinks(NamedTuple):
    """How many relations and references can be sent, and what keeps the others back.

    relations  distinct relations whose two issues are, or will be, in Triage: a request each
    refers     issues whose text names at least one other that is, or will be, in Triage: a request each
    """

    relations: int
    refers: int
    findings: TargetFindings


class RelationTargets:
    """Collects all keys of a source, and the relations and mentions of its rows; `find` joins them at the end.

    A row is known by its place in the input, counted from 0 over all files. Raises StorageFull if the temporary disk
    is full. A source without relations and mentions costs no join.
    """

    def __init__(self) -> None:
        self._scratch = Scratch(_SPOOL)
        self._is_idle = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.close()

    def add_keys(self, sendable: Iterable[str], rejected: Iterable[str] = ()) -> None:
        """Add the full keys of rows whose issues are or will be in Triage, and those of rejected rows.

        Rows that the mapping skips belong to neither.
        """
        keys = (list(sendable), list(rejected))
        self._scratch.execute("INSERT INTO read VALUES (?)", (marshal.dumps(keys),))

    def add(self, run: RowRun) -> None:
        """Add the keys of a run of rows, and the relations and mentions that are planned."""
        sendable = [row.key for row in run.rows if row.body]
        rejected = [row.key for row in run.rows if not (row.body or row.skip or row.result.follows or not row.key)]
        self.add_keys(sendable, rejected)
        for row in run.rows:
            parts = row.issue.parts
            if not row.additions or not (parts.relations or parts.mentions):
                continue
            names = {(addition.key, addition.name) for addition in row.additions if addition.act is Act.RELATION}
            relations = [each for each in parts.relations if (each.owner, f"{each.type}/{each.other}") in names]
            refers = [addition for addition in row.additions if addition.act is Act.REFER]
            mentions = [mention for addition in refers for mention in addition.mentions]
            self.add_links(row.place, row.key, relations, mentions)

    def add_links(self, place: int, row_key: str, relations: Iterable[Relation], mentions: Iterable[Mention]) -> None:
        """Add the relations and mentions of a row that can be sent, as far as they aren't in Triage already."""
        row = as_bytes(row_key)
        related = list[tuple[int, bytes, bytes, str, bytes]]()
        for relation in relations:
            owner = as_bytes(relation.owner)
            target = as_bytes(relation.other)
            related.append((place, row, owner, relation.type, target))
        mentioned = [(place, row, as_bytes(mention.key)) for mention in mentions]
        self._is_idle &= not related and not mentioned
        self._scratch.write("INSERT INTO relations VALUES (?, ?, ?, ?, ?)", related)
        self._scratch.write("INSERT INTO mentions VALUES (?, ?, ?)", mentioned)

    def find(
        self, in_triage: InTriage, losers: Iterable[int] = (), elsewhere: Elsewhere = lambda _: {}
    ) -> SendableLinks:
        """Decide which targets can be reached, after all rows; to be called once.

        `losers` are the places of rows that lose against another row with their key. A relation is sent where both its
        issues are in this import, or in Triage as far as the ledger knows; the one that it leads to may be another
        source's. Cycles of `blocks` are sent as they are, since no page of Triage's reference forbids them.
        """
        if self._is_idle:
            return SendableLinks(0, 0, TargetFindings(self._scratch))
        losing_rows = ((place,) for place in losers)
        self._scratch.write("INSERT OR IGNORE INTO losers VALUES (?)", losing_rows)
        self._scratch.script(_JOIN)
        self._scratch.write(_REACH, self._find_targets())
        self._ask_ledger(in_triage, elsewhere)
        self._scratch.script(_BLOCKS)
        self._keep(_target_finding(*row) for row in self._scratch.rows(_UNREACHABLE))
        self._keep(self._cycle_findings())
        self._scratch.execute("CREATE INDEX findings_by_place ON findings (place)")
        (relations,) = self._scratch.row(_COUNT_RELATIONS)
        (refers,) = self._scratch.row(_COUNT_REFERS)
        return SendableLinks(relations, refers, TargetFindings(self._scratch))

    def _find_targets(self) -> Iterator[tuple[bool, bytes]]:
        """Yield whether a row is sendable, and its key, of the rows that others name, and of a few more."""
        named = bytearray(NAMED_BITS)  # by the keys' hashes: of nearly all others it is plain that nobody names them
        for (key,) in self._scratch.rows("SELECT key FROM targets"):
            named[hash(key) % NAMED_BITS] = True
        for (packed,) in self._scratch.rows("SELECT keys FROM read"):
            for is_sendable, keys in zip((True, False), marshal.loads(packed), strict=True):
                for key in map(as_bytes, keys):
                    if named[hash(key) % NAMED_BITS]:
                        yield is_sendable, key

    def _ask_ledger(self, in_triage: InTriage, elsewhere: Elsewhere) -> None:
        """Ask for the targets that this import doesn't send; a rejected row's issue may be in from an earlier run."""
        page = "SELECT id, key, reach FROM targets WHERE reach < 1 AND id > ? ORDER BY id LIMIT ?"
        last = 0
        while batch := list(self._scratch.rows(page, (last, ASKED_AT_ONCE))):
            last = batch[-1][0]  # pages by id: the update below would shift an offset
            ids = dict[str, int]()
            without_row = list[str]()
            for number, key, reach in batch:
                name = _as_name(key)
                if name:
                    ids[name] = number
                if name and reach < 0:
                    without_row.append(name)
            present = in_triage(ids.keys())
            counts = elsewhere([name for name in without_row if name not in present])
            reached = [(1, number) for name, number in ids.items() if name in present]
            for name, count in counts.items():
                reach = 2 if count == 1 else 3
                reached.append((reach, ids[name]))
            self._scratch.write("UPDATE targets SET reach = ? WHERE id = ?", reached)

    def _keep(self, findings: Iterable[FindingRow]) -> None:
        self._scratch.write("INSERT INTO findings VALUES (?, ?, ?, ?)", findings)

    def _cycle_findings(self) -> Iterator[FindingRow]:
        """Make a finding of each cycle, at the row that has the relation between its first two issues."""
        owners = self._scratch.rows("SELECT owner FROM blocks GROUP BY owner ORDER BY min(place), owner")
        starts = (owner for (owner,) in owners)
        for issues, length in find_cycles(starts, self._blocked_by):
            (place,) = self._scratch.row("SELECT place FROM blocks WHERE owner = ? AND other = ?", issues[:2])
            names = [self._name(issue) for issue in issues]
            first = names[0]
            if length > len(issues):
                names.append(f"… ({length:,} issues)")
            cycle = " → ".join((*names, first))
            yield place, "relation-cycle", cycle, f"these block each other in a cycle: {cycle}"

    def _blocked_by(self, issue: int) -> list[int]:
        rows = self._scratch.rows("SELECT other FROM blocks WHERE owner = ? ORDER BY place, other", (issue,))
        return [blocked for (blocked,) in rows]

    def _name(self, issue: int) -> str:
        (key,) = self._scratch.row("SELECT key FROM targets WHERE id = ?", (issue,))
        return _native(key)


def leave_out_unreachable(rows: Iterable[CheckedRow]) -> None:
    """Leave out the relations to issues that are neither in Triage nor will be: nothing of them is sent."""
    for row in rows:
        if not row.additions or not row.findings:  # as of nearly all
            continue
        ends = {(is_owner, finding.value) for finding in row.findings for is_owner in _UNSENT.get(finding.code, ())}
        if ends:
            row.additions = [addition for addition in row.additions if _is_sent(addition, row.key, ends)]


def _is_sent(addition: Addition, key: str, ends: Container[tuple[bool, str]]) -> bool:
    """Whether an addition to the issue of a row is none of the relations at these ends."""
    if addition.act is not Act.RELATION:
        return True
    is_owner, end = (False, addition.other) if addition.key == key else (True, addition.key)
    return (is_owner, end.partition(":")[2]) not in ends


def _target_finding(place: int, kind: str, is_owner: int, key: bytes, reach: int) -> FindingRow:
    native = _native(key)
    sentence = f"the issue {_SAYS[kind, bool(is_owner)]} {native}"
    if reach == 0:
        return place, RELATION_END_REJECTED, native, f"{sentence}, whose row is rejected"
    if reach == 2:
        return place, RELATION_ELSEWHERE, native, f"{sentence}, which another source has in Triage"
    if reach == 3:
        return place, RELATION_AMBIGUOUS, native, f"{sentence}, which several other sources have in Triage"
    return place, RELATION_END_MISSING, native, f"{sentence}, which is neither in this import nor in Triage"


def _as_name(key: bytes) -> str:
    """The key as text; "" where it could not be sent, so that the ledger, which can't store it, isn't asked for it."""
    try:
        return "" if b"\0" in key else key.decode()
    except UnicodeDecodeError:
        return ""


def _native(key: bytes) -> str:
    """The native key, for people to read: what comes after the first colon, since a source's name has none."""
    return key.decode(errors="replace").partition(":")[2]


NODES_SHOWN = 8
"""Nodes of a cycle that are given."""


def find_cycles(
    starts: Iterable[int], successors: Callable[[int], Iterable[int]], limit: int = NODES_SHOWN
) -> Iterator[tuple[list[int], int]]:
    """Find cycles by depth-first search: the first `limit` nodes of each, and how many nodes it has.

    Each back edge gives one cycle, so that the graph without these edges has none; of several cycles that share a back
    edge only one is found. Memory is one path and the nodes that are done, time is linear.
    """
    finished: set[int] = set()
    for start in starts:
        path: list[int] = []  # no recursion: a chain of blocks may be longer than Python's stack
        depth: dict[int, int] = {}
        branches: list[Iterator[int]] = [iter((start,))]
        while branches:
            for node in branches[-1]:
                if node in depth:
                    first = depth[node]
                    yield path[first : first + limit], len(path) - first
                elif node not in finished:
                    depth[node] = len(path)
                    path.append(node)
                    branches.append(iter(successors(node)))
                    break
            else:
                branches.pop()
                if path:
                    node = path.pop()
                    del depth[node]
                    finished.add(node)
