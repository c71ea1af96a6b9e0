"""Evidence and flags of a chunk: calls, conversations and files that its rows name, and what is flagged on calls."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from jmespath.exceptions import JMESPathError

from importer.api import NOTE_LIMIT, count_units
from importer.mapping.issue_parts import FlagRule, FlagSource
from importer.mapping.model import Link
from importer.mapping.patterns import Searcher, compile_pattern
from importer.phrases import clip
from importer.records import Comment, Finding, Flag
from importer.transform.cell_parts import (
    PartPaths,
    compile_parts,
    each_id,
    find_ids,
    find_parts,
    read_items,
    write_json,
)
from importer.transform.columns import Columns
from importer.transform.lengths import cut, is_longer
from importer.transform.markers import hex_digest
from importer.transform.masks import Mask
from importer.transform.prose import ColumnSanitizer

Resource = tuple[str, str]
"""A resource's type and id."""

_NAMES = {"call": "a call", "sms_conversation": "an SMS conversation", "file": "a file"}
_TURN = re.compile(r"(-?[0-9]{1,9})(?:\.0+)?")  # a spreadsheet makes 7.0 of 7; no call has a turn of ten digits
ID_LIMIT = 300
"""How many characters an id may have: with the longest key it fits into an index of PostgreSQL."""
_SHOWN = 60
"""How many characters of a cell a message quotes."""

_CHECK_HINT = "correct the cell, or the `check` under `resource_links` in the mapping"
_TYPE_HINT = "fill the cell, or narrow the flag's `when` in the mapping"
_TURN_HINT = "`first_turn` under `flags` in the mapping says what the source calls the first turn"


class ChunkFlags(NamedTuple):
    """The flags in a chunk.

    flags     row → its flags, in the order of the mapping's rules
    notes     row → a comment with the full note of each flag whose note was too long
    findings  (row, finding); all are warnings
    """

    flags: dict[int, tuple[Flag, ...]]
    notes: dict[int, tuple[Comment, ...]]
    findings: list[tuple[int, Finding]]


def read_evidence(
    links: Sequence[Link], columns: Columns
) -> tuple[dict[int, tuple[Resource, ...]], list[tuple[int, Finding]]]:
    """Row → the resources that it attaches, each once and in order; and (row, finding) of malformed ids.

    A malformed id only causes a warning and isn't sent: the issue is worth more than its evidence.
    """
    evidence: dict[int, dict[Resource, None]] = {}
    findings: dict[tuple[int, Finding], None] = {}
    for link in links:
        find, check = (None if pattern is None else compile_pattern(pattern) for pattern in (link.find, link.check))
        for row, part in each_id(columns, link, link.split):
            for name in (part,) if find is None else find_ids(find, part):
                if len(name) <= ID_LIMIT and (check is None or check.fullmatch(name)):
                    evidence.setdefault(row, {})[link.type, name] = None
                else:
                    findings[row, _malformed(link.type, name, part)] = None
    return {row: tuple(resources) for row, resources in evidence.items()}, list(findings)


def _malformed(kind: str, name: str, cell: str) -> Finding:
    where = "" if cell == name else f", in {_shown(cell)}"
    message = f"{_shown(name)} can't be the id of {_NAMES[kind]}{where}; it isn't sent"
    return Finding("evidence-malformed", "evidence", message, _CHECK_HINT, name, rejects=False)


def read_flags(
    rules: Sequence[FlagRule], links: Sequence[Link], columns: Columns, clean: ColumnSanitizer
) -> ChunkFlags:
    """Read the flags of each row where a rule holds and names a call, each once.

    The call's id has to pass the `check` of the links of calls. A turn that isn't a number, such as a time, goes to the
    beginning of the note; so does a turn before the first, with a finding. A note that is too long becomes a comment.
    """
    checks = _call_checks(links)
    read = list[tuple[int, Flag]]()
    findings: dict[tuple[int, Finding], None] = {}
    for rule in rules:
        for row, texts in _find_flags(rule, columns):
            flag, finding = _read_flag(texts, checks, int(rule.first_turn))
            if flag is not None:
                read.append((row, flag))
            if finding is not None:
                findings[row, finding] = None
    whole: dict[int, dict[Flag, None]] = {}
    for row, flag in _clean_flags(read, clean):  # before it is measured: a text that does no harm may be longer
        whole.setdefault(row, {})[flag] = None
    longer = [(row, flag) for row, flags in whole.items() for flag in flags if is_longer(flag.note, NOTE_LIMIT)]
    notes: dict[int, tuple[Comment, ...]] = {}
    for row, flag in longer:
        notes[row] = (*notes.get(row, ()), _whole_note(flag))
        findings[row, _shortened(flag)] = None
    return ChunkFlags({row: tuple(map(_fitting, flags)) for row, flags in whole.items()}, notes, list(findings))


def _clean_flags(flags: Sequence[tuple[int, Flag]], clean: ColumnSanitizer) -> Iterator[tuple[int, Flag]]:
    """Yield the flags with their types and notes sanitised."""
    texts = [text for _, flag in flags for text in (flag.type, flag.note)]
    cleaned = clean.column("flags", texts, [row for row, _ in flags for _ in range(2)]) if flags else []
    for (row, flag), type_, note in zip(flags, cleaned[::2], cleaned[1::2], strict=True):
        yield row, flag._replace(type=type_, note=note)


