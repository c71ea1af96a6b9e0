"""Rows that are handled together with their issues, and what is kept of both as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import orjson

from importer.api import PERSON_FIELDS, VALUE_FIELDS
from importer.mapping.model import MappingModel
from importer.mapping.reads import collect_refs
from importer.records import Ref
from importer.row.issue import Issue
from importer.sources.source_rows import Layout, SourceRow, SourceRows
from importer.transform.encoding import encode
from importer.transform.shown_people import ShownPeople


@dataclass(slots=True)
class IssueBatch:
    """Rows that are handled together, with the issue that each says.

    source   the rows
    issues   one for each row; those of rows with a skip code are not used
    groups   first row of each issue that several rows may make → all its rows; {} where each row is an issue by itself.
             Rows of issues that recur are gathered later: see `check.leaders`
    """

    source: SourceRows
    issues: Sequence[Issue]
    groups: Mapping[int, Sequence[int]] = field(default_factory=dict)


def encode_body(issue: Issue) -> bytes:
    """The JSON body of an issue's create, which depends on nothing but row, mapping and source name.

    Raises orjson.JSONEncodeError for text that is not Unicode (a lone surrogate); `validate` finds it before.
    """
    body: dict[str, Any] = {
        "title": issue.title,
        "severity": issue.severity,
        "category": issue.category,
        "description": issue.description,
        "status": issue.status,
    }
    for name, text in issue.texts.items():
        if text:
            body[name] = text
    for name, user_id in zip(PERSON_FIELDS, issue.user_ids, strict=True):
        if user_id:
            body[name] = user_id
    if issue.parts.evidence:
        links = issue.parts.evidence
        body["resource_links"] = [{"resource_type": kind, "resource_id": name} for kind, name in links]
    return encode(body)


def encode_cells(row: SourceRow, layout: Layout, refs: Sequence[Ref], shown_people: ShownPeople) -> bytes:
    """The JSON of a row's cells: for each reference a list with the cell of each column that it names, as people show.

    A number stands for as many references without a column: presets have names in many languages, a file has those in
    one, and to say of a hundred that they aren't there would take more room than all else that is kept of a row.
    """
    parts, absent = list[int | list[str]](), 0
    for ref in refs:
        places = layout.places.get(ref, ())
        if places and absent:
            parts.append(absent)
            absent = 0
        if places:
            parts.append(shown_people.clean([row.cells[place] for place in places]))
        else:
            absent += 1
    return encode([*parts, absent] if absent else parts)


def decode_cells(kept: bytes) -> list[list[str]]:
    """Return the cells of a row: for each reference those of its columns."""
    parts = ([[]] * each if isinstance(each, int) else [each] for each in orjson.loads(kept))
    return [*chain.from_iterable(parts)]


def value_refs(mapping: MappingModel) -> tuple[Ref, ...]:
    """Every column and path that severity, status and category read, each once."""
    return tuple(dict.fromkeys(ref for name in VALUE_FIELDS for ref in collect_refs(getattr(mapping, name))))
