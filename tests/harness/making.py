"""Small builders: a mapping from a dictionary, a chunk from a header and rows, records from both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from importer.check.examine import RowRun, checked_rows
from importer.check.knowledge import NoLedger
from importer.check.plan import plan_rows
from importer.check.rules import Rules
from importer.mapping.model import MappingModel
from importer.records import Chunk, Finding, Ref
from importer.row.issue import Issue
from importer.row.issue_batch import IssueBatch, encode_body
from importer.row.transform import Transform
from importer.sources.json import check_records, chunk_rows, find_rows, parse_lines

HEADER = ("Key", "Title", "Text", "Priority", "State")
SOURCE_NAME = "demo"


def mapping_of(**changes: Any) -> MappingModel:
    """A mapping of `HEADER`, with some of its keys as the test wants them."""
    plain = {
        "input": {"name": SOURCE_NAME, "key": "Key"},
        "title": "Title",
        "description": "Text",
        "severity": {"column": "Priority", "values": {"P1": "critical", "P2": "high"}},
        "status": {"column": "State", "values": {"Open": "todo", "Closed": "done"}},
        "category": {"value": "General"},
    }
    return MappingModel.model_validate(plain | changes)


def chunk_of(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    first: int = 1,
    defects: Mapping[int, Finding] | None = None,
) -> Chunk:
    """Rows of a CSV file, one a line; `first` is the number of the first record."""
    records = range(first, first + len(rows))
    positions = {
        Ref("column", name): tuple(place for place, other in enumerate(header) if other == name) for name in header
    }
    cells = {place: [row[place] for row in rows] for place in range(len(header))}
    return Chunk(0, "issues.csv", records, [record + 1 for record in records], rows, cells, positions, defects or {})


def run_of(mapping: MappingModel, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> RowRun:
    """Rows as the first ones of an input, examined."""
    batch = Transform(mapping, SOURCE_NAME)(chunk_of(header, rows))
    checked = checked_rows(batch)
    for row, findings in zip(checked, findings_of(mapping, batch), strict=True):
        row.findings = findings
        if not row.skip and not row.is_rejected:
            row.body = encode_body(row.issue)
    return RowRun(checked, batch.source)


def findings_of(mapping: MappingModel, batch: IssueBatch, *, name_given: bool = True) -> list[list[Finding]]:
    """What the rules find in the issue of each row."""
    rules = Rules(mapping, batch.source.compiler, name_given=name_given)
    return [rules.check(row.issue, follows=row.follows) for row in checked_rows(batch)]


def planned(run: RowRun) -> RowRun:
    """The same rows, planned where no other row and no ledger is known."""
    plan_rows(run, {}, NoLedger())
    return run


def rows_of(chunk: Chunk) -> list[list[str]]:
    return [list(row) for row in zip(*chunk.cells.values(), strict=True)]


def json_chunk_of(lines: Sequence[str], refs: Sequence[Ref]) -> Chunk:
    """Records of a JSON lines file."""
    records = check_records(parse_lines(lines, "issues.jsonl"), "")
    rows = find_rows(records, refs, "", is_errors_file=False)
    (chunk,) = chunk_rows(rows, 0, "issues.jsonl", refs, len(lines), {})
    return chunk


def issues_of(mapping: MappingModel, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> Sequence[Issue]:
    """The issue of each row."""
    return Transform(mapping, SOURCE_NAME)(chunk_of(header, rows)).issues
