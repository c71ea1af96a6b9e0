"""Parts of a CSV file: ranges of bytes that begin and end with a record, so that several processes can read one file.

The file is cut where the quotes before a line end are even in number. A quote within a cell that has no quotes around
it upsets that count, so whoever reads a part makes sure that a record ends where it does. As the first part begins with
a record, so does each one behind a part that was read.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple, TextIO

import numpy as np

from importer.errors import SourceError, SourceNotReady
from importer.records import CHUNK_ROWS, Chunk, Ref
from importer.sources import csv
from importer.sources.csv import Severed
from importer.sources.files import open_file
from importer.sources.source import SourceFile, TableFile, open_batches, open_table

PART_BYTES = 3 << 19
PART_ROWS = 4 * CHUNK_ROWS
"""Most rows of a part's chunk: nearly every part is one, where a second one of few rows would cost as much."""
ENCODINGS = ("utf-8", "ascii", "cp125", "iso8859")
"""What the names of encodings begin with in which a byte of a quote or a line end is always one, whatever precedes."""


class Part(NamedTuple):
    """A range of bytes of a file.

    file   its place in the source
    start  its first byte
    end    the byte behind its last
    line   physical line where it begins, from 1
    """

    file: int
    start: int
    end: int
    line: int


def can_be_cut(file: SourceFile) -> bool:
    """Whether a file is a table whose bytes are stored as they are."""
    stored = file.stored
    if not file.is_table or file.errors_file or stored.spooled or stored.member or stored.workbook:
        return False
    if not codecs.lookup(file.encoding).name.startswith(ENCODINGS):
        return False
    with open_file(stored) as opened:
        return opened.data is opened.stored


def cut_file(file: SourceFile, number: int) -> Iterator[Part]:
    """Yield the parts of a file, whose place in the source is `number`.

    Raises Severed where a part would be longer than a cell may be.
    """
    start, line = 0, 1
    with open_file(file.stored) as (_, data):
        while block := data.read(PART_BYTES):
            rest = _read_on(data, block)
            end = start + len(block) + len(rest)
            yield Part(number, start, end, line)
            start = end
            line += _count_lines(block) + _count_lines(rest) - (block[-1:] + rest[:1] == b"\r\n")


def _count_lines(block: bytes) -> int:
    """Count line ends as the reader of text does: CR LF is one."""
    signs = np.frombuffer(block, dtype=np.uint8)
    returns = np.flatnonzero(signs == ord("\r"))
    behind = signs[np.minimum(returns + 1, len(signs) - 1)]
    return _count(block, b"\n") + len(returns) - int(np.count_nonzero(behind == ord("\n")))


def _count(block: bytes, sign: bytes) -> int:
    """Count a sign, four times as fast as `block.count`."""
    return int(np.count_nonzero(np.frombuffer(block, dtype=np.uint8) == ord(sign)))


def _read_on(data: BinaryIO, block: bytes) -> bytes:
    """Read up to the first line end behind a block with an even number of quotes before it, or to the file's end."""
    quotes, rest = _count(block, b'"'), b""
    while more := data.readline(csv.CELL_CHARACTERS):
        rest += more
        quotes += more.count(b'"')
        if more.endswith(b"\n") and quotes % 2 == 0:
            break
        if len(rest) >= csv.CELL_CHARACTERS:
            raise Severed
    return rest


def read_part(file: SourceFile, part: Part, refs: Sequence[Ref]) -> Iterator[Chunk]:
    """Yield the chunks of a part, with the columns that `refs` name; its first record has the number 1.

    Raises Severed, also after some chunks, where it doesn't end with a record, or something is wrong with it that
    whoever reads the whole file can name.
    """
    if file.format != "csv":
        raise Severed
    with file.stored.path.open("rb") as stored:
        stored.seek(part.start)
        data = stored.read(part.end - part.start)
    try:
        table = _open_part(file, part, data)
        header = table.header if file.unfolding is None else file.header
        yield from csv.chunk_batches(open_batches(file, table, PART_ROWS), header, part.file, file.name, refs)
    except (SourceError, SourceNotReady, UnicodeError) as error:
        raise Severed from error


def _open_part(file: TableFile, part: Part, data: bytes) -> csv.OpenTable:
    header = list(file.own_header)
    # A byte order mark that isn't at the beginning is part of the text.
    within = "utf-8" if file.encoding == "utf-8-sig" else file.encoding

    def rows_of(text: TextIO, line: int) -> csv.OpenTable:
        lines = csv.Lines(text)
        lines.number = line - 1
        return csv.OpenTable(header, csv.read_rows(lines, file.name, file.delimiter, header=header), lines)

    def read_beyond() -> Iterator[csv.NumberedRow]:
        with file.stored.path.open("rb") as stored, io.TextIOWrapper(stored, within, newline="") as text:
            stored.seek(part.end)
            yield from rows_of(text, 1).rows

    text = io.TextIOWrapper(io.BytesIO(data), within if part.start else file.encoding, newline="")
    if part.start:
        return rows_of(text, part.line)._replace(beyond=read_beyond())
    table = open_table(file, text)
    if table.header != header:  # it is below the part, or the file is another one by now
        raise Severed
    return table._replace(beyond=read_beyond())
