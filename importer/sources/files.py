"""Source files as bytes: finding, spooling, decompressing, hashing, and noticing changes."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TextIO
from zipfile import BadZipFile

from importer.errors import SourceError, SourceNotReady, StorageFull, UsageError, how_to_install
from importer.phrases import readable, shell_quote
from importer.sources.archives import MAGICS, Damaged, choose_members, is_workbook, open_member
from importer.sources.workbooks import OLE_MAGIC, convert_sheet

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STDIN = "-"
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_INPUT_BYTES = 16 * 1024
"""Small, so that what it decompresses to stays small."""

LONGEST = 32 * 1024 * 1024
"""Characters of a line, or of a record in a JSON document: a longer one is refused before it fills the memory."""


class Stamp(NamedTuple):
    """Size in bytes, time of change in nanoseconds, and inode: they differ if a file may have changed."""

    size: int
    mtime_ns: int
    inode: int


class StoredFile(NamedTuple):
    """A source file on disk.

    name     as the user typed it, or could have: `export.zip/issues.csv`; bytes that are not UTF-8 are escaped
    path     the file to read
    spooled  whether `path` is a copy of piped data: it never changes, and its times mean nothing
    member   the file that is read, if `path` is a zip archive
    workbook  the workbook, if `path` is one of its sheets as CSV
    notices   sentences about cells of the sheet that may not have what a person sees
    """

    name: str
    path: Path
    spooled: bool = False
    member: str = ""
    workbook: Path | None = None
    notices: tuple[str, ...] = ()


class OpenFile(NamedTuple):
    """An open file: `stored` tells how many stored bytes were read, `data` yields decompressed bytes."""

    stored: BinaryIO
    data: BinaryIO


def cut_off(name: str, where: str, otherwise: str = "") -> SourceNotReady:
    """Return the error for a file that ends too early; `otherwise` is what to do if it is complete all the same."""
    return SourceNotReady(
        f"{name} ends {where}: it looks as if it is still being written, or was cut off.",
        hint=f"Run the same command again when it is complete, or export it again. {otherwise}".rstrip(),
    )


def read_lines(text: TextIO) -> Iterator[str]:
    """Yield lines with their ends; of a longer one than `LONGEST` a piece of that length, for which see `too_long`."""
    return iter(partial(text.readline, LONGEST), "")


def too_long(name: str, line: int, what: str = "line") -> SourceError:
    """Return the error for a line or a value of LONGEST characters or more."""
    hint = "It is no export of issues, or a file is embedded in it: export it again without attachments."
    return SourceError(f"{name}:{line}: a {what} is longer than {LONGEST:,} characters.", hint=hint)


def still_written(name: str) -> SourceNotReady:
    """Return the error for a file that changed since it was opened."""
    return SourceNotReady(
        f"{name} changed while it was read. It is still being written.",
        hint="Run the same command again when it is complete.",
    )


def find_files(paths: Sequence[str], stack: ExitStack) -> list[StoredFile]:
    """Return the files at these paths; standard input and pipes are spooled, as they can't be read twice.

    So is a workbook's sheet, as CSV. Spool files have no name: they are gone when `stack` closes, or the process ends.
    Raises UsageError, SourceNotReady (missing, no bytes), SourceError (a directory, not readable), StorageFull.
    """
    if not paths:
        raise UsageError("No source is given.", hint="Name one or more files, or `-` for standard input.")
    if list(paths).count(STDIN) > 1:
        raise UsageError("Standard input is given twice; it can be read only once.", hint="Give `-` once.")
    return [file for path in paths for file in _find_file(path, stack)]


def _find_file(given: str, stack: ExitStack) -> list[StoredFile]:
    name = readable(given)
    if name == STDIN:
        if sys.stdin is None:
            raise UsageError("Standard input is closed.", hint="Pipe the export in, or name a file.")
        file, wanted = StoredFile(name, _spool(sys.stdin.buffer, stack), spooled=True), ""
    else:
        path, wanted = _split_member(Path(given))
        mode = _stat(name, path).st_mode
        if stat.S_ISDIR(mode):
            raise SourceError(
                f"{name} is a directory.", hint=f"Name the files in it: {shell_quote(given.rstrip('/'))}/*.csv"
            )
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            raise SourceError(f"{name} is a device.", hint="Name a file, or pipe the export in and name `-`.")
        regular = stat.S_ISREG(mode)
        if not regular:
            with path.open("rb") as pipe:
                path = _spool(pipe, stack)
        file = StoredFile(name, path, spooled=not regular)
    if take_stamp(file).size == 0:
        shown = "Standard input" if name == STDIN else name
        raise SourceNotReady(f"{shown} is empty: 0 bytes.", hint="Export it again, or wait until it is written.")
    return _look_inside(file, wanted, stack)


def _split_member(path: Path) -> tuple[Path, str]:
    """Return an archive or a workbook, and what is named behind it: `issues.csv` of `export.zip/issues.csv`."""
    try:
        path.stat()
    except NotADirectoryError:
        file = next((parent for parent in path.parents if parent.is_file()), None)  # none: it is a pipe
        if file is not None and _read_magic(StoredFile(str(file), file)) in (*MAGICS, OLE_MAGIC):
            return file, readable(path.relative_to(file).as_posix())
    except OSError:  # reported when the file is read
        return path, ""
    return path, ""


def _read_magic(file: StoredFile) -> bytes:
    with _open_stored(file) as stored:
        return stored.read(4)


def _look_inside(file: StoredFile, wanted: str, stack: ExitStack) -> list[StoredFile]:
    """Return the wanted file of an archive or sheet of a workbook, else all of one kind; any other file as it is."""
    magic = _read_magic(file)
    if magic not in (*MAGICS, OLE_MAGIC):
        return [file]
    name = file.name.removesuffix(f"/{wanted}") if wanted else file.name
    if magic in MAGICS:
        with _open_stored(file) as stored, _telling_damage(name):
            members = choose_members(name, stored, wanted)
        found = [file._replace(name=name if name == STDIN else f"{name}/{member}", member=member) for member in members]
        if found:
            is_book = is_workbook(members[0])
            return [_take_out(found[0], wanted[len(members[0]) :], stack)] if is_book else found
    before, spool = take_stamp(file), _open_spool(stack)
    with _open_stored(file) as stored:
        sheet, notices = convert_sheet(name, stored, wanted, spool)
    if take_stamp(file) != before:
        raise still_written(name)
    named = name if name == STDIN else f"{name}/{sheet}"
    return [StoredFile(named, _path_of(spool), file.spooled, workbook=file.path, notices=notices)]


def _take_out(inside: StoredFile, sheet: str, stack: ExitStack) -> StoredFile:
    """Return a sheet of a workbook in an archive: the workbook is spooled, as it is read back and forth."""
    before = take_stamp(inside)
    with open_file(inside) as opened:
        book = StoredFile(f"{inside.name}{sheet}", _spool(opened.data, stack), spooled=True)
    (found,) = _look_inside(book, sheet.removeprefix("/"), stack)
    if take_stamp(inside) != before:
        raise still_written(inside.name)
    return found._replace(spooled=inside.spooled, workbook=inside.path)


def _spool(stream: BinaryIO, stack: ExitStack) -> Path:
    spool = _open_spool(stack)
    try:
        shutil.copyfileobj(stream, spool)
        spool.flush()
    except OSError as error:
        raise _no_room(error) from error
    return _path_of(spool)


def _open_spool(stack: ExitStack) -> BinaryIO:
    """Open a private file without a name, so that nothing of it is left, whatever ends the process."""
    try:
        return stack.enter_context(tempfile.TemporaryFile(prefix="triage-import-"))
    except OSError as error:
        raise _no_room(error) from error


def _no_room(error: OSError) -> StorageFull:
    return StorageFull(
        f"Piped input or a workbook can't be stored in {tempfile.gettempdir()}: {error.strerror}.",
        hint="Set TMPDIR to a folder with enough space, or give a CSV file instead.",
    )


def _path_of(spool: BinaryIO) -> Path:
    return Path(f"/dev/fd/{spool.fileno()}")


def _stat(name: str, path: Path) -> os.stat_result:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceNotReady(f"{name} does not exist.", hint="Check the name, or wait for the export.") from error
    except OSError as error:
        raise SourceError(f"{name} can't be read: {error.strerror}.") from error


def take_stamp(file: StoredFile) -> Stamp:
    """Return the stamp of a file, or of the workbook that it is of. Raises SourceNotReady if it no longer exists."""
    status = _stat(file.name, file.workbook or file.path)
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)


def digest_files(files: Sequence[StoredFile]) -> str:
    """Return the SHA-256 of all files' stored bytes, in order, in hex; of an archive those of the file in it."""
    digest = hashlib.sha256()
    for file in files:
        with ExitStack() as stack:
            stored = (
                stack.enter_context(open_file(file)).data if file.member else stack.enter_context(_open_stored(file))
            )
            hashlib.file_digest(stored, lambda: digest)  # type: ignore[arg-type]  # BinaryIO lacks readinto there
    return digest.hexdigest()


