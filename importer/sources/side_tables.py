"""Arrays beside the records of a JSON document, and the look-up tables that are made of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from importer.records import Table
from importer.sources.document import Document
from importer.sources.encodings import open_text
from importer.sources.files import StoredFile
from importer.sources.json_values import to_text
from importer.sources.wrappers import EDGES, open_envelope


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
