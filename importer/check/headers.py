"""Compares a mapping with the headers of the files before any row is read: columns that are missing are named."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence

from importer.api import SEVERITIES, SOURCES, STATUSES
from importer.check.job import Job
from importer.errors import Problem, SourceError
from importer.mapping.model import MappingModel, fold
from importer.mapping.presets import is_preset, is_shipped
from importer.mapping.texts import TEXT_SOURCES, KeyPath, Text, walk_texts
from importer.mapping.yaml_tree import Place
from importer.phrases import listed, plain_name, shell_join

COLUMNS_SHOWN = 40
NAMES_SHOWN = 6
NEAREST_SHOWN = 3
_NUMBERED = re.compile(r"(.*[^\W\d_])\.[1-9]\d*", re.DOTALL)
EXPECTED = ("title", "description", "severity", "status", "category")
"""Fields that every mapping has a column for. A preset names many columns that an export may lack; a user's mapping
names only those of the user's export, so that a missing one is a mistake, which a default would hide."""

CONSTANTS = {"severity": SEVERITIES, "status": STATUSES, "source": SOURCES}
"""Field → the words that Triage has for it: written short, such a word is taken for a column."""


def check_fit(job: Job, accepted: Collection[str] = ()) -> list[str]:
    """Warn of what a sheet may lack, of rows above a header, and of columns that the mapping reads and no file has.

    Columns are checked of tables alone: the keys of a JSON file are known only after all of it was read.

    Raises:
        SourceError: no file has a column for the key or the title, or for a field of EXPECTED that a user's own
            mapping takes from one, unless it is `accepted`; all problems at once.
    """
    noticed = [f"{file.name}: {notice}" for file in job.source.every_file for notice in file.stored.notices]
    tables = [file for file in job.source.files if file.format == "csv"]
    noticed += [
        f"{table.name}: lines above the header, skipped: {table.rows_above}. They say {'; '.join(table.above)}"
        for table in tables
        if table.rows_above
    ]
    noticed += filter(None, (_numbered(table.name, table.header) for table in tables))
    if not all(file.is_table for file in job.source.files):
        return noticed
    names = {name.strip() for table in tables for name in table.header}
    model = job.mapping.model
    absent, warnings = [], noticed
    known = {fold(name) for name in accepted}
    keys = [text for text in (model.input.key, model.input.local_key) if text is not None]
    if not model.input.key.content and not any(_can_be_filled(text, names) for text in keys):
        absent.append(_absent(job, ("input", "key"), model.input.key, names))
    for path, text in walk_texts(model, choices=False):
        if path[0] == "input" or _can_be_filled(text, names):
            continue
        shipped = is_shipped(_place(job, path, text).file)
        expected = len(path) == 1 and path[0] in EXPECTED
        decides = path == ("answer",)  # without it every answer would be a finding
        is_accepted = any(fold(ref.name) in known for ref in text.refs)
        if path == ("title",) or ((expected or decides) and not shipped and not is_accepted):
            absent.append(_absent(job, path, text, names))
        elif not shipped or (expected and not model.is_plain):
            warnings.append(str(_absent(job, path, text, names)).replace("\n  ", "; "))
    if absent:
        shown = ", ".join(sorted(names)[:COLUMNS_SHOWN]) + (" …" if len(names) > COLUMNS_SHOWN else "")
        raise SourceError(
            f"The mapping {job.mapping.name} doesn't fit the source.",
            problems=absent,
            hint=f"{_way_out(job, absent)}use these columns in yours: {shown}",
        )
    return warnings


def _numbered(name: str, header: Sequence[str]) -> str:
    """Warn of columns that pandas has numbered, as it lets no name come twice: `Comment`, `Comment.1`."""
    names = set(header)
    found = [cell for cell in header if (parts := _NUMBERED.fullmatch(cell)) and parts[1] in names]
    if not found:
        return ""
    return (
        f"{name}: pandas may have numbered columns with the same name: {listed(found, NAMES_SHOWN)}. They are read "
        "as separate columns; remove the numbers from the header, or use the original export"
    )


def how_to_title(preset: str, model: MappingModel) -> str:
    """What to do about an export without the column of titles that its preset reads."""
    return (
        f"Export it again with the column {model.title.refs[0].name!r}. Or if another one has the titles, write two "
        f"lines into mine.yaml, `extends: {preset}` and `title: COLUMN`, and use it: -m mine.yaml"
    )


def _way_out(job: Job, absent: Sequence[Problem]) -> str:
    """What to do where a preset doesn't fit; who wrote the mapping knows what to mend."""
    if is_preset(job.mapping.files[0]):
        if [problem.key for problem in absent] == ["title"]:
            return f"{how_to_title(job.mapping.name, job.mapping.model)}\nOr "
        draft = f"Draft a mapping of your own: {job.typed.draft_command()}"
        return f"{draft}\nOr use another mapping (`triage-import mappings list`), or "
    return "Use another mapping (`triage-import mappings list`), or "


def _can_be_filled(text: Text, names: set[str]) -> bool:
    return not text.refs or any(ref.kind == "column" and plain_name(ref.name) in names for ref in text.refs)


def _place(job: Job, path: KeyPath, text: Text) -> Place:
    return job.mapping.place(*path, next(name for name in TEXT_SOURCES if getattr(text, name) is not None))


def _absent(job: Job, path: KeyPath, text: Text, names: set[str]) -> Problem:
    columns = [repr(ref.name) for ref in text.refs if ref.kind == "column"]
    place = _place(job, path, text)
    if len(columns) > 2 and is_shipped(place.file):  # in all languages of its tracker: the first stands for them
        wanted = f"{columns[0]} or one of its {len(columns) - 1:,} other names"
    else:
        left = len(columns) - NAMES_SHOWN
        more = f" or one of {left:,} more" if left > 1 else " or another" if left == 1 else ""
        wanted = (" or ".join(columns[:NAMES_SHOWN]) or "a column of a table") + more
    hint = _as_constant(path, text) or _nearest(text, names)
    if not hint and path[0] in EXPECTED[1:] and columns and not is_shipped(place.file):
        hint = f"if the source has none any more: `run` with {shell_join([f'--accept-missing={text.refs[0].name}'])}"
    return Problem(f"no file has {wanted}", place.file, place.line, ".".join(map(str, path)), hint)


def _as_constant(path: KeyPath, text: Text) -> str:
    """What to write, where a word of Triage's own stands in place of a column that no file has."""
    words = CONSTANTS.get(str(path[0]), ()) if len(path) == 1 else ()
    return f"a constant is written `{path[0]}: {{value: {text.column}}}`" if text.column in words else ""


def _nearest(text: Text, names: set[str]) -> str:
    """The columns that may be meant: the shortest with all words of a name, else one that is written nearly so."""
    near: list[str] = []
    for wanted in (_words(ref.name) for ref in text.refs if ref.kind == "column"):
        longer = {name: len(words) for name in sorted(names) if wanted and wanted <= (words := _words(name))}
        near = near or [name for name, length in longer.items() if length == min(longer.values())]
    for ref in text.refs:
        near = near or difflib.get_close_matches(ref.name, names, n=1, cutoff=0.7)
    shown = listed([*map(repr, near)], NEAREST_SHOWN)
    return f"the nearest column{'s are' if near[1:] else ' is'} {shown}" if near else ""


def _words(name: str) -> set[str]:
    return {word for word in re.split(r"[\W_]+", fold(name)) if word}
