"""The records that a transform makes of a chunk, column by column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from importer.api import SEVERITIES, STATUSES
from importer.mapping.issue_parts import Bundling
from importer.records import Chunk, Finding, IssueParts
from importer.transform.columns import Columns
from importer.transform.groups import Groups, merge_values
from importer.transform.people import RowPeople
from importer.transform.prose import Prose
from importer.transform.row_keys import RowKeys
from importer.transform.source_counts import SourceCounts
from importer.transform.value_maps import Mapped

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
    discussed: Dict[int, int]
    bundlings: Sequence[Bundling]
    noted: list[tuple[int, Finding]]
    private: Counter[int]
    neutralised: int

    @property
    def statuses(self) -> list[str | None]:
        """Each row's status as it is sent."""
        return self.targets("status")

    def targets(self, name: str) -> list[str | None]:
        """Severity, status or category as it is sent; a group has its worst severity and its least finished status."""
        return merge_targets(self.values, self.keys.groups.values(), name)


def merge_targets(values: Dict[str, Mapped], groups: Groups, name: str) -> list[str | None]:
    """The target of each row in a value field, the first row of a group having that of the group: see `ORDERS`."""
    found = values[name].targets
    return merge_values(found, groups, ORDERS[name]) if groups and name in ORDERS else found
