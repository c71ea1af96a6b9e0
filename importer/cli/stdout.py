"""Standard output: its reader may have gone (`| head`), and the disk that it goes to may be full."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from importer.errors import StorageFull


class Stdout:
    """Writes to a stream; a reader that has gone changes nothing about how the command ends."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write. Raises StorageFull if the stream takes no more."""
        if text == "":  # click tries so what kind of stream it is, and takes no notice of errors
            return 0
        with self._guarded():
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written. Raises StorageFull if the stream takes no more."""
        with self._guarded():
            self._stream.flush()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())  # else the flush at exit fails again
            if not isinstance(error, BrokenPipeError):
                raise StorageFull(f"stdout can't be written: {error.strerror}.") from error
