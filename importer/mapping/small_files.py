"""Reads files that people write, whole: one of another kind, named by mistake, doesn't fill the memory."""

from __future__ import annotations

import errno
import os
from pathlib import Path

LARGEST = 2**28
"""Bytes: a table of a million lines has fewer."""


def read_small(path: Path, largest: int = LARGEST) -> bytes:
    """The bytes of a file. Raises OSError where it can't be read, and EFBIG where it has more than `largest`."""
    with path.open("rb") as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return data
