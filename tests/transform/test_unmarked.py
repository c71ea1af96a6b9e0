"""Comments from before they had markers: each known by its own text, however it was folded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import orjson
from hypothesis import given
from hypothesis import strategies as st

from importer.records import Act, Addition, Comment, IssueParts
from importer.transform.comment_texts import SEPARATOR
from importer.transform.unmarked import find_comments, plan_unmarked

# Rules and numbers as people write them, beside words.
TEXTS = st.lists(st.sampled_from(("a", "b", "---", "\n\n---\n\n", " (T-7)", "- ", "\n", " ")), min_size=1).map("".join)


def plan(comments: Sequence[Comment]) -> list[Addition]:
    """What was sent of an issue's comments, each by itself."""
    return plan_unmarked("s:1", IssueParts(comments=tuple(comments)))


def details(additions: Sequence[Addition]) -> list[str]:
    """What comments say."""
    return [orjson.loads(addition.body)["detail"] for addition in additions]


def comments_of(texts: Sequence[str]) -> list[Comment]:
    """Comments of a source, some of them equal."""
    return [Comment(f"{number:016x}", "Ann", "", text) for number, text in enumerate(texts)]


@given(st.lists(TEXTS, max_size=8), st.integers(0, 8), st.sets(st.integers(0, 8)), st.booleans())
def test_whatever_was_folded_then(texts: list[str], folded: int, gone: set[int], crlf: bool) -> None:
    """Of comments sent apart and then folded, what the source still has is covered, as often as it is there."""
    comments = comments_of(texts)
    together = SEPARATOR.join(details(plan(comments[folded:])))
    sent = [*details(plan(comments[:folded])), *([together] if together else [])]
    there = [detail.replace("\n", "\r\n") if crlf else detail for detail in sent]
    left = [comment for place, comment in enumerate(comments) if place not in gone]
    found = list(find_comments(plan(left), ["A person's", *there]))
    covered = Counter(name for addition in found for name in addition.covers)
    assert covered == Counter(name for addition in plan(left) for name in addition.covers)
    assert all(detail in there for detail in details(found))


def test_what_is_new_is_not_there() -> None:
    """An equal comment more than there are, a person's comment, and one that is a part of another are none of ours."""
    planned = plan(comments_of(["same", "same", "new", "long text"]))
    found = list(find_comments(planned, ["Ann\n\nsame", "Ann\n\nlong text and more", "new"]))
    assert [addition.name for addition in found] == [planned[0].name]


def test_parts_of_a_long_one() -> None:
    """Each part is found by itself; the one that never left is missing."""
    planned = plan(comments_of(["word " * 2000]))
    assert len(planned) == 3
    found = list(find_comments(planned, details([planned[0], planned[2]])))
    assert [addition.name for addition in found] == [planned[0].name, planned[2].name]
    assert {addition.act for addition in found} == {Act.COMMENT}
