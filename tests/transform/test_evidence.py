"""The calls, conversations and files that rows name, and what is flagged on calls."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from importer.api import NOTE_LIMIT, count_units
from importer.mapping.identities import Roster
from importer.mapping.issue_parts import FlagRule, People
from importer.mapping.model import Link
from importer.records import Finding, Flag
from importer.transform.columns import Columns
from importer.transform.evidence import ChunkFlags, attach_flagged, read_evidence, read_flags
from importer.transform.prose import ColumnSanitizer
from importer.transform.sanitise import Sanitizer
from importer.transform.shown_people import ShownPeople
from tests.harness.making import chunk_of

HEADER = ("Call", "Type", "Note", "Turn", "Verdict")
RULE = {"call": "Call", "type": "Type", "note": "Note", "message_index": "Turn"}
CALLS = {"column": "Call", "type": "call"}
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}"


def evidence_of(*cells: str, **spec: Any) -> tuple[dict[int, tuple[tuple[str, str], ...]], list[tuple[int, Finding]]]:
    link = Link.model_validate(CALLS | spec)
    return read_evidence([link], Columns(chunk_of(["Call"], [[cell] for cell in cells])))


def flags_of(*rows: tuple[str, ...], links: tuple[dict[str, Any], ...] = (), **rule: Any) -> ChunkFlags:
    """What a rule flags in rows whose last cells may be left out."""
    filled = [(*row, *[""] * (len(HEADER) - len(row))) for row in rows]
    rules, made = [FlagRule.model_validate(RULE | rule)], [Link.model_validate(link) for link in links]
    return read_flags(rules, made, Columns(chunk_of(HEADER, filled)), sanitizer())


def sanitizer() -> ColumnSanitizer:
    """What changes no text in which there is nothing to clean."""
    return ColumnSanitizer(Sanitizer(), list, ShownPeople(People(), Roster()), lambda texts, rows: texts)


def test_each_cell_is_an_id() -> None:
    """Each filled cell is an id, `split` takes it apart, and what comes twice is attached once."""
    found, findings = evidence_of(" b ; a;;b", "", " ", split=";")
    assert found == {0: (("call", "b"), ("call", "a"))}
    assert findings == []


def test_several_links() -> None:
    """The links of a mapping come in its order, over all cells of columns that repeat."""
    links = [Link.model_validate(CALLS), Link.model_validate({"column": "File", "type": "file"})]
    columns = Columns(chunk_of(["File", "Call", "Call"], [["f", "c1", "c2"], ["f", "", ""]]))
    found, _ = read_evidence(links, columns)
    assert found == {0: (("call", "c1"), ("call", "c2"), ("file", "f")), 1: (("file", "f"),)}


@pytest.mark.parametrize(
    ("find", "ids"),
    [
        (UUID, ["0000000a-0001", "0000000b-0002"]),
        (rf"call ({UUID})", ["0000000a-0001"]),
        (rf"call ({UUID})|{UUID}", ["0000000a-0001", "0000000b-0002"]),
        (r"nothing|( *)", []),
    ],
)
def test_ids_in_texts(find: str, ids: list[str]) -> None:
    """`find` takes every id out of a text: its group 1, or the whole match where that took no part."""
    found, findings = evidence_of("heard in call 0000000a-0001,\nand in 0000000b-0002.", find=find)
    assert found == ({0: tuple(("call", name) for name in ids)} if ids else {})
    assert findings == []


def test_malformed() -> None:
    """An id that `check` doesn't match whole is a warning that names it, once a row; the others are attached."""
    found, findings = evidence_of("0000000a-0001,n/a,n/a", "0000000a-0001x", check=UUID, split=",")
    assert found == {0: (("call", "0000000a-0001"),)}
    assert [(row, finding.code, finding.value, finding.rejects) for row, finding in findings] == [
        (0, "evidence-malformed", "n/a", False),
        (1, "evidence-malformed", "0000000a-0001x", False),
    ]


