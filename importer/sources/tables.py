"""Tables beside the records of a JSON document, such as a board's lists: an id → what it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from importer.records import Table
from importer.sources.arrays import read_arrays
from importer.sources.files import StoredFile
from importer.sources.json_values import to_text


def read_tables(file: StoredFile, encoding: str, tables: Sequence[Table]) -> Mapping[Table, Mapping[str, str]]:
    """Read the tables that a JSON document has; the others are empty. Where an id comes again, the first counts.

    Raises SourceError where the document is damaged, SourceNotReady where it is cut off.
    """
    texts: dict[Table, dict[str, str]] = {table: {} for table in tables}
    arrays = {table.array for table in tables}
    for array, _, row in read_arrays(file, encoding, arrays) if arrays else ():
        for table in tables:
            if table.array == array and table.by in row:
                texts[table].setdefault(to_text(row[table.by]), to_text(row.get(table.take)))
    return texts
