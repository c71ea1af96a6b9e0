"""Counts of a chunk's cells, made where it is examined: the process that merges chunks doesn't need the cells then."""

from __future__ import annotations

from dataclasses import dataclass

from importer.check.coverage.attachments import Attachment
from importer.check.coverage.cells import CellCounter
from importer.check.coverage.lines import CoverageLines
from importer.check.examine import Examined
from importer.check.job import Job
from importer.check.observers.criteria import read_criteria
from importer.check.observers.damage import DamageSigns, SignsFound


@dataclass(frozen=True, slots=True)
class ChunkCounts:
    """What was counted of the cells of a chunk.

    lines        of the column coverage, if all rows that have a body are sent
    attachments  of these rows
    signs        of damage
    criteria     that its rows answer
    """

    lines: CoverageLines
    attachments: list[Attachment]
    signs: SignsFound
    criteria: frozenset[str]


class ChunkCounter:
    """Counts the cells of chunks, each by itself."""

    def __init__(self, job: Job) -> None:
        model, files = job.mapping.model, job.source.files
        self._cells, self._signs = CellCounter(model, files), DamageSigns(model, files)
        self._criterion = model.criterion
        self.searches_texts = bool(self._cells.addresses)

    def count(self, examined: Examined) -> ChunkCounts:
        """Count a chunk. Its lines have all its columns, under the names that the source gives them."""
        lines = CoverageLines((), limit=None)
        attachments = self._cells.count(lines, examined, examined.bodiless())
        return ChunkCounts(lines, attachments, self._signs.search(examined), read_criteria(self._criterion, examined))
