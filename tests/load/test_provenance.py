"""What is ours at an issue: each comment known by its marker, however it was folded, and what is more than that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.ledger.added import Added
from importer.ledger.schema import State
from importer.load.addition_reader import count_own, find_marked_comments, find_miscounts
from importer.mapping.issue_parts import Bundling
from importer.records import ADDITIONS, Act, Addition, AlreadyAdded, Comment, IssueParts
from importer.transform.addition_plan import Due, plan_additions
from importer.triage.answers import FIELDS, Issue
from importer.triage.snapshot import Snapshot
from tests.harness.rewriting import WAYS

KEY = "s:1"
TEXTS = st.lists(st.sampled_from(("a", "b", "---", "\n\n---\n\n", "- ", "\n", " ", "ticaaaaaaaaaa")), min_size=1).map(
    "".join
)


def plan(comments: Sequence[Comment], bundling: Bundling, rest: Sequence[str] = ()) -> list[Addition]:
    """What is sent of an issue's comments."""
    parts = IssueParts(rest=tuple(rest), comments=tuple(comments))
    return plan_additions([Due(KEY, parts, bundling, AlreadyAdded())], lambda texts, keys: {})[0]


def details(additions: Sequence[Addition]) -> list[str]:
    """What comments say."""
    return [orjson.loads(addition.body)["detail"] for addition in additions]


def comments_of(texts: Sequence[str]) -> list[Comment]:
    """Comments of a source, some of them equal."""
    return [Comment(f"{number:016x}", "Ann", "", text) for number, text in enumerate(texts)]


@given(st.lists(TEXTS, max_size=8), st.integers(0, 8), st.sets(st.integers(0, 8)), st.sampled_from(sorted(WAYS)))
def test_whatever_was_folded_then(texts: list[str], folded: int, gone: set[int], way: str) -> None:
    """Of comments sent apart and then folded, what the source still has is covered, whatever the target made of it."""
    comments = comments_of(texts)
    sent = [*plan(comments[:folded], "separate"), *plan(comments[folded:], "fold")]
    there = [WAYS[way](detail) for detail in details(sent)]
    left = [comment for place, comment in enumerate(comments) if place not in gone]
    found = list(find_marked_comments(plan(left, "separate"), ["A person's", *there, *there]))
    covered = Counter(name for addition in found for name in addition.covers)
    assert covered == Counter(name for addition in plan(left, "separate") for name in addition.covers)


def test_another_rendering() -> None:
    """A comment in two parts is whole, though a changed mapping would make three of it, or one."""
    comment = Comment("0" * 16, "Ann", "", "word " * 1000)
    there = details(plan([comment], "separate"))
    assert len(there) == 2
    for text in ("word " * 2000, "short"):
        found = find_marked_comments(plan([comment._replace(text=text)], "separate"), there)
        assert [addition.name for addition in found] == [f"{'0' * 16}/1 of 2", f"{'0' * 16}/2 of 2"]


def test_parts_of_a_long_one() -> None:
    """Each part is found by itself, also of a description; the one that never left is missing."""
    planned = plan(comments_of(["word " * 2000]), "separate", ["more", "and more"])
    assert len(planned) == 5
    found = list(find_marked_comments(planned, details([planned[0], planned[2], planned[4]])))
    assert [addition.name for addition in found] == [planned[0].name, planned[2].name, planned[4].name]


def test_what_is_new_is_not_there() -> None:
    """What a person quotes, another issue's comment and an equal one more than there are is none of ours."""
    planned = plan(comments_of(["same", "same", "new"]), "separate")
    said = [details(planned[:1])[0], f"No: {details(planned[1:2])[0].split()[-2]}, not {planned[0].name}", "Ann\n\nnew"]
    said += [one.replace("Ann", "> Ann") for one in details(planned[2:])]
    assert [addition.name for addition in find_marked_comments(planned, said)] == [planned[0].name]


def added(act: Act, state: State, sha: bytes = b"1") -> Added:
    """An addition as the ledger knows it."""
    return Added(act, "n", state, b"", (), 0.0, 0.0, sha, "", "")


def issue_of(resources: int, flags: int, relations: int) -> Issue:
    """An issue on which so much hangs."""
    return Issue("id", "T-1", "org", "", dict.fromkeys(FIELDS), "t", "t", resources, flags, relations, False)


def test_counted() -> None:
    """By act and fingerprint."""
    known = [added(Act.COMMENT, State.DONE), added(Act.COMMENT, State.DONE), added(Act.FLAG, State.DONE, b"2")]
    own = count_own(known)
    assert (own[Act.COMMENT], own[Act.FLAG], own[Act.RELATION]) == ({b"1": 2}, {b"2": 1}, {})


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
    snapshot = Snapshot({}, counts={"resource_count": 1})
    assert find_miscounts(snapshot, issue_of(resources, flags, relations), ours) == miscounts
