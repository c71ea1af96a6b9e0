"""What stands beside the records: look-up tables, and objects such as comments, which are spooled on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from jmespath.exceptions import JMESPathError

from importer.errors import SourceError
from importer.mapping.header_names import is_internal
from importer.mapping.json_paths import compile_path, is_true
from importer.records import Finder, Finding, Table
from importer.scratch import Scratch, as_bytes, as_text
from importer.sources.document import Document
from importer.sources.encodings import open_text
from importer.sources.files import StoredFile
from importer.sources.json_values import to_text, write
from importer.sources.wrappers import EDGES, open_envelope

if TYPE_CHECKING:
    from importer.mapping.reads import Annex


ANY_FILE = -1
"""Stands for the file of objects that may belong to a record of any file."""

ASKED_AT_ONCE = 500
COLUMNS_SHOWN = 40

_SCHEMA = """
CREATE TABLE objects (file INTEGER, key BLOB, text BLOB);
CREATE TABLE asked (file INTEGER, key BLOB, PRIMARY KEY (file, key)) WITHOUT ROWID;
"""
_FIND = "SELECT file, key, text FROM objects WHERE file IN (?, ?) AND key IN ({}) ORDER BY rowid"
_ORPHANS = (
    "FROM objects WHERE NOT EXISTS (SELECT 1 FROM asked WHERE asked.file = objects.file AND asked.key = objects.key)"
)


class AnnexObject(NamedTuple):
    """An object beside the records, or why it can't be used. `file` is its file's place in the source, or ANY_FILE."""

    file: int
    file_name: str
    line: int
    value: dict[str, Any] | Finding


class AnnexSpool:
    """The objects of an annex on disk, to be found by the record that they belong to. See `scratch.Scratch`.

    Raises SourceError if nothing in a `--comments` file is what the annex asks for, StorageFull if the disk is full,
    and whatever reading the objects raises.
    """

    def __init__(self, annex: Annex, objects: Iterable[AnnexObject]) -> None:
        self._annex = annex
        self._by = compile_path(annex.by)
        self._when = compile_path(annex.when) if annex.when else None
        self._items = compile_path(annex.items) if annex.items else None
        self._columns: dict[str, tuple[str, ...]] = {}
        self._taken = Counter[str]()
        self._nameless = 0
        self._unusable = 0
        self._first_unusable = ""
        self._scratch = Scratch(_SCHEMA)
        self._scratch.write("INSERT INTO objects VALUES (?, ?, ?)", self._entries(objects))
        self._scratch.execute("CREATE INDEX objects_key ON objects (file, key)")
        for file_name, columns in self._columns.items():
            if not self._taken[file_name]:
                raise _nothing_taken(file_name, annex, columns)

    def close(self) -> None:
        """Free the disk space."""
        self._scratch.close()

    def _entries(self, objects: Iterable[AnnexObject]) -> Iterator[tuple[int, bytes, bytes]]:
        for file, file_name, line, value in objects:
            if not self._annex.array and isinstance(value, dict):
                self._columns.setdefault(file_name, tuple(value))
            found = value if isinstance(value, Finding) else self._read(value)
            if isinstance(found, Finding):
                self._unusable += 1
                self._first_unusable = self._first_unusable or f"{file_name}:{line}: {found.message}"
            elif found is not None:
                owner, items = found
                if file == ANY_FILE and _is_internal(file_name):
                    items = [{**item, "_internal": True} if isinstance(item, dict) else item for item in items]
                self._taken[file_name] += bool(owner)
                self._nameless += not owner
                for item in items if owner else ():
                    yield file, as_bytes(owner), as_bytes(write(item))

    def _read(self, value: dict[str, Any]) -> tuple[str, Sequence[Any]] | Finding | None:
        """Return the native key of the record that an object belongs to, and what is kept of the object.

        None if the condition `when` excludes it.
        """
        try:
            if self._when is not None and not is_true(self._when(value)):
                return None
            items = [value] if self._items is None else self._items(value)
            return to_text(self._by(value)).strip(), items if isinstance(items, list) else ()
        except JMESPathError as error:
            return Finding("row-path-failed", "", str(error).partition("\n")[0])

    def finder(self, file: int) -> Finder:
        """Return a function that finds the objects of records of this file: native key → objects as JSON."""

        def find(texts: Sequence[str]) -> dict[str, list[str]]:
            names = {text: as_bytes(text.strip()) for text in set(texts)}
            found: dict[bytes, list[str]] = {}
            asked = set[tuple[int, bytes]]()
            left = iter(dict.fromkeys(names.values()))
            while some := list(islice(left, ASKED_AT_ONCE)):
                statement = _FIND.format(",".join("?" * len(some)))
                for place, name, text in self._scratch.rows(statement, (file, ANY_FILE, *some)):
                    found.setdefault(name, []).append(as_text(text))
                    asked.add((place, name))
            self._scratch.write("INSERT OR IGNORE INTO asked VALUES (?, ?)", asked)
            return {text: found[name] for text, name in names.items() if name in found}

        return find

    def warnings(self) -> Iterator[str]:
        """Yield sentences about objects that belong to no record; call it after all records have been read."""
        [orphans] = self._scratch.row(f"SELECT count(*) {_ORPHANS}")
        if orphans:
            [name] = self._scratch.row(f"SELECT key {_ORPHANS} ORDER BY rowid LIMIT 1")
            yield f"comments that belong to no row: {orphans:,}. The first names {name.decode('utf-8', 'replace')!r}"
        if self._nameless:
            yield f"comments that name no row: {self._nameless:,}. `by: {self._annex.by}` finds nothing in them"
        if self._unusable:
            yield f"comments that can't be read: {self._unusable:,}. The first is {self._first_unusable}"


@cache
def _is_internal(file_name: str) -> bool:
    """Whether a file, or a sheet or its workbook, is called like one for the team alone."""
    path = PurePath(file_name)
    parts = (path, path.parent) if path.parent.suffix else (path,)
    return any(is_internal(name, alone=True) for part in parts for name in (part.name, part.stem))


def _nothing_taken(file_name: str, annex: Annex, columns: Sequence[str]) -> SourceError:
    asked = f"`by: {annex.by}`" + (f" and `when: {annex.when}`" if annex.when else "")
    more = " …" if len(columns) > COLUMNS_SHOWN else ""
    return SourceError(
        f"{file_name} has no comments for this mapping: {asked} find nothing in any of its rows.",
        hint=f"Name its columns in the mapping (in JMESPath a name with a space is quoted: '\"Issue key\"'). "
        f"It has {', '.join(columns[:COLUMNS_SHOWN])}{more}.",
    )


def read_arrays(file: StoredFile, encoding: str, paths: Collection[str]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield the objects of the arrays at these dotted paths: path, physical line, object.

    Everything else in the document is skipped.
    Raises SourceError if the document is damaged, SourceNotReady if it is cut off.
    """
    with open_text(file, encoding) as (_, text):
        yield from _objects_in(Document(text, file.name), paths)


