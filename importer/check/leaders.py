"""Gathers the rows of issues that recur: of each issue in a chunk, one row leads, and speaks for the others.

Rows of an issue may stand anywhere in the input. Those in a later chunk follow the leader in the first one: they have
no create of their own, and what they add is sent with the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce

import orjson

from importer.api import SEVERITIES
from importer.check.duplicates import DuplicateVerdict
from importer.check.examine import Examined
from importer.check.knowledge import Knows
from importer.codes import KEY_RESPELLED
from importer.mapping.model import fold
from importer.records import Finding, IssueParts, Occurrence, Outcome
from importer.row.issue import NO_PARTS
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
        self._only, self._prefix = only, len(source_name) + 1
        self._spelt: dict[str, str] | None = None
        self.is_outdated = False

    def want(self, key: str) -> bool:
        """Whether a key is one of those that are wanted."""
        return bool(key) and (self._only is None or not self._only.isdisjoint((key, key[self._prefix :])))

    def find_respelled(self, keys: Iterable[str], known: Knows) -> dict[str, str]:
        """Return key → the key of the issue that it seems to mean: one that differs in capitals or blanks alone."""
        if self._spelt is None:
            self._spelt = {fold(key): key for page in known.all_keys() for key in page}
        others = {key: other for key in keys if (other := self._spelt.get(fold(key), key)) != key}
        there = known.in_triage([*others, *others.values()]) if others else ()
        return {key: other for key, other in others.items() if key not in there and other in there}

    def add(self, key: str, place: int, rank: int, digest: bytes) -> tuple[int, int, bytes]:
        """Add the rows of an issue in a chunk; return place, rank and digest of all its rows so far.

        The place is that of the first row, the rank that of the worst severity in `api.SEVERITIES`, and the digest that
        of the row with this severity.
        """
        first, worst, its = self._of.get(key, (place, rank, digest))
        self.is_outdated |= rank < worst
        self._of[key] = (first, rank, digest) if rank < worst else (first, worst, its)
        return self._of[key]


def gather(
    examined: Examined, verdicts: Mapping[int, DuplicateVerdict], leaders: Leaders | None, known: Knows
) -> Examined:
    """Gather the rows of each issue of a chunk, but for those that lose against another one of their occurrence.

    That one may be in the same input, or have come with an earlier run. Without `leaders` nothing recurs, and the chunk
    stays as it is.
    """
    if leaders is None:
        return examined
    issues, (first, _) = examined.batch.issues, examined.span
    keys = [issue.key.full for issue in issues]
    own = {
        row: issue.parts.occurrences[0]._replace(row=examined.hash_row(row).hex(), severity=issue.severity or "")
        for row, issue in enumerate(issues)
        if issue.parts.occurrences
        and (row in examined.bodies or (is_withdrawal(examined.skips[row]) and leaders.want(keys[row])))
    }
    losers = dict.fromkeys(_find_older(own, keys, known), OLDER)
    respelled = leaders.find_respelled({keys[row] for row in own if row in examined.bodies}, known)
    losers |= {row: _respelled(keys[row], respelled[keys[row]]) for row in own if keys[row] in respelled}
    together = defaultdict[str, list[int]](list)
    for row in own:
        if first + row not in verdicts and row not in losers:
            together[keys[row]].append(row)
    bodies, parts, groups = dict[int, bytes](), dict[int, IssueParts](), dict[int, list[int]]()
    joined, withdrawn, decisive = set[int](), set[int](), dict[int, bytes]()
    for key, rows in together.items():
        members = [row for row in rows if row in examined.bodies]
        leader = (members or rows)[0]
        # A row that is left out adds nothing but its occurrence.
        own_parts = (issues[row].parts if row in examined.bodies else NO_PARTS for row in rows)
        each = (its._replace(occurrences=(own[row],)) for row, its in zip(rows, own_parts, strict=True))
        parts[leader] = reduce(IssueParts.joined, each)
        if not members:
            withdrawn.add(leader)
            continue
        groups[leader] = members
        rank, decides = min((SEVERITIES.index(str(issues[row].severity)), row) for row in members)
        place, worst, decisive[leader] = leaders.add(key, first + leader, rank, examined.hash_row(decides))
        bodies[leader] = _with_severity(examined.bodies[leader], SEVERITIES[worst])
        if place != first + leader:
            joined.add(leader)
    for row, issue in enumerate(issues):
        issue.parts = parts.get(row, NO_PARTS)
    return replace(
        examined,
        batch=replace(examined.batch, groups=groups),
        bodies=bodies,
        is_whole=True,
        single=own,
        losers=losers,
        joined=joined,
        withdrawn=withdrawn,
        decisive=decisive,
    )


def _find_older(own: Mapping[int, Occurrence], keys: Sequence[str], known: Knows) -> Iterator[int]:
    """Find the rows that are older than the last word on their occurrence, by the date that `duplicates` names."""
    dated = {row: its for row, its in own.items() if its.dated > 0}
    had = known.had(keys[row] for row in dated) if dated else {}
    last = {key: read_covered(its.covered) for key, its in had.items()}
    for row, its in dated.items():
        if its.dated < last.get(keys[row], {}).get(its.comment.id, UNSAID).dated:
            yield row


def _respelled(key: str, other: str) -> DuplicateVerdict:
    message = f"{key} has no issue, but {other} has one: it seems to be another spelling"
    hint = "correct the texts that `group` names, in the source or in errors.csv; the other rows don't wait"
    return DuplicateVerdict(Outcome.REJECTED, Finding(KEY_RESPELLED, "key", message, hint))


def _with_severity(body: bytes, severity: str) -> bytes:
    created = orjson.loads(body)
    return body if created["severity"] == severity else encode({**created, "severity": severity})
