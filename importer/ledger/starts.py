"""Every start of `run`, `repair` and `undo`, also of those that end before there is a run.

A start is noted in a file beside the ledger, when it begins and when it ends: another process may hold the ledger, or
nobody can open it. Whoever opens the ledger to write takes the notes in.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import orjson
from sqlalchemy import Connection, insert, update

from importer.errors import UsageError
from importer.ledger.commands import default_path
from importer.ledger.lock import is_alive
from importer.ledger.schema import starts

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
    own = ""
    with suppress(OSError, UsageError), _notes(place) as file:
        notes, left = _read(file), b""
        with transaction() as connection:
            for name, note in notes.items():
                if is_running(note) and note["pid"] != os.getpid():
                    left += orjson.dumps(note) + b"\n"
                    continue
                own = name if is_running(note) else own
                if not connection.execute(update(starts).where(starts.c.id == name).values(note)).rowcount:
                    connection.execute(insert(starts).values(note))
        if notes:
            file.seek(0)
            file.truncate()
            file.write(left)
    return own


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
        query = sorted(each for each in parts.query.split("&") if "password" not in each.partition("=")[0])
        named = sha256("\n".join((login.partition(":")[0], host, parts.path, *query)).encode()).hexdigest()[:12]
        return default_path().with_name(f"postgresql-{named}.starts.jsonl")
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
