"""The calls, conversations and files that rows name, and what is flagged on calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from importer.api import NOTE_LIMIT, count_units
from importer.mapping.issue_parts import FlagRule
from importer.mapping.model import Link
from importer.records import Comment, Finding, Flag
from importer.row.evidence import (
    EvidenceReader,
    FlagReader,
    Resource,
    RowFlags,
    attach_flagged,
    compile_flagged,
    leave_said,
)
from importer.sources.source_rows import SourceRows
from tests.harness.making import source_rows_of
from tests.harness.read_rows import rows_and_compiler

HEADER = ("Call", "Type", "Note", "Turn", "Verdict")
RULE = {"call": "Call", "type": "Type", "note": "Note", "message_index": "Turn"}
CALLS = {"column": "Call", "type": "call"}
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}"


def read_evidence(links: Sequence[Link], source_rows: SourceRows) -> list[tuple[tuple[Resource, ...], list[Finding]]]:
    rows, compiler = rows_and_compiler(source_rows)
    return list(map(EvidenceReader(links, compiler).read, rows))


def evidence_of(*cells: str, **spec: Any) -> tuple[list[tuple[Resource, ...]], list[list[Finding]]]:
    """What each cell attaches, and its findings."""
    source_rows = source_rows_of(["Call"], [[cell] for cell in cells])
    rows = read_evidence([Link.model_validate(CALLS | spec)], source_rows)
    return [resources for resources, _ in rows], [findings for _, findings in rows]


def read_flags(rules: Sequence[FlagRule], links: Sequence[Link], source_rows: SourceRows) -> list[RowFlags]:
    rows, compiler = rows_and_compiler(source_rows)
    reader = FlagReader(rules, links, compiler)
    return [reader.read(row, lambda field, texts: list(texts)) for row in rows]


def flags_of(*rows: tuple[str, ...], links: tuple[dict[str, Any], ...] = (), **rule: Any) -> list[RowFlags]:
    """What a rule flags in rows whose last cells may be left out."""
    filled = [(*row, *[""] * (len(HEADER) - len(row))) for row in rows]
    rules = [FlagRule.model_validate(RULE | rule)]
    return read_flags(rules, list(map(Link.model_validate, links)), source_rows_of(HEADER, filled))


def codes_of(row: RowFlags) -> list[str]:
    return [finding.code for finding in row.findings]


def test_each_cell_is_an_id() -> None:
    """Each filled cell is an id, `split` takes it apart, and what comes twice is attached once."""
    evidence, findings = evidence_of(" b ; a;;b", "", " ", split=";")
    assert evidence == [(("call", "b"), ("call", "a")), (), ()]
    assert findings == [[], [], []]


def test_several_links() -> None:
    """The links of a mapping come in its order, over all cells of columns that repeat."""
    links = [Link.model_validate(CALLS), Link.model_validate({"column": "File", "type": "file"})]
    source_rows = source_rows_of(["File", "Call", "Call"], [["f", "c1", "c2"], ["f", "", ""]])
    assert [resources for resources, _ in read_evidence(links, source_rows)] == [
        (("call", "c1"), ("call", "c2"), ("file", "f")),
        (("file", "f"),),
    ]


def test_a_file_without_the_column() -> None:
    """Attaches nothing."""
    assert read_evidence([Link.model_validate(CALLS)], source_rows_of(["Other"], [["c1"]])) == [((), [])]


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
    evidence, findings = evidence_of("heard in call 0000000a-0001,\nand in 0000000b-0002.", find=find)
    assert evidence == [tuple(("call", name) for name in ids)]
    assert findings == [[]]


def test_malformed() -> None:
    """An id that `check` doesn't match whole is a warning that names it, once a row; the others are attached."""
    evidence, ((first,), (second,)) = evidence_of("0000000a-0001,n/a,n/a", "0000000a-0001x", check=UUID, split=",")
    assert evidence == [(("call", "0000000a-0001"),), ()]
    assert (first.code, first.value, first.rejects) == ("evidence-malformed", "n/a", False)
    assert (second.code, second.value, second.rejects) == ("evidence-malformed", "0000000a-0001x", False)


def test_too_long() -> None:
    """No id is as long as a text that got into its column: neither evidence nor a flag's call."""
    evidence, (nothing, (finding,)) = evidence_of("1" * 300, "1" * 301)
    assert (evidence, nothing) == ([(("call", "1" * 300),), ()], [])
    assert finding.code == "evidence-malformed"
    fitting, longer = flags_of(("1" * 300, "T"), ("1" * 301, "T"))
    assert (len(fitting.flags), fitting.findings) == (1, ())
    assert (longer.flags, codes_of(longer)) == ((), ["flag-call-malformed"])


