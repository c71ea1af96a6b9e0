"""Ours: what hangs on the issues of a source because we put it there, to be told from what people did."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

import orjson

from importer.ledger.added import Added, Additions
from importer.ledger.schema import UNDECIDED, State
from importer.load.lookback import Held
from importer.records import ADDITIONS, Act
from importer.triage.answers import Issue

PERHAPS_THERE = (State.DONE, *UNDECIDED)
HANGING = {"resource": Act.EVIDENCE, "flag": Act.FLAG, "relation": Act.RELATION}
"""What may hang on an issue, as its counts and its activity call it → what of ours puts it there."""


def count_ours(added: Iterable[Added], states: Collection[State]) -> dict[Act, Counter[bytes]]:
    """Count a key's additions of each act by their fingerprints, as far as they are in one of these states."""
    ours = {act: Counter[bytes]() for act in ADDITIONS}
    for each in added:
        if each.state in states:
            ours[each.act][each.sha] += 1
    return ours


def count_most(returned: bytes, ours: Held) -> dict[str, int]:
    """Count of what hangs on an issue how much may be ours; `returned` is its memory.

    What came along with a create is in its memory and among ours, but for ledgers of earlier versions.
    """
    memory = orjson.loads(returned)
    return {name: max(memory.get(f"{name}_count", 0), ours[act].total()) for name, act in HANGING.items()}


def find_miscounts(returned: bytes, issue: Issue, ours: Held) -> list[str]:
    """Say of what an issue shows more than may be ours, or less than came along with it; `returned` is its memory."""
    memory, miscounts = orjson.loads(returned), []
    for name, most in count_most(returned, ours).items():
        least, now = memory.get(f"{name}_count", 0), getattr(issue, f"{name}_count")
        if not least <= now <= most:
            miscounts.append(f"{name}s")
    return miscounts


class Ours:
    """What is ours at each issue of a source, arrived or perhaps arrived; a relation is at both of its ends."""

    def __init__(self, additions: Additions) -> None:
        self._additions = additions
        self._incoming = defaultdict[str, Counter[bytes]](Counter)
        for _, other, sha in additions.relations():
            self._incoming[other][sha] += 1

    def of(self, key: str) -> Held:
        """Say what of all that hangs on the issue of a key is ours, numbers in its description among it."""
        ours = count_ours(self._additions.of([key]).get(key, ()), PERHAPS_THERE)
        ours[Act.RELATION] += self._incoming.get(key, Counter())
        return ours
