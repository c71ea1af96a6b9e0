"""How a person named a source on the command line, so that the commands they are shown read it in the same way."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from importer.phrases import shell_join

READING = ("--encoding", "--delimiter", "--skip-lines", "--format")
"""Options that say how a file is read; an errors file needs none of them."""
SELECTING = ("--limit", "--only", "--show")
"""Options that select rows."""


class Typed(NamedTuple):
    """Files and options, as typed; a command that is made of them can be pasted.

    options  (name, value) of each option that says what the source is: `("--encoding", "cp1252")`
    """

    sources: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()

    def again(self, command: str, *more: str, without: Collection[str] = ()) -> str:
        """A command on the same files with the same options; those in `more` replace what was typed."""
        kept = [word for option in self.options if option[0] not in (*more, *without) for word in option]
        return shell_join(["triage-import", command, *self.sources, *kept, *more])

    def drafted(self) -> str:
        """The command that drafts a mapping for these files, read as they are read now."""
        read = tuple(option for option in self.options if option[0] in READING)
        return self._replace(options=read).again("draft", "-o", "mapping.yaml")

    def mended(self, errors: str) -> str:
        """The command that checks rows of an errors file once they are mended."""
        return self._replace(sources=(errors,)).again("validate", without=(*READING, *SELECTING))
