"""Duplicate keys within one import, in flat memory: spooled to disk, compared where hashes are equal; and advice."""

from __future__ import annotations

import marshal
import re
from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, suppress
from itertools import chain, islice
from operator import gt, itemgetter
from struct import Struct
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Literal, NamedTuple, Self

from importer.codes import KEY_DUPLICATE
from importer.mapping.header_names import has, weigh
from importer.mapping.model import Duplicates, MappingModel, fold
from importer.mapping.presets import is_shipped
from importer.mapping.texts import Text
from importer.mapping.yaml_tree import as_placeholder, as_source
from importer.phrases import tokens_of
from importer.records import Finding, Outcome, Ref, names_project
from importer.row.compiler import Compiler
from importer.scratch import temporary_files
from importer.sources.json_outline import dotted_names

if TYPE_CHECKING:
    from importer.check.job import Job
    from importer.sources.source import Source

Policy = Literal["reject", "first", "newest"]
Known = Literal["key", "group", "occurrence", "id"]
"""What a row is known by: a key, that of an issue of several rows, what tells occurrences of one apart, or an id."""
AT_ONCE = 1 << 16
FILES_LIMIT = 64
HASH_BYTES = 8
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

_Loss = tuple[int, int, int, int, bool, bool, bool, bool]
"""A row that loses: its place; place, file and line of the winner; same content, same date, and whether it has one.

At last, whether not the key is the same, but the id.
"""

_PACKED = Struct(">IIIQ????")
"""The same in 24 bytes, which sort by place."""


class Verdicts(Mapping[int, DuplicateVerdict]):
    """Place → verdict, for every row that loses against another one with its key: 28 bytes each."""

    def __init__(
        self, losses: Iterable[_Loss], policy: Policy, file_names: Sequence[str], known_by: Known = "key"
    ) -> None:
        packed = bytearray()
        for loss in losses:
            packed += _PACKED.pack(*loss)
        self._losses = packed
        self._places = _places_of(packed)
        if any(map(gt, self._places, islice(self._places, 1, None))):  # they are of several files
            size = _PACKED.size
            starts = range(0, len(packed), size)
            self._losses = bytearray().join(sorted(packed[start : start + size] for start in starts))
            self._places = _places_of(self._losses)
        winners = {winner for _, winner, *_ in _PACKED.iter_unpack(self._losses)}
        self._winners = array("I", sorted(winners))
        self.advice = Advice()
        self._policy = policy
        self._file_names = file_names
        self._is_group = known_by == "group"
        self._key = "occurrence" if known_by == "occurrence" else "key"

    @property
    def need_advice(self) -> bool:
        """Whether rows have other content than another one with their key, and nobody has decided to leave them out."""
        return self._policy != "first" and not (self._is_group or self._are_same())

    def _are_same(self) -> bool:
        losses = _PACKED.iter_unpack(self._losses)
        return all(is_same or of_id for *_, is_same, _, _, of_id in losses)

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __getitem__(self, place: int) -> DuplicateVerdict:
        index = _find(self._places, place)
        if index is None:
            raise KeyError(place)
        _, number, file, line, is_same, tied, dated, of_id = self._unpack(index)
        winner = f"{self._file_names[file]}:{line}"
        if of_id:
            is_older = self._policy == "newest" and not tied
            return _judge_moved(winner, is_older=is_older)
        is_other = not self.advice.others.isdisjoint((place, number))
        return self._verdict(winner, is_same, is_other, tied, dated)

    def winner_of(self, place: int) -> int | None:
        """The place of the row that wins against a row or is that row; None for a key that comes once."""
        index = _find(self._places, place)
        if index is not None:
            return self._unpack(index)[1]
        wins = _find(self._winners, place) is not None
        return place if wins else None

    def _unpack(self, index: int) -> _Loss:
        loss: _Loss = _PACKED.unpack_from(self._losses, index * _PACKED.size)
        return loss

    def _verdict(self, winner: str, is_same: bool, is_other: bool, tied: bool, dated: bool) -> DuplicateVerdict:
        if is_same:
            return _skip("same-as", f"same as {winner}")
        if self._policy == "first":
            return _skip("duplicate-of", f"the first of this {self._key} is {winner}")
        if is_other:
            return _reject(f"this {self._key} is also that of {winner}, with another title", self.advice.of_others)
        if self._policy == "newest" and not tied:
            return _skip("older-than", f"the newest of this {self._key} is {winner}")
        if self._policy == "newest":
            message = f"this {self._key} also occurs, with the same date or none, in {winner}, with other content"
            hint = NEWEST_HINT if dated else self.advice.hint
        else:
            message = f"this {self._key} occurs first in {winner}, with other content"
            hint = self.advice.hint
        if self._is_group:
            hint = SORT_HINT
        return _reject(message, hint)


