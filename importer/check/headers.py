"""Compares a mapping with the headers of the files before any row is read: columns that are missing are named."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence

from importer.api import FIELDS
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

CONSTANTS = {field.name: field.names for field in FIELDS if field.names}
"""Field → the words that Triage has for it: written short, such a word is taken for a column."""


def check_fit(job: Job, accepted: Collection[str] = ()) -> list[str]:
    """Warn of what a sheet may lack, of rows above a header, and of columns that the mapping reads and no file has.

    Columns are checked of tables alone: the keys of a JSON file are known only after all of it was read.

    Raises:
        SourceError: no file has a column for the key or the title, or for a field of EXPECTED that a user's own
            mapping takes from one, unless it is `accepted`; all problems at once.
    """
    warnings = list[str]()
    for file in job.source.every_file:
        warnings += [f"{file.name}: {notice}" for notice in file.stored.notices]
    tables = [file for file in job.source.files if file.format == "csv"]
    for table in tables:
        if table.rows_above:
            texts = "; ".join(table.above)
            warnings.append(f"{table.name}: lines above the header, skipped: {table.rows_above}. They say {texts}")
    for table in tables:
        warning = _numbered(table.name, table.header)
        if warning:
            warnings.append(warning)
    if not all(file.is_table for file in job.source.files):
        return warnings
    names = set[str]()
    for table in tables:
        names.update(name.strip() for name in table.header)
    model = job.mapping.model
    absent = list[Problem]()
    accepted_names = {fold(name) for name in accepted}
    key = model.input.key
    has_key = key.content or _can_be_filled(key, names)
    if not has_key and model.input.local_key is not None:
        has_key = _can_be_filled(model.input.local_key, names)
    if not has_key:
        absent.append(_absent(job, ("input", "key"), key, names))
    for path, text in walk_texts(model, choices=False):
        if path[0] == "input" or _can_be_filled(text, names):
            continue
        shipped = is_shipped(_place(job, path, text).file)
        expected = len(path) == 1 and path[0] in EXPECTED
        decides = path == ("answer",)  # without it every answer would be a finding
        is_needed = path == ("title",)
        if (expected or decides) and not shipped:
            is_accepted = any(fold(ref.name) in accepted_names for ref in text.refs)
            is_needed = is_needed or not is_accepted
        if not is_needed and shipped and (not expected or model.is_plain):
            continue
        problem = _absent(job, path, text, names)
        if is_needed:
            absent.append(problem)
        else:
            warnings.append(str(problem).replace("\n  ", "; "))
    if not absent:
        return warnings
    columns = ", ".join(sorted(names)[:COLUMNS_SHOWN])
    if len(names) > COLUMNS_SHOWN:
        columns += " …"
    hint = f"{_way_out(job, absent)}use these columns in yours: {columns}"
    raise SourceError(f"The mapping {job.mapping.name} doesn't fit the source.", problems=absent, hint=hint)


def _numbered(name: str, header: Sequence[str]) -> str:
    """Warn of columns that pandas has numbered, as it lets no name come twice: `Comment`, `Comment.1`."""
    names = set(header)
    numbered = list[str]()
    for cell in header:
        parts = _NUMBERED.fullmatch(cell)
        if parts and parts[1] in names:
            numbered.append(cell)
    if not numbered:
        return ""
    return (
        f"{name}: pandas may have numbered columns with the same name: {listed(numbered, NAMES_SHOWN)}. They are read "
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
    if not text.refs:
        return True
    return any(ref.kind == "column" and plain_name(ref.name) in names for ref in text.refs)


def _place(job: Job, path: KeyPath, text: Text) -> Place:
    source = next(name for name in TEXT_SOURCES if getattr(text, name) is not None)
    return job.mapping.place(*path, source)


def _absent(job: Job, path: KeyPath, text: Text, names: set[str]) -> Problem:
    columns = [repr(ref.name) for ref in text.refs if ref.kind == "column"]
    place = _place(job, path, text)
    shipped = is_shipped(place.file)
    if shipped and len(columns) > 2:  # in all languages of its tracker: the first stands for them
        expected = f"{columns[0]} or one of its {len(columns) - 1:,} other names"
    else:
        expected = " or ".join(columns[:NAMES_SHOWN])
        if not columns:
            expected = "a column of a table"
        further = len(columns) - NAMES_SHOWN
        if further == 1:
            expected += " or another"
        elif further > 1:
            expected += f" or one of {further:,} more"
    hint = _as_constant(path, text) or _nearest(text, names)
    if not hint and path[0] in EXPECTED[1:] and columns and not shipped:
        option = shell_join([f"--accept-missing={text.refs[0].name}"])
        hint = f"if the source has none any more: `run` with {option}"
    key = ".".join(map(str, path))
    return Problem(f"no file has {expected}", place.file, place.line, key, hint)


def _as_constant(path: KeyPath, text: Text) -> str:
    """What to write, where a word of Triage's own stands in place of a column that no file has."""
    if len(path) > 1 or text.column not in CONSTANTS.get(str(path[0]), ()):
        return ""
    return f"a constant is written `{path[0]}: {{value: {text.column}}}`"


def _nearest(text: Text, names: set[str]) -> str:
    """The columns that may be meant: the shortest with all words of a name, else one that is written nearly so."""
    near: list[str] = []
    for ref in text.refs:
        words = _words(ref.name)
        if near or not words or ref.kind != "column":
            continue
        lengths = dict[str, int]()  # column with all these words → how many it has
        for name in sorted(names):
            column_words = _words(name)
            if words <= column_words:
                lengths[name] = len(column_words)
        shortest = min(lengths.values(), default=0)
        near = [name for name, length in lengths.items() if length == shortest]
    for ref in text.refs:
        near = near or difflib.get_close_matches(ref.name, names, n=1, cutoff=0.7)
    if not near:
        return ""
    columns = listed([*map(repr, near)], NEAREST_SHOWN)
    return f"the nearest column{'s are' if near[1:] else ' is'} {columns}"


def _words(name: str) -> set[str]:
    return {word for word in re.split(r"[\W_]+", fold(name)) if word}
