"""Files that are imported each once: known again by their digest, and which of them may meet."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from importer.errors import ExitCode, ImporterError, SourceNotReady, UsageError
from importer.phrases import format_duration

if TYPE_CHECKING:
    from importer.library.run_options import RunOptions

EACH_ONCE, NEWEST = "each-once", "newest"
IS_IN = [code for code in ExitCode if code.is_complete]
"""Exit codes after which all rows of a delivery are accounted for: in Triage, or in the errors files."""


class Delivery(NamedTuple):
    """A file, by its SHA-256 in hex, and when it was modified."""

    digest: str
    name: str
    modified: float


def find_due(sources: Sequence[str], options: RunOptions, target: str, source_name: str) -> list[Delivery]:
    """Return the files that aren't in, the oldest first; else the newest again, if something of the source waits.

    Raises SourceNotReady if all are, and the newest is older than `--max-source-age` allows.
    """
    files = find_files(sources)
    known, is_waiting = read_in(options.ledger, target, source_name)
    due = [each for each in files if each.digest not in known]
    age, limit = time.time() - files[-1].modified, options.max_source_age
    if not due and limit is not None and age > limit:
        ago, allowed = format_duration(age), format_duration(limit)
        message = f"The newest file is {files[-1].name}, of {ago} ago, but --max-source-age allows {allowed}."
        raise SourceNotReady(message, hint="Check that the export still runs; if it is right, raise --max-source-age.")
    return due or files[-1:] * is_waiting


def find_files(names: Sequence[str]) -> list[Delivery]:
    """Return the files, the oldest first. Raises UsageError for what is none."""
    found = []
    for name in names:
        path = Path(name)
        is_member = any(parent.is_file() for parent in path.parents)
        if name != "-" and not is_member and not path.exists():
            raise SourceNotReady(f"{name} isn't there.", hint="Check that the export still runs.")
        if not path.is_file():
            hint = "A member of an archive, a folder and standard input aren't: import them without --files."
            raise UsageError(f"--files: {name} is no file that can be known again.", hint=hint)
        with path.open("rb") as file:
            found.append(Delivery(file_digest(file, "sha256").hexdigest(), name, path.stat().st_mtime))
    return sorted({each.digest: each for each in found}.values(), key=lambda each: (each.modified, each.name))


def source_name_of(options: RunOptions) -> str:
    """Return the name of the source. Raises UsageError where neither it nor a mapping is named."""
    from importer.mapping.reader import load_mapping

    if options.source_name:
        return options.source_name
    if options.mapping is None:
        raise UsageError("--files needs the mapping, by which the source is known again.", hint="Name it: -m MAPPING")
    return load_mapping(options.mapping).model.input.name


def read_in(ledger: str | None, target: str, source_name: str) -> tuple[set[str], bool]:
    """Return the digests of a source's files that are in, and whether something waits since the last one."""
    from importer.ledger.opening import read_ledger
    from importer.ledger.overview import list_starts

    with read_ledger(ledger) as book:
        starts = list_starts(book, ledger)
    its = [each for each in starts if (each["target"], each["source_name"]) == (target, source_name)]
    figures = [json.loads(each["figures"]) for each in its if each["figures"]]
    is_waiting = bool(figures) and figures[-1]["waiting"] > 0
    return {each["digest"] for each in its if each["digest"] and each["exit_code"] in IS_IN}, is_waiting


def may_meet(keys_of: Callable[[str], frozenset[str]], older: Delivery, newer: Delivery) -> bool:
    """Whether two files have rows of one issue; files that can't be read may."""
    try:
        return not keys_of(older.name).isdisjoint(keys_of(newer.name))
    except ImporterError:
        return True


def read_keys(options: RunOptions, name: str) -> frozenset[str]:
    """Return the keys of a file's rows; it may lack columns. Raises ImporterError if it can't be read."""
    from importer.check.examine import examine
    from importer.library.inputs import open_job, reading_of
    from importer.mapping.reader import load_mapping
    from importer.mapping.reads import collect_refs

    columns = collect_refs(load_mapping(options.mapping).model) if options.mapping else ()
    lenient = replace(options, accept_missing=tuple(ref.name for ref in columns))
    with open_job([name], **reading_of(lenient)) as job:
        return frozenset(key for examined in examine(job) for key in examined.records.keys.full if key)
