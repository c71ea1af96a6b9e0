"""Small builders: a mapping from a dictionary, rows of a source from a header and cells, issues from both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from importer.check.examine import RowRun, checked_rows
from importer.check.knowledge import NoLedger
from importer.check.plan import plan_rows
from importer.check.rules import Rules
from importer.mapping.model import MappingModel
from importer.records import Finding, Ref
from importer.row.compiler import Compiler
from importer.row.issue import Issue
from importer.row.issue_batch import IssueBatch, encode_body
from importer.row.transform import Transform
from importer.sources.json import check_records, find_rows, parse_lines, rows_of_records
from importer.sources.source_rows import Layout, SourceRow, SourceRows, leave_out_nothing

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


def source_rows_of(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    first: int = 1,
    defects: Mapping[int, Finding] | None = None,
    dates: Sequence[str] = (),
) -> SourceRows:
    """Rows of a CSV file, one a line; `first` is the number of the first record."""
    places = {
        Ref("column", name): tuple(place for place, other in enumerate(header) if other == name) for name in header
    }
    source_rows = list[SourceRow]()
    for number, cells in enumerate(rows):
        record, defect = first + number, (defects or {}).get(number)
        source_rows.append(SourceRow(record, record + 1, cells, leave_out_nothing(cells), cells, defect))
    return SourceRows(0, "issues.csv", Layout(places, dates=tuple(dates)), source_rows)


def run_of(mapping: MappingModel, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> RowRun:
    """Rows as the first ones of an input, examined."""
    batch = Transform(mapping, SOURCE_NAME)(source_rows_of(header, rows))
    checked = checked_rows(batch)
    for row, findings in zip(checked, findings_of(mapping, batch), strict=True):
        row.findings = findings
        if not row.skip and not row.is_rejected:
            row.body = encode_body(row.issue)
    return RowRun(checked, batch.source, Compiler(batch.source.layout))


def findings_of(mapping: MappingModel, batch: IssueBatch, *, name_given: bool = True) -> list[list[Finding]]:
    """What the rules find in the issue of each row."""
    rules = Rules(mapping, Compiler(batch.source.layout), name_given=name_given)
    return [rules.check(row.issue, follows=row.follows) for row in checked_rows(batch)]


def planned(run: RowRun) -> RowRun:
    """The same rows, planned where no other row and no ledger is known."""
    plan_rows(run, {}, NoLedger())
    return run


def json_rows_of(lines: Sequence[str], refs: Sequence[Ref]) -> SourceRows:
    """Records of a JSON lines file."""
    records = check_records(parse_lines(lines, "issues.jsonl"), "")
    found = find_rows(records, refs, "", is_errors_file=False)
    (source_rows,) = rows_of_records(found, 0, "issues.jsonl", refs, len(lines), Layout({}))
    return source_rows


def issues_of(mapping: MappingModel, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> Sequence[Issue]:
    """The issue of each row."""
    return Transform(mapping, SOURCE_NAME)(source_rows_of(header, rows)).issues
