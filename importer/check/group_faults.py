"""Groups of rows that are one issue: which of them have to wait for another row."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise

from importer.codes import GROUP_REJECTED
from importer.records import Finding

Groups = Collection[Sequence[int]]
"""The rows of each group, in order. The first row leads: it has what all of them say."""


def find_faults(groups: Groups, keys: Sequence[str | None], rejected: Collection[int]) -> dict[int, int]:
    """Row → the row that keeps it from being sent: a rejected one of its group, or a neighbour without a key.

    A row without a key may belong to the group on either side. An issue that lacks a row is worse than one that waits.
    """
    faulty = list[int | None]()  # of each group
    for group in groups:
        faulty.append(next((row for row in group if row in rejected), None))
    for place, (before, behind) in enumerate(pairwise(groups)):
        has_key = bool(keys[before[0]])
        has_next_key = bool(keys[behind[0]])
        if has_next_key and not has_key and faulty[place + 1] is None:
            faulty[place + 1] = before[0]
        elif has_key and not has_next_key and faulty[place] is None:
            faulty[place] = behind[0]
    faults = dict[int, int]()
    for group, fault in zip(groups, faulty, strict=True):
        if fault is None:
            continue
        for row in group:
            if row not in rejected:
                faults[row] = fault
    return faults


def hold_back(
    groups: Groups, keys: Sequence[str | None], findings: Mapping[int, Sequence[Finding]], lines: Sequence[int]
) -> Iterator[tuple[int, Finding]]:
    """(row, `group-rejected`) for each row that has to wait for another row of its issue, which the finding names.

    `findings` are those of the single rows, where a row without a key has `key-missing` or its defect; `lines` are the
    physical lines of all rows.
    """
    codes = dict[int, str]()  # rejected row → why
    for row, of_row in findings.items():
        for finding in of_row:
            if finding.rejects:
                codes.setdefault(row, finding.code)
    for row, fault in find_faults(groups, keys, codes).items():
        code = codes[fault]
        message = f"line {lines[fault]}, a row of the same issue, is rejected: {code}"
        hint = "correct that row, and import all rows of the issue together, as they are in the errors file"
        yield row, Finding(GROUP_REJECTED, "key", message, hint, code)
