"""Unchanged rows of finished runs, packed: a compressed block in place of up to a thousand rows of their own.

Most rows of a scheduled import are unchanged each time. All that reports of old runs say of such a row is in its block.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, groupby, pairwise

import orjson
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, delete, func, insert, select, tuple_

from importer.ledger.schema import packed
from importer.ledger.statements import Transaction
from importer.records import Outcome, Row, from_columns

BLOCKS_A_QUERY = 10
KEYS = Table(
    "packed_keys", MetaData(), Column("run_id", Integer), Column("key", String), prefixes=["TEMPORARY"]
)  # fmt: skip


def is_plain(row: Row) -> bool:
    """Whether a row is unchanged, and there is nothing to say of it."""
    has_more = row.codes or row.origin or row.additions_failed or row.raw is not None or row.conflicts is not None
    return row.outcome is Outcome.UNCHANGED and not has_more


def write_packed(connection: Connection, run_id: int, plain: Iterable[Row]) -> None:
    """Write plain rows of a run, in order, as a block for each file."""
    for (file, file_name), its_rows in groupby(plain, key=lambda row: (row.file, row.file_name)):
        some = list(its_rows)
        place = {"run_id": run_id, "file": file, "record": some[0].record, "file_name": file_name}
        connection.execute(insert(packed).values(**place, number=len(some), data=_pack(some)))


def read_packed(transaction: Transaction, run_id: int) -> Iterator[Row]:
    """Yield the packed rows of a run, in order of file and record, in flat memory."""
    after = (-1, -1)
    statement = select(packed).where(packed.c.run_id == run_id).order_by(packed.c.file, packed.c.record)
    while True:
        with transaction() as connection:
            later = statement.where(tuple_(packed.c.file, packed.c.record) > after).limit(BLOCKS_A_QUERY)
            blocks = connection.execute(later).all()
        for block in blocks:
            yield from _unpack(block.file, block.file_name, block.data)
        if len(blocks) < BLOCKS_A_QUERY:
            return
        after = (blocks[-1].file, blocks[-1].record)


def drop_packed(connection: Connection, run_id: int) -> None:
    """Delete the packed rows of a run."""
    connection.execute(delete(packed).where(packed.c.run_id == run_id))


def count_packed(connection: Connection, run_id: int) -> int:
    """Count the packed rows of a run."""
    return connection.scalar(select(func.sum(packed.c.number)).where(packed.c.run_id == run_id)) or 0


@contextmanager
def packed_keys(transaction: Transaction, run_ids: Collection[int]) -> Iterator[tuple[Connection, Table]]:
    """Give a connection, and on it a table of the keys of these runs' packed rows, while the block runs."""
    with transaction() as connection:
        KEYS.create(connection)
        blocks = select(packed.c.run_id, packed.c.file, packed.c.file_name, packed.c.data)
        for run_id, *block in connection.execute(blocks.where(packed.c.run_id.in_(run_ids))).all():
            connection.execute(insert(KEYS), [{"run_id": run_id, "key": row.key} for row in _unpack(*block)])
        yield connection, KEYS
        KEYS.drop(connection)


_COLUMNS = (
    *("key", "issue_id", "triage_id", "record", "line"),
    *("attempts", "additions_planned", "additions_done", "follows"),
)
"""What a block has of each row; of records and lines the steps."""
_STEPPED = ("record", "line")


def _pack(some: Sequence[Row]) -> bytes:
    columns = dict(zip(Row._fields, zip(*some, strict=True), strict=True))
    packed_ones = [_steps(columns[name]) if name in _STEPPED else columns[name] for name in _COLUMNS]
    return zlib.compress(orjson.dumps(packed_ones), 1)  # ids don't compress, the rest does at any level


def _unpack(file: int, file_name: str, data: bytes) -> Iterator[Row]:
    own = dict(zip(_COLUMNS, orjson.loads(zlib.decompress(data)), strict=True))
    own |= {name: accumulate(own[name]) for name in _STEPPED}
    return from_columns(len(own["key"]), Row(file, file_name, 0, 0, "", Outcome.UNCHANGED), own)


def _steps(numbers: Sequence[int]) -> list[int]:
    """Return the first number and the differences of the others, which repeat and so take next to no room."""
    return [numbers[0], *(later - earlier for earlier, later in pairwise(numbers))]
