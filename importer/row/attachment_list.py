"""Lists the attachments of a row for its footer: the API takes none."""

from __future__ import annotations

from itertools import zip_longest
from urllib.parse import quote

from importer.mapping.issue_parts import NAME_HERE, Attachments
from importer.mapping.texts import Text
from importer.row.compiler import Compiler, ReadCells, no_cells
from importer.sources.source_rows import SourceRow


class AttachmentLister:
    """Lists the attachments of a file's rows, each with its name and address, as far as the source has them.

    reads_anything  whether the file has any of the columns
    """

    def __init__(self, spec: Attachments, compiler: Compiler) -> None:
        self._names, self._addresses = _cells(spec.name, compiler), _cells(spec.url, compiler)
        self._base = spec.base
        self.reads_anything = self._names is not no_cells or self._addresses is not no_cells

    def read(self, row: SourceRow) -> str:
        """All attachments of a row on one line, "" if it has none."""
        attachments: list[str] = []
        # A file may have more columns of names than of addresses, or the other way round.
        for name_cell, address_cell in zip_longest(self._names(row), self._addresses(row), fillvalue=""):
            name, address = name_cell.strip(), address_cell.strip()
            if name or address:
                attachments.append(self._describe(name, address))
        return ", ".join(attachments)

    def _describe(self, name: str, address: str) -> str:
        """The name and address of an attachment, or the address of a copy of it that the mapping knows."""
        name = name or address.rpartition("/")[2]
        if self._base is not None and name:
            address = self._base.replace(NAME_HERE, quote(name))
        return " ".join(filter(None, (name, address)))


def _cells(text: Text | None, compiler: Compiler) -> ReadCells:
    return no_cells if text is None else compiler.cells(text)
