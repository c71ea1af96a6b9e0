"""Encodes records as JSON: the bodies of their creates, and the source cells that the ledger keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, groupby
from typing import Any

import orjson

from importer.api import VALUE_FIELDS
from importer.mapping.model import MappingModel
from importer.mapping.reads import collect_refs
from importer.records import Ref
from importer.transform.chunk_records import Records
from importer.transform.shown_people import ShownPeople


def encode(value: Any) -> bytes:
    """Encode a value that is kept: a copy, since what orjson gives keeps the 4 KB or more that it was written in."""
    return orjson.dumps(value, None, orjson.OPT_APPEND_NEWLINE)[:-1]  # the copy that takes the least time


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
