"""Files that are imported each once: the oldest first, and a newer one only after those that it could overtake."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from importer.cli.console import Console
from importer.errors import DecisionNeeded, ExitCode, ImporterError, UsageError

if TYPE_CHECKING:
    from importer.ledger.starts import Note

EACH_ONCE, NEWEST = "each-once", "newest"
IS_IN = (ExitCode.DONE, ExitCode.PARTLY)
"""Exit codes after which all rows of a delivery are accounted for: in Triage, or in the errors files."""
STOPS_ALL = (ExitCode.STOPPED, ExitCode.LEDGER_IN_USE, ExitCode.TIME_OVER, ExitCode.INTERRUPTED)
"""Exit codes that the next file would end with, too."""
WORST = (130, 3, 7, 8, 2, 6, 5, 4, 1, 0)
"""Which exit code of several counts, the first of these."""


class Delivery(NamedTuple):
    """A file, by its SHA-256 in hex, and when it was modified."""

    digest: str
    name: str
    modified: float


def find_due(given: dict[str, Any], target: str, source_name: str) -> list[Delivery]:
    """Return the files that aren't in, the oldest first.

    If all are, it is the newest: given once more, it says that nothing has changed, and what waits is tried.
    """
    files = find_files(given["sources"])
    known = last_starts(given["ledger"], target, source_name)
    return [each for each in files if not is_in(known.get(each.digest))] or files[-1:]


def deliver(given: dict[str, Any], due: Sequence[Delivery], carry_out: Carry) -> int:
    """Import files one after another; returns the exit code that counts."""
    console, codes, open_ = Console(quiet=bool(given["quiet"])), list[int](), list[Delivery]()
    for each in due:
        first = given["files"] != NEWEST and next((other for other in open_ if may_meet(given, other, each)), None)
        refusal = Waits(each, first) if first else None
        try:
            codes.append(carry_out(each, refusal))
        except ImporterError as error:
            console.speak()
            console.show_error(error)
            codes.append(int(error.exit_code))
        if codes[-1] not in IS_IN:
            open_.append(each)
        if codes[-1] in STOPS_ALL:
            break
    if open_:
        console.speak()
        console.say(f"Not in yet: {', '.join(each.name for each in open_)}. The same command tries the oldest first.")
    return min(codes, key=WORST.index)


Carry = Callable[[Delivery, ImporterError | None], int]
"""Imports a file, or only records the start of one that is refused."""


class Waits(DecisionNeeded):
    """A file could overtake an older one that isn't in yet."""

    def __init__(self, newer: Delivery, older: Delivery) -> None:
        super().__init__(
            f"{newer.name} waits for {older.name}, which isn't in yet: they have rows of the same issues.",
            hint=f"See above what {older.name} needs; the same command goes on. --files {NEWEST} doesn't wait.",
        )


def find_files(names: Sequence[str]) -> list[Delivery]:
    """Return the files, the oldest first. Raises UsageError for what is none."""
    found = []
    for name in names:
        path = Path(name)
        if not path.is_file():
            hint = "A member of an archive, a folder and standard input aren't: import them without --files."
            raise UsageError(f"--files: {name} is no file that can be known again.", hint=hint)
        with path.open("rb") as file:
            found.append(Delivery(file_digest(file, "sha256").hexdigest(), name, path.stat().st_mtime))
    return sorted({each.digest: each for each in found}.values(), key=lambda each: (each.modified, each.name))


def source_name_of(given: dict[str, Any]) -> str:
    """Return the name of the source. Raises UsageError where neither it nor a mapping is named."""
    from importer.mapping.reader import load_mapping

    if given["source_name"]:
        return str(given["source_name"])
    if given["mapping_name"] is None:
        raise UsageError("--files needs the mapping, by which the source is known again.", hint="Name it: -m MAPPING")
    return load_mapping(given["mapping_name"]).model.input.name


def last_starts(ledger: str | None, target: str, source_name: str) -> dict[str, Note]:
    """Return the last start of each delivery of a source that has ended, by its digest."""
    from importer.ledger.opening import read_ledger
    from importer.ledger.overview import list_starts

    with read_ledger(ledger) as book:
        starts = list_starts(book, ledger)
    its = (each for each in starts if (each["target"], each["source_name"]) == (target, source_name))
    return {each["digest"]: each for each in its if each["digest"] and not each["is_running"]}


def is_in(start: Note | None) -> bool:
    """Whether all rows of a delivery are accounted for."""
    return start is not None and start["exit_code"] in IS_IN


def may_meet(given: dict[str, Any], older: Delivery, newer: Delivery) -> bool:
    """Whether two files have rows of one issue; files that can't be read may, but one may lack columns."""
    from importer.mapping.reader import load_mapping
    from importer.mapping.reads import collect_refs

    try:
        columns = collect_refs(load_mapping(given["mapping_name"]).model) if given["mapping_name"] else ()
        lenient = given | {"accept_missing": tuple(ref.name for ref in columns)}
        return not set(_read_keys(lenient, older.name)).isdisjoint(_read_keys(lenient, newer.name))
    except ImporterError:
        return True


def _read_keys(given: dict[str, Any], name: str) -> Iterator[str]:
    from importer.check.examine import examine
    from importer.library.inputs import InputOptions, open_job

    options = {each: given[each] for each in InputOptions.__dataclass_fields__ if each in given}
    with open_job([name], **options) as job:
        for examined in examine(job):
            yield from filter(None, examined.records.keys.full)


def describe_open(starts: Sequence[Note]) -> Iterator[str]:
    """Yield the deliveries that are not in yet, with why, and what to type."""
    # By name: a file that was exported again takes the place of the one before.
    last = {(each["target"], each["source_name"], each["files"]): each for each in starts if each["digest"]}
    for each in last.values():
        if not is_in(each) and not each["is_running"]:
            code = "it did not end" if each["exit_code"] is None else f"exit code {each['exit_code']}"
            again = f"triage-import run @{each['import_name']}" if each["import_name"] else "the same command"
            files = ", ".join(json.loads(each["files"]))
            yield f"Not in yet: {files}: {code}, {each['why'] or 'no reason is known'}; {again}"
