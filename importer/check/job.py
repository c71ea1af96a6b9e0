"""The input of an import: an open source, its mapping and tables, and which of its rows are selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from importer.check.held import Absence
from importer.mapping.edited_tables import Fixes
from importer.mapping.identities import Roster
from importer.mapping.reader import LoadedMapping
from importer.records import Rejected
from importer.row.part_reader import FindKeys
from importer.row.people import FindName, find_no_name
from importer.row.relations import find_no_keys
from importer.sources.command_line import CommandLine
from importer.sources.source import Source
from importer.transform.aliases import Aliases


@dataclass(frozen=True)
class Job:
    """The input of an import: an open source, its mapping and tables, and which of its rows are selected.

    source_name      first part of every key, before the colon
    name_given       whether `source_name` was chosen for this source, on the command line or in the user's mapping
    limit            rows to read from the beginning of the input; None is all
    only             native or full keys to send; None is all
    show             native or full keys of the issues that report.html shows before and after; empty: some are chosen
    issue_url        the pattern of an issue's address in a browser, "" where nobody has said it
    warnings         of the headers alone, before any row was read
    recognised       the evidence for the preset, if no mapping was named; else ""
    typed            how the source was named on the command line
    fixes            corrections of cells, from `--fixes`
    people           who is who in Triage, from `--users`
    find_name        finds the source's own name of an account, for mentions in texts and authors of comments
    find_keys        finds the keys of rows that relations name by another text than the key
    aliases          the keys that issues have by now → those that they had first, of all runs
    moves            of these, the ones that this run is the first to see
    absence          what the files lack of the columns that the source had before
    criteria         those that the source had before, by digest, see `check.observers.criteria`
    max_age_seconds  the source is not ready if it is older; None is any age
    max_file_age_seconds  the same of its files alone, whatever dates are in them
    rejected         rows that earlier runs rejected and that nobody has dealt with
    tries_again      whether these are the rows: rejected as they were they are no news
    holds            keys whose rows, if there are any, aren't sent because of what other files have of them: key → code
    """

    source: Source
    mapping: LoadedMapping
    source_name: str
    name_given: bool
    limit: int | None = None
    only: frozenset[str] | None = None
    show: frozenset[str] = frozenset()
    issue_url: str = ""
    warnings: tuple[str, ...] = ()
    recognised: str = ""
    typed: CommandLine = field(default_factory=CommandLine)
    fixes: Fixes = field(default_factory=Fixes)
    people: Roster = field(default_factory=Roster)
    find_name: FindName = find_no_name
    find_keys: FindKeys = find_no_keys
    aliases: Aliases = field(default_factory=dict)
    moves: Aliases = field(default_factory=dict)
    absence: Absence = field(default_factory=Absence)
    criteria: Mapping[str, str] = field(default_factory=dict)
    max_age_seconds: float | None = None
    max_file_age_seconds: float | None = None
    holds: Mapping[str, str] = field(default_factory=dict)
    rejected: Sequence[Rejected] = ()
    tries_again: bool = False

    def follow(self, moves: Aliases) -> Job:
        """Take moves for granted from the first row on."""
        return replace(self, aliases={**self.aliases, **moves}, moves={**self.moves, **moves})

    @property
    def is_whole(self) -> bool:
        """Whether all rows of the source are wanted, and none comes from an errors file."""
        selected = self.limit is not None or self.only is not None
        return not selected and not any(file.errors_file for file in self.source.files)
