"""The look-up reading: what must be known of a whole source before its rows are checked, found in one reading of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from importer.check.account_names import AccountNames
from importer.check.fixes import apply_fixes
from importer.check.job import Job
from importer.check.key_aliases import KeyAliases
from importer.records import Chunk, Ref, Table
from importer.transform.columns import Columns
from importer.transform.relations import FindKeys


class Collector(Protocol):
    """Collects something from all rows of a source; without `refs` it wants none of them."""

    refs: Sequence[Ref]
    tables: Sequence[Table]

    def add(self, chunk: Chunk, columns: Columns) -> None:
        """Collect from a chunk."""


class LookedUp(NamedTuple):
    """What a look-up reading has found.

    names      account → the source's own name of the person
    find_keys  finds the keys of rows that relations name by another text
    """

    names: Mapping[str, str]
    find_keys: FindKeys


@contextmanager
def look_up(job: Job) -> Iterator[LookedUp]:
    """Read a source once for names and aliases, whatever `--limit` says, if the mapping and its columns ask for it.

    `find_keys` works within the block. Raises StorageFull if the disk takes no more.
    """
    with KeyAliases(job) as aliases:
        names = AccountNames(job)
        _read(job, [collector for collector in (names, aliases) if collector.refs])
        yield LookedUp(names.by_account(), aliases.finder())


def _read(job: Job, collectors: Sequence[Collector]) -> None:
    refs = tuple(dict.fromkeys(ref for collector in collectors for ref in collector.refs))
    tables = tuple(dict.fromkeys(table for collector in collectors for table in collector.tables))
    for chunk in job.source.chunks(refs, tables=tables) if refs else ():
        corrected = apply_fixes(job.fixes, chunk)[0]
        columns = Columns(corrected)
        for collector in collectors:
            collector.add(corrected, columns)
