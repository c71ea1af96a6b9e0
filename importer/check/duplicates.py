"""Duplicate keys within one import, found in flat memory: spooled to disk, compared where hashes are equal."""

from __future__ import annotations

import marshal
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, suppress
from itertools import chain
from operator import itemgetter
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from importer.codes import KEY_DUPLICATE
from importer.records import Finding, Outcome
from importer.scratch import temporary_files

Policy = Literal["reject", "first", "newest"]
AT_ONCE = 1 << 16
FILES_LIMIT = 64
NEWEST_HINT = "delete one of them, or give the right one a later date"
SORT_HINT = "sort the source by its `group` columns, so that the rows of an issue are next to each other"


class Advice(NamedTuple):
    """What to do about rows with a key that came before.

    of_others  what to do about those that are other issues than the first of their key, or may be
    others     their places
    """

    hint: str = (
        "delete one of them, or let the mapping decide: `duplicates: first`, or `duplicates: {newest: COLUMN}` with "
        "the column of the date of the last change, if there is one"
    )
    of_others: str = ""
    others: Set[int] = frozenset()


class DuplicateVerdict(NamedTuple):
    """The outcome of a row that loses against another one with its key, and the finding that says why."""

    outcome: Outcome
    finding: Finding


NO_VERDICTS: Mapping[int, DuplicateVerdict] = {}

SpooledRow = tuple[str, int, int, int, int, float]
"""Key, place, file, line, a hash of what would be sent, and date in seconds since 1970, UNDATED without one."""

UNDATED = float("-inf")

_LOSS = np.dtype(
    [("place", "u4"), ("winner", "u4"), ("file", "u4"), ("line", "u8"), ("same", "?"), ("tied", "?"), ("dated", "?")]
)
"""A row that loses: its place; place, file and line of the winner; same content, same date, and whether it has one."""

_Loss = tuple[int, int, int, int, bool, bool, bool]


class Verdicts(Mapping[int, DuplicateVerdict]):
    """Place → verdict, for every row that loses against another one with its key: 30 bytes each."""

    def __init__(
        self, losses: Iterable[_Loss], policy: Policy, file_names: Sequence[str], *, grouped: bool = False
    ) -> None:
        self._losses = np.fromiter(losses, dtype=_LOSS)
        self._losses.sort(order="place")
        self._places = array("I", self._losses["place"].tobytes())  # plain integers: found ten times faster
        self._winners = array("I", np.unique(self._losses["winner"]).tobytes())
        self.advice = Advice()
        self._policy = policy
        self._file_names = file_names
        self._grouped = grouped

    @property
    def need_advice(self) -> bool:
        """Whether rows have other content than another one with their key, and nobody has decided to leave them out."""
        return self._policy != "first" and not (self._grouped or self._losses["same"].all())

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __getitem__(self, place: int) -> DuplicateVerdict:
        if (index := _find(self._places, place)) is None:
            raise KeyError(place)
        _, number, file, line, same, tied, dated = self._losses[index].tolist()
        is_other = not self.advice.others.isdisjoint((place, number))
        return self._verdict(f"{self._file_names[file]}:{line}", same, is_other, tied, dated)

    def winner_of(self, place: int) -> int | None:
        """The place of the row that wins against a row or is that row; None for a key that comes once."""
        if (index := _find(self._places, place)) is not None:
            return int(self._losses["winner"][index])
        return None if _find(self._winners, place) is None else place

    def _verdict(self, winner: str, same: bool, is_other: bool, tied: bool, dated: bool) -> DuplicateVerdict:
        if same:
            return _skip("same-as", f"same as {winner}")
        if self._policy == "first":
            return _skip("duplicate-of", f"the first of this key is {winner}")
        if is_other:
            return _reject(f"this key is also that of {winner}, with another title", self.advice.of_others)
        if self._policy == "newest" and not tied:
            return _skip("older-than", f"the newest of this key is {winner}")
        if self._policy == "newest":
            message = f"this key also occurs, with the same date or none, in {winner}, with other content"
            return _reject(message, SORT_HINT if self._grouped else NEWEST_HINT if dated else self.advice.hint)
        message = f"this key occurs first in {winner}, with other content"
        return _reject(message, SORT_HINT if self._grouped else self.advice.hint)


def _find(places: array[int], place: int) -> int | None:
    index = bisect_left(places, place)
    return index if index < len(places) and places[index] == place else None


def _reject(message: str, hint: str) -> DuplicateVerdict:
    return DuplicateVerdict(Outcome.REJECTED, Finding(KEY_DUPLICATE, "key", message, hint))


