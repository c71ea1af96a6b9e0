"""Six rows, of which each has another outcome, and their import."""

from __future__ import annotations

from pathlib import Path

from importer.check.examine import examine
from importer.check.job import Job
from importer.mapping.reader import load_mapping
from importer.records import Row
from importer.sources.source import Source
from tests.harness.making import SOURCE_NAME, planned

MAPPING = """\
input: {name: demo, key: Key}
title: Title
severity: {column: Priority, values: {P1: high}}
status: {value: todo}
category: {value: General}
skip: [{name: closed, when: {column: State, is: Closed}}]
"""
SOURCE = """\
Key,Title,Priority,State
A,One,P1,Open
B,,P9,Open
C,Three,P1,Closed
,,,
D,Four,P1
E,Five,P1,Open
"""


def job_of(source: Source, folder: Path, *, limit: int | None = None, only: frozenset[str] | None = None) -> Job:
    """An import of a source with `MAPPING`."""
    path = folder / "mapping.yaml"
    path.write_text(MAPPING)
    return Job(source, load_mapping(str(path)), SOURCE_NAME, True, limit, only)


def all_rows(job: Job) -> list[Row]:
    """The rows of a source that no ledger knows."""
    return [row.result for run in examine(job) for row in planned(run).rows]
