"""The footer's line of attachments: the API takes no files, so their names and addresses are what can come along."""

from __future__ import annotations

from collections import defaultdict
from itertools import zip_longest
from urllib.parse import quote

from importer.mapping.issue_parts import NAME_HERE, Attachments
from importer.mapping.texts import Text
from importer.transform.columns import Columns, is_filled


def list_attachments(spec: Attachments, columns: Columns) -> list[str]:
    """Of each row its attachments, each with its name and address, as far as the source has them."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    nothing = [""] * len(columns)
    for names, addresses in zip_longest(*(_cells(text, columns) for text in (spec.name, spec.url)), fillvalue=nothing):
        for row, (name, address) in enumerate(zip(names, addresses, strict=True)):
            if is_filled(name) or is_filled(address):
                found[row].append(_describe(name.strip(), address.strip(), spec.base))
    return [", ".join(found.get(row, ())) for row in range(len(columns))] if found else nothing


def _cells(text: Text | None, columns: Columns) -> list[list[str]]:
    return [] if text is None else columns.every_cell(text)


def _describe(name: str, address: str, base: str | None) -> str:
    name = name or address.rpartition("/")[2]
    if base is not None and name:
        address = base.replace(NAME_HERE, quote(name))
    return " ".join(filter(None, (name, address)))
