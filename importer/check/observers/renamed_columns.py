"""Columns that have another name now: those whose cells are the values that stay for want of a column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from importer.api import ISSUE_FIELDS, VALUE_FIELDS
from importer.check.held import DESCRIPTION, Held
from importer.check.job import Job
from importer.mapping.yaml_tree import as_source, quote
from importer.records import Ref
from importer.row.value_maps import ValueMap
from importer.sources.source import TableFile
from importer.transform.description_parts import TEXT, digest_line

LIKE = 0.9
"""Least share, from 0 to 1, of the values that stay that a new column has."""


class RenamedColumns:
    """Looks in the new columns of tables for the values that stay, as those of a column with another name now."""

    def __init__(self, job: Job) -> None:
        model = job.mapping.model
        self._maps = {field: ValueMap(field, getattr(model, field)) for field in VALUE_FIELDS}
        self._held = Counter[tuple[int, str, str]]()  # file, column that is gone, and value → how many stay
        self._like = Counter[tuple[int, str, str, str]]()  # the same with a new column → in how many it has the value
        self._new = list[list[tuple[int, str]]]()  # of each file, place and name of its new columns
        for file, absence in zip(job.source.files, job.absence.files, strict=False):
            columns = list[tuple[int, str]]()
            self._new.append(columns)
            if not absence.refuses or not isinstance(file, TableFile):
                continue
            for place, name in enumerate(file.header or ()):
                if Ref("column", name) not in absence.earlier:
                    columns.append((place, name))

    def add(self, file: int, cells: Sequence[str], values: Sequence[Held]) -> None:
        """Compare the cells of a row, in the new columns of its file, with the values that stay in its issue."""
        for value in values if self._new[file] else ():
            for column in value.columns:
                self._held[file, column, value.name] += 1
                for place, new in self._new[file]:
                    is_like = place < len(cells) and self._is_like(value, cells[place].strip())
                    self._like[file, column, value.name, new] += is_like

    def _is_like(self, value: Held, cell: str) -> bool:
        if not cell:
            return False
        if value.name in self._maps:
            step = self._maps[value.name].resolve(cell)
            is_read = step.how in ("mapped", "word", "same")
            return is_read and step.target == value.stored
        if isinstance(value.stored, bytes):
            name = TEXT if value.name == DESCRIPTION else value.name
            return digest_line(name, cell) == value.stored
        return cell == value.stored

    def find(self, file: int, columns: Collection[str]) -> Iterator[str]:
        """Say of which of these columns the values are in a new one now, with the mapping's line that reads it."""
        for (place, column, name, new), number in self._like.items():
            if place != file or column not in columns:
                continue
            if number < LIKE * self._held[file, column, name]:
                continue
            source = as_source(Ref("column", new))
            line = f"{name}: {{{source}}}"
            if name not in ISSUE_FIELDS:
                line = f"footer: {{{quote(name)}: {{{source}}}}}"
            yield f"{new} has the values of {name} that {column} had; to read it, put `{line}` in the mapping."