def test_malformed_in_a_text() -> None:
    """The warning shows where the id stood, but not the whole of a long text."""
    _, ((finding,),) = evidence_of("call 12 " + "x" * 500, find=r"call (\S+)", check=UUID)
    assert finding.message.startswith("'12' can't be the id of a call, in 'call 12 xxx")
    assert len(finding.message) < 200


def test_flag() -> None:
    """A row with a call is flagged with what its columns say; one without is not."""
    rows = flags_of((" c1 ", " Missed intent ", " said twice ", "7"), ("", "Type", "Note"), ("c2", "Type"))
    assert rows == [
        ((Flag("c1", "Missed intent", "said twice", 7),), (), ()),
        ((), (), ()),
        ((Flag("c2", "Type", "", None),), (), ()),
    ]


def test_rule_without_note_and_turn() -> None:
    """A rule needs no note and no turn; its type may be a constant."""
    (row,) = flags_of(("c1", "", "note", "1"), note=None, message_index=None, type={"value": "quality"})
    assert row.flags == (Flag("c1", "quality", "", None),)


def test_when() -> None:
    """A rule flags the rows where all its conditions hold."""
    rows = [("c1", "T", "", "", "fail"), ("c2", "T", "", "", "pass"), ("", "T", "", "", "fail")]
    flagged = flags_of(*rows, when={"column": "Verdict", "is": "fail"})
    assert [bool(row.flags) for row in flagged] == [True, False, False]


def test_a_date_of_a_row_without_a_call_is_no_matter() -> None:
    """Conditions are asked where a call is named; where the flags are in an array, of every row."""
    rows, compiler = rows_and_compiler(
        source_rows_of(["Call", "Day"], [["", "soon"], ["c1", "soon"], ["c1", "2020-01-02"]])
    )
    when = {"column": "Day", "after": "2020-01-01"}
    flagged = compile_flagged(FlagRule.model_validate({"call": "Call", "type": "Call", "when": when}), compiler)
    assert [(flagged(row), row.unreadable) for row in rows] == [(False, ""), (False, "soon"), (True, "")]
    array = {"column": "Call", "each": {"call": "id", "type": "type"}}
    flagged = compile_flagged(FlagRule.model_validate({"from": array, "when": when}), compiler)
    assert [(flagged(row), row.unreadable) for row in rows] == [(False, "soon"), (False, "soon"), (True, "")]


def test_no_type() -> None:
    """A flag without a type is a warning, and isn't sent."""
    (row,) = flags_of(("c1", " ", "note"))
    assert row.flags == ()
    assert [(finding.code, finding.rejects) for finding in row.findings] == [("flag-without-type", False)]


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
    (row,) = flags_of(("c1", "T", "note", turn), first_turn=first)
    assert row == ((Flag("c1", "T", note, index),), (), ())


def test_turn_alone() -> None:
    """A time without a note is the note."""
    (row,) = flags_of(("c1", "T", "", "0:42"))
    assert row.flags == (Flag("c1", "T", "at 0:42", None),)


@pytest.mark.parametrize(("turn", "first"), [("0", "1"), ("-1", "0")])
def test_turn_before_the_first(turn: str, first: str) -> None:
    """A turn before the first is a warning, and stays in the note."""
    (row,) = flags_of(("c1", "T", "note", turn), first_turn=first)
    assert row.flags == (Flag("c1", "T", f"at {turn}: note", None),)
    assert [(finding.code, finding.value) for finding in row.findings] == [("flag-turn-negative", turn)]


