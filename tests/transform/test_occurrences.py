"""Occurrences: what is new of them beside what was said, however often it changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.records import Act, AlreadyAdded, Comment, Flag, IssueParts, Occurrence
from importer.transform.addition_plan import Due, plan_additions
from importer.transform.markers import find_openings, hex_digest
from importer.transform.occurrences import read_covered, read_said

KEY = "demo:Ann/Greets"


def occurrence(name: str, answer: str, *, is_withdrawn: bool = False, dated: float = 0.0) -> Occurrence:
    """One that a night has, with this answer."""
    id_ = hex_digest(name)[:16]
    content = hex_digest(f"{name} {answer} {is_withdrawn}")[:16]
    flags = () if is_withdrawn else (Flag(name, "greets", "", 1),)
    comment = Comment(id_, name, "", answer, content=content)
    return Occurrence(comment, flags, is_withdrawn, dated=dated)


def send(occurrences: list[Occurrence], had: AlreadyAdded) -> tuple[list[str], AlreadyAdded]:
    """What a night plans to say, and what the ledger has once it was sent."""
    flags = tuple(flag for each in occurrences for flag in each.flags)
    parts = IssueParts(flags=flags, occurrences=tuple(occurrences))
    planned = plan_additions(Due(KEY, parts, "fold", had))
    names = had.names | {(each.act, each.name) for each in planned}
    said = [name for each in planned for name in each.covers]
    return said, AlreadyAdded(names, had.covered | set(said), is_over=True)


def count(act: Act, had: AlreadyAdded) -> int:
    """How many additions of a kind were made."""
    return sum(its is act for its, _ in had.names)


def test_a_correction_in_two_parts() -> None:
    """It is one, though the part that a killed attempt has sent says more of its row than the other."""
    id_, content = hex_digest("c-1")[:16], hex_digest("A")[:16]
    parts = [f"{id_}@1~4074364800.0={content}@1.{content}:medium", f"{id_}@1~4074364800.0={content}@1"]
    assert read_said(parts) == {"corrected": 1}


@given(st.lists(st.sampled_from(["A", "B", "passed", "not applicable"]), min_size=1, max_size=8))
def test_each_change_is_said_once(answers: list[str]) -> None:
    """A night says what differs from the last finding, also one that was there before; a flag is made once.

    What is withdrawn stays so, whatever its row says; once it fails again, a finished issue is looked at, as for a new
    one.
    """
    _, had = send([occurrence("c-0", "A")], AlreadyAdded())
    last, flags, looks = "", count(Act.FLAG, had), 0
    for answer in answers:
        now = "" if answer in ("passed", "not applicable") else answer
        is_first, night = len(read_covered(had.covered)) == 1, [occurrence("c-1", answer, is_withdrawn=not now)]
        said, had = send(night, had)
        expected = "withdrawn" if not now else "new" if is_first else "corrected"
        assert read_said(said) == ({} if now == last else {expected: 1})
        looks += bool(now) and not last
        assert count(Act.REOPEN, had) == looks
        assert send(night, had)[0] == []
        last = now
    assert (count(Act.FLAG, had) - flags) == any(answer in ("A", "B") for answer in answers)


@pytest.mark.parametrize("number", [0, 1])
def test_what_counts_as_the_same(number: int) -> None:
    """Its cells, all of its row, or what it said as the version before worded it: none of these says anything again."""
    told = occurrence("c-1", "A")._replace(row=f"{1:016x}", severity="low")
    _, had = send([occurrence("c-1", "before")] * number, AlreadyAdded())
    _, had = send([told], had)
    other = occurrence("c-1", "B")._replace(row=f"{2:016x}", flags=(Flag("c-1", "greets", "again", 1),))
    same = [
        other._replace(comment=told.comment),
        other._replace(row=told.row, flags=told.flags),
        other._replace(worded=told.comment.content),
    ]
    assert [read_said(send([each], had)[0]) for each in (*same, other)] == [{}, {}, {}, {"corrected": 1}]
    assert [count(Act.FLAG, send([each], had)[1]) for each in same] == [1, 1, 1]
    (word,) = read_covered(had.covered).values()
    assert (word.number, word.row, word.severity) == (number, told.row, "low")


def test_the_newest_row_is_known() -> None:
    """Where rows have dates, that of the row which spoke last is known, whatever its word; without, none is."""
    _, had = send([occurrence("c-1", "A", dated=3.5), occurrence("c-2", "A")], AlreadyAdded())
    _, had = send([occurrence("c-1", "", is_withdrawn=True, dated=5.25), occurrence("c-2", "B")], had)
    assert {word.dated: word.number for word in read_covered(had.covered).values()} == {5.25: 1, 0.0: 1}
    _, had = send([occurrence("c-1", "n/a", is_withdrawn=True, dated=7.0), occurrence("c-2", "B", dated=6.0)], had)
    assert {word.dated: word.number for word in read_covered(had.covered).values()} == {7.0: 1, 6.0: 1}


def test_a_night_that_was_cut_off_behind_its_comment() -> None:
    """It goes on with the occurrences that it has added itself: what earlier nights have said reopens nothing."""
    old, new = occurrence("c-1", "A")._replace(at=9.0), occurrence("c-2", "B")._replace(at=1.0)
    _, before = send([old, occurrence("c-3", "A")], AlreadyAdded())
    for night, wanted in (([old, new], [new.comment.id]), ([old, occurrence("c-3", "", is_withdrawn=True)], [])):
        said, after = send(night, before)
        rest = after._replace(names=frozenset(each for each in after.names if each[0] is not Act.REOPEN))
        for had in (before, rest._replace(is_over=False, begun=frozenset(said))):
            planned = plan_additions(Due(KEY, IssueParts(occurrences=tuple(night)), "fold", had))
            assert [each.name for each in planned if each.act is Act.REOPEN] == wanted


def test_one_comment_for_all_with_a_marker_each() -> None:
    """Occurrences that say the same are different ones."""
    every = [occurrence(f"c-{number}", "No name") for number in range(3)]
    (comment,) = plan_additions(Due(KEY, IssueParts(occurrences=tuple(every)), "fold", AlreadyAdded()))
    assert len({opening.marker for opening in find_openings(comment.body.decode().replace("\\n", "\n")[11:-2])}) == 3
