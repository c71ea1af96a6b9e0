"""The mark by which spreadsheets know UTF-8: without it they show "Müller" as "MÃ¼ller"."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO

BLOCK_BYTES = 1 << 20


class MarkWhereNeeded(io.BufferedIOBase):
    """Writes UTF-8 into a new file; its mark stands in front exactly if something in it is not ASCII.

    So spreadsheets show what people wrote, and scripts that know nothing of marks go on with plain files. `file` is
    open for reading and writing. What was written before the first such text is moved on by the mark's length, once:
    a block at a time, so that memory stays flat.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.name = file.name
        self._is_marked = False

    def writable(self) -> bool:
        """It takes bytes, and gives none."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # TextIOWrapper hands bytes over, no other buffer
        """Append."""
        if not self._is_marked and not data.isascii():
            self._mark()
        return self._file.write(data)

    def _mark(self) -> None:
        for end in range(self._file.tell(), 0, -BLOCK_BYTES):  # backwards: nothing is written over unread
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
        """Hand everything to the system."""
        if not self.closed:
            self._file.flush()

    def close(self) -> None:
        """Close the file, too, whatever its disk takes."""
        try:
            super().close()
        finally:
            self._file.close()
