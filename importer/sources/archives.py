"""Zip archives as sources: which of their files is read, and reading it where it lies. Nothing is unpacked to disk."""

from __future__ import annotations

import codecs
import errno
import os
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import BinaryIO

from importer.errors import SourceError
from importer.phrases import listed, shell_join, shell_quote
from importer.sources.formats import EXTENSIONS

MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
"""How an archive begins; the second is an empty one."""
DIRECTORY_BYTES = 8 * 1024 * 1024
"""The largest table of contents, some 80,000 files: all of it is held in memory."""
BOMB_BYTES, BOMB_RATIO = 256 * 1024 * 1024, 200
"""A file that is larger, and so many times as large as it is in the archive, is no export."""
SHAPE_BYTES, SHAPE_KEYS = 64 * 1024, 3
"""What is read of an export, and how many of its first keys are compared, to see whether several are of one kind."""
TEXT = ".txt"
"""May be an export, or what somebody says about one beside it."""
EXPORTS = tuple(ending for ending in EXTENSIONS if ending != TEXT)
WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
NESTED = (".zip", ".gz", ".zst", ".tar", ".tgz", ".7z")
"""What is packed once more, and is not read within an archive."""
OFFICE = ("[Content_Types].xml", "mimetype")
"""Files of workbooks and other documents, which are archives, too."""
_KEY = re.compile(rb'"([^"\\]{1,80})"\s*:')
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
NAMES_SHOWN = 8
COMMANDS_SHOWN = 20

_END, _END_64, _LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_END_BYTES, _LOCATOR_BYTES = 22, 20
_DAMAGED = (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, struct.error)
"""What `zipfile` raises for damaged bytes; NotImplementedError if they name a version or method unknown to it."""


class Damaged(Exception):
    """An archive whose table of contents can't be read, or data that can't be decompressed."""


def choose_members(name: str, stored: BinaryIO, wanted: str) -> list[str]:
    """Return the files of an archive that are read: `wanted`, else those that can be exports, if they are of one kind.

    There is none where the archive is a workbook, of which `wanted` is a sheet. Where it is a workbook within the
    archive, `wanted` may go on with one of its sheets. `name` is the archive's.

    Raises SourceError if that is not clear or can't be read, EOFError if the archive is cut off, Damaged.
    """
    archive = _read_directory(name, stored)
    entries = [entry for entry in archive.infolist() if _is_shown(entry)]
    names = [entry.filename for entry in entries]
    if any(each in OFFICE for each in names):
        for entry in entries:
            _check(name, entry)
        return []
    found = _find_exports(names)
    if wanted:
        found = [each for each in names if each == wanted or (is_workbook(each) and wanted.startswith(f"{each}/"))]
    if not found:
        what = f"no {wanted}" if wanted else "no CSV, JSON or workbook"
        raise SourceError(
            f"{name} is an archive with {what} in it. It holds {listed(names, NAMES_SHOWN) or 'nothing'}.",
            hint=_look_elsewhere(name, names, wanted),
        )
    twice = [each for each, count in Counter(found).items() if count > 1]
    if twice:
        raise SourceError(f"{name} has {twice[0]} twice.", hint=_unpack(name, "give the right one"))
    for entry in entries:
        if entry.filename in found:
            _check(name, entry)
    if len(found) > 1 and (name == "-" or not _are_alike(archive, found)):
        raise SourceError(
            f"{name} has {len(found):,} files that may be exports: {listed(found, NAMES_SHOWN)}.",
            hint=say_which(name, found),
        )
    return found


def _look_elsewhere(name: str, names: list[str], wanted: str) -> str:
    """What to do about an archive in which nothing was found."""
    if not wanted and any(each.lower().endswith(NESTED) for each in names):
        return _unpack(name, "give the file with the issues")
    nameless = [each for each in names if not PurePosixPath(each).suffix]
    if found := _find_exports(names) if wanted else nameless:
        return say_which(name, found)
    return "Export the issues as CSV or JSON and give that file."


def say_which(name: str, within: Sequence[str]) -> str:
    """Return what to type for some of what an archive or a workbook has."""
    if name == "-":
        return f"Save it to a file, then name what to read in it: FILE/{within[0]}"
    sources = shell_join(f"{name}/{each}" for each in within[:COMMANDS_SHOWN]) + " …" * (len(within) > COMMANDS_SHOWN)
    return f"Name the one with the issues, or several from one tracker: triage-import validate {sources}"


def open_member(name: str, stored: BinaryIO, member: str) -> BinaryIO:
    """Open a file of an archive to read; its bytes are decompressed as they are read.

    Raises SourceError if it can't be read, EOFError if the archive is cut off, Damaged.
    """
    archive = _read_directory(name, stored)
    try:
        entry = archive.getinfo(member)
    except KeyError as error:  # another archive was put in its place
        raise Damaged(f"{member} is no longer in it") from error
    _check(name, entry)
    try:
        return archive.open(entry)  # type: ignore[return-value]  # ZipExtFile reads like any binary file
    except _DAMAGED as error:
        raise Damaged(str(error)) from error