def _objects_in(document: Document, paths: Collection[str]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    while document.peek() == "{":
        yield from _walk(document, (), paths)


def _walk(
    document: Document, path: tuple[str, ...], paths: Collection[str]
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for key in document.members():
        here = (*path, key)
        dotted = ".".join(here)
        first = document.peek()
        if first == "[" and dotted in paths:
            for _ in document.elements():
                line = document.line
                element, _ = document.value()
                if isinstance(element, dict):
                    yield dotted, line, open_envelope(EDGES, element)
        elif first == "{" and any(wanted.startswith(f"{dotted}.") for wanted in paths):
            yield from _walk(document, here, paths)
        else:
            document.skip()


def read_tables(file: StoredFile, encoding: str, tables: Sequence[Table]) -> Mapping[Table, Mapping[str, str]]:
    """Read the look-up tables of a JSON file. Raises what `tables_in` raises."""
    if not tables:
        return {}
    with open_text(file, encoding) as (_, text):
        return tables_in(Document(text, file.name), tables)


def tables_in(document: Document, tables: Sequence[Table]) -> Mapping[Table, Mapping[str, str]]:
    """Read the look-up tables of a JSON document; absent ones are empty, and the first of repeated ids counts.

    Raises SourceError if the document is damaged, SourceNotReady if it is cut off.
    """
    texts: dict[Table, dict[str, str]] = {table: {} for table in tables}
    for array, _, row in _objects_in(document, {table.array for table in tables}):
        for table in tables:
            if table.array == array and table.by in row:
                texts[table].setdefault(to_text(row[table.by]), to_text(row.get(table.take)))
    return texts
