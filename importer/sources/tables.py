"""Tables beside the records of a JSON document, such as a board's lists: an id → what it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from importer.records import Table
from importer.sources.document import Document
from importer.sources.encodings import open_text
from importer.sources.envelopes import EDGES, open_envelope
from importer.sources.files import StoredFile
from importer.sources.values import to_text

Texts = dict[Table, dict[str, str]]


def read_tables(file: StoredFile, encoding: str, tables: Sequence[Table]) -> Mapping[Table, Mapping[str, str]]:
    """Read the tables that a JSON document has; the others are empty. Where an id comes again, the first counts.

    Raises SourceError where the document is damaged, SourceNotReady where it is cut off.
    """
    texts: Texts = {table: {} for table in tables}
    if texts:
        with open_text(file, encoding) as (_, text):
            document = Document(text, file.name)
            while document.peek() == "{":
                _walk(document, (), texts)
    return texts


def _walk(document: Document, path: tuple[str, ...], texts: Texts) -> None:
    for key in document.members():
        here = (*path, key)
        dotted = ".".join(here)
        wanted = [table for table in texts if table.array == dotted]
        first = document.peek()
        if first == "[" and wanted:
            for _ in document.elements():
                _add(document.value()[0], wanted, texts)
        elif first == "{" and any(table.array.startswith(f"{dotted}.") for table in texts):
            _walk(document, here, texts)
        else:
            document.skip()


def _add(element: Any, wanted: Sequence[Table], texts: Texts) -> None:
    if isinstance(element, dict):
        row = open_envelope(EDGES, element)
        for table in wanted:
            if table.by in row:
                texts[table].setdefault(to_text(row[table.by]), to_text(row.get(table.take)))
