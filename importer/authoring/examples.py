"""Testing a mapping's `examples`: each goes through the same transform and rules as a row of an export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

from importer.check.rules import Rules
from importer.codes import SKIP_PREFIX
from importer.mapping.model import Example, Expected
from importer.mapping.reader import LoadedMapping
from importer.mapping.yaml_tree import Place
from importer.records import Finding
from importer.row.compiler import Compiler
from importer.row.issue import Issue
from importer.row.transform import Transform
from importer.sources.annexes import tables_in
from importer.sources.document import Document
from importer.sources.json import found_row, rows_of_records
from importer.sources.json_values import write
from importer.sources.record_values import RecordValues
from importer.sources.source_rows import Layout, SourceRows
from importer.transform.footers import find_footer

NAME = "example"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A field of an example that came out otherwise. `number` counts examples from 1; `place` is its line."""

    place: Place
    number: int
    field: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.place}: example {self.number}: {self.field}: expected {self.expected}, got {self.got}"


def try_examples(loaded: LoadedMapping) -> list[Mismatch]:
    """Return where the mapping's examples fail; an empty list if all hold."""
    transform = Transform(loaded.model, loaded.model.input.name)
    found = []
    for number, example in enumerate(loaded.model.examples):
        for field, expected, got in _try(loaded, transform, example):
            place = loaded.place("examples", number, "expect", field)
            found.append(Mismatch(place, number + 1, field, expected, got))
    return found


def _try(loaded: LoadedMapping, transform: Transform, example: Example) -> Iterator[tuple[str, str, str]]:
    source = _source_of(transform, example.given)
    (issue,) = transform(source).issues
    findings = Rules(loaded.model, Compiler(source.layout), name_given=loaded.named_by_user).check(issue)
    skip, expect = issue.skip, example.expect
    if skip and expect.skip is None and expect.code != skip:
        yield "skip", "a row that stays", f"{skip}: it is left out"
        return
    for field, got in _outcome(issue).items():
        wanted = getattr(expect, field)
        if wanted is not None and wanted.strip() != got.strip():
            yield field, repr(wanted), _shown(field, got, findings)
    yield from _compare_codes(expect, findings, skip)


def _outcome(issue: Issue) -> dict[str, str]:
    """Return the outcome of the row, by the names that an example uses."""
    description = issue.description
    return {
        "key": issue.key.full.partition(":")[2],  # a source's name has no colon
        "title": issue.title,
        "description": description[: find_footer(description)].rstrip(),
        "severity": issue.severity or "",
        "status": issue.status or "",
        "category": issue.category or "",
        "skip": issue.skip.removeprefix(SKIP_PREFIX),
    }


def _shown(field: str, got: str, findings: list[Finding]) -> str:
    why = next((finding for finding in findings if finding.field == field and finding.rejects), None)
    return f"nothing ({why.code}: {why.message})" if why and not got else repr(got) if got else "nothing"


def _compare_codes(expect: Expected, findings: list[Finding], skip: str) -> Iterator[tuple[str, str, str]]:
    codes = [skip] if skip else [finding.code for finding in findings]
    if expect.code is not None and expect.code not in codes:
        yield "code", repr(expect.code), ", ".join(map(repr, codes)) or "nothing"


def _source_of(transform: Transform, given: dict[str, Any]) -> SourceRows:
    """The example's row as one JSON record: columns are its keys, look-up tables are arrays in it."""
    raw = write(given)
    record = found_row(1, raw, RecordValues(transform.refs)(given))
    tables = tables_in(Document(StringIO(raw), NAME), transform.tables)
    base = Layout({}, tables, dates=tuple(transform.dates))
    return next(rows_of_records([record], 0, NAME, transform.refs, 1, base))
