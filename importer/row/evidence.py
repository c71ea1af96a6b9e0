"""Evidence and flags of a row: calls, conversations and files that it names, and what is flagged on calls.

`CallReader` reads both, as only an attached call can be flagged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from jmespath.exceptions import JMESPathError

from importer.api import NOTE_LIMIT, count_units
from importer.mapping.issue_parts import FlagRule, FlagSource
from importer.mapping.model import Link
from importer.mapping.patterns import Searcher, compile_pattern
from importer.phrases import clip
from importer.records import Comment, Finding, Flag, IssueParts
from importer.row.compiler import Compiler, Holds, ReadCells, no_cells
from importer.row.part_reader import NOTHING_READ, CleanTexts, PartReader, RowParts
from importer.sources.source_rows import SourceRow
from importer.transform.cell_parts import (
    PartPaths,
    compile_parts,
    find_parts,
    names_in,
    read_ids,
    read_items,
    write_json,
)
from importer.transform.lengths import cut, is_longer
from importer.transform.markers import short_digest
from importer.transform.plain_text import read_integer

Resource = tuple[str, str]
"""A resource's type and id."""

_NAMES = {"call": "a call", "sms_conversation": "an SMS conversation", "file": "a file"}
ID_LIMIT = 300
"""How many characters an id may have: with the longest key it fits into an index of PostgreSQL."""
_QUOTED = 60
"""How many characters of a cell a message quotes."""

_CHECK_HINT = "correct the cell, or the `check` under `resource_links` in the mapping"
_TYPE_HINT = "fill the cell, or narrow the flag's `when` in the mapping"
_TURN_HINT = "`first_turn` under `flags` in the mapping says what the source calls the first turn"


class CallReader(PartReader):
    """Reads evidence and flags; every flagged call is attached."""

    def __init__(self, links: Sequence[Link], rules: Sequence[FlagRule], compiler: Compiler) -> None:
        self._evidence = EvidenceReader(links, compiler)
        self._flags = FlagReader(rules, links, compiler)

    @property
    def reads_anything(self) -> bool:
        """Whether the file has any column of evidence, or the mapping any rules of flags."""
        return self._evidence.reads_anything or self._flags.reads_anything

    def prepare(self, rows: Sequence[SourceRow]) -> None:
        """Nothing of them stands beside the rows."""

    def read(self, row: SourceRow, key: str, clean: CleanTexts) -> RowParts:
        """The resources and flags of a row: see `EvidenceReader.read` and `FlagReader.read`."""
        resources, malformed = self._evidence.read(row)
        flags = self._flags.read(row, clean)
        resources = attach_flagged(resources, flags.flags)
        if not resources and not malformed and not flags.findings:
            return NOTHING_READ
        parts = IssueParts(evidence=resources, flags=flags.flags)
        return RowParts(parts, flags.notes, (*malformed, *flags.findings))


class _CompiledLink(NamedTuple):
    """A link of a mapping, and what of it depends on the file and on nothing else."""

    spec: Link
    cells: ReadCells
    find: Searcher | None
    check: Searcher | None


class EvidenceReader:
    """Reads the resources that the rows of a file attach.

    reads_anything  whether the file has any column of them
    """

    def __init__(self, links: Sequence[Link], compiler: Compiler) -> None:
        self._links = list[_CompiledLink]()
        for link in links:
            cells = compiler.cells(link)
            if cells is not no_cells:
                find = None if link.find is None else compile_pattern(link.find)
                check = None if link.check is None else compile_pattern(link.check)
                self._links.append(_CompiledLink(link, cells, find, check))
        self.reads_anything = bool(self._links)

    def read(self, row: SourceRow) -> tuple[tuple[Resource, ...], list[Finding]]:
        """The resources of a row, each once and in order, and the findings of malformed ids.

        A malformed id only causes a warning and isn't sent: the issue is worth more than its evidence.
        """
        if not self._links:
            return (), []
        resources = dict[Resource, None]()
        findings = dict[Finding, None]()
        for link in self._links:
            for part in read_ids(link.cells(row), link.spec.split):
                for name in names_in(part, link.find):
                    if len(name) <= ID_LIMIT and (link.check is None or link.check.fullmatch(name)):
                        resources[link.spec.type, name] = None
                    else:
                        findings[_malformed(link.spec.type, name, part)] = None
        return tuple(resources), list(findings)


