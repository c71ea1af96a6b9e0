"""The look-up reading: account names and aliases of keys, found in all rows once the first row asks for one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from itertools import chain, islice
from typing import Self

from importer.check.examine import correct_cells
from importer.check.job import Job
from importer.mapping.identities import Identity
from importer.mapping.reads import collect_key_refs, collect_persons, collect_refs, collect_tables
from importer.records import Ref, Table
from importer.row.compiler import Compiler
from importer.row.part_reader import FindKeys
from importer.row.people import PersonReader, find_no_name
from importer.row.relations import compile_names, find_no_keys
from importer.row.transform import Transform
from importer.scratch import Scratch, as_bytes, as_text
from importer.sources.source_rows import SourceRows
from importer.transform.plain_text import is_filled

KNOWN_LIMIT = 100_000
"""Distinct people whose names are kept: a staff has fewer, and the callers of a help desk must not fill the memory."""


class AccountNames:
    """Counts the names of each account, in the columns that have both of a person.

    None are wanted without mentions and comments, or where no file may have such columns.
    """

    def __init__(self, job: Job) -> None:
        model = job.mapping.model
        are_wanted = model.people.mentions is not None or model.comments is not None
        self._persons = [
            person
            for person in (collect_persons(model) if are_wanted else ())
            if person.name is not None
            and person.account is not None
            and job.source.may_have(person.name.refs, person.account.refs)
        ]
        self.refs: Sequence[Ref] = collect_refs(self._persons)
        self.tables: Sequence[Table] = collect_tables(self._persons)
        self._pairs = Counter[Identity]()

    def add(self, source: SourceRows) -> None:
        compiler = Compiler(source.layout)
        for person in self._persons:
            read_all = PersonReader(person, compiler).read_all
            count_known(self._pairs, chain.from_iterable(map(read_all, source.rows)))

    def by_account(self) -> Mapping[str, str]:
        """Account → name: of several the most frequent, then the first."""
        names: dict[str, str] = {}
        for person, _ in self._pairs.most_common():  # of equal counts the first comes first
            if person.account and person.name:
                names.setdefault(person.account, person.name)
        return names


def count_known(counts: Counter[Identity], people: Iterable[Identity]) -> None:
    """Count rows by person, up to KNOWN_LIMIT distinct people, so that memory stays flat."""
    for person, rows in Counter(people).items():
        if person.shown and (person in counts or len(counts) < KNOWN_LIMIT):
            counts[person] += rows


ASKED_AT_ONCE = 500

# Cells may hold half a character, so all texts are bytes. `place` is the relation's number in the mapping, from 0.
_SCHEMA = """
CREATE TABLE named (place INTEGER, text BLOB, PRIMARY KEY (place, text)) WITHOUT ROWID;
CREATE TABLE rows (place INTEGER, text BLOB, key BLOB);
"""
# A text that several rows have is ambiguous: an empty key says so.
_JOIN = """
CREATE TABLE keys AS
  SELECT place, text, CASE min(key) WHEN max(key) THEN key ELSE x'' END AS key
  FROM rows JOIN named USING (place, text) GROUP BY place, text;
DROP TABLE rows;
DROP TABLE named;
CREATE INDEX keys_by_text ON keys (place, text);
"""
_FIND = "SELECT text, key FROM keys WHERE place = ? AND text IN ({})"


class KeyAliases:
    """Collects the texts that relations name other rows `by`, and the keys of the rows that have them.

    They lie in a temporary file, which is there within the `with` block. None are wanted where the mapping has no such
    relations, or no file may have their columns. Raises StorageFull if the disk takes no more.
    """

    def __init__(self, job: Job) -> None:
        model, source = job.mapping.model, job.source
        self._specs = {
            place: (spec, spec.by)
            for place, spec in enumerate(model.relations)
            if spec.by is not None and source.may_have(spec.refs, spec.by.refs)
        }
        texts = [text for pair in self._specs.values() for text in pair]
        self._transform = Transform(model, job.source_name) if texts else None
        self.refs: Sequence[Ref] = (*collect_key_refs(model), *collect_refs(texts)) if texts else ()
        self.tables: Sequence[Table] = () if self._transform is None else self._transform.tables
        self._scratch = Scratch(_SCHEMA) if texts else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._scratch is not None:
            self._scratch.close()

    def add(self, source: SourceRows) -> None:
        assert self._scratch is not None
        assert self._transform is not None
        keys = [as_bytes(key) for key in self._transform.name_rows(source)]
        compiler = Compiler(source.layout)
        for place, (spec, by) in self._specs.items():
            names_of = compile_names(spec, compiler)
            named = {name for row in source.rows for name in names_of(row)}
            self._scratch.write(
                "INSERT OR IGNORE INTO named VALUES (?, ?)", ((place, as_bytes(text)) for text in named)
            )
            texts = map(compiler.text(by), source.rows)
            pairs = ((text, key) for text, key in zip(texts, keys, strict=True) if key and is_filled(text))
            self._scratch.write(
                "INSERT INTO rows VALUES (?, ?, ?)", ((place, as_bytes(text.strip()), key) for text, key in pairs)
            )

    def finder(self) -> FindKeys:
        if self._scratch is None:
            return find_no_keys
        self._scratch.script(_JOIN)
        return partial(_find_all, self._scratch)


def _find_all(scratch: Scratch, place: int, texts: Iterable[str]) -> Mapping[str, str]:
    names = {as_bytes(text): text for text in texts}
    key_of = dict[str, str]()
    remaining = iter(names)
    while asked := list(islice(remaining, ASKED_AT_ONCE)):
        statement = _FIND.format(",".join("?" * len(asked)))
        for text, key in scratch.rows(statement, (place, *asked)):
            key_of[names[text]] = as_text(key)
    return key_of


class _LookUp:
    """Reads the source when a name or a key is first asked for, whatever `--limit` says: few exports need it."""

    def __init__(self, job: Job, names: AccountNames, aliases: KeyAliases) -> None:
        self._job, self._names, self._aliases = job, names, aliases

    @cached_property
    def _answers(self) -> tuple[Mapping[str, str], FindKeys]:
        collectors: list[AccountNames | KeyAliases] = []
        refs: dict[Ref, None] = {}
        tables: dict[Table, None] = {}
        for collector in (self._names, self._aliases):
            if collector.refs:
                collectors.append(collector)
                refs |= dict.fromkeys(collector.refs)
                tables |= dict.fromkeys(collector.tables)
        dates = self._job.mapping.model.input.dates
        with self._job.source.again() as source:
            for rows in source.read(tuple(refs), tables=tuple(tables), dates=dates):
                for collector in collectors:
                    collector.add(correct_cells(self._job.fixes, rows))
                del rows
        return self._names.by_account(), self._aliases.finder()

    def find_name(self, account: str) -> str:
        if not account:
            return ""
        name_of, _ = self._answers
        return name_of.get(account, "")

    def find_keys(self, place: int, texts: Collection[str]) -> Mapping[str, str]:
        if not texts:
            return {}
        _, find = self._answers
        return find(place, texts)


@contextmanager
def look_up(job: Job) -> Iterator[Job]:
    """Give a job its `find_name` and `find_keys`, which work within the block.

    They read the source once if the mapping, its columns and a row ask for it, and raise what reading it raises, and
    StorageFull if the disk takes no more.
    """
    with KeyAliases(job) as aliases:
        names = AccountNames(job)
        answers = _LookUp(job, names, aliases)
        yield replace(
            job,
            find_name=answers.find_name if names.refs else find_no_name,
            find_keys=answers.find_keys if aliases.refs else find_no_keys,
        )