def _skip(code: str, message: str) -> DuplicateVerdict:
    return DuplicateVerdict(Outcome.SKIPPED, Finding(code, "key", message, rejects=False))


class KeySpool:
    """Collects every row that would be sent, and names at the end those that lose against another one with their key.

    A row is known by its place in the input, counted from 0 over all files. Nearly all keys come once, which their
    hashes show; the rows whose hash comes again are divided among files, and compared in full file by file. Memory is
    `at_once` hashes or keys, however often a key comes, 8 bytes for each key that comes again, and the verdicts. With
    `grouped` a row stands for an issue of several rows, and the hint of a duplicate is to sort the source. Raises
    StorageFull if the temporary disk is full.
    """

    def __init__(
        self, policy: Policy, file_names: Sequence[str], at_once: int = AT_ONCE, *, grouped: bool = False
    ) -> None:
        self.policy = policy
        self.file_names = file_names
        self._grouped = grouped
        self._at_once = at_once
        self._count = 0
        # Files without names: nothing is left behind, however the process ends.
        self._stack = ExitStack()
        with temporary_files():
            self._rows = self._stack.enter_context(TemporaryFile())  # noqa: SIM115
            self._hashes = self._stack.enter_context(TemporaryFile())  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # what a full disk has not taken, nobody needs any more
            self._stack.close()

    def add(self, rows: list[SpooledRow]) -> None:
        """Spool rows, in the order of the input."""
        with temporary_files():
            marshal.dump(rows, self._rows)
            self._hashes.write(array("q", map(hash, map(itemgetter(0), rows))).tobytes())
        self._count += len(rows)

    def verdicts(self) -> Verdicts:
        """Place → verdict, for every row that loses against another one with its key."""
        with temporary_files():
            losses = chain.from_iterable(map(self._losses, self._divide(self._find_repeated())))
            return Verdicts(losses, self.policy, self.file_names, grouped=self._grouped)

    def _find_repeated(self) -> NDArray[np.int64]:
        """Find the hashes of keys that come again, in order."""
        parts = -(-self._count // self._at_once)
        repeated = []
        for part in range(parts):
            hashes = np.sort(np.concatenate([some[some % parts == part] for some in self._read_hashes()]))
            repeated.append(np.unique(hashes[1:][hashes[1:] == hashes[:-1]]))
        return np.sort(np.concatenate(repeated)) if repeated else np.zeros(0, np.int64)

    def _read_hashes(self) -> Iterator[NDArray[np.int64]]:
        self._hashes.seek(0)
        while some := self._hashes.read(self._at_once * np.dtype(np.int64).itemsize):
            yield np.frombuffer(some, dtype=np.int64)

    def _divide(self, repeated: NDArray[np.int64]) -> Iterator[IO[bytes]]:
        """Yield files of the rows whose hash comes again, in the order of the input, those of one key in one file."""
        parts = min(-(-len(repeated) // self._at_once), FILES_LIMIT)
        with ExitStack() as stack:
            files = [stack.enter_context(TemporaryFile()) for _ in range(parts)]
            for rows in _read(self._rows) if parts else ():
                hashes = np.fromiter((hash(row[0]) for row in rows), np.int64, len(rows))
                nearest = repeated[np.minimum(repeated.searchsorted(hashes), len(repeated) - 1)]
                divided: defaultdict[int, list[SpooledRow]] = defaultdict(list)
                for index in (nearest == hashes).nonzero()[0].tolist():
                    divided[int(hashes[index]) % parts].append(rows[index])
                for part, some in divided.items():
                    marshal.dump(some, files[part])
            yield from files

    def _losses(self, rows: IO[bytes]) -> Iterator[_Loss]:
        """Yield the rows of a file that lose."""
        winners: dict[str, SpooledRow] = {}
        for row in chain.from_iterable(_read(rows)):
            best = winners.setdefault(row[0], row)
            if self.policy == "newest" and row[-1] > best[-1]:  # of several with the newest date the first wins
                winners[row[0]] = row
        for key, place, _, _, its_content, its_date in chain.from_iterable(_read(rows)):
            _, winning_place, file_number, winning_line, content, date = winners[key]
            if place != winning_place:
                tied, dated = its_date in (date, UNDATED), date != UNDATED
                yield place, winning_place, file_number, winning_line, its_content == content, tied, dated


def _read(file: IO[bytes]) -> Iterator[list[SpooledRow]]:
    """Yield the lists of rows that were written to a file."""
    file.seek(0)
    with suppress(EOFError):
        while True:
            yield marshal.load(file)