def count_bytes(file: StoredFile) -> int:
    """Return how many stored bytes are read. Raises SourceNotReady if it no longer exists."""
    return _stat(file.name, file.path).st_size


def _open_stored(file: StoredFile) -> BinaryIO:
    _stat(file.name, file.path)
    try:
        stored = file.path.open("rb")
        stored.seek(0)  # on macOS a spool is one open file, however often it is opened
        return stored
    except OSError as error:
        raise SourceError(f"{file.name} can't be read: {error.strerror}.") from error


@contextmanager
def open_file(file: StoredFile) -> Iterator[OpenFile]:
    """Open a file to read; gzip and zstd are recognised by their magic bytes, not by the name.

    Raises, now or while it is read, SourceError for data that is damaged, SourceNotReady for data that is cut off.
    """
    with _open_stored(file) as stored:
        magic = stored.read(4)
        stored.seek(0)
        with _telling_damage(file.name), _decompress(file, stored, magic) as data:
            yield OpenFile(stored, data)


@contextmanager
def _telling_damage(name: str) -> Iterator[None]:
    """Turn the errors of what decompresses into sentences."""
    try:
        yield
    except EOFError as error:
        raise cut_off(name, "in the middle of its compressed data") from error
    except (zlib.error, gzip.BadGzipFile, BadZipFile, Damaged) as error:
        raise SourceError(
            f"{name} is damaged: {error}.",
            hint="Download or copy the file again, and compare its size or checksum.",
        ) from error
    except OSError as error:
        raise SourceError(f"{name} can't be read: {error.strerror}.") from error


