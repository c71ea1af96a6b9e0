"""A power cut: what a killed process has written, and no disk was asked to keep, may be gone.

`record_syncs` works in the process whose ledger it is: each time SQLite syncs a file, its content is copied beside. So
a power cut after the kill can put back what a disk surely has, and of all that differs a part by chance, in sectors: a
disk may have written any of it, in any order. Files that were made, and whose folder was not synced since, may be gone,
and a file that was deleted may be back. SQLite syncs the folder when it syncs a new journal for the first time.

What it doesn't show: a disk that lies about its syncs, a sector that is half written (SQLite relies on there being
none), and folders above the ledger's own: file systems with a journal keep them with the first sync of a file in them.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import os
import shutil
from pathlib import Path
from random import Random

SECTOR = 512
NEW_JOURNAL = 0x800 | 0x4000 | 0x80000
"""SQLITE_OPEN_MAIN_JOURNAL, SUPER_JOURNAL and WAL: files with whose first sync SQLite syncs their folder."""
ENTRIES = "entries"
"""The file beside the copies that names the files of which the folder is sure."""

_Sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


class _Methods(ctypes.Structure):
    """sqlite3_io_methods."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("before", ctypes.c_void_p * 4),  # xClose, xRead, xWrite, xTruncate
        ("sync", _Sync),
        ("after", ctypes.c_void_p * 13),
    )


class _File(ctypes.Structure):
    """sqlite3_file."""

    _fields_ = (("methods", ctypes.POINTER(_Methods)),)


_Open = ctypes.CFUNCTYPE(
    ctypes.c_int,
    *(ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(_File), ctypes.c_int, ctypes.POINTER(ctypes.c_int)),
)


class _Vfs(ctypes.Structure):
    """The beginning of sqlite3_vfs."""

    _fields_ = (
        *(("version", ctypes.c_int), ("size", ctypes.c_int), ("longest_path", ctypes.c_int)),
        *(("next", ctypes.c_void_p), ("name", ctypes.c_char_p), ("data", ctypes.c_void_p), ("open", _Open)),
    )


_kept: list[object] = []
"""What SQLite has the address of."""


def find_vfs() -> _Vfs | None:
    """Return how this process's SQLite opens files; None where its library is not to be reached."""
    library = ctypes.CDLL(_sqlite3.__file__)
    try:
        find = library.sqlite3_vfs_find
    except AttributeError:
        return None
    find.restype = ctypes.POINTER(_Vfs)
    vfs: _Vfs = find(None).contents
    return vfs


def record_syncs(folder: Path, beside: Path) -> None:
    """From now on copy each file of SQLite's in a folder to another folder when it is synced."""
    beside.mkdir(exist_ok=True)
    vfs = find_vfs()
    assert vfs is not None
    usual = ctypes.cast(vfs.open, ctypes.c_void_p).value
    assert usual is not None

    def open_file(own: int, name: int | None, file: ctypes._Pointer[_File], flags: int, out: object) -> int:
        code: int = _Open(usual)(own, name, file, flags, out)  # SQLite keeps the address of the name
        path = None if name is None else Path(os.fsdecode(ctypes.string_at(name)))
        if code == 0 and path is not None and path.parent == folder:
            _watch(file, path, beside, is_new_journal=bool(flags & NEW_JOURNAL))
        return code

    vfs.open = _Open(open_file)
    _kept.append(vfs.open)


def _watch(file: ctypes._Pointer[_File], path: Path, beside: Path, *, is_new_journal: bool) -> None:
    methods = _Methods()
    ctypes.pointer(methods)[0] = file.contents.methods.contents
    usual = ctypes.cast(methods.sync, ctypes.c_void_p).value
    assert usual is not None
    syncs_folder = is_new_journal

    def sync(own: int, flags: int) -> int:
        nonlocal syncs_folder
        code: int = _Sync(usual)(own, flags)
        if code == 0:
            _replace(beside / path.name, path.read_bytes())
            if syncs_folder:
                _replace(beside / ENTRIES, "\n".join(each.name for each in path.parent.iterdir()).encode())
                syncs_folder = False
        return code

    methods.sync = _Sync(sync)
    file.contents.methods = ctypes.pointer(methods)
    _kept.append(methods)


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole, whenever the process is killed."""
    new = path.with_name(f"{path.name} new")
    new.write_bytes(content)
    new.replace(path)


def cut_power(folder: Path, beside: Path, chance: Random) -> None:
    """Leave in a folder what a disk may have of it; what it surely has is in the other, which goes."""
    entries = (beside / ENTRIES).read_text().split("\n") if (beside / ENTRIES).exists() else []
    synced = {
        file.name: file.read_bytes() for file in beside.iterdir() if file.name != ENTRIES and " " not in file.name
    }
    share = chance.choice((0.0, 0.5, 1.0))  # of what was not synced the disk has nothing, something, or all
    for name in sorted({*synced, *(file.name for file in folder.glob("*"))}):
        path = folder / name
        if not path.exists():
            if name.endswith("-wal") and chance.random() < share:  # the folder was not synced since it was deleted
                path.write_bytes(synced[name])
        elif name not in entries and chance.random() >= share:
            path.unlink()
        else:
            path.write_bytes(_mix(synced.get(name, b""), path.read_bytes(), chance, share))
    shutil.rmtree(beside)


def lose_files(folder: Path, chance: Random) -> None:
    """Leave of the files in a folder, of which none is synced, what a disk may have: nothing, the name, or all."""
    share = chance.choice((0.0, 0.5, 1.0))
    for path in sorted(folder.glob("*")) if share < 1 else ():
        if chance.random() >= share:
            path.unlink() if chance.random() < 0.5 else os.truncate(path, 0)


def _mix(synced: bytes, written: bytes, chance: Random, share: float) -> bytes:
    """Mix what is surely there with what was written since, a sector at a time."""
    size = len(written) if chance.random() < share else len(synced)
    sectors = list[bytes]()
    for start in range(0, size, SECTOR):
        old, new = (each[start : start + SECTOR].ljust(SECTOR, b"\0") for each in (synced, written))
        sectors.append(new if chance.random() < share else old)
    return b"".join(sectors)[:size]
