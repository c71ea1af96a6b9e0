"""Encodes records as JSON: the bodies of their creates, and the source cells that the ledger keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from importer.api import VALUE_FIELDS
from importer.mapping.model import Mapping
from importer.mapping.reads import collect_refs
from importer.records import IssueParts, Ref
from importer.transform.chunk_records import Records
from importer.transform.shown_people import ShownPeople


def encode(value: Any) -> bytes:
    """Encode a value that is kept: a copy, since what orjson gives keeps the 4 KB or more that it was written in."""
    return bytes(memoryview(orjson.dumps(value)))


def encode_bodies(records: Records, rows: Iterable[int]) -> dict[int, bytes]:
    """Row → the JSON body of its create, which depends on nothing but row, mapping and source name.

    Raises orjson.JSONEncodeError for text that is not Unicode (a lone surrogate); `validate` finds it before.
    """
    rows = list(rows)
    targets = map(records.targets, ("severity", "category", "status"))
    values = list(zip(*targets, records.sources, strict=True))
    known = {each: _write_values(*each) for each in {values[row] for row in rows}}  # between and behind the texts
    titles = quote_all([records.texts.titles[row] for row in rows])
    descriptions = quote_all([records.texts.descriptions[row] for row in rows])
    having = {row for row, parts in records.parts.items() if parts.evidence}
    owners, assignees = records.people.owners, records.people.assignees
    having.update(row for ids in (owners, assignees) if any(ids) for row, id_ in enumerate(ids) if id_)
    few = {row: _write_few(owners[row], assignees[row], records.parts.get(row)) for row in having}
    bodies = {}
    for row, title, description in zip(rows, titles, descriptions, strict=True):
        between, behind = known[values[row]]
        bodies[row] = f'{{"title":"{title}{between}{description}{behind}{few.get(row, "")}}}'.encode()
    return bodies


def quote_all(texts: Sequence[str]) -> list[str]:
    """Each text as JSON, without its quotes; all are encoded at once."""
    # A quote within a text is escaped, so that these three signs stand between texts alone. They are decoded one by
    # one: a sign beyond U+FFFF takes four bytes for each sign of the text that it is in.
    return list(map(bytes.decode, orjson.dumps(texts)[2:-2].split(b'","'))) if texts else []


def _write_values(severity: str | None, category: str | None, status: str | None, source: str) -> tuple[str, str]:
    head = orjson.dumps({"severity": severity, "category": category}).decode()
    tail = orjson.dumps({"status": status, "source": source}).decode()
    return f'",{head[1:-1]},"description":"', f'",{tail[1:-1]}'


def _write_few(owner: str, assignee: str, parts: IssueParts | None) -> str:
    """Write the fields that few issues have: people, and evidence."""
    few: dict[str, Any] = {}
    if owner:
        few["owner_id"] = owner
    if assignee:
        few["assignee_id"] = assignee
    if parts is not None and parts.evidence:
        few["resource_links"] = [{"resource_type": kind, "resource_id": name} for kind, name in parts.evidence]
    return f",{orjson.dumps(few).decode()[1:-1]}" if few else ""


def encode_cells(records: Records, refs: Sequence[Ref], rows: Iterable[int], shown: ShownPeople) -> dict[int, bytes]:
    """Row → JSON of its cells: for each reference a list with the cell of each column that it names, as people show."""
    columns = [list(map(shown.clean, records.columns.cells(ref))) for ref in refs]
    return {row: encode([[cells[row] for cells in column] for column in columns]) for row in rows}


def value_refs(mapping: Mapping) -> tuple[Ref, ...]:
    """Every column and path that severity, status and category read, each once."""
    return tuple(dict.fromkeys(ref for name in VALUE_FIELDS for ref in collect_refs(getattr(mapping, name))))
