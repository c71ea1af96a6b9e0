"""Arrays beside the records of a JSON document: a board's lists, its actions."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from importer.sources.document import Document
from importer.sources.encodings import open_text
from importer.sources.envelopes import EDGES, open_envelope
from importer.sources.files import StoredFile


def read_arrays(file: StoredFile, encoding: str, paths: Collection[str]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Give the objects of the arrays at these dotted paths, each with the path and the line where it begins.

    Whatever else stands in the document, or in the arrays, is passed over.
    Raises SourceError where the document is damaged, SourceNotReady where it is cut off.
    """
    with open_text(file, encoding) as (_, text):
        document = Document(text, file.name)
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
