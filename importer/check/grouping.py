"""Regroups rows that are read together, so that none end within a group: those that make one issue stay together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from importer.errors import SourceError
from importer.row.keys import find_groups
from importer.sources.source_rows import SourceRows, join_rows

GROUP_ROWS = 1000
"""Most rows from the first to the last of a group, those between them included: the bound of what is held back."""

GroupKeys = Callable[[SourceRows], Sequence[str | None]]
"""Gives the key of each row's group, as `Transform.group_keys` does."""


def regroup(runs: Iterable[SourceRows], group_keys_of: GroupKeys) -> Iterator[SourceRows]:
    """Give the same rows in runs that end where a group ends; the rows of a group that may go on are held back.

    Raises SourceError where a group is longer than GROUP_ROWS.
    """
    pending: SourceRows | None = None  # rows at the end of the run before, and their keys
    pending_keys: list[str | None] = []
    for run, keys in _with_keys(runs, group_keys_of):
        if pending is not None and pending.file == run.file:
            run = join_rows(pending, run)
            keys = pending_keys + keys
        elif pending is not None:
            yield pending  # another file: no group goes on across files
        end = _find_opening(keys)
        if end:
            yield run.part(0, end)
        pending = run.part(end, len(run)) if end < len(run) else None
        pending_keys = keys[end:]
    if pending is not None:
        yield pending


def _find_opening(keys: Sequence[str | None]) -> int:
    """Find where the last group begins that the next rows may go on with.

    A row without a key may belong to the group before it or to the one behind it, so it is kept together with both as
    long as these are at most GROUP_ROWS rows.
    """
    groups = find_groups(keys)
    apart = 0  # the last place between two groups that both have a key, or both have none
    for before, behind in pairwise(groups):
        has_key = bool(keys[before[0]])
        has_next_key = bool(keys[behind[0]])
        if has_key == has_next_key:
            apart = behind[0]
    last = groups[-1][0] if groups else 0
    for opening in (apart, last):
        if len(keys) - opening <= GROUP_ROWS:
            return opening
    return len(keys)


def _with_keys(runs: Iterable[SourceRows], group_keys_of: GroupKeys) -> Iterator[tuple[SourceRows, list[str | None]]]:
    """Yield each run with the keys of its rows; raises SourceError where a group is longer than GROUP_ROWS."""
    group = (-1, "")
    first_record = first_line = 0
    for run in runs:
        keys = list(group_keys_of(run))
        for row, key in zip(run.rows, keys, strict=True):
            if key is None:
                continue
            if key == "" or (run.file, key) != group:
                group = (run.file, key)
                first_record = row.record
                first_line = row.line
            elif row.record - first_record >= GROUP_ROWS:
                raise SourceError(
                    f"{run.file_name}:{first_line}: {key!r} would be one issue of more than {GROUP_ROWS:,} rows.",
                    hint="Name other columns under `group`, or leave these rows out with a rule under `skip`.",
                )
        yield run, keys


def end_of_group(keys: Sequence[str | None], rows: int) -> int:
    """How many rows to take so that at least `rows` are taken and no group is divided.

    A row without a key behind a group is taken too, since it may belong to that group.
    """
    groups = find_groups(keys)
    begun = [group for group in groups if group[0] < rows]
    if not begun:
        return rows
    last = begun[-1]
    if keys[last[0]] and len(begun) < len(groups):
        behind = groups[len(begun)]
        if not keys[behind[0]]:
            last = behind
    return max(rows, last[-1] + 1)
