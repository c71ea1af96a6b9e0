"""The lists of runs and of starts: which run a process is working on, and which import a repair or an undo changed.

Every start of `run`, `repair` and `undo` is noted in a file beside the ledger, when it begins and when it ends: another
process may hold the ledger, or nobody can open it. Whoever opens the ledger to write takes the notes in.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import date
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit

import orjson
from sqlalchemy import Connection, func, insert, select, update

from importer.errors import ExitCode, UsageError
from importer.ledger import sqlite
from importer.ledger.commands import default_path
from importer.ledger.forgetting import PRUNED
from importer.ledger.journal import Run
from importer.ledger.lock import is_alive
from importer.ledger.schema import RunKind, attempts, rows, runs, starts
from importer.ledger.store import Ledger
from importer.phrases import shell_join
from importer.records import Outcome

Note = dict[str, Any]
"""A start: the columns of `starts`; in the file without those that are not known yet."""


def note_start(place: str | Path | None, note: Note) -> None:
    """Add a line on a start to the file beside a ledger; where none can be written, it isn't recorded."""
    with suppress(OSError, UsageError), _notes(place, os.O_CREAT) as file:
        file.seek(0, os.SEEK_END)
        file.write(orjson.dumps(note) + b"\n")


def read_notes(place: str | Path | None) -> dict[str, Note]:
    """Return the starts that are not in the ledger yet, or have ended since: id → what is known of them."""
    with suppress(OSError, UsageError), _notes(place) as file:
        return _read(file)
    return {}


def take_in(transaction: Callable[[], AbstractContextManager[Connection]], place: str | Path) -> str:
    """Move the notes into the ledger, and return the id of this process's own start, "" if it has none.

    What another process has begun stays in the file as long as that process lives: it isn't the holder. After a crash
    they are taken in once more, which changes nothing.
    """
    start = ""
    with suppress(OSError, UsageError), _notes(place) as file:
        notes, remaining = _read(file), b""
        with transaction() as connection:
            for name, note in notes.items():
                if is_running(note) and note["pid"] != os.getpid():
                    remaining += orjson.dumps(note) + b"\n"
                    continue
                start = name if is_running(note) else start
                statement = update(starts).where(starts.c.id == name).values(note)
                if not connection.execute(statement).rowcount:
                    connection.execute(insert(starts).values(note))
        if notes:
            file.seek(0)
            file.truncate()
            file.write(remaining)
    return start


def is_running(note: Mapping[str, Any]) -> bool:
    """Whether a start has no end, and its process is there."""
    return note.get("exit_code") is None and is_alive(note["pid"])


@contextmanager
def _notes(place: str | Path | None, flags: int = 0) -> Iterator[IO[bytes]]:
    """Open the file beside a ledger, alone. Raises OSError, and UsageError where there is no folder for it."""
    path = _file_of(place or default_path())
    if flags:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _file_of(place: str | Path) -> Path:
    """Return the file beside a ledger; of one on a server it is in the state folder, named by its URL without secrets.

    Raises OSError for a ledger that is no file.
    """
    if "://" in str(place):
        try:
            parts = urlsplit(str(place))
        except ValueError as error:
            raise OSError("no URL") from error
        login, _, host = parts.netloc.rpartition("@")
        query = sorted(option for option in parts.query.split("&") if "password" not in option.partition("=")[0])
        user = login.partition(":")[0]
        public_url = "\n".join((user, host, parts.path, *query))
        digest = sha256(public_url.encode()).hexdigest()[:12]
        return default_path().with_name(f"postgresql-{digest}.starts.jsonl")
    path = Path(place).resolve()
    if path.exists() and not path.is_file():
        raise IsADirectoryError(str(path))
    return path.with_name(f"{path.name}.starts.jsonl")


def _read(file: IO[bytes]) -> dict[str, Note]:
    """Read all lines, a later one of a start after an earlier one; one that was cut off is left out."""
    notes = dict[str, Note]()
    for line in file.read().splitlines():
        with suppress(orjson.JSONDecodeError):
            note = orjson.loads(line)
            notes[note["id"]] = notes.pop(note["id"], {}) | note
    return notes


PUT_OFF = "sources put-off"
"""The command by which a person puts off what stands of a source: it is recorded as a start."""
CHANGES = (RunKind.REPAIR, RunKind.UNDO)
"""Kinds of runs that change the issues of an earlier import."""


class Overview(NamedTuple):
    """A run in the list.

    works_on  the name of the import that a repair or an undo changes, else ""
    attempt   number of its last attempt among those of all runs
    """

    run: Run
    is_running: bool
    works_on: str
    attempt: int


