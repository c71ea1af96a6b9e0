"""The one writer of files for people and other programs: `--log-file`, `--metrics-file`, -o, and those of a report.

Only a regular file is replaced, whole or not at all, and only one that this program has written; a pipe or a device is
written to. So no source, ledger or mapping, and no other output, is lost to a mistyped name.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from importer.errors import StorageFull, UsageError

PRIVATE, READABLE = 0o600, 0o644
"""The mode of a file that names people or issues, and of one that another program's user collects."""
METRICS = "--metrics-file", b"# HELP triage_import_"
"""The option, and how a file begins that it has written."""
OTHER_NAME = "Name another file, in a folder that is there and can be written, or make room."
Advise = Callable[[Path, OSError], str]
"""Says what helps where a file can't be written."""


def name_another(_path: Path, _error: OSError) -> str:
    return OTHER_NAME


@contextmanager
def storing(path: Path, option: str = "-o", advise: Advise = name_another) -> Iterator[None]:
    """Say what can't be written, and why; `option` is how it was named, "" if it wasn't. Raises StorageFull."""
    try:
        yield
    except OSError as error:
        what = f"{option} {path}" if option else path
        raise StorageFull(f"{what} can't be written: {error.strerror}.", hint=advise(path, error)) from error


def refuse_others(path: Path, option: str, begins: bytes, used: Iterable[Path]) -> None:
    """Raise UsageError for a file that a command uses otherwise, or that hasn't been written as this output before.

    `begins` is how each file begins that has.
    """
    with storing(path, option):
        if not path.is_file():
            return
        is_used = any(each.exists() and path.samefile(each) for each in used)
        with path.open("rb") as file:
            is_own = file.read(len(begins)) in (b"", begins)
    if is_used:
        raise refusal(path, option, "is used by this command already")
    if not is_own:
        raise refusal(path, option, "has been written by something else")


def refusal(path: Path, option: str, why: str) -> UsageError:
    """Return what is raised for a file that isn't to be written."""
    return UsageError(f"{option} {path} {why}: nothing is written over it.", hint="Name another file.")


def remove(path: Path) -> None:
    """Remove a file that is to be written anew, if it is there. Raises OSError, for a pipe or a device, too."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    path.unlink(missing_ok=True)


def replace(path: Path, data: bytes, option: str = "-o", mode: int = PRIVATE) -> None:
    """Replace a regular file, or make it; write to what else is there. Raises StorageFull."""
    target = path.resolve()  # a link stays one
    with storing(path, option):
        if target.exists() and not target.is_file():
            with os.fdopen(_open_there(str(target), os.O_WRONLY), "wb") as there:
                there.write(data)
            return
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            temporary.chmod(mode)
            temporary.replace(target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def open_log(path: str) -> IO[str]:
    """Open a log to be added to. Raises OSError."""
    return io.TextIOWrapper(open(path, "ab", opener=_open_there), encoding="utf-8", write_through=True)


def open_private(path: Path, mode: str, **how: Any) -> Any:
    """Open a file of a report, which only its owner may read. Raises OSError."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, PRIVATE), **how)


def append(path: Path, data: bytes, hint: str) -> None:
    """Add to a file of a person's. Raises StorageFull."""
    with storing(path, "", lambda *_: hint), path.open("ab") as file:
        file.write(data)


def create(path: Path, data: bytes) -> None:
    """Write a new file, whole or not at all. Raises FileExistsError, and StorageFull."""
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise StorageFull(f"{path} can't be written: {error.strerror}.", hint=OTHER_NAME) from error


def _open_there(path: str, flags: int) -> int:
    """Open a file, which only its owner may read then; a pipe that nobody reads is an error, and not waited for."""
    descriptor = os.open(path, flags | os.O_NONBLOCK, PRIVATE)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        with suppress(PermissionError):  # somebody else's
            os.fchmod(descriptor, PRIVATE)
    else:
        os.set_blocking(descriptor, True)
    return descriptor
