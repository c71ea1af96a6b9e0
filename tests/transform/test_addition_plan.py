"""The plan of additions: order, names that stay, and every comment whole and once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.api import COMMENT_LIMIT
from importer.records import Act, Addition, AlreadyAdded, Comment, Flag, IssueParts, Mention, Relation
from importer.transform.addition_plan import Due, FindMentions, count_edited, part_rest, plan_additions
from importer.transform.comment_texts import SEPARATOR, Takes, is_rest
from importer.transform.markers import comment_marker
from tests.harness.text_pieces import put_together, utf16_units
from tests.harness.unmarked import unmarked

KEY = "demo:P-1"
NOBODY = AlreadyAdded()
BUNDLINGS: tuple[Literal["separate", "fold"], ...] = ("separate", "fold")

TEXT = st.builds(
    lambda text, times: text * times,
    st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(["\n```py\n", "a b. c\n\n", "🎧", " ", "---"]),
    st.sampled_from([1, 1, 1, 30, 300, 900]),
)
COMMENT = st.builds(
    lambda author, date, text, is_private: Comment("", author, date, text, is_private),
    st.sampled_from(["", "Ann Meyer", "Kim\nLee", "🎧" * 600]),
    st.sampled_from(["", "2026-03-02 09:14", "1772442840000"]),
    TEXT,
    st.booleans(),
)
COMMENTS = st.lists(COMMENT, max_size=8).map(
    lambda comments: tuple(comment._replace(id=f"{number:016x}") for number, comment in enumerate(comments))
)
EXTRAS = st.builds(
    lambda **fields: IssueParts(**fields),  # what isn't named here keeps its default
    rest=st.lists(st.sampled_from(["rest", "more of it", " "]), max_size=3).map(tuple),
    comments=COMMENTS,
    evidence=st.lists(st.tuples(st.sampled_from(["call", "file"]), st.sampled_from("abc")), max_size=3).map(tuple),
    flags=st.lists(st.builds(Flag, st.sampled_from("ab"), st.just("late"), st.just(""), st.none()), max_size=2).map(
        tuple
    ),
    relations=st.lists(
        st.builds(Relation, st.sampled_from([KEY, "demo:P-2"]), st.just("blocks"), st.sampled_from(["x:1", "x:2"])),
        max_size=3,
    ).map(tuple),
    mentions=st.lists(st.just(Mention("P-2", "demo:P-2")), max_size=1).map(tuple),
)


def plan(
    parts: IssueParts,
    bundling: Literal["separate", "fold", "drop"] = "separate",
    had: AlreadyAdded = NOBODY,
    find_mentions: FindMentions = lambda text, key: (),
) -> list[Addition]:
    """What is added to an issue of which the description is `text`."""
    return plan_additions(Due(KEY, parts, bundling, had, "text"), find_mentions)


def had_of(additions: Sequence[Addition]) -> AlreadyAdded:
    own = [addition for addition in additions if addition.key == KEY]
    return AlreadyAdded(
        frozenset((addition.act, addition.name) for addition in own),
        frozenset(name for addition in own for name in addition.covers),
    )


def bodies(additions: Sequence[Addition]) -> list[dict[str, Any]]:
    """The bodies as the API reads them."""
    return [orjson.loads(addition.body) for addition in additions]


def said(additions: Sequence[Addition]) -> list[dict[str, Any]]:
    """The bodies without the markers of comments."""
    return [body | {"detail": unmarked(body["detail"])} if "detail" in body else body for body in bodies(additions)]


def details(comments: Sequence[Comment], bundling: Literal["separate", "fold", "drop"] = "separate") -> list[str]:
    """The texts of the comments that are sent."""
    return [body["detail"] for body in bodies(plan(IssueParts(comments=tuple(comments)), bundling))]


def whole(comment: Comment) -> str:
    """A comment as it is where nothing is split: worked out again, from the rules."""
    author, date = " ".join(comment.author.split()), comment.date.replace("1772442840000", "2026-03-02 09:14 UTC")
    who = " · ".join(filter(None, [author, date, "private" * comment.is_private]))
    if utf16_units(who) > 500:  # no name: it is part of the text
        return f"{marker(comment.id)}\n\n{who}\n\n{comment.text.rstrip()}"
    return f"{' · '.join(filter(None, [who, marker(comment.id)]))}\n\n{comment.text.rstrip()}"


def marker(comment: str, part: int = 1) -> str:
    """The word at the end of an opening line."""
    return comment_marker(KEY, f"{comment}/{part}")


def check_arrival(additions: Sequence[Addition], comments: Sequence[Comment]) -> None:
    """Every comment that says something is in the additions, whole, once and in order, within the limit."""
    sent = [addition for addition in additions if addition.act is Act.COMMENT and addition.covers]
    texts: dict[tuple[str, ...], list[str]] = {}
    for addition, body in zip(sent, bodies(sent), strict=True):
        assert 1 <= utf16_units(body["detail"]) <= COMMENT_LIMIT
        texts.setdefault(addition.covers, []).append(body["detail"])
    said = {comment.id: comment for comment in comments if comment.text.strip()}
    assert [name for covers in texts for name in covers] == list(said)
    for covers, parts in texts.items():
        if len(parts) == 1:
            assert parts == [SEPARATOR.join(whole(said[name]) for name in covers)]
            continue
        (name,) = covers
        openings, pieces = zip(*(part.split("\n\n", 1) for part in parts), strict=True)
        opening, _, text = whole(said[name]).partition("\n\n")
        who = opening.removesuffix(marker(name)).removesuffix(" · ")
        assert put_together(list(pieces)) == text
        assert list(openings) == [
            " · ".join(filter(None, [who, f"part {number} of {len(parts)}", marker(name, number)]))
            for number in range(1, len(parts) + 1)
        ]


@given(COMMENTS, st.sampled_from(BUNDLINGS))
def test_every_comment_arrives(comments: tuple[Comment, ...], bundling: Literal["separate", "fold"]) -> None:
    """Whatever comments say and however they are bundled, each arrives whole, once and in order."""
    check_arrival(plan(IssueParts(comments=comments), bundling), comments)


@given(EXTRAS, st.sampled_from(BUNDLINGS), st.data())
def test_what_is_had_is_not_planned(
    parts: IssueParts, bundling: Literal["separate", "fold"], data: st.DataObject
) -> None:
    """After any beginning of a plan, the next plan is the rest of it; another record's relations always come again."""
    planned = plan(parts, bundling)
    done = planned[: data.draw(st.integers(0, len(planned)))]
    again = [addition for addition in planned if addition not in done or addition.key != KEY]
    assert plan(parts, bundling, had_of(done)) == again