def list_overviews(ledger: Ledger) -> list[Overview]:
    """Return all runs, the newest first, without disturbing a process that holds the ledger."""
    holder = _find_holder(ledger)
    listed_runs = ledger.list_runs()
    last = select(func.max(attempts.c.id)).group_by(attempts.c.run_id)
    statement = select(runs.c.name, runs.c.source_digest, attempts.c.id, attempts.c.pid, attempts.c.ended_at)
    statement = statement.join(attempts, attempts.c.run_id == runs.c.id).where(attempts.c.id.in_(last))
    with ledger.transaction() as connection:
        last_attempts = {attempt.name: attempt for attempt in connection.execute(statement)}
    overviews = []
    for run in listed_runs:
        attempt = last_attempts[run.name]  # every run has one, also one that has begun since
        is_running = holder is not None and (attempt.pid, attempt.ended_at) == (holder, None)
        works_on = attempt.source_digest if run.kind in CHANGES else ""
        overviews.append(Overview(run, is_running, works_on, attempt.id))
    return overviews


def find_undone(ledger: Ledger, pairs: Iterable[tuple[Overview, Sequence[Overview]]]) -> set[str]:
    """Return the names of imports that were undone, and of those between such a one and its undo that have its keys.

    `pairs` are imports, each with its repairs and undos. What an undo gives back or deletes may be a later import's,
    too: once the undone one is repeated, so is that, and the newest row of an issue is the last.
    """
    undone = set[str]()
    for overview, changes in pairs:
        undos = [change.run for change in changes if change.run.kind is RunKind.UNDO and not change.run.is_open]
        if undos:
            name = overview.run.name
            last_undo = max(undo.started_at for undo in undos)
            undone |= {name, *_share_keys(ledger, name, last_undo)}
    return undone


def _share_keys(ledger: Ledger, name: str, before: float) -> Iterator[str]:
    """Yield the names of a source's imports after the one of this name that wrote its keys before this time."""
    with ledger.transaction() as connection:
        run = connection.execute(select(runs).where(runs.c.name == name)).one()
        run_keys = select(rows.c.key).where(rows.c.run_id == run.id, rows.c.key != "")
        keys = set(connection.scalars(run_keys))
        later = select(runs.c.id, runs.c.name).where(runs.c.source_id == run.source_id, runs.c.id > run.id)
        later = later.where(runs.c.kind == RunKind.IMPORT, runs.c.started_at < before)
        for later_id, later_name in connection.execute(later).all():
            later_keys = select(rows.c.key).where(rows.c.run_id == later_id)
            # A row that was unchanged isn't among `rows`: it says what the undone one said.
            if not keys.isdisjoint(connection.scalars(later_keys)):
                yield later_name


def list_starts(ledger: Ledger, place: str | Path | None) -> list[Note]:
    """Return all starts, also those in the file beside the ledger, which is at this place.

    One without an exit code that `is_running` is not over yet; any other one didn't end.
    """
    statement = select(starts).order_by(starts.c.started_at)
    with ledger.transaction() as connection:
        stored = {start["id"]: dict(start) for start in connection.execute(statement).mappings()}
        notes = read_notes(place)
    holder = _find_holder(ledger)
    of_holder = [name for name, start in stored.items() if start["exit_code"] is None and start["pid"] == holder]
    alive = {*of_holder[-1:], *(name for name, note in notes.items() if is_running(note))}
    blank = dict.fromkeys(starts.c.keys(), "") | {"seconds": None, "exit_code": None}
    listed_starts = []
    for name in {**stored, **notes}:
        start = blank | stored.get(name, {}) | notes.get(name, {})
        start["is_running"] = start["exit_code"] is None and start["id"] in alive
        listed_starts.append(start)
    return listed_starts


def note_put_off(ledger: Ledger, target: str, source_name: str, cause: str, until: str) -> None:
    """Record until which day a person doesn't want to be told of what stands of a source."""
    note = {
        "id": token_hex(8),
        "started_at": time.time(),
        "pid": os.getpid(),
        "command": PUT_OFF,
        "files": orjson.dumps([cause, until]).decode(),
        "target": target,
        "source_name": source_name,
        "seconds": 0.0,
        "exit_code": int(ExitCode.DONE),
    }
    with ledger.transaction() as connection:
        connection.execute(insert(starts).values(note))


