"""The command line by which a person named a source, so that the commands they are shown read it in the same way."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from importer.phrases import shell_join

READING = ("--encoding", "--delimiter", "--skip-lines", "--format")
"""Options that say how a file is read; an errors file needs at most its encoding."""
SELECTING = ("--limit", "--only", "--show")
"""Options that select rows."""


ANY_SEVERITY = ("--severity", "medium")
"""What answers the question how severe the issues are of which the source doesn't say it, to be changed."""
SAVED = "SAVED"
"""Stands in a command for what was piped in: whoever types that command has no pipe any more."""


class CommandLine(NamedTuple):
    """Files and options, as typed; a command that is made of them can be pasted.

    options  (name, value) of each option that says what the source is: `("--encoding", "cp1252")`
    """

    sources: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()

    def repeat(self, command: str, *more: str, without: Collection[str] = ()) -> str:
        """A command on the same files with the same options; those in `more` replace what was typed."""
        kept = [word for option in self.options if option[0] not in (*more, *without) for word in option]
        return shell_join(["triage-import", command, *map(_as_file, self.sources), *kept, *more])

    @property
    def is_piped(self) -> bool:
        """Whether a source is gone once it was read."""
        return any(_as_file(each) != each for each in self.sources)

    def draft_command(self) -> str:
        """The command that drafts a mapping for these files, read as they are read now."""
        return self.repeat("draft", "-o", "mapping.yaml", without=("-m", *SELECTING))

    def check_command(self, *errors: str) -> str:
        """The command that checks rows of errors files once they are corrected."""
        of_table = tuple(name for name in READING if name != "--encoding")  # its form is its own
        return self._replace(sources=errors).repeat("validate", without=(*of_table, *SELECTING))


def _as_file(source: str) -> str:
    if source == "-" or source.startswith("-/"):  # what lies in a file is named behind a slash
        return SAVED + source[1:]
    return SAVED if source.startswith(("/dev/fd/", "/dev/std", "/proc/")) or Path(source).is_fifo() else source