@given(st.text("a é😀", min_size=1, max_size=4), st.text("a é😀", max_size=4), st.integers(-3, 3))
def test_note_of_any_length(part: str, end: str, more: int) -> None:
    """A note keeps to its limit, and a comment has the whole of one that doesn't; what fits stays as it is."""
    note = part * (NOTE_LIMIT // count_units(part) + more) + end
    (row,) = flags_of(("c1", "T", note))
    (flag,) = row.flags
    assert count_units(flag.note) <= NOTE_LIMIT
    if count_units(note.strip()) <= NOTE_LIMIT:
        assert flag.note == note.strip()
        assert (row.notes, row.findings) == ((), ())
    else:
        assert flag.note.endswith("…")
        assert note.strip().startswith(flag.note[:-1])
        (comment,) = row.notes
        assert comment.text == f"The whole note of the flag T on call c1:\n\n{note.strip()}"
        assert codes_of(row) == ["flag-note-shortened"]


def test_long_notes_of_one_call() -> None:
    """Each flag keeps its own whole note, where two of them begin alike too."""
    notes = ["x" * 5_000 + end for end in ("1", "2")]
    rules = [FlagRule.model_validate({"call": "Call", "type": "Type", "note": name}) for name in ("Note", "Turn")]
    (row,) = read_flags(rules, [], source_rows_of(HEADER, [["c1", "T", *notes, ""]]))
    assert len({comment.id for comment in row.notes}) == 2
    assert codes_of(row) == ["flag-note-shortened"]  # as both are of one length


def test_call_that_the_links_refuse() -> None:
    """A flag's call must be what `check` demands of calls, so that nothing waits for a call that can't exist."""
    links = ({**CALLS, "check": UUID}, {"column": "Note", "type": "file", "check": "never"})
    good, bad = flags_of(("0000000a-0001", "T"), ("n/a", "T"), links=links)
    assert (len(good.flags), good.findings) == (1, ())
    assert bad.flags == ()
    assert [(finding.code, finding.value) for finding in bad.findings] == [("flag-call-malformed", "n/a")]
    (row,) = flags_of(("n/a", "T"), links=(*links, CALLS))
    assert len(row.flags) == 1


def test_flags_come_once() -> None:
    """Two rules that say the same make one flag."""
    rules = [FlagRule.model_validate(RULE)] * 2
    (row,) = read_flags(rules, [], source_rows_of(HEADER, [["c1", "T", "n", "1", ""]]))
    assert len(row.flags) == 1


def test_flags_are_cleaned() -> None:
    """Their types and notes, before they are compared and measured."""
    rows, compiler = rows_and_compiler(source_rows_of(HEADER, [["c1", "T", "note", "1", ""], ["", "", "", "", ""]]))
    rules = [FlagRule.model_validate(RULE), FlagRule.model_validate(RULE | {"type": {"value": "t"}})]
    cleaned = list[tuple[str, Sequence[str]]]()

    def clean(field: str, texts: Sequence[str]) -> list[str]:
        cleaned.append((field, texts))
        return [text.upper() for text in texts]

    reader = FlagReader(rules, [], compiler)
    assert [reader.read(row, clean).flags for row in rows] == [(Flag("c1", "T", "NOTE", 1),), ()]
    assert cleaned == [("flags", ["T", "note", "t", "note"])]


def test_flagged_calls_are_evidence() -> None:
    """A flagged call is attached behind the row's other evidence, once."""
    first, second = ("call", "c1"), ("call", "c2")
    flags = [Flag("c2", "T", "", None), Flag("c1", "T", "", None), Flag("c2", "T", "", 1)]
    assert attach_flagged((first, ("file", "f")), flags) == (first, ("file", "f"), second)
    assert attach_flagged((), flags) == (second, first)
    assert attach_flagged((("file", "g"),), ()) == (("file", "g"),)


def test_whole_notes_that_comments_say() -> None:
    """Are left out; others stay in order."""
    notes = [flags_of(("c1", "T", start + "x" * NOTE_LIMIT))[0].notes[0] for start in ("a", "b", "c")]
    comment = Comment("1", "", "", f"It says: b{'x' * NOTE_LIMIT}.")
    assert leave_said(notes, [comment]) == (notes[0], notes[2])
    assert leave_said(notes, []) == tuple(notes)


def test_flags_of_a_json_array() -> None:
    """Each object that names a call is one; what an expression can't be applied to is a warning that quotes it."""
    each = {"call": "call_id", "type": "sort(type)", "note": "note", "message_index": "turn"}
    rule = FlagRule.model_validate({"from": {"column": "Call", "each": {**each, "type": "type"}}})
    cell = (
        '[{"call_id": "c1", "type": "slow", "turn": 3}, {"call_id": "c1", "type": "rude", "note": "x"}, {"type": 1}, 7]'
    )
    source_rows = source_rows_of(HEADER, [[cell, "", "", "", ""], ["no JSON", "", "", "", ""]])
    rows = read_flags([rule], [], source_rows)
    assert [row.flags for row in rows] == [(Flag("c1", "slow", "", 3), Flag("c1", "rude", "x", None)), ()]
    odd = FlagRule.model_validate({"from": {"column": "Call", "each": each}})
    first, second = read_flags([odd], [], source_rows)
    assert (first.flags, second) == ((), RowFlags())
    assert set(codes_of(first)) == {"flag-without-type"}


@pytest.mark.parametrize(
    "rule", [{}, {"call": "Call"}, {"from": {"column": "Call", "each": {"call": "a", "type": "b"}}, "note": "Note"}]
)
def test_a_flag_is_read_in_one_way(rule: dict[str, Any]) -> None:
    """From texts, of which call and type are needed, or from an array."""
    with pytest.raises(ValidationError):
        FlagRule.model_validate(rule)