def find_put_off(ledger: Ledger, target: str, source_name: str) -> dict[str, str]:
    """Return what a person has put off of a source: cause → until which day, which may have passed."""
    of_source = (starts.c.command == PUT_OFF, starts.c.target == target, starts.c.source_name == source_name)
    statement = select(starts.c.files).where(*of_source).order_by(starts.c.started_at)
    with ledger.transaction() as connection:
        return dict(map(orjson.loads, connection.scalars(statement)))


def still_put_off(until: Mapping[str, str]) -> dict[str, str]:
    """Return of what was put off that of which the day is to come."""
    today = f"{date.today():%Y-%m-%d}"
    return {cause: day for cause, day in until.items() if day > today}


def find_import(ledger: Ledger, name: str, command: str, options: Sequence[str] = ()) -> Overview:
    """Return the import of this name, or the newest for `last`; `command` is named in the hint, with its options.

    Raises:
        UsageError: there is no run of this name, or it is no import, or it was pruned.
    """
    run_name = ledger.find_run(name).name
    (overview,) = (overview for overview in list_overviews(ledger) if overview.run.name == run_name)
    run, import_name = overview.run, overview.works_on
    if import_name and (command, run.kind) == ("undo", RunKind.UNDO):
        raise _refuse_undo_of_undo(ledger, overview)
    if import_name:
        hint = run.command(command, import_name, *options)
        raise UsageError(f"{run_name} is no import but the {run.kind} of {import_name}.", hint=hint)
    if run.kind is not RunKind.IMPORT:
        hint = "Name an import: `triage-import runs` lists them."
        raise UsageError(f"{run_name} is no import but a {run.kind}.", hint=hint)
    if run.options.get(PRUNED):
        hint = "What it wrote at its end is in its folder: " + str(run.out)
        raise UsageError(f"The rows of {run_name} were pruned: there is nothing to {command} any more.", hint=hint)
    return overview


def name_last_change(ledger: Ledger, run: Run, command: str, options: Iterable[str]) -> str:
    """Give the same command for the newest import of the run's source of which issues are left; "" if there is none."""
    for overview in _list_same(ledger, run, RunKind.IMPORT):
        summary = overview.run.summary
        did_something = summary.get("created") or summary.get("updated")
        if did_something and not overview.run.options.get(PRUNED) and overview.run.has_issues():
            words = ["triage-import", command, overview.run.name, *options]
            return f" The last run that did something: {shell_join(words)}"
    return ""


def say_nothing_left(ledger: Ledger, run: Run) -> str:
    """Say why no issue is left that an import created or changed: there was none, or which undo has deleted them."""
    counts = run.count()
    if not (counts[Outcome.CREATED] or counts[Outcome.UPDATED]):
        return f"{run.name} created and changed nothing"
    undos = [undo for undo in _list_same(ledger, run, RunKind.UNDO) if undo.run.options.get("digest") == "delete"]
    undos_of_run = [undo for undo in undos if undo.works_on == run.name]
    deleted_by = next((undo.run.name for undo in undos_of_run or undos), "an undo")
    return f"The issues that {run.name} created or changed were deleted by {deleted_by}"


def _list_same(ledger: Ledger, run: Run, kind: RunKind) -> list[Overview]:
    """List the runs of a kind that were of the same source and target, the newest first."""
    source = (kind, run.target, run.source_name)
    overviews = [(overview, overview.run) for overview in list_overviews(ledger)]
    return [overview for overview, listed in overviews if (listed.kind, listed.target, listed.source_name) == source]


def _refuse_undo_of_undo(ledger: Ledger, undo: Overview) -> UsageError:
    """Return the error that says how to apply again what an undo has reverted."""
    import_name, way = undo.works_on, undo.run.options.get("digest")
    mapping = ledger.find_run(import_name).summary.get("mapping") or "MAPPING"
    repair = undo.run.command("repair", import_name, "-m", mapping, "--fields", "status")
    ways = {
        "close": f"What it closed, a repair opens again: {repair}\n",
        "delete": "What it deleted, the same import makes anew, as after a first run of it.\n",
    }
    return UsageError(
        f"{undo.run.name} is no import but the undo of {import_name}: there is no undo of an undo.",
        hint=f"{ways.get(way or '', '')}What it gave back, the same import writes again with --on-change update.",
    )


def _find_holder(ledger: Ledger) -> int | None:
    """Return the id of the process that holds a ledger, None if there is none."""
    with ledger.transaction() as connection:
        if connection.dialect.name == "postgresql":
            from importer.ledger import postgres

            return postgres.find_holder(connection)
    return sqlite.find_holder(Path(ledger.name))
