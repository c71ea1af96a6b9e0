"""Explaining one row: for each field of its issue the cells, the rule, the line of the mapping, and the result."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from importer.api import PERSON_FIELDS, VALUE_FIELDS
from importer.check.check_pass import is_spooled, key_spool, spool_row
from importer.check.checked_row import CheckedRow
from importer.check.duplicates import DuplicateVerdict
from importer.check.examine import RowRun, examine
from importer.check.job import Job
from importer.check.knowledge import NoLedger
from importer.check.plan import plan_row_additions
from importer.errors import UsageError
from importer.mapping.model import key_of_holder
from importer.mapping.reader import LoadedMapping
from importer.mapping.texts import KeyPath, Text
from importer.records import NO_PARTS, Act, Addition, Finding, Ref
from importer.row.compiler import Compiler
from importer.row.issue import Issue
from importer.row.value_maps import Step
from importer.row.verdicts import AnswerReader
from importer.sources.source_rows import SourceRow
from importer.transform.plain_text import is_filled

LINE_BREAK = re.compile(r"\r\n|\r|\n")

REASONS = {
    "rule": "a rule holds",
    "constant": "a constant",
    "mapped": "the value map has it",
    "same": "it is Triage's own name",
    "fallback": "the value map has its fallback",
    "undecided": "the mapping leaves it undecided",
    "kept": "unknown values are kept as written",
    "default": "the cell is empty: the default",
    "unknown": "the value map doesn't have it",
    "missing": "the cell is empty and there is no default",
}


@dataclass(frozen=True, slots=True)
class Trace:
    """A field of the issue: its source cells as (name, text), the rule, its line in the mapping, and the result."""

    field: str
    cells: tuple[tuple[str, str], ...]
    reason: str
    place: str
    result: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one row. Where several rows are one issue, title, description, body and additions are its.

    skip       code of the rule that leaves the row out, "" if none does
    body       the exact body of its create, None if none would be sent
    additions  what would be sent after the create
    """

    key: str
    file_name: str
    record: int
    line: int
    traces: tuple[Trace, ...]
    findings: tuple[Finding, ...]
    skip: str
    title: str
    description: str
    body: bytes | None
    additions: tuple[Addition, ...] = ()

    @property
    def outcome(self) -> str:
        """What becomes of it in a check: `rejected`, `skipped` or `planned`."""
        return "skipped" if self.skip else "rejected" if any(each.rejects for each in self.findings) else "planned"

    def lose(self, verdict: DuplicateVerdict) -> Explanation:
        """The explanation of a row that loses against another one with its key."""
        skip = "" if verdict.finding.rejects else verdict.finding.code
        return replace(self, findings=(*self.findings, verdict.finding), skip=skip, body=None, additions=())


def explain_rows(job: Job, which: str) -> list[Explanation]:
    """Explain the rows with this key (native or full), else those of the record at this line, `LINE` or `FILE:LINE`.

    A line is a physical one, without a file of the first file; its rows come first. Raises UsageError if there is no
    such row.
    """
    file_name, _, number = which.rpartition(":")
    line = (file_name or job.source.files[0].name, int(number) if number.isdecimal() else 0)
    found, at_line = _read_rows(job, {which, f"{job.source_name}:{which}"}, line)
    if found:
        return found
    if not at_line:
        raise UsageError(
            f"No row has the key {which!r}, and none is at that line.",
            hint="`triage-import validate` lists every row with its key and line in results.csv.",
        )
    keys = {each.key for each in at_line if each.key}
    same = _read_rows(job, keys)[0] if keys else []
    by_place = {(each.file_name, each.record): each for each in same}
    own = [by_place.get((each.file_name, each.record), each) for each in at_line]
    return [*own, *(each for each in same if each not in own)]


