"""Whether a mapping and a source fit together: seen from the headers alone, before the first row is read."""

from __future__ import annotations

import difflib

from importer.check.job import Job
from importer.errors import Problem, SourceError
from importer.mapping.presets import preset_path
from importer.mapping.texts import TEXT_SOURCES, Text, walk_texts

COLUMNS_SHOWN = 40
EXPECTED = ("title", "description", "severity", "status", "category")
"""Fields whose column somebody counts on. A preset names many columns that an export may lack, a person's mapping only
those that it has: there an absent one is a mistake that a default would hide."""


def check_fit(job: Job) -> list[str]:
    """Warnings about rows above a header, and about columns that no file has.

    Only tables can be judged: which keys a JSON file has is known when it has been read.

    Raises:
        SourceError: the key or the title can come from nowhere, or a person's own mapping takes another field of
            EXPECTED from a column that is not there; all of them at once.
    """
    passed_over = [
        f"{file.name}: rows above the header, which are none: {file.rows_above}. They say {'; '.join(file.above)}"
        for file in job.source.files
        if file.rows_above
    ]
    headers = [file.header for file in job.source.files]
    if not all(file.is_table for file in job.source.files):
        return passed_over
    names = {name.strip() for header in headers if header is not None for name in header}
    model = job.mapping.model
    absent, warnings = [], passed_over
    keys = [text for text in (model.input.key, model.input.local_key) if text is not None]
    if not model.input.key.content and not any(_can_be_filled(text, names) for text in keys):
        absent.append(_absent(job, ("input", "key"), model.input.key, names))
    for path, text in walk_texts(model, choices=False):
        if path[0] == "input" or _can_be_filled(text, names):
            continue
        problem = _absent(job, path, text, names)
        shipped = preset_path(problem.file.removesuffix(".yaml")) is not None
        if path == ("title",) or (len(path) == 1 and path[0] in EXPECTED and not shipped):
            absent.append(problem)
        elif not shipped or (len(path) == 1 and path[0] in EXPECTED):
            warnings.append(str(problem).replace("\n  ", "; "))
    if absent:
        shown = ", ".join(sorted(names)[:COLUMNS_SHOWN]) + (" …" if len(names) > COLUMNS_SHOWN else "")
        raise SourceError(
            f"The mapping {job.mapping.name} does not fit the source.",
            problems=absent,
            hint=f"Take another (`triage-import mappings`), or name the columns in one of yours: {shown}",
        )
    return warnings


def _can_be_filled(text: Text, names: set[str]) -> bool:
    return not text.refs or any(ref.kind == "column" and ref.name.strip() in names for ref in text.refs)


def _absent(job: Job, path: tuple[str | int, ...], text: Text, names: set[str]) -> Problem:
    wanted = " or ".join(repr(ref.name) for ref in text.refs if ref.kind == "column") or "a column of a table"
    place = job.mapping.place(*path, next(name for name in TEXT_SOURCES if getattr(text, name) is not None))
    near = [name for ref in text.refs for name in difflib.get_close_matches(ref.name, names, n=1, cutoff=0.7)]
    hint = f"the nearest column is {near[0]!r}" if near else ""
    return Problem(f"no file has {wanted}", place.file, place.line, ".".join(map(str, path)), hint)
