"""Files that are imported each once: known again by their digest, and which of them may meet."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from importer.codes import NEWER_FILE_IN, OLDER_FILE_OPEN
from importer.errors import DecisionNeeded, ExitCode, ImporterError, SourceNotReady, UsageError
from importer.library.recording import with_undone
from importer.sources.age import MAX_AGE, MAX_FILE, check_age

if TYPE_CHECKING:
    from importer.library.run_options import RunOptions
    from importer.transform.aliases import Aliases

EACH_ONCE, NEWEST = "each-once", "newest"
IS_IN = [code for code in ExitCode if code.is_complete]
"""Exit codes after which all rows of a delivery are accounted for: in Triage, or in the errors files."""


class Delivery(NamedTuple):
    """A file, by its SHA-256 in hex, and when it was modified; the newest one's age is that of the source."""

    digest: str
    name: str
    modified: float
    is_newest: bool = False


class Deliveries(NamedTuple):
    """The files that are to be imported, the oldest first, and those that are in."""

    due: list[Delivery]
    are_in: list[Delivery]


def find_due(sources: Sequence[str], options: RunOptions, target: str, source_name: str) -> Deliveries:
    """Find the files that aren't in; if all are, and something of the source waits, the newest is to come again.

    Raises SourceNotReady if all are, and the newest is older than `--max-source-age` or `--max-file-age` allows.
    """
    files = find_files(sources)
    known, is_waiting = read_in(options.ledger, target, source_name)
    due = [each for each in files if each.digest not in known]
    if not due:
        limits = {MAX_AGE: options.max_source_age, MAX_FILE: options.max_file_age}
        check_age(time.time() - files[-1].modified, f"The newest file is {files[-1].name}, of", limits)
    return Deliveries(due or files[-1:] * is_waiting, [each for each in files if each.digest in known])


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
    *older, newest = sorted({each.digest: each for each in found}.values(), key=lambda each: (each.modified, each.name))
    return [*older, newest._replace(is_newest=True)]


def source_name_of(options: RunOptions) -> str:
    """Return the name of the source. Raises UsageError where neither it nor a mapping is named."""
    from importer.mapping.reader import load_mapping

    if options.source_name:
        return options.source_name
    if options.mapping is None:
        raise UsageError("--files needs the mapping, by which the source is known again.", hint="Name it: -m MAPPING")
    return load_mapping(options.mapping).model.input.name


def read_in(ledger: str | None, target: str, source_name: str) -> tuple[set[str], bool]:
    """Return the digests of a source's files that are in, and whether something waits since the last one.

    One whose run was undone isn't in any more, see `find_undone`.
    """
    from importer.ledger.opening import read_ledger
    from importer.ledger.overview import find_undone, list_overviews, list_starts

    with read_ledger(ledger) as book:
        starts, undone = list_starts(book, ledger), find_undone(book, with_undone(list_overviews(book)))
    its = [each for each in starts if (each["target"], each["source_name"]) == (target, source_name)]
    figures = [json.loads(each["figures"]) for each in its if each["figures"]]
    is_waiting = bool(figures) and figures[-1]["waiting"] > 0
    return {each["digest"] for each in its if is_in(each, undone)}, is_waiting


def is_in(start: Mapping[str, object], undone: Collection[object]) -> bool:
    """Whether the file of a start is in Triage since then; `undone` are the names of runs that were undone."""
    return bool(start["digest"]) and start["exit_code"] in IS_IN and start["run"] not in undone


class Waits(DecisionNeeded):
    """A file could overtake an older one that isn't in yet and can't be read."""

    def __init__(self, newer: Delivery, older: Delivery) -> None:
        super().__init__(
            f"{newer.name} waits for {older.name}, which isn't in yet: they may have rows of the same issues.",
            hint=f"See above what {older.name} needs; the same command goes on. --files {NEWEST} doesn't wait.",
        )


KeysOf = Callable[[str], frozenset[str]]


class Order:
    """Keeps the rows of an issue in the order of its files.

    keys_of       reads the keys of a file's rows, as the file has them
    read_aliases  reads the keys that issues have by now → those that they had first; each file may bring more
    are_in        files that are in, as far as nothing else says which row of an issue is the newer one
    """

    def __init__(
        self, keys_of: KeysOf, read_aliases: Callable[[], Aliases], are_in: Sequence[Delivery], *, waits: bool
    ) -> None:
        self._keys_of, self._read_aliases, self._are_in, self._waits = keys_of, read_aliases, are_in, waits
        self._open = set[str]()
        self._unread: Delivery | None = None  # is open, and nobody knows which issues it has

    def holds(self, due: Delivery) -> dict[str, str]:
        """Return key → code of the rows that aren't sent if a file has them, by the keys that issues had first.

        Raises ImporterError if a file can't be read.
        """
        if self._unread is not None:
            raise Waits(due, self._unread)
        newer = [each for each in self._are_in if each.modified > due.modified]
        if not (self._open or newer):
            return {}
        brought = frozenset[str]().union(*(self._keys_of(each.name) for each in newer))
        # A newer row never overtakes an older one, as what the two of them add would come in the wrong order; nor does
        # an older one, which comes late or again, replace what a newer one has brought. Which of them are this file's
        # isn't known before it is read: an issue may have moved since.
        aliases = self._read_aliases()
        held = {aliases.get(key, key): NEWER_FILE_IN for key in brought}
        return held | {aliases.get(key, key): OLDER_FILE_OPEN for key in self._open}

    def keep_open(self, due: Delivery) -> None:
        """Let later rows of all of a file's issues wait, and all later files if it can't be read."""
        if self._waits:
            try:
                self._open |= self._keys_of(due.name)
            except ImporterError:
                self._unread = self._unread or due


def read_moved(ledger: str | None, target: str, source_name: str) -> Aliases:
    """Return the keys that issues of a source have by now → those that they had first."""
    from importer.ledger.opening import read_ledger

    with read_ledger(ledger) as book:
        return book.read_aliases(target, source_name)


def has_dates(options: RunOptions) -> bool:
    """Whether the rows themselves say which one of an issue is the newer: by a date, or each is an occurrence."""
    from importer.mapping.model import Duplicates
    from importer.mapping.reader import load_mapping

    model = load_mapping(options.mapping).model if options.mapping else None
    return model is not None and (isinstance(model.duplicates, Duplicates) or model.recurring is not None)


def read_keys(options: RunOptions, name: str) -> frozenset[str]:
    """Return the keys of a file's rows; it may lack columns. Raises ImporterError if it can't be read."""
    from importer.check.examine import examine
    from importer.library.inputs import open_job, reading_of
    from importer.mapping.reader import load_mapping
    from importer.mapping.reads import collect_refs

    columns = collect_refs(load_mapping(options.mapping).model) if options.mapping else ()
    lenient = replace(options, accept_missing=tuple(ref.name for ref in columns))
    with open_job([name], **reading_of(lenient)) as job:
        return frozenset(row.key for run in examine(job) for row in run.rows if row.key)
