"""Explain: what one row becomes and why: for each field the cell, the rule, its line in the mapping, the result."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from importer.check.job import Job
from importer.check.knowledge import had_nothing
from importer.check.plan import plan_chunk
from importer.check.rows import Examined, examine
from importer.errors import UsageError
from importer.mapping.issue_parts import Person
from importer.mapping.reader import LoadedMapping
from importer.mapping.texts import Text
from importer.records import Act, Addition, Chunk, Finding, Ref
from importer.transform.columns import Columns, is_filled
from importer.transform.people import identify
from importer.transform.value_maps import VALUE_FIELDS, Step

Path = tuple[str | int, ...]
LINE_BREAK = re.compile(r"\r\n|\r|\n")

REASONS = {
    "rule": "a rule holds",
    "constant": "a constant",
    "mapped": "the value map has it",
    "same": "it is Triage's own name",
    "fallback": "the value map has its fallback",
    "undecided": "the mapping leaves it open",
    "kept": "unknown values are kept as written",
    "default": "the cell is empty: the default",
    "unknown": "the value map doesn't have it",
    "missing": "the cell is empty and there is no default",
}


@dataclass(frozen=True, slots=True)
class Trace:
    """One field of the issue: the cells it comes from, why, where the mapping says so, and what it becomes."""

    field: str
    cells: tuple[tuple[str, str], ...]
    reason: str
    place: str
    result: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One row. `body` is the exact text that would be sent, or None; `skip` the code of the rule that leaves it out.

    Where rows are one issue, title, description, body and what is added to it are the issue's.
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


def explain_row(job: Job, which: str) -> Explanation:
    """Explain the row with that key (native or full), else the one at that physical line, `LINE` or `FILE:LINE`.

    A bare line is one of the first file. Raises UsageError if there is no such row.
    """
    file_name, _, number = which.rpartition(":")
    file_name = file_name or job.source.files[0].name
    line = int(number) if number.isdecimal() else 0
    at_line: tuple[Examined, int] | None = None
    prefix = len(job.source_name) + 1
    for examined in examine(job):
        for row, key in enumerate(examined.records.keys):
            if key and which in (key, key[prefix:]):
                return _explain(job.mapping, examined, row)
        if at_line is None and examined.records.chunk.file_name == file_name:
            found = _row_at(examined.records.chunk, line)
            at_line = None if found is None else (examined, found)
    if at_line is None:
        raise UsageError(
            f"No row has the key {which!r}, or is at that line.",
            hint="`triage-import validate` lists every row with its key and line in results.csv.",
        )
    return _explain(job.mapping, *at_line)


def _row_at(chunk: Chunk, line: int) -> int | None:
    """The row to which a physical line belongs, if there is one: blank lines, and the header, belong to none."""
    row = bisect_right(chunk.lines, line) - 1
    if row < 0:
        return None
    raw = chunk.raw[row]
    cells = [raw] if isinstance(raw, str) else raw
    breaks = sum(len(LINE_BREAK.findall(cell)) for cell in cells)
    return row if line <= chunk.lines[row] + breaks else None


def _explain(mapping: LoadedMapping, examined: Examined, row: int) -> Explanation:
    records, chunk = examined.records, examined.records.chunk
    leader = next((leader for leader, members in examined.groups.items() if row in members), row)
    return Explanation(
        key=records.keys[row],
        file_name=chunk.file_name,
        record=chunk.records[row],
        line=chunk.lines[row],
        traces=tuple(_traces(mapping, examined, row)),
        findings=tuple(examined.findings.by_row.get(row, ())),
        skip=examined.skips[row],
        title=records.titles[leader],
        description=records.descriptions[leader],
        body=examined.bodies.get(leader),
        additions=tuple(_plan(examined, leader)) if leader in examined.bodies else (),
    )


def _plan(examined: Examined, row: int) -> list[Addition]:
    """What would be added to the issue; its evidence goes along with the create."""
    additions, _ = plan_chunk(examined, [row], had_nothing).get(row, ([], 0))
    return [addition for addition in additions if addition.act is not Act.EVIDENCE]


def _traces(mapping: LoadedMapping, examined: Examined, row: int) -> Iterator[Trace]:
    records, model = examined.records, mapping.model
    columns = records.columns
    key: Text = model.input.key
    path: Path = ("input", "key")
    if records.local[row] and model.input.local_key is not None:
        key, path = model.input.local_key, ("input", "local_key")
    if model.group:
        for number, part in enumerate(model.group):
            yield _trace(mapping, columns, "key", part, ("group", number), row, records.keys[row])
    elif row in records.nameless:
        yield Trace("key", (), "the row's content is its key", str(mapping.place(*path)), records.keys[row])
    else:
        yield _trace(mapping, columns, "key", key, path, row, records.keys[row])
    yield _trace(mapping, columns, "title", model.title, ("title",), row, records.titles[row])
    if model.description is not None:
        text = columns.text(model.description)[row]
        yield _trace(mapping, columns, "description", model.description, ("description",), row, text)
    for name in VALUE_FIELDS:
        mapped = records.values[name]
        step = mapped.steps[int(mapped.codes[row])]
        spec: Text = getattr(model, name)
        cells = (("rule", step.source),) if step.how == "rule" else _cells(columns, spec, row)
        yield Trace(name, cells, _reason(step), str(mapping.place(*step.path)), step.target or "")
    for name, result in (("source", records.sources), ("owner_id", records.owners), ("assignee_id", records.assignees)):
        optional: Text | None = getattr(model, name)
        if optional is not None:
            yield _trace(mapping, columns, name, optional, (name,), row, result[row])
    for name, ids in (("owner", records.owners), ("assignee", records.assignees)):
        person: Person | None = getattr(model, name)
        if person is not None:
            who = identify(person, columns)[row]
            texts = ((part, getattr(who, part)) for part in ("name", "account", "mail"))
            reason = "users.csv has them" if ids[row] else "users.csv has nobody for them" if who.shown else "nobody"
            yield Trace(
                name, tuple((part, text) for part, text in texts if text), reason, str(mapping.place(name)), ids[row]
            )
    if row in records.parts:
        for number, link in enumerate(model.resource_links):
            found = [name for kind, name in records.parts[row].evidence if kind == link.type]
            yield _trace(mapping, columns, "resource_links", link, ("resource_links", number), row, ", ".join(found))
    for label, line in model.footer.items():
        joined = ", ".join(filter(is_filled, (cells[row] for cells in columns.every_cell(line))))
        if joined:
            yield _trace(mapping, columns, f"footer {label}", line, ("footer", label), row, joined)


def _reason(step: Step) -> str:
    return REASONS[step.how] + (", not decided yet" if step.neutral else "")


def _trace(mapping: LoadedMapping, columns: Columns, name: str, spec: Text, path: Path, row: int, result: str) -> Trace:
    place = mapping.place(*_deciding(columns, spec, path, row))
    return Trace(name, _cells(columns, spec, row), _way(columns, spec, row), str(place), result)


def _way(columns: Columns, spec: Text, row: int) -> str:
    way = "as it is written"
    if spec.first is not None:
        filled = any(is_filled(columns.text(choice)[row]) for choice in spec.first)
        way = "the first that is filled" if filled else "none of several is filled"
    elif spec.template is not None:
        way = "a template"
    elif spec.value is not None:
        way = "a constant"
    return f"{way}, through a pattern" if spec.pattern is not None else way


def _deciding(columns: Columns, spec: Text, path: Path, row: int) -> Path:
    for number, choice in enumerate(spec.first or ()):
        if is_filled(columns.text(choice)[row]):
            return _deciding(columns, choice, (*path, "first", number), row)
    return path


def _cells(columns: Columns, spec: Text, row: int) -> tuple[tuple[str, str], ...]:
    """The cells that a text reads, of its first filled choice only; columns that the file doesn't have are left out."""
    for choice in spec.first or ():
        if is_filled(columns.text(choice)[row]):
            return _cells(columns, choice, row)
    return tuple((str(ref), _cell(columns, ref, row)) for ref in spec.refs if columns.cells(ref))


def _cell(columns: Columns, ref: Ref, row: int) -> str:
    return ", ".join(filter(is_filled, (cells[row] for cells in columns.cells(ref))))