def _judge_moved(winner: str, *, is_older: bool) -> DuplicateVerdict:
    """Judge a row whose id another one has under another key."""
    if is_older:
        return _skip("older-than", f"its issue has a newer row, under another key: {winner}")
    message = f"its id is also that of {winner}, under another key, and no date says which key the issue has now"
    return _reject(message, "delete the row with the former key; if they are two issues, correct the id of one")


def _places_of(losses: bytearray) -> array[int]:
    return array("I", (place for place, *_ in _PACKED.iter_unpack(losses)))


def _find(places: array[int], place: int) -> int | None:
    index = bisect_left(places, place)
    if index < len(places) and places[index] == place:
        return index
    return None


def _reject(message: str, hint: str) -> DuplicateVerdict:
    finding = Finding(KEY_DUPLICATE, "key", message, hint)
    return DuplicateVerdict(Outcome.REJECTED, finding)


def _skip(code: str, message: str) -> DuplicateVerdict:
    finding = Finding(code, "key", message, rejects=False)
    return DuplicateVerdict(Outcome.SKIPPED, finding)


class KeySpool:
    """Collects every row that would be sent, and names at the end those that lose against another one with their key.

    A row is known by its place in the input, counted from 0 over all files. Nearly all keys come once, which their
    hashes show; the rows whose hash comes again are divided among files, and compared in full file by file. Memory is
    `at_once` hashes or keys, however often a key comes, 8 bytes for each key that comes again, and the verdicts.
    `known_by` is for messages and hints. Raises StorageFull if the temporary disk is full.
    """

    def __init__(
        self, policy: Policy, file_names: Sequence[str], at_once: int = AT_ONCE, known_by: Known = "key"
    ) -> None:
        self.policy = policy
        self.file_names = file_names
        self._known_by = known_by
        self._at_once = at_once
        self._count = 0
        # Files without names: nothing is left behind, however the process ends.
        self._stack = ExitStack()
        with temporary_files():
            self._rows = self._stack.enter_context(TemporaryFile())  # noqa: SIM115
            self._hashes = self._stack.enter_context(TemporaryFile())  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what a full disk has not taken, nobody needs any more
            self._stack.close()

    def add(self, rows: list[SpooledRow]) -> None:
        keys = map(itemgetter(0), rows)
        hashes = array("q", map(hash, keys))
        with temporary_files():
            marshal.dump(rows, self._rows)
            self._hashes.write(hashes.tobytes())
        self._count += len(rows)

    def verdicts(self, ids: KeySpool | None = None) -> Verdicts:
        """Place → verdict, for every row that loses against another one with its key, or with its id under another."""
        with temporary_files():
            of_ids = {loss[0]: loss for loss in ids.losses()} if ids else {}
            of_keys = (loss for loss in self.losses() if loss[0] not in of_ids)
            losses = chain(of_ids.values(), of_keys)
            return Verdicts(losses, self.policy, self.file_names, self._known_by)

    def losses(self) -> Iterator[_Loss]:
        """Yield the rows that lose."""
        judge = self._judge_ids if self._known_by == "id" else self._losses
        files = self._divide(self._find_repeated())
        return chain.from_iterable(map(judge, files))

    def _find_repeated(self) -> array[int]:
        """Find the hashes of keys that come again, in order."""
        if self._count <= self._at_once:
            self._hashes.seek(0)
            counts = Counter(array("q", self._hashes.read()))
            several = [key_hash for key_hash, times in counts.items() if times > 1]
            return array("q", sorted(several))
        import numpy as np  # takes 50 ms, and sorts as many in 1

        parts = -(-self._count // self._at_once)
        repeated = array("q")
        for part in range(parts):
            blocks = (np.frombuffer(block, dtype=np.int64) for block in self._read_hashes())
            of_part = [block[block % parts == part] for block in blocks]
            hashes = np.sort(np.concatenate(of_part))
            later = hashes[1:]
            is_repeated = later == hashes[:-1]
            repeated.frombytes(np.unique(later[is_repeated]).tobytes())
        ordered = np.sort(np.frombuffer(repeated, dtype=np.int64))
        return array("q", ordered.tobytes())

    def _read_hashes(self) -> Iterator[bytes]:
        self._hashes.seek(0)
        while block := self._hashes.read(self._at_once * HASH_BYTES):
            yield block

    def _divide(self, repeated: array[int]) -> Iterator[IO[bytes]]:
        """Yield files of the rows whose hash comes again, in the order of the input, those of one key in one file."""
        parts = min(-(-len(repeated) // self._at_once), FILES_LIMIT)
        if not parts:
            return
        with ExitStack() as stack:
            files = [stack.enter_context(TemporaryFile()) for _ in range(parts)]
            for rows in _read(self._rows):
                divided: defaultdict[int, list[SpooledRow]] = defaultdict(list)
                for row in rows:
                    key_hash = hash(row[0])
                    if _find(repeated, key_hash) is not None:
                        divided[key_hash % parts].append(row)
                for part, rows_of_part in divided.items():
                    marshal.dump(rows_of_part, files[part])
            yield from files

    def _losses(self, rows: IO[bytes]) -> Iterator[_Loss]:
        winners = _find_winners(rows, by_date=self.policy == "newest")
        for key, place, _, _, its_content, its_date in chain.from_iterable(_read(rows)):
            _, winning_place, file_number, winning_line, content, date = winners[key]
            if place != winning_place:
                is_same = its_content == content
                tied = its_date in (date, UNDATED)
                dated = date != UNDATED
                yield place, winning_place, file_number, winning_line, is_same, tied, dated, False

    def _judge_ids(self, rows: IO[bytes]) -> Iterator[_Loss]:
        """Yield the rows whose id another one has under another key: if neither is newer, both lose.

        In place of content, these have their keys; rows with one key are judged by that.
        """
        newest = _find_winners(rows, by_date=True)
        for row in chain.from_iterable(_read(rows)):
            id_, place, file, line, key, date = row
            _, best_place, best_file, best_line, best_key, best_date = newest[id_]
            if key == best_key:
                continue
            tied = date in (best_date, UNDATED)
            dated = date != UNDATED
            yield place, best_place, best_file, best_line, False, tied, dated, True
            if tied or self.policy != "newest":
                yield best_place, place, file, line, False, True, dated, True


def _find_winners(rows: IO[bytes], *, by_date: bool) -> Mapping[str, SpooledRow]:
    """Find of each key its first row, or if `by_date` the first one with the newest date."""
    winners = dict[str, SpooledRow]()
    for row in chain.from_iterable(_read(rows)):
        best = winners.setdefault(row[0], row)
        if by_date and row[-1] > best[-1]:
            winners[row[0]] = row
    return winners


def _read(file: IO[bytes]) -> Iterator[list[SpooledRow]]:
    file.seek(0)
    with suppress(EOFError):
        while True:
            yield marshal.load(file)


KEYS_LOOKED_AT = 100_000
_ONE_IN = 5
_SAID = frozenset(("comment", "comments", "body", "text", "content", "message"))  # last words of comments' columns
_SURELY = 10  # the least weight of a name of the date of creation
_QUOTED = frozenset("{}'\"")  # what a column's name can't have in a line to be pasted
_ADDRESS, _MOMENT = re.compile("."), re.compile(r":(?!00)\d\d|^\d{10,}")
"""What may show that two rows are one issue: any address, and a time of creation that is no full hour."""


class Repeats(NamedTuple):
    """The rows whose key came before, as they are compared with its first one.

    others      how many have another title, and nothing that shows them to be the same issue
    are_issues  whether they are other issues: more than people would edit
    part        the column that belongs to the key then, if one tells them apart
    newest      the column of dates that says which row is newer, if they are states of one issue
    unsure      the places of those that are other issues, or may be
    """

    rows: int
    others: int
    are_issues: bool
    part: str
    newest: str
    unsure: frozenset[int]


def find_repeats(source: Source, key: Text | Verdicts, title: Text, columns: Mapping[str, Text]) -> Repeats:
    """Read a source and compare the rows of each key with its first one; `columns` are those that may be looked at.

    A row with another title is the same issue if both are in the same project, and have an address or a moment of
    creation in common that no other key has.
    """
    dates = dict[str, int]()  # column of a date of change → its weight
    proofs = dict[str, re.Pattern[str]]()
    parts = list[str]()
    for name in columns:
        words = tokens_of(name)
        last_words = tokens_of(name.split(".")[-1])
        weight = weigh(last_words, "updated")
        if weight:
            dates[name] = weight
        if name.count(".") >= 2 or has(words, "people"):  # not of the issue itself
            continue
        if not weight and weigh(last_words, "created") >= _SURELY:
            proofs[name] = _MOMENT
        is_address = has([" ".join(words)], "addresses")
        if is_address:
            proofs[name] = _ADDRESS
        if is_address or has(words, "scopes"):
            parts.append(name)
    names = list(dict.fromkeys([*parts, *proofs, *dates]))
    texts = [title, *map(columns.__getitem__, names)]
    first = dict[object, tuple[str, ...]]()
    apart = Counter[str]()
    elsewhere = defaultdict[str, set[int]](set)
    shared = dict[int, list[tuple[str, str]]]()  # place of a row with another title → what it has in common
    only = dict[tuple[str, str], object]()  # that → the only key that has it
    rows = 0
    for place, (row_key, row_texts) in enumerate(_read_keys(source, key, texts)):
        if row_key in (None, ""):
            continue
        first_texts = first.setdefault(row_key, row_texts)
        if first_texts is row_texts:
            if len(first) > KEYS_LOOKED_AT and isinstance(key, Text):
                break
            continue
        rows += 1
        differing = set[str]()
        for name, text, first_text in zip(names, row_texts[1:], first_texts[1:], strict=True):
            if text != first_text:
                differing.add(name)
        if fold(row_texts[0]) != fold(first_texts[0]):
            shared[place] = []
            if differing.isdisjoint(parts):  # they are in the same project
                for name, text in zip(names, row_texts[1:], strict=True):
                    if name in proofs and name not in differing and proofs[name].search(text):
                        shared[place].append((name, text))
            only.update(dict.fromkeys(shared[place], row_key))
        apart.update(differing.intersection(dates))
        for name in differing.intersection(parts):
            elsewhere[name].add(place)
    if only:
        for row_key, row_texts in _read_keys(source, key, texts):
            for pair in zip(names, row_texts[1:], strict=True):
                if only.get(pair, row_key) != row_key:
                    only[pair] = None
    unsure = set[int]()
    for place, pairs in shared.items():
        owners = {only[pair] for pair in pairs}
        if owners <= {None}:  # no proof is that of this key alone
            unsure.add(place)
    part = ""
    if unsure:
        part = next((name for name in parts if unsure <= elsewhere[name]), "")
    are_issues = len(unsure) * _ONE_IN > rows
    newest = ""
    if not are_issues:
        differing_dates = [name for name in dates if apart[name]]
        newest = max(differing_dates, key=dates.__getitem__, default="")
    places = frozenset(unsure | elsewhere[part])
    return Repeats(rows, len(unsure), are_issues, part, newest, places)


def _read_keys(source: Source, key: Text | Verdicts, texts: Sequence[Text]) -> Iterator[tuple[object, tuple[str, ...]]]:
    """Yield the key of each row, or the place of the row that wins in its stead, and its texts."""
    refs = [ref for text in (*texts, *([key] if isinstance(key, Text) else [])) for ref in text.refs]
    place = 0
    for rows in source.read(list(dict.fromkeys(refs))):
        end = place + len(rows)
        compiler = Compiler(rows.layout)
        keys = map(compiler.text(key), rows.rows) if isinstance(key, Text) else map(key.winner_of, range(place, end))
        readers = [compiler.text(text) for text in texts]
        for row, row_key in zip(rows.rows, keys, strict=True):
            yield row_key, tuple(reader(row) for reader in readers)
        place = end


def _refs_of_key(model: MappingModel) -> list[Ref]:
    refs = [*model.input.key.refs]
    if model.input.local_key:
        refs += model.input.local_key.refs
    return refs


def line_of_project(model: MappingModel, names: Iterable[str]) -> str:
    """Return the mapping's line by which a key that is only a number names its project, too."""
    present = set(names)
    refs = _refs_of_key(model) or [Ref("column", "ID")]
    number = next((ref for ref in refs if ref.name in present), refs[0])
    return f"`input: {{key: {{template: 'PROJECT-{as_placeholder(number)}'}}}}`"


def _part_ways(job: Job, repeats: Repeats, names: Sequence[str]) -> str:
    """Say how issues get different keys that have one, and no column that tells them apart."""
    model = job.mapping.model
    if repeats.others:
        keys = _read_keys(job.source, model.input.key, [model.input.key])
        for place, (key, _) in enumerate(keys):
            if place in repeats.unsure and names_project(str(key)):
                return "those of each site by themselves, with a --source-name of its own"
    line = line_of_project(model, names)
    return (
        f"those of each project by themselves, by a mapping that names the project in each key, {line}, and under the "
        "same source name; those of another product's list with a --source-name of its own"
    )


def advise(job: Job, verdicts: Verdicts) -> Advice:
    """What to do about rows whose key came before with other content.

    No title is asked about where a mapping's own line takes the newest row, as its author knows the source, nor where
    the key is made of several columns, as that of a finding on a call.
    """
    source = job.source
    model = job.mapping.model
    key = model.input.key
    if isinstance(model.duplicates, Duplicates):
        if not is_shipped(job.mapping.place("duplicates").file):
            return Advice()
        alternatives = key.first or [key]
        if model.input.local_key is None and all(text.template for text in alternatives):
            return Advice()
    top = set[str]()
    names = list[str]()
    for file in range(len(source.files)):
        record = next(source.records(file), {})
        top.update(record)
        names += [name for name in dotted_names(record) if _QUOTED.isdisjoint(name)]
    refs = dict[str, Ref]()
    texts = dict[str, Text]()
    for name in names:
        if name in top:
            ref = Ref("column", name)
        elif name.replace(".", "_").isidentifier():
            ref = Ref("path", name)
        else:  # as a path it would need quotes
            continue
        refs[name] = ref
        texts[name] = Text.model_validate({ref.kind: name})
    repeats = find_repeats(source, verdicts, model.title, texts)
    figures = f"{repeats.others:,} of {repeats.rows:,} such rows have another title"
    if repeats.part:
        key_names = [ref.name for ref in _refs_of_key(model) if ref.name != repeats.part]
        key_refs = [refs[name] for name in key_names if name in refs]
        part = as_placeholder(refs[repeats.part])
        number = as_placeholder(key_refs[0] if key_refs else Ref("column", "ID"))
        line = f"input: {{key: {{template: '{part} {number}'}}}}"
        of_others = f"{figures}: other issues with the same id. Let the mapping make the key of two columns: `{line}`"
    else:
        ways = _part_ways(job, repeats, names)
        of_others = (
            f"{figures}, and no column of a project, repository or address tells them apart. Are they other issues? "
            f"Then import {ways}. Is it one issue whose title was edited? Then leave these rows out"
        )
    if not repeats.newest:
        comments = list[Ref]()
        for name, ref in refs.items():
            words = tokens_of(name)
            if has(words, "comments") and words[-1] in _SAID:
                comments.append(ref)
        if repeats.others or not comments or not key.refs or model.group:
            return Advice(of_others=of_others, others=repeats.unsure)
        group = as_source(key.refs[0])
        comment = as_source(comments[0])
        lines = f"`group: [{{{group}}}]` and `comments: {{from: [{{{comment}}}]}}`"
        return Advice(f"their titles are the same. If each of these rows has a comment of one issue, write {lines}")
    states = repeats.rows - repeats.others
    figures = f"{states:,} of {repeats.rows:,} such rows have the same title: states of one issue"
    newest = as_source(refs[repeats.newest])
    line = f"duplicates: {{newest: {{{newest}}}}}"
    return Advice(f"{figures}. Let the mapping take its newest row: `{line}`", of_others, repeats.unsure)
