"""Losses of small files, read as the program reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from importer.check.coverage.attachments import Attachment
from importer.check.coverage.coverage import Coverage
from importer.check.examine import RowRun, checked_rows
from importer.mapping.model import MappingModel
from importer.records import Outcome
from importer.row.compiler import Compiler
from importer.row.transform import Transform
from importer.sources.source import SourceOptions
from importer.sources.survey import open_source
from tests.harness.making import SOURCE_NAME


def losses_of(
    path: Path, mapping: MappingModel, *, left_out: Collection[str] = (), size: int = 4096
) -> tuple[Coverage, list[Attachment]]:
    """Count a file in runs of `size` rows; rows with the native keys `left_out` are not sent."""
    transform = Transform(mapping, SOURCE_NAME)
    with open_source([str(path)], SourceOptions()) as source:
        losses = Coverage(mapping, source.files, transform.shown)
        for source_rows in source.read(transform.refs, size=size, tables=transform.tables):
            batch = transform(source_rows)
            rows = checked_rows(batch)
            for row in rows:
                is_left_out = row.key.partition(":")[2] in left_out or row.issue.row.defect is not None or row.skip
                row.outcome = Outcome.REJECTED if is_left_out else Outcome.PLANNED
            losses.add(RowRun(rows, source_rows, Compiler(source_rows.layout)))
    return losses, list(losses.attachments)


def lost_of(losses: Coverage) -> Counter[str]:
    """Column → lost cells."""
    return Counter({line.column: line.lost for line in losses.losses()})