def _read_rows(
    job: Job, keys: set[str], line: tuple[str, int] = ("", 0)
) -> tuple[list[Explanation], list[Explanation]]:
    """Read the source once and explain the rows with one of these keys; if there is none yet, also those at a line."""
    found, at_line = dict[int, Explanation](), list[Explanation]()
    has_answers = job.mapping.model.each is not None  # else the records of a JSON document may share a line
    with key_spool(job) as spool:
        for run in examine(job):
            leaders = {member: row for row in run.rows for member in row.members}
            for row in run.rows:
                if row.key in keys and not row.follows:
                    found[row.place] = _explain(job.mapping, run, row, row)
            goes_on = not at_line or (has_answers and at_line[-1].line == run.source.rows[0].line)
            if goes_on and not found and run.source.file_name == line[0]:
                rows = [run.rows[number] for number in _rows_at(run.source.rows, line[1])]
                at_line += (
                    _explain(job.mapping, run, row, leaders[row]) for row in (rows if has_answers else rows[-1:])
                )
            spool.add([spool_row(row, run.source.file) for row in run.rows if is_spooled(row) and row.key in keys])
            del run, leaders  # else the next rows would be read beside these
        verdicts = spool.verdicts()
    return [each.lose(verdicts[at]) if at in verdicts else each for at, each in found.items()], at_line


def _rows_at(rows: Sequence[SourceRow], line: int) -> range:
    """Return the rows of the record that a physical line is part of, none for blank lines and the header."""
    lines = [row.line for row in rows]
    end = bisect_right(lines, line)
    if not end:
        return range(0)
    start, raw = lines[end - 1], rows[end - 1].raw
    cells = [raw] if isinstance(raw, str) else raw
    breaks = sum(len(LINE_BREAK.findall(cell)) for cell in cells)
    return range(bisect_left(lines, start), end if line <= start + breaks else 0)


def _explain(mapping: LoadedMapping, run: RowRun, row: CheckedRow, leader: CheckedRow) -> Explanation:
    """Explain a row, whose issue has what its leading row says."""
    if leader.body:
        plan_row_additions([leader], NoLedger())
    return Explanation(
        key=row.key,
        file_name=run.source.file_name,
        record=row.issue.row.record,
        line=row.issue.row.line,
        traces=tuple(_Tracer(mapping, run.compiler, row.issue).traces()),
        findings=tuple(row.findings),
        skip=row.skip,
        title=leader.issue.title,
        description=leader.issue.description,
        body=leader.body or None,
        # Without evidence, which the create has already.
        additions=tuple(addition for addition in leader.additions if addition.act is not Act.EVIDENCE),
    )


