"""The formats of a source's files, a line each; files of records have a reader in `source.py`, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from importer.records import Format


class FormatNames(NamedTuple):
    """What a format is called in a sentence, and the extensions of its files."""

    language: str
    extensions: tuple[str, ...]


FORMATS: Mapping[Format, FormatNames] = {
    "csv": FormatNames("CSV", (".csv", ".tsv", ".txt")),
    "jsonl": FormatNames("JSON", (".jsonl", ".ndjson")),
    "json": FormatNames("JSON", (".json",)),
}
EXTENSIONS: Mapping[str, Format] = {
    extension: format_ for format_, names in FORMATS.items() for extension in names.extensions
}