def _is_shown(entry: zipfile.ZipInfo) -> bool:
    """Whether it is a file that a person has put there: no folder, no link, nothing hidden, no `/x` and no `../x`."""
    hidden = any(part.startswith((".", "/", "__MACOSX")) for part in PurePosixPath(entry.filename).parts)
    return not (hidden or entry.filename.endswith("/") or not entry.filename or stat.S_ISLNK(entry.external_attr >> 16))


def is_workbook(name: str) -> bool:
    """Whether a file is a workbook by its name."""
    return name.lower().endswith(WORKBOOKS)


def _find_exports(names: list[str]) -> list[str]:
    """Return those whose extension is one of an export: workbooks where there is no other, text files at last.

    Beside a table with all columns Notion writes one with those of a view, which has nothing more.
    """
    found = ([name for name in names if name.lower().endswith(ends)] for ends in (EXPORTS, WORKBOOKS, TEXT))
    several = next(filter(None, found), [])
    return [name for name in several if f"{name.removesuffix('.csv')}_all.csv" not in several]


def _are_alike(archive: zipfile.ZipFile, names: Sequence[str]) -> bool:
    """Whether several exports are pages or boards of one kind: tables with one header, objects with the same keys."""
    if any(name.lower().endswith((*WORKBOOKS, TEXT)) for name in names):
        return False
    shapes = set[tuple[bytes, ...]]()  # the first line of a table, or the first keys of a document
    try:
        for name in names:
            with archive.open(name) as file:
                head = file.read(SHAPE_BYTES)
            if EXTENSIONS[PurePosixPath(name.lower()).suffix] == "csv":
                shapes.add((head.removeprefix(codecs.BOM_UTF8).partition(b"\n")[0].strip(),))
            else:
                shapes.add(tuple(_KEY.findall(head)[:SHAPE_KEYS]))
    except (*_DAMAGED, EOFError, zlib.error):  # whoever names one of them is told which is damaged
        return False
    return len(shapes) == 1


def _check(name: str, entry: zipfile.ZipInfo) -> None:
    """Raise SourceError for a file that is encrypted, compressed in an unusual way, or a bomb."""
    if entry.flag_bits & 0x41:
        raise SourceError(f"{name}/{entry.filename} is encrypted.", hint=_unpack(name, "give the file"))
    if entry.compress_type not in METHODS:
        raise SourceError(
            f"{name}/{entry.filename} uses a compression that can't be read here (method {entry.compress_type}).",
            hint=_unpack(name, "give the file"),
        )
    if entry.file_size > BOMB_BYTES and entry.file_size > BOMB_RATIO * entry.compress_size:
        raise SourceError(
            f"{name}/{entry.filename} would unpack from {entry.compress_size / 1e6:,.1f} MB to "
            f"{entry.file_size / 1e6:,.1f} MB: no export is that repetitive.",
            hint=_unpack(name, "look into it"),
        )


def _unpack(name: str, then: str) -> str:
    if name == "-":
        return f"Save it to a file, unpack that and {then}."
    return f"Unpack it and {then}: unzip {shell_quote(name)}"


def _read_directory(name: str, stored: BinaryIO) -> zipfile.ZipFile:
    """Read an archive's table of contents, which stands at its end."""
    if _count_directory(stored) > DIRECTORY_BYTES:
        raise SourceError(f"{name} has too many files.", hint=_unpack(name, "give the file with the issues"))
    try:
        return zipfile.ZipFile(stored)
    except _DAMAGED as error:
        raise Damaged(str(error)) from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise Damaged("it refers to parts before its own beginning") from error


def _count_directory(stored: BinaryIO) -> int:
    """Count the bytes of the table of contents, as the end of the archive says. Raises EOFError if that is missing."""
    size = stored.seek(0, os.SEEK_END)
    stored.seek(max(0, size - _END_BYTES - _LOCATOR_BYTES - 0xFFFF))
    tail = stored.read()
    end = tail.rfind(_END)
    if end < 0 or len(tail) - end < _END_BYTES:
        raise EOFError
    locator = tail[end - _LOCATOR_BYTES : end] if end >= _LOCATOR_BYTES else b""
    if locator.startswith(_LOCATOR_64):
        stored.seek(min(size, int.from_bytes(locator[8:16], "little")))
        record = stored.read(56)
        if record.startswith(_END_64):
            return int.from_bytes(record[40:48], "little")
    return int.from_bytes(tail[end + 12 : end + 16], "little")
