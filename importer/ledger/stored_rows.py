"""Rows as they are stored: each with its columns, unchanged ones of finished runs packed.

A packed block stands for up to 1,024 rows: most rows of a scheduled import are unchanged each time, and all that
reports of old runs say of such a row is in its block.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, pairwise, repeat
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, delete, func, insert, select

from importer.ledger.schema import packed, rows
from importer.ledger.statements import Transaction, read_pages
from importer.records import Outcome, Row

STORED = tuple(
    rows.c["findings" if name == "codes" else name]
    for name in Row._fields
    if name not in ("fields", "messages", "hints")
)
"""The columns of a row, in the order of its fields."""


def decode_row(stored: Sequence[Any]) -> Row:
    """Return a row as it is stored, from STORED and what follows these."""
    *place, outcome, findings, raw = stored[:8]
    *values, follows, title, link, alias = stored[8 : len(STORED)]
    texts = map(tuple, orjson.loads(findings)) if findings else repeat((), 4)
    if raw is not None and isinstance(raw := orjson.loads(raw), list):
        raw = tuple(raw)
    return Row._make((*place, Outcome(outcome), *texts, raw, *values, bool(follows), title, link, alias))


def encode_row(run_id: int, row: Row) -> tuple[Any, ...]:
    """Return the values of a row for its table, in the order of its columns."""
    file, file_name, record, line, key, outcome, *texts, raw = row[:11]
    *values, follows, title, link, alias = row[11:]
    # The snapshot of its issue has title and link, and most rows of a scheduled import are unchanged each time.
    title_and_link = ("", "") if outcome is Outcome.UNCHANGED else (_storable(title), _storable(link))
    findings = orjson.dumps(texts) if row.codes else None
    raw_json = None if raw is None else orjson.dumps(raw)
    place = (run_id, file, record, file_name, line, key)
    return *place, str(outcome), findings, raw_json, *values, int(follows), *title_and_link, alias


def _storable(text: str) -> str:
    """Return a text with half characters as escapes: no database stores them, which is why such a row is rejected."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


BLOCK_ROWS = 1024
"""Most rows of a block: half of those that are read together."""
BLOCKS_A_QUERY = 10
KEYS = Table(
    "packed_keys", MetaData(), Column("run_id", Integer), Column("key", String), prefixes=["TEMPORARY"]
)  # fmt: skip


class Block(NamedTuple):
    """Plain rows of a file, one after the other, packed; `record` is the first one's."""

    file: int
    record: int
    file_name: str
    number: int
    data: bytes

    def rows(self) -> list[Row]:
        """Return the rows, without titles and links."""
        return _unpack(self.file, self.file_name, self.data)


def is_plain(row: Row) -> bool:
    """Whether a row is unchanged, and there is nothing to say of it."""
    has_more = row.codes or row.origin or row.additions_failed or row.alias
    return row.outcome is Outcome.UNCHANGED and not has_more and row.raw is None and row.conflicts is None


def pack(rows: Sequence[Row]) -> Block:
    """Pack plain rows of a file."""
    columns = [[getattr(row, name) for row in rows] for name in _COLUMNS]
    for place in map(_COLUMNS.index, _STEPPED):
        columns[place] = _steps(columns[place])
    data = zlib.compress(orjson.dumps(columns), 1)  # ids don't compress, the rest does at any level
    first = rows[0]
    return Block(first.file, first.record, first.file_name, len(rows), data)


def write_packed(connection: Connection, run_id: int, block: Block) -> None:
    """Write plain rows of a run."""
    connection.execute(insert(packed).values(run_id=run_id, **block._asdict()))


def read_packed(transaction: Transaction, run_id: int) -> Iterator[list[Row]]:
    """Yield the packed rows of a run, a block at a time, in order of file and record, in flat memory."""
    statement = select(packed).where(packed.c.run_id == run_id)
    for blocks in read_pages(transaction, statement, packed.c.file, packed.c.record, limit=BLOCKS_A_QUERY):
        for block in blocks:
            yield _unpack(block.file, block.file_name, block.data)


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
            keys = [{"run_id": run_id, "key": row.key} for row in _unpack(*block)]
            connection.execute(insert(KEYS), keys)
        yield connection, KEYS
        KEYS.drop(connection)


_COLUMNS = (
    *("key", "issue_id", "triage_id", "record", "line"),
    *("attempts", "additions_planned", "additions_done", "follows"),
)
"""What a block has of each row; of records and lines the steps."""
_STEPPED = ("record", "line")


def _unpack(file: int, file_name: str, data: bytes) -> list[Row]:
    columns = dict(zip(_COLUMNS, orjson.loads(zlib.decompress(data)), strict=True))
    columns |= {name: accumulate(columns[name]) for name in _STEPPED}
    plain = Row(file, file_name, 0, 0, "", Outcome.UNCHANGED)._asdict()
    # A row is made by position: by name it would take twice the time.
    every_column = [columns[name] if name in columns else repeat(value) for name, value in plain.items()]
    return list(map(Row._make, zip(*every_column, strict=False)))


def _steps(numbers: Sequence[int]) -> list[int]:
    """Return the first number and the differences of the others, which repeat and so take next to no room."""
    return [numbers[0], *(later - earlier for earlier, later in pairwise(numbers))]