def attach_flagged(
    evidence: Mapping[int, tuple[Resource, ...]], flags: Mapping[int, tuple[Flag, ...]]
) -> dict[int, tuple[Resource, ...]]:
    """The evidence plus every flagged call, since only an attached call can be flagged."""
    attached = dict(evidence)
    for row, flagged in flags.items():
        calls = (("call", flag.call) for flag in flagged)
        attached[row] = tuple(dict.fromkeys((*attached.get(row, ()), *calls)))
    return attached


class _FlagTexts(NamedTuple):
    """The texts of one row's flag, as the source has them."""

    call: str
    type: str
    note: str
    turn: str


def choose_flagged(rule: FlagRule, columns: Columns) -> Mask:
    """The rows where a rule holds and, unless it reads an array, names a call."""
    named = None if rule.from_ is not None else Mask.where(columns.stripped(rule.call))
    return columns.holds(rule.when or (), among=named)


def _find_flags(rule: FlagRule, columns: Columns) -> Iterator[tuple[int, _FlagTexts]]:
    chosen = choose_flagged(rule, columns)
    if rule.from_ is not None:
        yield from _find_flags_in(rule.from_, chosen, columns)
        return
    if rows := chosen.rows:
        parts = (rule.call, rule.type, rule.note, rule.message_index)
        calls, types, notes, turns = (columns.stripped(text) for text in parts)
        for row in rows:
            yield row, _FlagTexts(calls[row], types[row], notes[row], turns[row])


def _find_flags_in(source: FlagSource, chosen: Mask, columns: Columns) -> Iterator[tuple[int, _FlagTexts]]:
    """The flags in an array of JSON objects; what is no object, or names no call, is none."""
    paths = compile_parts(source.each)
    for row, cell in each_id(columns, source, None):
        if chosen[row]:
            for item in read_items(cell) or ():
                if isinstance(item, dict) and (texts := _read_object(item, paths)).call:
                    yield row, texts


def _read_object(item: dict[str, Any], paths: PartPaths) -> _FlagTexts:
    try:
        found = find_parts(item, paths)
    except JMESPathError:  # without a type it isn't sent, and a warning quotes it
        return _FlagTexts(write_json(item), "", "", "")
    return _FlagTexts(*(found.get(name, "").strip() for name in ("call", "type", "note", "message_index")))


def _call_checks(links: Sequence[Link]) -> list[Searcher]:
    """The patterns of call links, one of which a call's id must match; empty if a link takes any id."""
    checks = [link.check for link in links if link.type == "call"]
    return [compile_pattern(check) for check in checks if check is not None] if None not in checks else []


def _read_flag(texts: _FlagTexts, checks: Sequence[Searcher], first_turn: int) -> tuple[Flag | None, Finding | None]:
    """The flag with its whole note, or None if it can't be sent; and a finding, if any."""
    if len(texts.call) > ID_LIMIT or (checks and not any(check.fullmatch(texts.call) for check in checks)):
        message = f"{_shown(texts.call)} can't be the id of a call; its flag isn't sent"
        return None, _warning("flag-call-malformed", message, _CHECK_HINT, texts.call)
    if not texts.type:
        return None, _warning("flag-without-type", f"the flag on call {_shown(texts.call)} isn't sent", _TYPE_HINT)
    number = _TURN.fullmatch(texts.turn)
    turn = int(number[1]) - first_turn if number else None
    if turn is not None and turn >= 0:
        return Flag(texts.call, texts.type, texts.note, turn), None
    note = ": ".join(filter(None, (f"at {texts.turn}" if texts.turn else "", texts.note)))
    flag = Flag(texts.call, texts.type, note, None)
    if turn is None:
        return flag, None
    message = f"the turn {texts.turn} is before the first, {first_turn}; it is written in the flag's note instead"
    return flag, _warning("flag-turn-negative", message, _TURN_HINT, texts.turn)


def _fitting(flag: Flag) -> Flag:
    if not is_longer(flag.note, NOTE_LIMIT):
        return flag
    return flag._replace(note=cut(flag.note, NOTE_LIMIT - 1).rstrip() + "…")


_BEHIND = ":\n\n"
"""Between the name of a flag and its whole note."""


def leave_said(notes: Iterable[Comment], said: Iterable[Comment]) -> tuple[Comment, ...]:
    """Leave out the whole notes of flags that these comments say themselves."""
    texts = [each.text for each in said]
    return tuple(each for each in notes if not any(each.text.partition(_BEHIND)[2] in text for text in texts))


def _whole_note(flag: Flag) -> Comment:
    """The note as a comment, whose id is made from its text."""
    text = f"The whole note of the flag {flag.type} on call {flag.call}{_BEHIND}{flag.note}"
    return Comment(hex_digest(text)[:16], author="", date="", text=text)


def _shortened(flag: Flag) -> Finding:
    message = f"cut from {count_units(flag.note):,} characters; a comment has the whole note"
    return _warning("flag-note-shortened", message, f"up to {NOTE_LIMIT:,} characters stay with the flag")


def _warning(code: str, message: str, hint: str, value: str = "") -> Finding:
    return Finding(code, "flags", message, hint, value, rejects=False)


def _shown(text: str) -> str:
    return repr(clip(text, _SHOWN))
