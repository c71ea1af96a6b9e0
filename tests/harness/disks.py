"""Small disks that are full, or can only be read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Disk:
    """A small file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, free_bytes: int) -> None:
        """Leave so many bytes free, in whole pages."""
        room = os.statvfs(self.folder)
        with self._ballast.open("wb") as file:
            file.write(bytes(max(0, room.f_bavail * room.f_frsize - free_bytes)))

    def make_room(self) -> None:
        """Take the ballast away."""
        self._ballast.unlink()

    def forbid_writing(self) -> None:
        self._remount("ro")

    def allow_writing(self) -> None:
        """Take that back."""
        self._remount("rw")

    def _remount(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", self.folder], check=True)


@contextmanager
def mounted(folder: Path) -> Iterator[Disk]:
    """Mount a tmpfs of 2 MB while the block runs."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True, capture_output=True)
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="module")
def may_mount(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip what needs a disk of its own where none can be had."""
    try:
        with mounted(tmp_path_factory.mktemp("mount") / "disk"):
            pass
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only who may mount can have a disk that is full or read-only")