def _malformed(kind: str, name: str, cell: str) -> Finding:
    where = "" if cell == name else f", in {_quote(cell)}"
    message = f"{_quote(name)} can't be the id of {_NAMES[kind]}{where}; it isn't sent"
    return Finding("evidence-malformed", "evidence", message, _CHECK_HINT, name, rejects=False)


class RowFlags(NamedTuple):
    """What is flagged in a row.

    flags     its flags, in the order of the mapping's rules
    notes     a comment with the full note of each flag whose note was too long
    findings  all are warnings
    """

    flags: tuple[Flag, ...] = ()
    notes: tuple[Comment, ...] = ()
    findings: tuple[Finding, ...] = ()


NO_FLAGS = RowFlags()


class _FlagTexts(NamedTuple):
    """The texts of a flag, as the source has them."""

    call: str
    type: str
    note: str
    turn: str


_ReadFlags = Callable[[SourceRow], Iterable[_FlagTexts]]


class FlagReader:
    """Reads the flags of a file's rows.

    reads_anything  whether the mapping has any rules of flags
    """

    def __init__(self, rules: Sequence[FlagRule], links: Sequence[Link], compiler: Compiler) -> None:
        self._rules = [(int(rule.first_turn), _compile_rule(rule, compiler)) for rule in rules]
        self._checks = _call_checks(links)
        self.reads_anything = bool(rules)

    def read(self, row: SourceRow, clean: CleanTexts) -> RowFlags:
        """The flags of a row, one for each rule that holds and names a call, each once.

        The call's id has to pass the `check` of the links of calls. A turn that isn't a number, such as a time, goes to
        the beginning of the note; so does a turn before the first, with a finding. A note that is too long becomes a
        comment.
        """
        if not self._rules:
            return NO_FLAGS
        raw_flags = list[Flag]()
        findings = dict[Finding, None]()
        for first_turn, read_texts in self._rules:
            for texts in read_texts(row):
                flag, finding = _make_flag(texts, self._checks, first_turn)
                if flag is not None:
                    raw_flags.append(flag)
                if finding is not None:
                    findings[finding] = None
        if not raw_flags:
            return RowFlags(findings=tuple(findings))
        flags = dict.fromkeys(_clean(raw_flags, clean))  # before it is measured: what does no harm may be longer
        longer = [flag for flag in flags if is_longer(flag.note, NOTE_LIMIT)]
        for flag in longer:
            findings[_shortened(flag)] = None
        return RowFlags(tuple(map(_fit, flags)), tuple(map(_whole_note, longer)), tuple(findings))


def _clean(flags: Sequence[Flag], clean: CleanTexts) -> Iterator[Flag]:
    """Yield the flags with their types and notes sanitised."""
    texts = list[str]()
    for flag in flags:
        texts += flag.type, flag.note
    cleaned = clean("flags", texts)
    for flag, kind, note in zip(flags, cleaned[::2], cleaned[1::2], strict=True):
        yield flag._replace(type=kind, note=note)


def compile_flagged(rule: FlagRule, compiler: Compiler) -> Holds:
    """Whether a rule holds for a row and, unless it reads an array, the row names a call."""
    holds = compiler.holds(rule.when or ())
    if rule.from_ is not None:
        return holds
    call = compiler.stripped(rule.call)

    def is_flagged(row: SourceRow) -> bool:
        return bool(call(row)) and holds(row)

    return is_flagged


def _compile_rule(rule: FlagRule, compiler: Compiler) -> _ReadFlags:
    """What reads the texts of a rule's flags from a row: at most those of one flag, unless it reads an array."""
    is_flagged = compile_flagged(rule, compiler)
    if rule.from_ is not None:
        return _compile_array(rule.from_, is_flagged, compiler)
    call, kind = compiler.stripped(rule.call), compiler.stripped(rule.type)
    note, turn = compiler.stripped(rule.note), compiler.stripped(rule.message_index)

    def read(row: SourceRow) -> Iterable[_FlagTexts]:
        if not is_flagged(row):
            return ()
        return (_FlagTexts(call(row), kind(row), note(row), turn(row)),)

    return read


