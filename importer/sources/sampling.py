"""Sampling the first records of a file: how they are wrapped, their streams, and their keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from importer.sources.errors_file import is_errors_record, own_keys
from importer.sources.wrappers import (
    MESSAGES,
    PAIRS,
    TUPLES,
    find_envelope,
    is_message,
    is_pair,
    open_array,
    open_envelope,
    stream_of,
)
from importer.spreadsheet import IMPORT_RAW

HEAD_RECORDS = 20
SAMPLED_RECORDS = 100
"""Records of one stream that are sampled for their keys."""
PAIRS_PASSED = 5_000
"""Wrapped records that are read to find all streams."""
NAME_DEPTH = 3


class Sampler:
    """Samples records, wrapped or not; only the first few are kept.

    rows         number of records seen, by stream
    names        their keys, by stream
    errors_file  whether the first record is one of an errors file
    """

    def __init__(self) -> None:
        self.rows = Counter[str]()
        self.errors_file = False
        self._names: dict[str, set[str]] = {}
        self._head: list[Any] = []
        self._envelope: str | None = None

    @property
    def full(self) -> bool:
        """Whether enough records were sampled."""
        first = self._head[0] if self._head else None
        streams = self._envelope in (PAIRS, MESSAGES) or is_pair(first) or is_message(first)
        limit = PAIRS_PASSED if streams else SAMPLED_RECORDS
        return self.rows.total() >= limit

    @property
    def envelope(self) -> str:
        """What the records are wrapped in, in words; "" if they are not."""
        self._decide()
        return self._envelope or ""

    @property
    def names(self) -> dict[str, set[str]]:
        """Stream → keys of its records, with those of nested objects dotted."""
        self._decide()
        return self._names

    def add(self, value: Any) -> None:
        """Sample the next value, whether it is a record or not."""
        record = value
        if is_errors_record(value):
            self.errors_file = self.errors_file or not self.rows
            record = own_keys(value)
        self.rows[self._stream(record)] += 1
        if self._envelope is not None:
            self._add_names(record)
        elif not (isinstance(record, dict) and IMPORT_RAW in record):
            self._head.append(record)
            if len(self._head) == HEAD_RECORDS:
                self._decide()

    def _stream(self, record: Any) -> str:
        if is_pair(record):
            return str(record[0])
        return stream_of(record) if isinstance(record, dict) else ""

    def _decide(self) -> None:
        if self._envelope is None:
            self._envelope = find_envelope(self._head)
            for record in self._head:
                self._add_names(record)
            self._head.clear()

    def _add_names(self, record: Any) -> None:
        if self._envelope in (PAIRS, TUPLES):
            record = open_array(record) or record
        if isinstance(record, dict):
            record = open_envelope(self._envelope or "", record)
            stream = stream_of(record)
            if self.rows[stream] <= SAMPLED_RECORDS:
                self._names.setdefault(stream, set()).update(dotted_names(record))


def dotted_names(record: dict[str, Any], depth: int = NAME_DEPTH, before: str = "") -> Iterator[str]:
    """Yield the keys of a record, with those of nested objects dotted: `fields.status.name`; lists are not entered."""
    for key, value in record.items():
        yield before + key
        if isinstance(value, dict) and depth > 1:
            yield from dotted_names(value, depth - 1, f"{before}{key}.")
