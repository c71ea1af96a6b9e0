"""One addition at a time: what its answer proves, and that it is there once, whatever was answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.ledger.schema import State
from importer.records import IssueParts, Relation
from importer.triage.paced import LIMITS_TRIED
from tests.harness.addition_bench import CALL, FLAG, Following, item, said, two_issues
from tests.harness.sandbox_contents import all_flags, all_relations, all_resources


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Following]:
    """Give issues to which is added."""
    with two_issues(tmp_path) as made:
        yield made


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_the_answer_to_another_addition(bench: Following, number: int) -> None:
    """An answer that shows another comment, flag or relation is no proof of this one: it is looked for, and sent."""
    comments, relations = said("a", "b").comments, (Relation("demo:P-1", "blocks", "demo:P-2"),)
    bench.follow(item("demo:P-2", said("before")))
    bench.triage.faults = {number: "stale"}
    bench.follow(item("demo:P-1", IssueParts(comments=comments, evidence=(CALL,), flags=(FLAG,), relations=relations)))
    assert bench.comments("demo:P-1") == ["a", "b"]
    assert [len(found(bench.store)) for found in (all_resources, all_flags, all_relations)] == [1, 1, 1]
    assert {state for _, state, _ in bench.states("demo:P-1")} == {State.DONE}


def test_made_and_answered_429(bench: Following) -> None:
    """Comments, flags and relations that are carried out and answered 429, all of them, are there once."""
    relations = (Relation("demo:P-1", "blocks", "demo:P-2"),)
    bench.triage.faults = dict.fromkeys(range(2, 20), "made-429")
    texts = ["a", "b", "a", "c", "d", "e"]
    bench.follow(item("demo:P-1", IssueParts((), said(*texts).comments, (CALL,), (FLAG,), relations)))
    assert bench.comments("demo:P-1") == texts
    assert (len(all_flags(bench.store)), len(all_relations(bench.store))) == (1, 1)
    assert {state for _, state, _ in bench.states("demo:P-1")} == {State.DONE}
    assert bench.triage.sent["POST comments"] == len(texts)


def test_what_is_looked_for_after_429(bench: Following) -> None:
    """Where nothing was done, as is usual, a few looks show it; then a 429 costs no look any more."""
    bench.triage.faults = dict.fromkeys(range(1, 40, 2), 429)
    texts = [str(number) for number in range(12)]
    bench.follow(item("demo:P-1", said(*texts)))
    assert bench.comments("demo:P-1") == texts
    assert bench.triage.sent == {"POST comments": 24, "GET activity": LIMITS_TRIED}