class _Tracer:
    """Traces each field of one row back to its cells and to the line of the mapping that decides it."""

    def __init__(self, mapping: LoadedMapping, compiler: Compiler, issue: Issue) -> None:
        self._mapping, self._compiler = mapping, compiler
        self._issue, self._row = issue, issue.row

    def traces(self) -> Iterator[Trace]:
        """Give the traces in the order in which a mapping names the fields."""
        model, issue = self._mapping.model, self._issue
        yield from self._key()
        yield self._trace(("title",), model.title, issue.title)
        if model.description is not None:
            yield self._trace(("description",), model.description, self._compiler.text(model.description)(issue.row))
        yield from map(self._value, VALUE_FIELDS)
        if model.answer is not None:
            verdict = AnswerReader(model.answer, self._compiler).verdict(issue.row)
            yield self._trace(("answer",), model.answer, verdict.replace("_", " "))
        for name, result in (*issue.texts.items(), *zip(PERSON_FIELDS, issue.user_ids, strict=True)):
            text = model.text_of(name)
            if text is not None:
                yield self._trace((name,), text, result)
        yield from self._people()
        yield from self._evidence()
        yield from self._footer()

    def _trace(self, path: KeyPath, spec: Text, result: str, field: str = "") -> Trace:
        """Trace a field that is a text; it is called by the first key of its path unless `field` says otherwise."""
        cells = _cells(self._compiler, spec, self._row)
        place = self._mapping.place(*_deciding(self._compiler, spec, path, self._row))
        return Trace(field or str(path[0]), cells, _rule(self._compiler, spec, self._row), str(place), result)

    def _key(self) -> Iterator[Trace]:
        model, issue = self._mapping.model, self._issue
        key = issue.key.full
        spec: Text = model.input.key
        path: KeyPath = ("input", "key")
        if issue.key.is_local and model.input.local_key is not None:
            spec, path = model.input.local_key, ("input", "local_key")
        if model.group:
            for number, part in enumerate(model.group):
                yield self._trace(("group", number), part, key, "key")
        elif issue.key.is_nameless:
            yield Trace("key", (), "the row's content is its key", str(self._mapping.place(*path)), key)
        else:
            yield self._trace(path, spec, key, "key")

    def _value(self, name: str) -> Trace:
        step = self._issue.steps[VALUE_FIELDS.index(name)]
        spec: Text = getattr(self._mapping.model, name)
        cells = (("rule", step.source),) if step.how == "rule" else _cells(self._compiler, spec, self._row)
        return Trace(name, cells, _reason(step), str(self._mapping.place(*step.path)), step.target or "")

    def _people(self) -> Iterator[Trace]:
        issue = self._issue
        names = map(key_of_holder, PERSON_FIELDS)
        for name, who, user_id in zip(names, issue.people.named, issue.user_ids, strict=True):
            if getattr(self._mapping.model, name) is None:
                continue
            cells = tuple((part, text) for part in ("name", "account", "mail") if (text := getattr(who, part)))
            reason = "users.csv has them" if user_id else "not in users.csv" if who.shown else "nobody"
            yield Trace(name, cells, reason, str(self._mapping.place(name)), user_id)

    def _evidence(self) -> Iterator[Trace]:
        evidence = self._issue.parts.evidence
        if self._issue.parts is NO_PARTS:
            return
        for number, link in enumerate(self._mapping.model.resource_links):
            found = [name for kind, name in evidence if kind == link.type]
            yield self._trace(("resource_links", number), link, ", ".join(found))

    def _footer(self) -> Iterator[Trace]:
        for label, line in self._mapping.model.footer.items():
            joined = ", ".join(filter(is_filled, self._compiler.cells(line)(self._row)))
            if joined:
                yield self._trace(("footer", label), line, joined, f"footer {label}")


def _reason(step: Step) -> str:
    return REASONS[step.how] + (", not decided yet" if step.neutral else "")


def _rule(compiler: Compiler, spec: Text, row: SourceRow) -> str:
    """Return how a text is read, in words."""
    rule = "as it is written"
    if spec.first is not None:
        filled = any(is_filled(compiler.text(choice)(row)) for choice in spec.first)
        rule = "the first that is filled" if filled else "none of several is filled"
    elif spec.template is not None:
        rule = "a template"
    elif spec.value is not None:
        rule = "a constant"
    return f"{rule}, through a pattern" if spec.pattern is not None else rule


def _deciding(compiler: Compiler, spec: Text, path: KeyPath, row: SourceRow) -> KeyPath:
    for number, choice in enumerate(spec.first or ()):
        if is_filled(compiler.text(choice)(row)):
            return _deciding(compiler, choice, (*path, "first", number), row)
    return path


def _cells(compiler: Compiler, spec: Text, row: SourceRow) -> tuple[tuple[str, str], ...]:
    """Return the cells that a text reads, of its first filled choice only; columns that the file lacks are left out."""
    for choice in spec.first or ():
        if is_filled(compiler.text(choice)(row)):
            return _cells(compiler, choice, row)
    return tuple((str(ref), _cell(compiler, ref, row)) for ref in spec.refs if compiler.cells_of(ref)(row))


def _cell(compiler: Compiler, ref: Ref, row: SourceRow) -> str:
    return ", ".join(filter(is_filled, compiler.cells_of(ref)(row)))
