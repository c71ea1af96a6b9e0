"""The look-up reading: what must be known of a whole source before its rows are checked, found in one reading of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

from importer.check.account_names import AccountNames
from importer.check.fixes import apply_fixes
from importer.check.job import Job
from importer.check.key_aliases import KeyAliases
from importer.records import Chunk, Ref, Table
from importer.transform.columns import Columns


class Collector(Protocol):
    """Collects something from all rows of a source; without `refs` it wants none of them."""

    refs: Sequence[Ref]
    tables: Sequence[Table]

    def add(self, chunk: Chunk, columns: Columns) -> None:
        """Collect from a chunk."""


@contextmanager
def look_up(job: Job) -> Iterator[Job]:
    """Give a job its account names and its `find_keys`, which works within the block.

    The source is read once for them, whatever `--limit` says, if the mapping and its columns ask for it. Raises
    StorageFull if the disk takes no more.
    """
    with KeyAliases(job) as aliases:
        names = AccountNames(job)
        _read(job, [collector for collector in (names, aliases) if collector.refs])
        yield replace(job, account_names=names.by_account(), find_keys=aliases.finder())


def _read(job: Job, collectors: Sequence[Collector]) -> None:
    refs = tuple(dict.fromkeys(ref for collector in collectors for ref in collector.refs))
    tables = tuple(dict.fromkeys(table for collector in collectors for table in collector.tables))
    for chunk in job.source.chunks(refs, tables=tables) if refs else ():
        corrected = apply_fixes(job.fixes, chunk)[0]
        columns = Columns(corrected)
        for collector in collectors:
            collector.add(corrected, columns)
