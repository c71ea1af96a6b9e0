"""What is ours at an issue, and what is more than that."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest

from importer.ledger.added import Added
from importer.ledger.schema import State
from importer.load.provenance import count_own, find_miscounts
from importer.records import ADDITIONS, Act
from importer.triage.answers import FIELDS, Issue


def added(act: Act, state: State, sha: bytes = b"1") -> Added:
    """An addition as the ledger knows it."""
    return Added(act, "n", state, b"", (), 0.0, 0.0, sha, "", "")


def issue_of(resources: int, flags: int, relations: int) -> Issue:
    """An issue on which so much hangs."""
    return Issue("id", "T-1", "org", "", dict.fromkeys(FIELDS), "t", "t", resources, flags, relations, False)


def test_only_what_is_asked_for() -> None:
    """By act and fingerprint; what was refused is nobody's."""
    known = [
        added(Act.COMMENT, State.DONE),
        added(Act.COMMENT, State.DONE),
        added(Act.COMMENT, State.SENT, b"2"),
        added(Act.FLAG, State.REFUSED),
    ]
    assert count_own(known, (State.DONE,))[Act.COMMENT] == {b"1": 2}
    assert count_own(known, (State.DONE, State.SENT))[Act.COMMENT] == {b"1": 2, b"2": 1}
    assert not count_own(known, (State.DONE,))[Act.FLAG]


@pytest.mark.parametrize(
    ("resources", "flags", "relations", "miscounts"),
    [
        (1, 0, 0, []),
        (2, 1, 0, []),
        (3, 1, 0, ["resources"]),
        (0, 2, 1, ["resources", "flags", "relations"]),
    ],
)
def test_counts_that_can_t_be_ours(resources: int, flags: int, relations: int, miscounts: list[str]) -> None:
    """At least what came along with the create, at most that or all that we added: the create's is among it."""
    ours = {act: Counter[bytes]() for act in ADDITIONS} | {
        Act.EVIDENCE: Counter((b"1", b"2")),
        Act.FLAG: Counter((b"3",)),
    }
    returned = orjson.dumps({"resource_count": 1})
    assert find_miscounts(returned, issue_of(resources, flags, relations), ours) == miscounts
