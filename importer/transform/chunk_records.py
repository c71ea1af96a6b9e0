"""The records that a transform makes of a chunk, column by column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from importer.api import SEVERITIES, STATUSES
from importer.mapping.identities import Identity
from importer.mapping.issue_parts import Bundling
from importer.records import Chunk, Finding, IssueParts
from importer.transform.claims import Claims
from importer.transform.columns import Columns
from importer.transform.groups import Groups, merge_values
from importer.transform.references import References
from importer.transform.value_maps import Mapped

ORDERS = {"severity": SEVERITIES, "status": STATUSES}
"""Of the values in a group of rows, the one that comes first here is sent."""


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a chunk, one entry a row in every list; the entries of rows with a skip code are not used.

    keys        `<source name>:<native key>`, `""` where the row has none
    markers     the word that finds the record's issue again at the target
    local       whether the key came from `input.local_key`
    nameless    rows whose key is their content
    skips       code of the rule that leaves the row out, or `""`
    links       the row's address in the old tracker, or `""`
    values      severity, status, category
    people      field of a person → who it is in each row; fields that the mapping doesn't name are absent
    unmatched   the same, with an empty identity where nobody is left to be matched
    parts       row → what it says of its issue beside the create; rows without any are absent
    claims      what the source counts → row → how many
    discussed   row → how many comments the source has, those left out among them
    references  finds the issues that a text names
    bundlings   how the comments of each row's issue are sent
    groups      the rows that are one issue, the first of which has all that is sent; None where each row is one
    group_keys  of each row the key of its group, see `groups.join_keys`
    noted       (row, finding) of the transform itself; the rules of the check add theirs
    neutralised how many mentions in titles, descriptions, comments and flags were neutralised
    private     row → how many comments were left out because they are for the team alone
    shortened   row → fields that the mapping's `too_long` cut, with the length in UTF-16 units
    newest      the date that `duplicates: {newest: …}` compares, if the mapping says so
    unreadable  row → a date that can't be read though something depends on it
    """

    chunk: Chunk
    columns: Columns
    keys: list[str]
    markers: list[str]
    local: list[bool]
    nameless: frozenset[int]
    skips: list[str]
    titles: list[str]
    descriptions: list[str]
    links: list[str]
    values: dict[str, Mapped]
    sources: list[str]
    owners: list[str]
    assignees: list[str]
    people: Dict[str, Sequence[Identity]]
    unmatched: Dict[str, Sequence[Identity]]
    parts: dict[int, IssueParts]
    newest: list[datetime | None] | None
    created: list[datetime | None] | None = None
    claims: Claims = field(default_factory=dict)
    discussed: Dict[int, int] = field(default_factory=dict)
    references: References = field(default_factory=lambda: References((), ""))
    bundlings: Sequence[Bundling] = ()
    groups: Groups | None = None
    group_keys: Sequence[str | None] = ()
    noted: list[tuple[int, Finding]] = field(default_factory=list)
    private: Counter[int] = field(default_factory=Counter)
    neutralised: int = 0
    shortened: dict[int, list[tuple[str, int]]] = field(default_factory=dict)
    unreadable: dict[int, str] = field(default_factory=dict)

    @property
    def statuses(self) -> list[str | None]:
        """Each row's status as it is sent."""
        return self.targets("status")

    def targets(self, name: str) -> list[str | None]:
        """Severity, status or category as it is sent; a group has its worst severity and its least finished status."""
        return merge_targets(self.values, self.groups, name)


def merge_targets(values: Dict[str, Mapped], groups: Groups | None, name: str) -> list[str | None]:
    """The target of each row in a value field, the first row of a group having that of the group: see `ORDERS`."""
    found = values[name].targets()
    return found if groups is None or name not in ORDERS else merge_values(found, groups, ORDERS[name])
