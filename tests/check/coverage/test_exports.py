"""Real exports, read in place: the filled cells of every column are counted, and no more of them is lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from importer.check.coverage.coverage import Coverage
from importer.check.examine import examine
from importer.errors import ImporterError
from importer.library.inputs import open_job
from importer.sources.source import JsonFile, SourceFile
from importer.transform.shown_people import ShownPeople
from tests.end_to_end.exports import EXPORTS, files_of
from tests.harness.making import planned
from tests.harness.read_rows import raws_of
from tests.harness.running import SAMPLES

EVERY = [str(path.relative_to(EXPORTS)) for path in files_of(EXPORTS)] if EXPORTS.is_dir() else []
SAMPLE_MAPPINGS = {
    "jira.csv": "jira",
    "call-qa.csv": "call-qa",
    "call-qa.jsonl": "call-qa",
    "call-review.csv": "call-review",
    "call-reviews.jsonl": str(SAMPLES / "call-reviews.yaml"),
}


def count_leaves(value: Any, path: str) -> Iterator[str]:
    """The path of each filled leaf, one for each."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from count_leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from count_leaves(item, f"{path}[]")
    elif value is not None and str(value).strip():
        yield path


def open_record(file: JsonFile, raw: str) -> Any:
    """What stands in a record's envelope."""
    record = json.loads(raw, strict=False)
    if "node" in record and file.envelope == "GraphQL edges":
        return record["node"]
    record = record.get("_source", record) if file.envelope else record
    if file.envelope and isinstance(record.get("data"), dict):
        category = {"_category": record["category"]} if record.get("category") else {}
        return {**category, **record["data"]}
    return record


def count_filled(file: SourceFile, raw: Any) -> Iterator[str]:
    """The column of each filled cell of a row."""
    if isinstance(file, JsonFile):
        yield from count_leaves(open_record(file, raw), "")
        return
    cells = dict(zip(map(str.strip, file.header), raw, strict=False))
    if file.json_column is not None:
        record = json.loads(cells.pop(file.header[file.json_column].strip()))
        yield from count_leaves({**cells, **record}, "")
        return
    for place, cell in enumerate(raw):
        if cell.strip():
            yield (file.header[place].strip() if place < len(file.header) else "") or f"(column {place + 1})"


def check(path: Path, mapping: str | None) -> Coverage:
    """Count a file, and compare each column with an independent count."""
    expected: Counter[str] = Counter()
    found: Counter[str] = Counter()
    options = {"source_name": "x", "encoding": None, "delimiter": None, "format": None, "severity": "medium"}
    with open_job((str(path),), mapping=mapping, **options) as job:
        shown = ShownPeople(job.mapping.model.people, job.people)
        losses = Coverage(job.mapping.model, job.source.files, shown)
        for run in examine(job):
            source_rows = run.source
            losses.add(planned(run))
            for raw in raws_of(source_rows):
                expected.update(count_filled(job.source.files[source_rows.file], raw))
    for line in losses.lines():
        assert line.filled >= line.lost
        found[line.column] += line.filled
    assert found == expected
    assert sum(line.lost for line in losses.dropped()) == losses.as_json()["dropped_cells"]
    return losses


@pytest.mark.slow
@pytest.mark.skipif(not EXPORTS.is_dir(), reason="The collection of real exports is not beside this clone.")
@pytest.mark.parametrize("name", EVERY)
def test_every_export_adds_up(name: str) -> None:
    """Every filled cell of each file that a preset recognises."""
    try:
        check(EXPORTS / name, None)
    except ImporterError as refusal:  # which files these are is known in tests/end_to_end/test_exports.py
        pytest.skip(f"refused: {refusal.message}")


@pytest.mark.parametrize("name", SAMPLE_MAPPINGS)
def test_every_sample_adds_up(name: str) -> None:
    """The files that the README imports."""
    check(SAMPLES / name, SAMPLE_MAPPINGS[name])