def _compile_array(source: FlagSource, is_flagged: Holds, compiler: Compiler) -> _ReadFlags:
    """What reads the flags in an array of JSON objects; what is no object, or names no call, is none."""
    cells, paths = compiler.cells(source), compile_parts(source.each)

    def read(row: SourceRow) -> Iterable[_FlagTexts]:
        if not is_flagged(row):
            return
        for cell in read_ids(cells(row), None):
            for item in read_items(cell) or ():
                texts = _read_object(item, paths)
                if texts is not None and texts.call:
                    yield texts

    return read


def _read_object(item: Any, paths: PartPaths) -> _FlagTexts | None:
    if not isinstance(item, dict):
        return None
    try:
        parts = find_parts(item, paths)
    except JMESPathError:  # without a type it isn't sent, and a warning quotes it
        return _FlagTexts(write_json(item), "", "", "")
    return _FlagTexts(*(parts.get(name, "").strip() for name in ("call", "type", "note", "message_index")))


def _call_checks(links: Sequence[Link]) -> list[Searcher]:
    """The patterns of call links, one of which a call's id must match; empty if a link takes any id."""
    checks = list[Searcher]()
    for link in links:
        if link.type != "call":
            continue
        if link.check is None:
            return []
        checks.append(compile_pattern(link.check))
    return checks


def _make_flag(texts: _FlagTexts, checks: Sequence[Searcher], first_turn: int) -> tuple[Flag | None, Finding | None]:
    """The flag with its whole note, or None if it can't be sent; and a finding, if any."""
    if len(texts.call) > ID_LIMIT or (checks and not any(check.fullmatch(texts.call) for check in checks)):
        message = f"{_quote(texts.call)} can't be the id of a call; its flag isn't sent"
        return None, _warning("flag-call-malformed", message, _CHECK_HINT, texts.call)
    if not texts.type:
        return None, _warning("flag-without-type", f"the flag on call {_quote(texts.call)} isn't sent", _TYPE_HINT)
    number = read_integer(texts.turn)  # no call has a turn of ten digits
    turn = None if number is None else number - first_turn
    if turn is not None and turn >= 0:
        return Flag(texts.call, texts.type, texts.note, turn), None
    place = f"at {texts.turn}" if texts.turn else ""
    flag = Flag(texts.call, texts.type, ": ".join(filter(None, (place, texts.note))), None)
    if turn is None:
        return flag, None
    message = f"the turn {texts.turn} is before the first, {first_turn}; it is written in the flag's note instead"
    return flag, _warning("flag-turn-negative", message, _TURN_HINT, texts.turn)


def _fit(flag: Flag) -> Flag:
    if not is_longer(flag.note, NOTE_LIMIT):
        return flag
    return flag._replace(note=cut(flag.note, NOTE_LIMIT - 1).rstrip() + "…")


def attach_flagged(evidence: tuple[Resource, ...], flags: Iterable[Flag]) -> tuple[Resource, ...]:
    """The evidence of a row plus every flagged call, since only an attached call can be flagged."""
    calls = [("call", flag.call) for flag in flags]
    if not calls:
        return evidence
    return tuple(dict.fromkeys((*evidence, *calls)))


_BEHIND = ":\n\n"
"""Between the name of a flag and its whole note."""


def leave_said(notes: Iterable[Comment], comments: Iterable[Comment]) -> tuple[Comment, ...]:
    """Leave out the whole notes of flags that these comments say themselves."""
    texts = [comment.text for comment in comments]
    news = list[Comment]()
    for note in notes:
        _, _, whole_note = note.text.partition(_BEHIND)
        if not any(whole_note in text for text in texts):
            news.append(note)
    return tuple(news)


def _whole_note(flag: Flag) -> Comment:
    """The note as a comment, whose id is made from its text."""
    text = f"The whole note of the flag {flag.type} on call {flag.call}{_BEHIND}{flag.note}"
    return Comment(short_digest(text), author="", date="", text=text)


def _shortened(flag: Flag) -> Finding:
    message = f"cut from {count_units(flag.note):,} characters; a comment has the whole note"
    return _warning("flag-note-shortened", message, f"up to {NOTE_LIMIT:,} characters stay with the flag")


def _warning(code: str, message: str, hint: str, value: str = "") -> Finding:
    return Finding(code, "flags", message, hint, value, rejects=False)


def _quote(text: str) -> str:
    return repr(clip(text, _QUOTED))
