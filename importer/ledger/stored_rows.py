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
from importer.records import Outcome, Row, Rows, fill_columns

STORED = tuple(
    rows.c["findings" if name == "codes" else name]
    for name in Row._fields
    if name not in ("fields", "messages", "hints")
)
"""The columns of a row, in the order of its fields."""


def decode_row(found: Sequence[Any]) -> Row:
    """Return a row as it is stored, from STORED and what follows these."""
    *place, outcome, findings, raw = found[:8]
    *more, follows, title, link, alias = found[8 : len(STORED)]
    said = map(tuple, orjson.loads(findings)) if findings else repeat((), 4)
    if raw is not None and isinstance(raw := orjson.loads(raw), list):
        raw = tuple(raw)
    return Row._make((*place, Outcome(outcome), *said, raw, *more, bool(follows), title, link, alias))


def encode_row(run_id: int, row: Row) -> tuple[Any, ...]:
    """Return the values of a row for its table, in the order of its columns."""
    file, file_name, record, line, key, outcome, *said, raw = row[:11]
    *more, follows, title, link, alias = row[11:]
    # The snapshot of its issue has title and link, and most rows of a scheduled import are unchanged each time.
    texts = ("", "") if outcome is Outcome.UNCHANGED else (_storable(title), _storable(link))
    findings = orjson.dumps(said) if row.codes else None
    whole = None if raw is None else orjson.dumps(raw)
    return run_id, file, record, file_name, line, key, str(outcome), findings, whole, *more, int(follows), *texts, alias


def _storable(text: str) -> str:
    """Return a text with half characters as escapes: no database stores them, which is why such a row is rejected."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


BLOCK_ROWS = 1024
"""Most rows of a block: half of a chunk."""
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

    def rows(self) -> Rows:
        """Return the rows, without titles and links."""
        return _unpack(self.file, self.file_name, self.data)


def find_plain(rows: Rows) -> list[bool]:
    """Say of each row whether it is unchanged, and there is nothing to say of it."""
    of = rows.columns
    more = zip(of["codes"], of["origin"], of["additions_failed"], of["alias"], of["raw"], of["conflicts"], strict=True)
    return [
        outcome is Outcome.UNCHANGED and not (codes or origin or failed or alias) and raw is conflicts is None
        for outcome, (codes, origin, failed, alias, raw, conflicts) in zip(of["outcome"], more, strict=True)
    ]


def pack(rows: Rows) -> Block:
    """Pack plain rows of a file."""
    of = rows.columns
    packed_ones = [_steps(of[name]) if name in _STEPPED else of[name] for name in _COLUMNS]
    data = zlib.compress(orjson.dumps(packed_ones), 1)  # ids don't compress, the rest does at any level
    return Block(of["file"][0], of["record"][0], of["file_name"][0], len(of["key"]), data)


def write_packed(connection: Connection, run_id: int, block: Block) -> None:
    """Write plain rows of a run."""
    connection.execute(insert(packed).values(run_id=run_id, **block._asdict()))


def read_packed(transaction: Transaction, run_id: int) -> Iterator[Rows]:
    """Yield the packed rows of a run, a block at a time, in order of file and record, in flat memory."""
    statement = select(packed).where(packed.c.run_id == run_id)
    for blocks in read_pages(transaction, statement, packed.c.file, packed.c.record, most=BLOCKS_A_QUERY):
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
            keys = _unpack(*block).columns["key"]
            connection.execute(insert(KEYS), [{"run_id": run_id, "key": key} for key in keys])
        yield connection, KEYS
        KEYS.drop(connection)


_COLUMNS = (
    *("key", "issue_id", "triage_id", "record", "line"),
    *("attempts", "additions_planned", "additions_done", "follows"),
)
"""What a block has of each row; of records and lines the steps."""
_STEPPED = ("record", "line")


def _unpack(file: int, file_name: str, data: bytes) -> Rows:
    own = dict(zip(_COLUMNS, orjson.loads(zlib.decompress(data)), strict=True))
    own |= {name: list(accumulate(own[name])) for name in _STEPPED}
    same = Row(file, file_name, 0, 0, "", Outcome.UNCHANGED)
    return Rows(fill_columns(len(own["key"]), same, own))


def _steps(numbers: Sequence[int]) -> list[int]:
    """Return the first number and the differences of the others, which repeat and so take next to no room."""
    return [numbers[0], *(later - earlier for earlier, later in pairwise(numbers))]
