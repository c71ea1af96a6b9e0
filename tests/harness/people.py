"""An import whose source and mapping name people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from importer.check.job import Job
from importer.mapping.reader import load_mapping
from importer.sources.source import SourceOptions
from importer.sources.survey import open_source
from tests.harness.running import write_csv

ROWS = [("1", "Open", "", "", "", "", "")]
HEADER = ("Key", "State", "Owner", "Assignee", "Assignee Id", "Reporter", "Reporter Id")
MAPPING = r"""
input: {name: demo, key: Key}
title: Key
severity: {value: low}
status: {column: State, values: {Open: todo, Done: done}, missing: todo}
category: {value: Bug}
owner: Owner
assignee: {name: Assignee, account: Assignee Id}
people:
  known: [{name: Reporter, account: Reporter Id}]
  mentions: '\[~(\w+)\]'
skip: [{name: gone, when: {column: State, is: Gone}}]
"""


@contextmanager
def job_of(
    folder: Path,
    rows: Sequence[Sequence[str]],
    mapping: str = MAPPING,
    header: Sequence[str] = HEADER,
    **changes: Any,
) -> Iterator[Job]:
    (folder / "m.yaml").write_text(mapping, encoding="utf-8")
    path = write_csv(folder / "export.csv", rows, header)
    with open_source([str(path)], SourceOptions()) as source:
        yield Job(source, load_mapping(str(folder / "m.yaml")), "demo", name_given=True, **changes)