def test_too_long() -> None:
    """No id is as long as a text that got into its column: neither evidence nor a flag's call."""
    found, ((_, finding),) = evidence_of("1" * 300, "1" * 301)
    assert found == {0: (("call", "1" * 300),)}
    assert finding.code == "evidence-malformed"
    flagged = flags_of(("1" * 300, "T"), ("1" * 301, "T"))
    assert list(flagged.flags) == [0]
    assert [(row, finding.code) for row, finding in flagged.findings] == [(1, "flag-call-malformed")]


def test_malformed_in_a_text() -> None:
    """The warning shows where the id stood, but not the whole of a long text."""
    _, ((_, finding),) = evidence_of("call 12 " + "x" * 500, find=r"call (\S+)", check=UUID)
    assert finding.message.startswith("'12' can't be the id of a call, in 'call 12 xxx")
    assert len(finding.message) < 200


def test_flag() -> None:
    """A row with a call is flagged with what its columns say; one without is not."""
    flagged = flags_of((" c1 ", " Missed intent ", " said twice ", "7"), ("", "Type", "Note"), ("c2", "Type"))
    assert flagged.flags == {0: (Flag("c1", "Missed intent", "said twice", 7),), 2: (Flag("c2", "Type", "", None),)}
    assert flagged.notes == {}
    assert flagged.findings == []


def test_rule_without_note_and_turn() -> None:
    """A rule needs no note and no turn; its type may be a constant."""
    flagged = flags_of(("c1", "", "note", "1"), note=None, message_index=None, type={"value": "quality"})
    assert flagged.flags == {0: (Flag("c1", "quality", "", None),)}


def test_when() -> None:
    """A rule flags the rows where all its conditions hold."""
    rows = [("c1", "T", "", "", "fail"), ("c2", "T", "", "", "pass"), ("", "T", "", "", "fail")]
    assert list(flags_of(*rows, when={"column": "Verdict", "is": "fail"}).flags) == [0]


def test_no_type() -> None:
    """A flag without a type is a warning, and isn't sent."""
    flagged = flags_of(("c1", " ", "note"))
    assert flagged.flags == {}
    assert [(row, finding.code, finding.rejects) for row, finding in flagged.findings] == [
        (0, "flag-without-type", False)
    ]


@pytest.mark.parametrize(
    ("turn", "first", "index", "note"),
    [
        ("0", "0", 0, "note"),
        ("7", "1", 6, "note"),
        ("7.0", "1", 6, "note"),
        ("0:42", "0", None, "at 0:42: note"),
        ("the end", "0", None, "at the end: note"),
        ("7.5", "0", None, "at 7.5: note"),
        ("12345678901234567890", "0", None, "at 12345678901234567890: note"),
        ("", "1", None, "note"),
    ],
)
def test_turn(turn: str, first: str, index: int | None, note: str) -> None:
    """A number is a turn, counted from what the source calls the first; anything else opens the note."""
    flagged = flags_of(("c1", "T", "note", turn), first_turn=first)
    assert flagged.flags == {0: (Flag("c1", "T", note, index),)}
    assert flagged.findings == []


def test_turn_alone() -> None:
    """A time without a note is the note."""
    assert flags_of(("c1", "T", "", "0:42")).flags == {0: (Flag("c1", "T", "at 0:42", None),)}


@pytest.mark.parametrize(("turn", "first"), [("0", "1"), ("-1", "0")])
def test_turn_before_the_first(turn: str, first: str) -> None:
    """A turn before the first is a warning, and stays in the note."""
    flagged = flags_of(("c1", "T", "note", turn), first_turn=first)
    assert flagged.flags == {0: (Flag("c1", "T", f"at {turn}: note", None),)}
    assert [(row, finding.code, finding.value) for row, finding in flagged.findings] == [
        (0, "flag-turn-negative", turn)
    ]


