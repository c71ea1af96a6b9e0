"""Finds the issues that not everybody may read in the source, and what the mapping says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from importer.codes import PRIVATE_UNDECIDED, RESTRICTED_UNDECIDED
from importer.mapping.model import UNDECIDED, MappingModel
from importer.records import Finding
from importer.transform.columns import Columns, single_line
from importer.transform.distinct import map_distinct

SKIPPED = "skip-restricted"

PRIVATE = Finding(
    PRIVATE_UNDECIDED,
    "comments",
    "it has comments for the team alone, but in Triage whoever reads the issue can read them",
    "decide in the mapping: `comments: {private: keep}` sends them, marked `private`; `drop` leaves them out",
)


def read_levels(mapping: MappingModel, columns: Columns) -> list[str]:
    """Of each row what says that not everybody may read it; "" of those that everybody may."""
    if mapping.restricted is None:
        return [""] * len(columns)
    return map_distinct(single_line, columns.text(mapping.restricted.level))


def find_restricted(mapping: MappingModel, levels: Sequence[str]) -> Iterator[tuple[int, Finding]]:
    """(row, finding) for each restricted row of which the mapping doesn't say whether it is sent."""
    if mapping.restricted is None or mapping.restricted.issues != UNDECIDED:
        return
    for row, level in enumerate(levels):
        if level:
            message = f"not everybody may read it in the source ({level}), but in Triage everybody could"
            hint = "decide in the mapping: `restricted: {issues: send}` sends them, `{issues: skip}` leaves them out"
            yield row, Finding(RESTRICTED_UNDECIDED, "restricted", message, hint, level)
