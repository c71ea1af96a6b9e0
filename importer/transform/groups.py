"""Rows that are one issue: which they are, and how what each says becomes what the issue says."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import TypeVar

from importer.codes import GROUP_REJECTED
from importer.records import Finding
from importer.transform.columns import is_filled

Item = TypeVar("Item", bound=Hashable)
Groups = list[list[int]]
"""The rows of each group, in order. The first one leads: what a merge makes of a group stands in its place."""


def join_keys(columns: Sequence[Sequence[str]], skips: Sequence[str]) -> list[str | None]:
    """The key of each row's group: its texts joined by `/`.

    `""`, which stands alone, where a text is empty: nobody knows where the row belongs; None where it is left out.
    """
    texts = ([text.strip() for text in row] for row in zip(*columns, strict=True))
    return [None if skip else "/".join(row) if all(row) else "" for row, skip in zip(texts, skips, strict=True)]


def find_groups(keys: Sequence[str | None]) -> Groups:
    """The groups: rows that follow each other with one key; rows that are left out may stand between them."""
    rows = [row for row, key in enumerate(keys) if key is not None]
    groups: Groups = []
    for key, found in groupby(rows, key=keys.__getitem__):
        members = list(found)
        groups += [members] if key else [[row] for row in members]
    return groups


def find_faults(groups: Groups, keys: Sequence[str | None], rejected: Collection[int]) -> dict[int, int]:
    """Row → the row for whose sake it must not be sent: a rejected one of its group, or one beside it without a key.

    The latter may be one of either side's, and an issue that lacks a row is worse than one that waits for it.
    """
    strange = [not keys[group[0]] for group in groups]
    faulty = [next((row for row in group if row in rejected), None) for group in groups]
    for place, (before, behind) in enumerate(pairwise(groups)):
        if strange[place] and not strange[place + 1] and faulty[place + 1] is None:
            faulty[place + 1] = before[0]
        elif strange[place + 1] and not strange[place] and faulty[place] is None:
            faulty[place] = behind[0]
    return {
        row: fault
        for group, fault in zip(groups, faulty, strict=True)
        if fault is not None
        for row in group
        if row not in rejected
    }


def hold_back(
    groups: Groups, keys: Sequence[str | None], findings: Mapping[int, Sequence[Finding]], lines: Sequence[int]
) -> Iterator[tuple[int, Finding]]:
    """For each row that has to wait for another one of its issue, the finding `group-rejected`, which names that one.

    `findings` are those of the rows by themselves, one without a key having `key-missing` or its defect; `lines` are
    the physical lines of all rows.
    """
    rejected = {row for row, found in findings.items() if any(finding.rejects for finding in found)}
    for row, fault in find_faults(groups, keys, rejected).items():
        code = next(finding.code for finding in findings[fault] if finding.rejects)
        message = f"line {lines[fault]}, a row of the same issue, is rejected: {code}"
        hint = "mend that row, and give all rows of the issue back together, as the errors file has them"
        yield row, Finding(GROUP_REJECTED, "key", message, hint, code)


def end_of_group(keys: Sequence[str | None], rows: int) -> int:
    """How many rows there are if the first `rows` are wanted and no group is split."""
    return next((group[-1] + 1 for group in find_groups(keys) if group[0] < rows <= group[-1]), rows)


def merge_values(targets: Sequence[str | None], groups: Groups, order: Sequence[str]) -> list[str | None]:
    """Of each group the target that comes first in `order`: the worst severity, the status that is least finished."""
    rank = {target: place for place, target in enumerate(order)}
    merged = list(targets)
    for group in groups:
        known = [target for row in group if (target := targets[row]) in rank]
        if known:
            merged[group[0]] = min(known, key=rank.__getitem__)
    return merged


def merge_firsts(texts: Sequence[str], groups: Groups) -> list[str]:
    """Of each group the first text that is filled."""
    merged = list(texts)
    for group in groups:
        merged[group[0]] = next((texts[row] for row in group if is_filled(texts[row])), merged[group[0]])
    return merged


def merge_texts(texts: Sequence[str], groups: Groups, join: str) -> list[str]:
    """Of each group its distinct filled texts in order, with `join` between them."""
    merged = list(texts)
    for group in groups:
        if len(group) > 1:
            merged[group[0]] = join.join(dict.fromkeys(texts[row] for row in group if is_filled(texts[row])))
    return merged


def merge_descriptions(texts: Sequence[str], titles: Sequence[str], groups: Groups) -> list[str]:
    """Of each group its distinct descriptions as paragraphs; where its titles differ, each below its own title."""
    merged = merge_texts(texts, groups, "\n\n")
    for group in groups:
        if len({titles[row] for row in group}) > 1:
            parts = (f"## {titles[row]}\n\n{texts[row]}" if titles[row] else texts[row] for row in group)
            merged[group[0]] = "\n\n".join(dict.fromkeys(filter(is_filled, map(str.rstrip, parts))))
    return merged


def merge_sets(found: Mapping[int, Sequence[Item]], groups: Groups) -> dict[int, tuple[Item, ...]]:
    """Of each group all that its rows have, each once, in order; groups that have nothing are absent."""
    merged = {}
    for group in groups:
        items = tuple(dict.fromkeys(item for row in group for item in found.get(row, ())))
        if items:
            merged[group[0]] = items
    return merged
