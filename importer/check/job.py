"""One import: a source, a mapping, and which of its rows are meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from importer.mapping.fixes_table import Fixes
from importer.mapping.identities import Roster
from importer.mapping.reader import LoadedMapping
from importer.sources.source import Source
from importer.transform.relations import FindKeys, find_no_keys


@dataclass(frozen=True)
class Job:
    """One import: a source, a mapping, and which of its rows are meant.

    `only` are native or full keys; `limit` counts rows of the input as it stands; `warnings` are what the headers
    alone make one ask; `recognised` is the evidence for the mapping, if nobody named it; `people` is who is who in
    Triage, `learned` the source's own name of each account that a text may mention, and `find_keys` finds the rows that
    relations name by another text than the key.
    """

    source: Source
    mapping: LoadedMapping
    source_name: str
    name_given: bool
    limit: int | None = None
    only: frozenset[str] | None = None
    warnings: tuple[str, ...] = ()
    recognised: str = ""
    fixes: Fixes = field(default_factory=Fixes)
    people: Roster = field(default_factory=Roster)
    learned: Mapping[str, str] = field(default_factory=dict)
    find_keys: FindKeys = find_no_keys
