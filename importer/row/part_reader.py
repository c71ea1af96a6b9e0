"""What a reader of issue parts is: it reads what a row has for its issue beside the fields of the create."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from importer.records import NO_PARTS, Comment, Finding, IssueParts
from importer.sources.source_rows import SourceRow

CleanTexts = Callable[[str, Sequence[str]], list[str]]
"""Field, such as `comments` or `flags`, and texts that go into it → the texts as they are sent.

Names stand for accounts, mentions and import markers are neutralised; secrets are noted for that field.
"""
FindKeys = Callable[[int, Collection[str]], Mapping[str, str]]
"""(index of a relation in the mapping, texts that name other rows) → the native key of the row that each text names.

The key is "" if several rows have the text; texts that no row has are absent.
"""


class RowParts(NamedTuple):
    """What a reader finds in a row.

    parts     the issue parts, each once and in order
    notes     comments that say what a part had no room for
    findings  all are warnings: the issue is worth more than its parts
    """

    parts: IssueParts = NO_PARTS
    notes: tuple[Comment, ...] = ()
    findings: tuple[Finding, ...] = ()


NOTHING_READ = RowParts()


class PartReader(Protocol):
    """Reads the issue parts of one kind, or of kinds that depend on each other, from the rows of a file."""

    @property
    def reads_anything(self) -> bool:
        """Whether the mapping and the file have any of them."""

    def prepare(self, rows: Sequence[SourceRow]) -> None:
        """Look up what stands beside these rows, at once, before they are read."""

    def read(self, row: SourceRow, key: str, clean: CleanTexts) -> RowParts:
        """Read them from a row with this full key, "" if it has none; texts of people go through `clean`."""