@given(COMMENTS, st.lists(st.tuples(st.sampled_from(BUNDLINGS), st.integers(0, 8), st.integers(0, 9)), max_size=5))
def test_bundling_that_changes(
    comments: tuple[Comment, ...], runs: list[tuple[Literal["separate", "fold"], int, int]]
) -> None:
    """Runs that end early, comments that come later and an issue that is closed meanwhile: nothing goes twice."""
    sent: list[Addition] = []
    for bundling, known, done in [*runs, (BUNDLINGS[len(comments) % 2], len(comments), 1000)]:
        parts = IssueParts(comments=comments[:known])
        sent += plan(parts, bundling, had_of(sent))[:done]
    assert len({addition.name for addition in sent}) == len(sent)
    in_order = sorted(sent, key=lambda addition: min(addition.covers))
    assert sorted(name for covers in {addition.covers for addition in sent} for name in covers) == [
        comment.id for comment in comments if comment.text.strip()
    ]
    check_arrival(in_order, comments)


@given(COMMENTS)
def test_as_few_as_fit(comments: tuple[Comment, ...]) -> None:
    """What is folded would not fit into the comment before it."""
    said = {comment.id: comment for comment in comments}
    planned = plan(IssueParts(comments=comments), "fold")
    parts = Counter(addition.covers for addition in planned)
    for before, after in pairwise(planned):
        if parts[before.covers] == parts[after.covers] == 1:
            together = orjson.loads(before.body)["detail"] + SEPARATOR + whole(said[after.covers[0]])
            assert utf16_units(together) > COMMENT_LIMIT


def test_one_comment_more() -> None:
    """A comment that a later export has in addition comes by itself."""
    comments = tuple(Comment(f"{number:016x}", "", "", f"text {number}") for number in range(3))
    first = plan(IssueParts(comments=comments[:2]), "fold")
    assert said(first) == [{"detail": "text 0\n\n---\n\ntext 1"}]
    assert said(plan(IssueParts(comments=comments), "fold", had_of(first))) == [{"detail": "text 2"}]


def test_a_conversion_that_makes_another_number_of_parts() -> None:
    """A comment that went in two parts is there, though a changed mapping would make three of it, or fold it."""
    comment = Comment("0" * 16, "", "", "a" * 5_000)
    had = had_of(plan(IssueParts(comments=(comment,))))
    for length in (10_000, 10):
        changed = IssueParts(comments=(comment._replace(text="a" * length),))
        assert plan(changed, "separate", had) == plan(changed, "fold", had) == []


