"""Gathers the rows of issues that recur: of each issue in a run of rows, one leads, and speaks for the others.

Rows of an issue may stand anywhere in the input. Those in a later run follow the leader in the first one: they have
no create of their own, and what they add is sent with the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import orjson

from importer.api import SEVERITIES
from importer.check.checked_row import CheckedRow
from importer.check.duplicates import DuplicateVerdict
from importer.check.examine import RowRun
from importer.check.knowledge import Knows
from importer.codes import KEY_RESPELLED
from importer.mapping.model import fold
from importer.records import NO_PARTS, Finding, IssueParts, Outcome
from importer.transform.encoding import encode
from importer.transform.occurrences import UNSAID, is_withdrawal, read_covered

OLDER = DuplicateVerdict(
    Outcome.SKIPPED, Finding("older-than", "", "its issue has a newer row of this occurrence", rejects=False)
)


class Leaders:
    """The issues that recur, over the whole input: their first rows, their worst severities, and how keys are spelt.

    Memory is an entry for each issue.

    is_outdated  whether a row was worse than its issue's severity when the first row was shown
    """

    def __init__(self, only: frozenset[str] | None, source_name: str) -> None:
        """`only` are the keys that are wanted, with or without the source's name; None are all."""
        self._of: dict[str, tuple[int, int, bytes]] = {}
        self._only = only
        self._prefix = len(source_name) + 1
        self._spelt: dict[str, str] | None = None
        self.is_outdated = False

    def want(self, key: str) -> bool:
        """Whether a key is one of those that are wanted."""
        return bool(key) and (self._only is None or not self._only.isdisjoint((key, key[self._prefix :])))

    def find_respelled(self, keys: Iterable[str], known: Knows) -> dict[str, str]:
        """Return key → the key of the issue that it seems to mean: one that differs in capitals or blanks alone."""
        if self._spelt is None:
            self._spelt = {fold(key): key for page in known.all_keys() for key in page}
        spelt = {key: self._spelt.get(fold(key), key) for key in keys}
        respelled = {key: spelling for key, spelling in spelt.items() if spelling != key}
        if not respelled:
            return {}
        in_triage = known.in_triage([*respelled, *respelled.values()])
        return {key: spelling for key, spelling in respelled.items() if key not in in_triage and spelling in in_triage}

    def add(self, key: str, place: int, rank: int, digest: bytes) -> tuple[int, int, bytes]:
        """Add rows of an issue; return place, rank and digest of all its rows so far.

        The place is that of the first row, the rank that of the worst severity in `api.SEVERITIES`, and the digest that
        of the row with this severity.
        """
        rows = self._of.get(key, (place, rank, digest))
        first, worst, _ = rows
        if rank < worst:
            self.is_outdated = True
            rows = (first, rank, digest)
        self._of[key] = rows
        return rows


def gather(run: RowRun, verdicts: Mapping[int, DuplicateVerdict], leaders: Leaders | None, known: Knows) -> None:
    """Gather the rows of each issue of a run, but for those that lose against another one of their occurrence.

    That one may be in the same input, or have come with an earlier run. Without `leaders` nothing recurs, and the rows
    stay as they are.
    """
    if leaders is None:
        return
    occurring = [row for row in run.rows if row.issue.parts.occurrences and _is_wanted(row, leaders)]
    for row in occurring:
        occurrence = row.issue.parts.occurrences[0]
        row.occurrence = occurrence._replace(row=row.hash().hex(), severity=row.issue.severity or "")
    _leave_out_older(occurring, known)
    _reject_respelled(occurring, leaders, known)
    rows_of = defaultdict[str, list[CheckedRow]](list)
    for row in occurring:
        if row.place not in verdicts and row.loss is None:
            rows_of[row.key].append(row)
    leading = {}
    for rows in rows_of.values():
        sendable = [row for row in rows if row.body]
        leading[(sendable or rows)[0]] = rows, sendable
    parts = {leader: _join_parts(rows) for leader, (rows, _) in leading.items()}
    bodies = {leader: _lead(leader, sendable, leaders) for leader, (_, sendable) in leading.items() if sendable}
    for row in run.rows:
        row.issue.parts = parts.get(row, NO_PARTS)
        row.body = bodies.get(row, b"")
        row.is_withdrawal = row in leading and row not in bodies
    run.is_whole = True


def _is_wanted(row: CheckedRow, leaders: Leaders) -> bool:
    """Whether a row is sent, or withdraws an occurrence of an issue that is wanted."""
    if row.body:
        return True
    return is_withdrawal(row.skip) and leaders.want(row.key)


def _join_parts(rows: Sequence[CheckedRow]) -> IssueParts:
    """What rows of one issue say beside its create; one that is left out adds nothing but its occurrence."""
    joined = NO_PARTS
    for row in rows:
        parts = row.issue.parts if row.body else NO_PARTS
        occurrences = () if row.occurrence is None else (row.occurrence,)
        parts = parts._replace(occurrences=occurrences)
        joined = joined.joined(parts)
    return joined


def _lead(leader: CheckedRow, members: Sequence[CheckedRow], leaders: Leaders) -> bytes:
    """Let the first row of an issue in a run speak for the others; return its create, with the worst severity."""
    leader.lead(members[1:])
    decisive = min(members, key=lambda row: SEVERITIES.index(str(row.issue.severity)))
    rank = SEVERITIES.index(str(decisive.issue.severity))
    place, worst, leader.decisive = leaders.add(leader.key, leader.place, rank, decisive.hash())
    leader.is_joined = place != leader.place
    return _with_severity(leader.body, SEVERITIES[worst])


def _leave_out_older(rows: Sequence[CheckedRow], known: Knows) -> None:
    """Leave out the rows that are older than the last word on their occurrence, by the date that `duplicates` names."""
    dated = [(row, row.occurrence) for row in rows if row.occurrence is not None and row.occurrence.dated > 0]
    if not dated:
        return
    added_of = known.had(row.key for row, _ in dated)
    last_words = {key: read_covered(added.covered) for key, added in added_of.items()}
    for row, occurrence in dated:
        last_word = last_words.get(row.key, {}).get(occurrence.comment.id, UNSAID)
        if occurrence.dated < last_word.dated:
            row.loss = OLDER


def _reject_respelled(rows: Sequence[CheckedRow], leaders: Leaders, known: Knows) -> None:
    """Reject the rows whose key seems to be another spelling of that of an issue that is there."""
    respelled = leaders.find_respelled({row.key for row in rows if row.body}, known)
    for row in rows:
        if row.key in respelled:
            row.loss = _respelled(row.key, respelled[row.key])


def _respelled(key: str, spelling: str) -> DuplicateVerdict:
    message = f"{key} has no issue, but {spelling} has one: it seems to be another spelling"
    hint = "correct the texts that `group` names, in the source or in errors.csv; the other rows don't wait"
    return DuplicateVerdict(Outcome.REJECTED, Finding(KEY_RESPELLED, "key", message, hint))


def _with_severity(body: bytes, severity: str) -> bytes:
    created = orjson.loads(body)
    return body if created["severity"] == severity else encode({**created, "severity": severity})
