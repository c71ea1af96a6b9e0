"""Writes UTF-8 files with a byte order mark where one is needed: without it spreadsheets show "Müller" as "MÃ¼ller"."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO

BLOCK_BYTES = 1 << 20


class MarkWhereNeeded(io.BufferedIOBase):
    """A binary file whose UTF-8 gets a byte order mark in front exactly if something in it is not ASCII.

    So spreadsheets show what people wrote, and scripts that know nothing of such marks can read all other files. `file`
    is new, and open for reading and writing. What was written before the first text that is not ASCII is moved by the
    length of the mark, once: a block at a time, so that memory stays flat.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.name = file.name
        self._is_marked = False

    def writable(self) -> bool:
        """Return True: it can be written, and not be read."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # TextIOWrapper hands bytes over, no other buffer
        """Append bytes."""
        if not self._is_marked and not data.isascii():
            self._mark()
        return self._file.write(data)

    def _mark(self) -> None:
        for end in range(self._file.tell(), 0, -BLOCK_BYTES):  # backwards: no block is overwritten unread
            start = max(0, end - BLOCK_BYTES)
            self._file.seek(start)
            block = self._file.read(end - start)
            self._file.seek(start + len(codecs.BOM_UTF8))
            self._file.write(block)
        self._file.seek(0)
        self._file.write(codecs.BOM_UTF8)
        self._file.seek(0, io.SEEK_END)
        self._is_marked = True

    def flush(self) -> None:
        """Flush the file."""
        if not self.closed:
            self._file.flush()

    def close(self) -> None:
        """Close the file, too, even if flushing fails because its disk is full."""
        try:
            super().close()
        finally:
            self._file.close()