def test_a_comment_that_is_there_in_part_is_not_folded() -> None:
    """Where a part of a comment is there, what a changed mapping makes of it goes by itself, and once."""
    comments = tuple(Comment(digit * 16, "", "", digit * 5_000) for digit in "12")
    sent = plan(IssueParts(comments=comments))[:1]
    changed = IssueParts(comments=tuple(comment._replace(text="short") for comment in comments))
    sent += plan(changed, "fold", had_of(sent))
    assert [addition.covers for addition in sent[1:]] == [("1" * 16,), ("2" * 16,)]
    assert plan(changed, "fold", had_of(sent)) == plan(IssueParts(comments=comments), had=had_of(sent)) == []


@pytest.mark.parametrize(
    ("comment", "detail"),
    [
        (Comment("", "Ann Meyer", "2026-03-02 09:14", " Hello \n"), "Ann Meyer · 2026-03-02 09:14\n\n Hello"),
        (Comment("", "", "02/Mar/26 9:14 AM", "Hello", True), "02/Mar/26 9:14 AM · private\n\nHello"),
        (Comment("", "Ann", "1772442840", "Hello"), "Ann · 2026-03-02 09:14 UTC\n\nHello"),
        (Comment("", "", "", "Hello"), "Hello"),
    ],
    ids=["both", "private", "epoch", "nobody"],
)
def test_opening(comment: Comment, detail: str) -> None:
    """A line says who and when, as the source writes it, where it does."""
    assert [unmarked(text) for text in details([comment])] == [detail]


def test_parts() -> None:
    """Parts are numbered, with or without a name, and carry the comment's id."""
    comments = (Comment("a" * 16, "Ann", "", "a" * 8_000), Comment("b" * 16, "", "", "b" * 4_001))
    planned = plan(IssueParts(comments=comments))
    assert [body["detail"].split("\n\n")[0] for body in said(planned)] == [
        "Ann · part 1 of 3",
        "Ann · part 2 of 3",
        "Ann · part 3 of 3",
        "part 1 of 2",
        "part 2 of 2",
    ]
    assert [addition.name for addition in planned[1:4]] == [
        f"{'a' * 16}/2 of 3",
        f"{'a' * 16}/3 of 3",
        f"{'b' * 16}/1 of 2",
    ]
    assert [addition.covers for addition in planned[2:4]] == [("a" * 16,), ("b" * 16,)]


def test_many_parts() -> None:
    """Numbers of several digits have their room."""
    texts = details([Comment("", "Ann", "", "a" * 200_000)])
    assert unmarked(texts[-1]).startswith("Ann · part 51 of 51\n\n")
    assert max(map(utf16_units, texts)) <= COMMENT_LIMIT
    assert min(map(utf16_units, texts[:-1])) > COMMENT_LIMIT - 20


def test_no_comments() -> None:
    """Comments of white space alone are none; dropped, there are none, but the description goes on."""
    parts = IssueParts(
        rest=("more",), comments=(Comment("1" * 16, "Ann", "", " \n"), Comment("2" * 16, "", "", "text"))
    )
    assert [body["detail"] for body in said(plan(parts))] == ["Description, part 2 of 2\n\nmore", "text"]
    assert [body["detail"] for body in said(plan(parts, "drop"))] == ["Description, part 2 of 2\n\nmore"]


def test_description_that_goes_on() -> None:
    """The parts of a description are numbered after the first, which stands in the issue; a changed one is another."""
    planned = plan(IssueParts(rest=("b", "c")))
    assert [body["detail"] for body in said(planned)] == [
        "Description, part 2 of 3\n\nb",
        "Description, part 3 of 3\n\nc",
    ]
    assert [addition.name[:7] for addition in planned] == ["rest/2/", "rest/3/"]
    (changed,) = plan(IssueParts(rest=("b", "d")), had=had_of(planned))
    assert changed.name not in {addition.name for addition in planned}


def test_order_and_bodies() -> None:
    """Evidence, flags, the description's rest, comments, relations, references: each with its body and name."""
    mentions = (Mention("P-7", "demo:P-7"),)
    parts = IssueParts(
        rest=("rest",),
        comments=(Comment("c" * 16, "", "", "see P-7"),),
        evidence=(("call", "c-1"), ("file", "f/1"), ("call", "c-1")),
        flags=(Flag("c-1", "late", "", None), Flag("c-1", "rude", "note", 0)),
        relations=(Relation(KEY, "blocks", "demo:P-2"), Relation("demo:P-3", "duplicate_of", KEY)),
        mentions=mentions,
    )
    planned = plan(parts, find_mentions=lambda text, key: mentions if "P-7" in text else ())
    flags = [addition.name for addition in planned if addition.act is Act.FLAG]
    assert all(len(name) == 16 for name in flags)
    assert [(addition.key, addition.act.value, addition.name) for addition in planned] == [
        (KEY, "evidence", "call/c-1"),
        (KEY, "evidence", "file/f/1"),
        (KEY, "flag", flags[0]),
        (KEY, "flag", flags[1]),
        (KEY, "comment", planned[4].name),
        (KEY, "comment", "c" * 16 + "/1/1"),
        (KEY, "relation", "blocks/demo:P-2"),
        ("demo:P-3", "relation", f"duplicate_of/{KEY}"),
        (KEY, "refer", ""),
    ]
    assert said(planned) == [
        {"resource_type": "call", "resource_id": "c-1"},
        {"resource_type": "file", "resource_id": "f/1"},
        {"call_id": "c-1", "type": "late"},
        {"call_id": "c-1", "type": "rude", "note": "note", "message_index": 0},
        {"detail": "Description, part 2 of 2\n\nrest"},
        {"detail": "see P-7"},
        {"relation_type": "blocks"},
        {"relation_type": "duplicate_of"},
        {"description": "text"},
    ]
    assert [addition.mentions for addition in planned if addition.mentions] == [mentions, mentions]
    assert [addition.other for addition in planned if addition.other] == ["demo:P-2", KEY]


