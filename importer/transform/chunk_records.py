"""The records that a transform makes of a chunk, column by column, and their JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby
from typing import Any

import orjson

from importer.api import SEVERITIES, STATUSES, VALUE_FIELDS
from importer.mapping.issue_parts import Bundling
from importer.mapping.model import MappingModel
from importer.mapping.reads import collect_refs
from importer.records import Chunk, Finding, IssueParts, Ref
from importer.transform.columns import Columns
from importer.transform.encoding import encode
from importer.transform.groups import Groups, merge_values
from importer.transform.people import RowPeople
from importer.transform.prose import Prose
from importer.transform.row_keys import RowKeys
from importer.transform.shown_people import ShownPeople
from importer.transform.value_maps import Mapped

SourceCounts = Mapping[str, Mapping[int, int]]
"""What is counted → row → how many of it the source counts; rows without any are absent."""
ORDERS = {"severity": SEVERITIES, "status": STATUSES}
"""Of the values in a group of rows, the one that comes first here is sent."""


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a chunk, one entry a row in every list; the entries of rows with a skip code are not used.

    skips          code of the rule that leaves the row out, or `""`
    texts          titles and descriptions
    links          the row's address in the old tracker, or `""`
    values         severity, status, category
    parts          row → what it says of its issue beside the create; rows without any are absent
    newest         the date that `duplicates: {newest: …}` compares, if the mapping says so
    created        when the issue was created, if the mapping says so: it orders the creates
    source_counts  what the source itself counts → row → how many
    discussed      row → how many comments the source has, those left out among them
    bundlings      how the comments of each row's issue are sent
    noted          (row, finding) of the transform itself; the rules of the check add theirs
    private        row → how many comments were left out because they are for the team alone
    neutralised    how many mentions and markers in titles, descriptions, comments and flags were neutralised
    """

    chunk: Chunk
    columns: Columns
    keys: RowKeys
    skips: list[str]
    texts: Prose
    links: list[str]
    values: dict[str, Mapped]
    sources: list[str]
    people: RowPeople
    parts: dict[int, IssueParts]
    newest: list[datetime | None] | None
    created: list[datetime | None] | None
    source_counts: SourceCounts
    discussed: Mapping[int, int]
    bundlings: Sequence[Bundling]
    noted: list[tuple[int, Finding]]
    private: Counter[int]
    neutralised: int

    def targets(self, name: str) -> list[str | None]:
        """Severity, status or category as it is sent; a group has its worst severity and its least finished status."""
        return merge_targets(self.values, self.keys.groups.values(), name)


def merge_targets(values: Mapping[str, Mapped], groups: Groups, name: str) -> list[str | None]:
    """The target of each row in a value field, the first row of a group having that of the group: see `ORDERS`."""
    found = values[name].targets
    return merge_values(found, groups, ORDERS[name]) if groups and name in ORDERS else found


def encode_bodies(records: Records, rows: Iterable[int]) -> dict[int, bytes]:
    """Row → the JSON body of its create, which depends on nothing but row, mapping and source name.

    Raises orjson.JSONEncodeError for text that is not Unicode (a lone surrogate); `validate` finds it before.
    """
    titles, descriptions = records.texts.titles, records.texts.descriptions
    severities, categories, statuses = map(records.targets, ("severity", "category", "status"))
    sources, owners, assignees = records.sources, records.people.owners, records.people.assignees
    bodies = {}
    for row in rows:
        body: dict[str, Any] = {
            "title": titles[row],
            "severity": severities[row],
            "category": categories[row],
            "description": descriptions[row],
            "status": statuses[row],
            "source": sources[row],
        }
        if owners[row]:
            body["owner_id"] = owners[row]
        if assignees[row]:
            body["assignee_id"] = assignees[row]
        if row in records.parts and (evidence := records.parts[row].evidence):
            body["resource_links"] = [{"resource_type": kind, "resource_id": name} for kind, name in evidence]
        bodies[row] = encode(body)
    return bodies


def encode_cells(records: Records, refs: Sequence[Ref], rows: Iterable[int], shown: ShownPeople) -> dict[int, bytes]:
    """Row → JSON of its cells: for each reference a list with the cell of each column that it names, as people show.

    A number stands for as many references without a column: presets have names in many languages, a file has those in
    one, and to say of a hundred that they aren't there would take more room than all else that is kept of a row.
    """
    columns = [list(map(shown.clean, records.columns.cells(ref))) for ref in refs]
    parts = list[int | list[list[str]]]()
    for is_there, some in groupby(columns, key=bool):
        alike = list(some)
        parts += alike if is_there else [len(alike)]
    return {
        row: encode([part if isinstance(part, int) else [cells[row] for cells in part] for part in parts])
        for row in rows
    }


def decode_cells(kept: bytes) -> list[list[str]]:
    """Return the cells of a row: for each reference those of its columns."""
    parts = ([[]] * each if isinstance(each, int) else [each] for each in orjson.loads(kept))
    return [*chain.from_iterable(parts)]


def value_refs(mapping: MappingModel) -> tuple[Ref, ...]:
    """Every column and path that severity, status and category read, each once."""
    return tuple(dict.fromkeys(ref for name in VALUE_FIELDS for ref in collect_refs(getattr(mapping, name))))
