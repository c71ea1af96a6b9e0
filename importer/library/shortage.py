"""What the machine doesn't give, memory or files: looked at before anything begins, and recognised where it is met."""

from __future__ import annotations

import errno
from pathlib import Path

from importer.errors import RunStopped, UsageError
from importer.phrases import readable

FEWEST_FILES, ENOUGH_FILES = 128, 1024
"""Files that a command may have open at least; as many as it asks for where the limit can be raised."""
OTHER_FILES = 40
"""Files that an import may have open beside its connections: ledger, source, reports, spools."""
LEAST_MEMORY = 512 * 2**20
"""Bytes of address space for the libraries and a small import; below it they end the process without a word."""
NO_MEMORY = ("failed to map segment", "cannot allocate memory", "can't start new thread")
"""What libraries say in an error of another kind where memory is short, in lower case."""
NO_FOLDER = "No usable temporary directory"
"""What Python's tempfile says where none of the usual folders takes a file."""
LOOP = "Symlink loop from"
"""How pathlib calls links that lead to each other, before Python 3.13."""


def check_limits() -> None:
    """Raise the limit of open files if need be and possible. Raises UsageError where limits are too low.

    Also where the present folder is gone, to which paths and reports belong.
    """
    import resource  # POSIX only, as the commands are, but not what says so

    try:
        Path.cwd()
    except OSError as error:
        message = f"The present folder can't be used: {error.strerror}."
        raise UsageError(message, hint="Change to a folder that is there, then run the same command again.") from error

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < ENOUGH_FILES:
        soft = ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(hard, ENOUGH_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if soft < FEWEST_FILES:
            message = f"Only {soft:,} files may be open at a time, and {FEWEST_FILES} are needed."
            raise UsageError(message, hint=f"Raise it, then run the same command again: ulimit -n {ENOUGH_FILES}")
    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    if space != resource.RLIM_INFINITY and space < LEAST_MEMORY:
        message = f"Only {space // 2**20:,} MB of memory may be used, and {LEAST_MEMORY // 2**20} MB are needed."
        raise UsageError(message, hint="Raise it, then run the same command again: ulimit -v unlimited")


def check_connections(number: int) -> None:
    """Raise UsageError where so many connections can't be open at a time: each refused one looks like an outage."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and number + OTHER_FILES > soft:
        message = f"Only {soft:,} files may be open at a time, too few for so many connections."
        raise UsageError(message, hint=f"Raise it (ulimit -n {ENOUGH_FILES}), or give a lower --concurrency.")


def find_shortage(error: BaseException) -> RunStopped | None:
    """Return the error to show where memory or files have run out, or a file can't be used; None for any other."""
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        hint = f"Raise the limit (ulimit -n {ENOUGH_FILES}), or lower --concurrency; the same command continues."
        return RunStopped("Too many files are open.", hint=hint)
    is_short = isinstance(error, OSError) and error.errno == errno.ENOMEM
    if is_short or isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in NO_MEMORY):
        hint = "What is done is recorded: with more memory (ulimit -v, or the container's) the same command continues."
        return RunStopped("There is not enough memory.", hint=hint)
    if isinstance(error, FileNotFoundError) and NO_FOLDER in str(error):
        hint = "Make room there, or set TMPDIR to a folder that has it, then run the same command again."
        return RunStopped(f"There is {NO_FOLDER[0].lower()}{NO_FOLDER[1:]} that takes a file.", hint=hint)
    hint = "What is done is recorded: once that is fixed, the same command continues."
    if isinstance(error, OSError) and isinstance(error.filename, str) and error.strerror:
        return RunStopped(f"{readable(error.filename)}: {error.strerror}.", hint=hint)
    if isinstance(error, RuntimeError) and str(error).startswith(LOOP):
        return RunStopped(f"{error}.", hint=hint)
    return None