def _decompress(file: StoredFile, stored: BinaryIO, magic: bytes) -> BinaryIO:
    if file.member:
        return open_member(file.name.removesuffix(f"/{file.member}"), stored, file.member)
    if magic.startswith(GZIP_MAGIC):
        return gzip.open(stored)  # type: ignore[return-value]  # GzipFile reads like any binary file
    if magic == ZSTD_MAGIC:
        return io.BufferedReader(_ZstdFile(file.name, stored))
    return stored


class _ZstdFile(io.RawIOBase):
    """Reads zstd frames one after another. The library's own reader accepts a frame that is cut off."""

    def __init__(self, name: str, stored: BinaryIO) -> None:
        try:
            import zstandard
        except ImportError as error:
            raise SourceError(
                f"{name} is compressed with zstd, which needs a library that is not installed.",
                hint=how_to_install("zstd"),
            ) from error
        self._stored = stored
        self._new_frame = zstandard.ZstdDecompressor().decompressobj
        self._damage = zstandard.ZstdError
        self._frame = self._new_frame()
        self._within_frame = False
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        while not self._ready:
            compressed = self._frame.unused_data or self._stored.read(ZSTD_INPUT_BYTES)
            if not compressed:
                if self._within_frame:
                    raise EOFError
                return 0
            self._ready = self._decompress(compressed)
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _decompress(self, compressed: bytes) -> bytes:
        if self._frame.eof:
            self._frame = self._new_frame()
        try:
            data = self._frame.decompress(compressed)
        except self._damage as error:
            raise Damaged(str(error)) from error
        self._within_frame = not self._frame.eof
        return data
