"""Updating a draft: values and columns of a later export are appended to the mapping's files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from importer.api import FINISHED, VALUE_FIELDS
from importer.authoring.draft.column_lines import column_line, column_lines
from importer.authoring.draft.draft import Ask, place_table, write_new
from importer.authoring.draft.profile import Column, Profile, profile_source
from importer.authoring.draft.table import added_lines, new_table
from importer.authoring.draft.values import Value, propose_unknown
from importer.authoring.proposals import Proposer
from importer.check.examine import Examined, examine
from importer.check.job import Job
from importer.check.observers.bad_values import Unknowns
from importer.errors import MappingError, StorageFull
from importer.mapping.edited_tables import VALUES_NEED, read_table
from importer.mapping.reader import LoadedMapping
from importer.mapping.reads import collect_refs
from importer.mapping.yaml_tree import parse, quote, read_small
from importer.phrases import counted, plain_name
from importer.progress import Progress

if TYPE_CHECKING:
    from importer.sources.source import Source


@dataclass(frozen=True)
class UpdateResult:
    """The result of an update: values that the mapping didn't know, and columns that it doesn't mention.

    `table` is the file that the values were appended to, None if there were none.
    """

    values: Sequence[Value]
    columns: Sequence[str]
    table: Path | None


def update_draft(source: Source, mapping: LoadedMapping, progress: Progress, ask: Ask) -> UpdateResult:
    """Append what is new in a source to a mapping's files; existing lines are not changed."""
    path = mapping.files[0]
    text = read_small(path).decode("utf-8-sig")
    profile = profile_source(source, progress)
    columns = _new_columns(profile, mapping, text)
    values = ask(_new_values(source, mapping, progress))
    table = _table_of(mapping, path)
    named = table.relative_to(path.parent).as_posix() if values and not table.exists() else ""
    behind = _behind(profile, columns, named)
    if behind:
        _check_room(path, text + behind)
    if values:
        _append_values(table, values)
    if behind:
        _append(path, behind.encode())
    return UpdateResult(values, [column.place.name for column in columns], table if values else None)


def _new_values(source: Source, mapping: LoadedMapping, progress: Progress) -> list[Value]:
    unknowns = Unknowns(mapping.model.evidence, mapping.model.status.stage)
    open_rows: Counter[tuple[str, str]] = Counter()
    progress.start("counting", source.total_bytes, "B")
    for examined in examine(Job(source, mapping, mapping.model.input.name, name_given=True)):
        unknowns.add(examined)
        _count_open(examined, open_rows)
        progress.reach(source.bytes_read)
    progress.finish()
    proposer = Proposer(mapping.model)
    return [propose_unknown(found, open_rows[found.field, found.value], proposer) for found in unknowns.as_list()]


def _count_open(examined: Examined, open_rows: Counter[tuple[str, str]]) -> None:
    """Count the rows of unknown values whose status is neither done nor closed."""
    values = examined.records.values
    targets = values["status"].targets
    for name in VALUE_FIELDS:
        steps, codes = values[name].steps, values[name].codes.tolist()
        if any(step.target is None for step in steps):
            for row in examined.counted_rows():
                if steps[codes[row]].target is None and targets[row] not in FINISHED:
                    open_rows[name, steps[codes[row]].source] += 1


def _new_columns(profile: Profile, mapping: LoadedMapping, text: str) -> list[Column]:
    """Return the filled columns that the mapping neither reads nor mentions in a comment."""
    read = {plain_name(ref.name) for ref in collect_refs(mapping.model)}
    return [
        column
        for column in profile.columns
        if column.filled and column.place.ref.name not in read and f"{column_line(column)}:" not in text
    ]


def _table_of(mapping: LoadedMapping, path: Path) -> Path:
    """Return the table for new values: the one that this file names, else a new one beside it."""
    place = mapping.place("decisions")
    if mapping.model.decisions is not None and Path(place.file) == path:
        return path.parent / mapping.model.decisions
    return place_table(path)


def _behind(profile: Profile, columns: Sequence[Column], table: str) -> str:
    """Return the lines to append to a mapping; `table` is the path of a new one, "" for none."""
    lines = []
    if table:
        lines += ["", "# What became known later is decided in a table:", f"decisions: {quote(table)}"]
    if columns:
        found = Profile(tuple(columns), profile.whole, 0)
        lines += [
            "",
            f"# Columns that this file says nothing of, of {counted(profile.rows, 'row')}:",
            *column_lines(found, {})[1:],
        ]
    return "\n".join(["", *lines, ""]) if lines else ""


def _append_values(table: Path, values: Sequence[Value]) -> None:
    if not table.exists():
        write_new(table, new_table([]))
    before, layout = read_small(table), read_table(table, VALUES_NEED)
    if layout.problems:
        raise MappingError(f"{table} can't be read as a table of values.", problems=layout.problems)
    _append(table, added_lines(values, layout, before))


def _append(path: Path, data: bytes) -> None:
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        hint = "Let it be written, or make room, and give the command again."
        raise StorageFull(f"{path} can't be written: {error.strerror}.", hint=hint) from error


def _check_room(path: Path, text: str) -> None:
    """Raise MappingError if nothing can be appended to the file: it is all in `{…}`, or ends in `...`."""
    tree, problems = parse(text, str(path))
    if tree is None or problems:
        raise MappingError(
            f"Nothing can be put behind the end of {path}.",
            problems=problems,
            hint="Write its topmost keys one a line, without { } around them.",
        )
