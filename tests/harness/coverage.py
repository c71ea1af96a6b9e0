"""Losses of small files, read as the program reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from importer.check.coverage.attachments import Attachment
from importer.check.coverage.coverage import Coverage
from importer.check.examine import Examined
from importer.check.plan import Plan, find_left_out
from importer.check.rules import Findings
from importer.mapping.model import MappingModel
from importer.records import Outcome, Row, Rows
from importer.row.transform import Transform
from importer.sources.source import SourceOptions
from importer.sources.survey import open_source
from tests.harness.making import SOURCE_NAME


def losses_of(
    path: Path, mapping: MappingModel, *, left_out: Collection[str] = (), size: int = 4096
) -> tuple[Coverage, list[Attachment]]:
    """Count a file in chunks of `size` rows; rows with the native keys `left_out` are not sent."""
    transform = Transform(mapping, SOURCE_NAME)
    with open_source([str(path)], SourceOptions()) as source:
        losses = Coverage(mapping, source.files, transform.shown)
        for chunk in source.chunks(transform.refs, size=size, tables=transform.tables):
            batch = transform(chunk)
            rows = []
            for place, issue in enumerate(batch.issues):
                key = issue.key.full
                out = key.partition(":")[2] in left_out or place in chunk.defects or issue.skip
                outcome = Outcome.REJECTED if out else Outcome.PLANNED
                rows.append(Row(0, "f", chunk.records[place], chunk.lines[place], key, outcome))
            plan = Plan(Rows.of(rows), {}, [], {}, {}, find_left_out(Rows.of(rows)))
            losses.add(Examined(0, batch, Findings(), [issue.skip for issue in batch.issues], {}), plan)
    return losses, list(losses.attachments)


def lost_of(losses: Coverage) -> Counter[str]:
    """Column → lost cells."""
    return Counter({line.column: line.lost for line in losses.losses()})