BY_ID = Comment("1" * 16, "Ann", "", "text", content="a" * 16)
"""A comment that the source has an id of."""


@pytest.mark.parametrize("bundling", BUNDLINGS)
@pytest.mark.parametrize("edited", [False, True])
def test_an_edited_comment(bundling: Literal["separate", "fold"], edited: bool) -> None:
    """One that is known by the source's id is counted where it says something else by now, and not planned again."""
    had = had_of(plan(IssueParts(comments=(BY_ID,)), bundling))
    now = BY_ID._replace(text="edited", content="b" * 16) if edited else BY_ID
    assert plan(IssueParts(comments=(now,)), bundling, had) == []
    assert count_edited([now, BY_ID._replace(id="2" * 16)], had) == edited


@pytest.mark.parametrize("text", ["text", "a" * 5_000])
def test_a_mapping_that_learns_of_ids(text: str) -> None:
    """What was sent without the source's id is there, in whole or in part, and goes on as it was begun."""
    before = Comment("a" * 16, "Ann", "", text)
    sent = plan(IssueParts(comments=(before,)))
    now = IssueParts(comments=(BY_ID._replace(text=text),))
    assert plan(now, had=had_of(sent)) == plan(now, "fold", had_of(sent)) == []
    assert plan(now, had=had_of(sent[:1])) == sent[1:]
    assert count_edited(now.comments, had_of(sent)) == 0


def test_ids_that_another_export_writes_otherwise() -> None:
    """A comment with the same content and another id is the same one."""
    had = had_of(plan(IssueParts(comments=(BY_ID,))))
    assert plan(IssueParts(comments=(BY_ID._replace(id="3" * 16),)), had=had) == []


def keeping(units: int, kept: int) -> Takes:
    """What a target takes as far as it is known: so many units, and so many bytes."""
    return lambda text: utf16_units(text) <= units and len(text.encode()) <= kept


@given(
    st.lists(st.tuples(st.sampled_from(["слово ", "word ", "🎧 "]), st.integers(300, 1_800)), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(300, 4_000), st.integers(300, 9_000), st.integers(0, 9)), max_size=4),
)
def test_what_a_target_takes_that_changes(words: list[tuple[str, int]], runs: list[tuple[int, int, int]]) -> None:
    """A comment and a description that are begun go on as they were, whatever is known by then: nothing goes twice."""
    texts = [word * times for word, times in words]
    comments = tuple(Comment(f"{number:016x}", "", "", text) for number, text in enumerate(texts))
    rest = tuple("".join(texts)[start : start + 3_900] for start in (0, 3_900))
    sent: list[Addition] = []
    for units, kept, done in [*runs, (4_000, 9_000, 1_000)]:
        takes, had = keeping(units, kept), had_of(sent)
        parts = IssueParts(comments=comments, rest=part_rest(rest, had, takes))
        planned = plan_additions(Due(KEY, parts, "fold", had), None, takes)
        sent += planned[:done]
    there = [(each, said[0]["detail"].partition("\n\n")[2]) for each in sent for said in [bodies([each])]]
    assert "".join(text for each, text in there if is_rest(each.name)).split() == "".join(rest).split()
    for comment in comments:
        own = "".join(text for each, text in there if each.covers == (comment.id,))
        assert not own or own.split() == comment.text.split()


def test_parts_of_a_number() -> None:
    """However little a target takes, the number of a comment's parts says where they end."""
    comment = Comment("a" * 16, "Ann", "", "".join(f"word{number} " for number in range(900)))
    ways: dict[int, list[Addition]] = {}
    for units in range(300, 4_000, 50):
        planned = plan_additions(
            Due(KEY, IssueParts(comments=(comment,)), "separate", NOBODY), None, keeping(units, 9_000)
        )
        assert ways.setdefault(len(planned), planned) == planned
    assert len(ways) > 5
