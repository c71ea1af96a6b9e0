"""Groups of rows that are one issue: finds them, and merges what their rows say."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import TypeVar

from importer.codes import GROUP_REJECTED
from importer.records import Finding
from importer.transform.plain_text import is_filled

Item = TypeVar("Item", bound=Hashable)
Groups = Collection[Sequence[int]]
"""The rows of each group, in order. The first row leads: it gets the merged values of its group."""


def join_keys(columns: Sequence[Sequence[str]], skips: Sequence[str]) -> list[str | None]:
    """The key of each row's group: its texts joined by `/`.

    It is `""` where a text is empty, since such a row may belong to any group and is kept alone; None for skipped rows.
    """
    texts = ([text.strip() for text in row] for row in zip(*columns, strict=True))
    return [None if skip else "/".join(row) if all(row) else "" for row, skip in zip(texts, skips, strict=True)]


def find_groups(keys: Sequence[str | None]) -> list[list[int]]:
    """Group consecutive rows with the same key; skipped rows between them don't divide a group."""
    rows = [row for row, key in enumerate(keys) if key is not None]
    groups: list[list[int]] = []
    for key, found in groupby(rows, key=keys.__getitem__):
        members = list(found)
        groups += [members] if key else [[row] for row in members]
    return groups


def find_leaders(groups: Iterable[Sequence[int]]) -> dict[int, int]:
    """Row → the first row of its group."""
    return {row: group[0] for group in groups for row in group}


def find_faults(groups: Groups, keys: Sequence[str | None], rejected: Collection[int]) -> dict[int, int]:
    """Row → the row that keeps it from being sent: a rejected one of its group, or a neighbour without a key.

    A row without a key may belong to the group on either side. An issue that lacks a row is worse than one that waits.
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
    """(row, `group-rejected`) for each row that has to wait for another row of its issue, which the finding names.

    `findings` are those of the single rows, where a row without a key has `key-missing` or its defect; `lines` are the
    physical lines of all rows.
    """
    rejected = {row for row, found in findings.items() if any(finding.rejects for finding in found)}
    for row, fault in find_faults(groups, keys, rejected).items():
        code = next(finding.code for finding in findings[fault] if finding.rejects)
        message = f"line {lines[fault]}, a row of the same issue, is rejected: {code}"
        hint = "correct that row, and import all rows of the issue together, as they are in the errors file"
        yield row, Finding(GROUP_REJECTED, "key", message, hint, code)


def end_of_group(keys: Sequence[str | None], rows: int) -> int:
    """How many rows to take so that at least `rows` are taken and no group is divided.

    A row without a key behind a group is taken too, since it may belong to that group.
    """
    groups = find_groups(keys)
    begun = [group for group in groups if group[0] < rows]
    if not begun:
        return rows
    last, behind = begun[-1], groups[len(begun) : len(begun) + 1]
    if keys[last[0]] and behind and not keys[behind[0][0]]:
        last = behind[0]
    return max(rows, last[-1] + 1)


def merge_values(targets: Sequence[str | None], groups: Groups, order: Sequence[str]) -> list[str | None]:
    """Give each group the target that comes first in `order`: its worst severity, its least finished status."""
    rank = {target: place for place, target in enumerate(order)}
    merged = list(targets)
    for group in groups:
        known = [target for row in group if (target := targets[row]) in rank]
        if known:
            merged[group[0]] = min(known, key=rank.__getitem__)
    return merged


def merge_firsts(texts: Sequence[str], groups: Groups) -> list[str]:
    """Give each group its first filled text."""
    merged = list(texts)
    for group in groups:
        merged[group[0]] = next((texts[row] for row in group if is_filled(texts[row])), merged[group[0]])
    return merged


def merge_texts(texts: Sequence[str], groups: Groups, join: str) -> list[str]:
    """Give each group its distinct filled texts in order, joined by `join`."""
    merged = list(texts)
    for group in groups:
        if len(group) > 1:
            merged[group[0]] = join.join(dict.fromkeys(texts[row] for row in group if is_filled(texts[row])))
    return merged


def merge_descriptions(texts: Sequence[str], titles: Sequence[str], groups: Groups) -> list[str]:
    """Give each group its distinct descriptions as paragraphs; if its titles differ, each under its title."""
    merged = merge_texts(texts, groups, "\n\n")
    for group in groups:
        if len({titles[row] for row in group}) > 1:
            parts = (f"## {titles[row]}\n\n{texts[row]}" if titles[row] else texts[row] for row in group)
            merged[group[0]] = "\n\n".join(dict.fromkeys(filter(is_filled, map(str.rstrip, parts))))
    return merged


def merge_sets(found: Mapping[int, Sequence[Item]], groups: Groups) -> dict[int, tuple[Item, ...]]:
    """Give each group the items of all its rows, each once, in order; groups without any are absent."""
    merged = {}
    for group in groups:
        items = tuple(dict.fromkeys(item for row in group for item in found.get(row, ())))
        if items:
            merged[group[0]] = items
    return merged
