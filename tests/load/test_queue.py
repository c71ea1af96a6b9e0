"""What is to be added to issues: in the order of its rank, a relation once, an issue once."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from importer.load.queue import AdditionQueue, QueueItem, RankedOperations
from importer.records import Comment, IssueParts, Operation, Relation

RELATIONS = st.builds(
    Relation, st.sampled_from("abcd"), st.sampled_from(["blocks", "related_to"]), st.sampled_from("abcde")
)
ITEMS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1.0, float("inf")]),
        st.builds(  # by a function: given a named tuple, hypothesis draws fields that have defaults, too
            lambda key, relations: QueueItem(key, IssueParts(relations=tuple(relations))),
            st.sampled_from("abc"),
            st.lists(RELATIONS),
        ),
    ),
    unique_by=lambda ranked: ranked[1].key,
)


@given(ITEMS, st.integers(0, 3))
def test_relations_come_once(ranked: list[tuple[float, QueueItem]], first: int) -> None:
    """Whichever rows name a relation, it comes once, with its owner; an owner that is no row comes at the end."""
    agenda = AdditionQueue()
    agenda.add(ranked[:first])
    agenda.add(ranked[first:])
    assert agenda.is_empty == (not ranked)
    items = list(agenda)
    agenda.close()
    said = {relation for _, item in ranked for relation in item.parts.relations}
    assert sorted(relation for item in items for relation in item.parts.relations) == sorted(said)
    assert all(relation.owner == item.key for item in items for relation in item.parts.relations)
    ordered = [item.key for _, item in sorted(ranked, key=lambda pair: pair[0])]
    keys = [item.key for item in items]
    assert keys[: len(ordered)] == ordered
    assert sorted(keys[len(ordered) :]) == sorted({relation.owner for relation in said} - set(ordered))


def test_flat_memory() -> None:
    """What is on it is on disk."""
    agenda = AdditionQueue()
    text = "word " * 200
    tracemalloc.start()
    for number in range(10_000):
        agenda.add([(0.0, QueueItem(f"k{number}", IssueParts(comments=(Comment("1", "Ann", "", text),))))])
    count = sum(1 for _ in agenda)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    agenda.close()
    assert count == 10_000
    assert most < 1_000_000


OPERATIONS = st.builds(
    lambda key, body, marker: Operation(key, "POST", "/", body, marker, since=1.0), st.text(), st.binary(), st.text()
)


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0, float("inf")]), OPERATIONS)))
def test_ranked(ranked: list[tuple[float, Operation]]) -> None:
    """The lowest rank first, and of one rank as it came."""
    order = RankedOperations()
    for each in ranked:
        order.add([each])
    assert list(order) == [operation for _, operation in sorted(ranked, key=lambda pair: pair[0])]