@given(st.text("a é😀", min_size=1, max_size=4), st.text("a é😀", max_size=4), st.integers(-3, 3))
def test_note_of_any_length(part: str, end: str, more: int) -> None:
    """A note keeps to its limit, and a comment has the whole of one that doesn't; what fits stays as it is."""
    note = part * (NOTE_LIMIT // count_units(part) + more) + end
    flagged = flags_of(("c1", "T", note))
    ((flag,),) = flagged.flags.values()
    assert count_units(flag.note) <= NOTE_LIMIT
    if count_units(note.strip()) <= NOTE_LIMIT:
        assert flag.note == note.strip()
        assert (flagged.notes, flagged.findings) == ({}, [])
    else:
        assert flag.note.endswith("…")
        assert note.strip().startswith(flag.note[:-1])
        ((comment,),) = flagged.notes.values()
        assert comment.text == f"The whole note of the flag T on call c1:\n\n{note.strip()}"
        assert [finding.code for _, finding in flagged.findings] == ["flag-note-shortened"]


def test_long_notes_of_one_call() -> None:
    """Each flag keeps its own whole note, where two of them begin alike too."""
    notes = ["x" * 5_000 + end for end in ("1", "2")]
    rules = [FlagRule.model_validate({"call": "Call", "type": "Type", "note": name}) for name in ("Note", "Turn")]
    flagged = read_flags(rules, [], Columns(chunk_of(HEADER, [["c1", "T", *notes, ""]])), sanitizer())
    assert len({comment.id for comment in flagged.notes[0]}) == 2


def test_call_that_the_links_refuse() -> None:
    """A flag's call must be what `check` demands of calls, so that nothing waits for a call that can't exist."""
    links = ({**CALLS, "check": UUID}, {"column": "Note", "type": "file", "check": "never"})
    flagged = flags_of(("0000000a-0001", "T"), ("n/a", "T"), links=links)
    assert list(flagged.flags) == [0]
    assert [(row, finding.code, finding.value) for row, finding in flagged.findings] == [
        (1, "flag-call-malformed", "n/a")
    ]
    assert list(flags_of(("n/a", "T"), links=(*links, CALLS)).flags) == [0]


def test_flags_come_once() -> None:
    """Two rules that say the same make one flag."""
    rules = [FlagRule.model_validate(RULE)] * 2
    assert len(read_flags(rules, [], Columns(chunk_of(HEADER, [["c1", "T", "n", "1", ""]])), sanitizer()).flags[0]) == 1


def test_flagged_calls_are_evidence() -> None:
    """A flagged call is attached behind the row's other evidence, once."""
    evidence = {0: (("call", "c1"), ("file", "f")), 2: (("file", "g"),)}
    flags = {0: (Flag("c2", "T", "", None), Flag("c1", "T", "", None)), 1: (Flag("c3", "T", "", 1),) * 2}
    assert attach_flagged(evidence, flags) == {
        0: (("call", "c1"), ("file", "f"), ("call", "c2")),
        1: (("call", "c3"),),
        2: (("file", "g"),),
    }


def test_flags_of_a_json_array() -> None:
    """Each object that names a call is one; what an expression can't be applied to is a warning that quotes it."""
    each = {"call": "call_id", "type": "sort(type)", "note": "note", "message_index": "turn"}
    rule = FlagRule.model_validate({"from": {"column": "Call", "each": {**each, "type": "type"}}})
    cell = (
        '[{"call_id": "c1", "type": "slow", "turn": 3}, {"call_id": "c1", "type": "rude", "note": "x"}, {"type": 1}, 7]'
    )
    columns = Columns(chunk_of(HEADER, [[cell, "", "", "", ""], ["no JSON", "", "", "", ""]]))
    assert read_flags([rule], [], columns, sanitizer()).flags == {
        0: (Flag("c1", "slow", "", 3), Flag("c1", "rude", "x", None))
    }
    odd = FlagRule.model_validate({"from": {"column": "Call", "each": each}})
    found = read_flags([odd], [], columns, sanitizer())
    assert found.flags == {}
    assert {finding.code for _, finding in found.findings} == {"flag-without-type"}


@pytest.mark.parametrize(
    "rule", [{}, {"call": "Call"}, {"from": {"column": "Call", "each": {"call": "a", "type": "b"}}, "note": "Note"}]
)
def test_a_flag_is_read_in_one_way(rule: dict[str, Any]) -> None:
    """From texts, of which call and type are needed, or from an array."""
    with pytest.raises(ValidationError):
        FlagRule.model_validate(rule)
