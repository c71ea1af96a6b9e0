"""The footer of a description: where the issue comes from, lines that the mapping asks for, and the import marker."""

from __future__ import annotations

import re

from importer.mapping.model import Mapping as Model
from importer.transform.columns import Columns, is_filled
from importer.transform.groups import merge_texts
from importer.transform.markers import MARKER_NOTE
from importer.transform.prose import ColumnSanitizer
from importer.transform.row_keys import RowKeys

_OPENING = "---\nImported from "
_FOOTER = re.compile(rf"^{_OPENING}.*\n(?:.+\n)*tis[0-9a-f]{{12}} tir[0-9a-f]{{20}}\b", re.MULTILINE)


def find_footer(text: str) -> int:
    """Where the footer begins, or the end of a text that has none."""
    start = text.rfind(_OPENING)
    return start if start >= 0 and _FOOTER.match(text, start) else len(text)


def write_footers(mapping: Model, columns: Columns, keys: RowKeys, clean: ColumnSanitizer) -> list[str]:
    """`Imported from <key>`, a line for each filled label of the mapping, and the import marker."""
    lines = [[f"{_OPENING}{key}\n" for key in clean.lines(list(map(one_line, keys.full)))]]
    for label, spec in mapping.footer.items():
        cells = columns.every_cell(spec)
        if cells:
            texts = (
                cells[0] if len(cells) == 1 else [", ".join(filter(is_filled, row)) for row in zip(*cells, strict=True)]
            )
            if keys.groups is not None:
                texts = merge_texts(texts, keys.groups, ", ")
            distinct = [text for text in dict.fromkeys(texts) if is_filled(text)]
            line = dict.fromkeys(texts, "")
            labelled = [f"{label}: {one_line(text)}" for text in distinct]
            for text, cleaned in zip(distinct, clean.lines(labelled), strict=True):
                line[text] = f"{cleaned}\n"
            lines.append([line[text] for text in texts])
    lines.append([f"{keys.source_marker} {marker} {MARKER_NOTE}" for marker in keys.markers])
    return list(map("".join, zip(*lines, strict=True)))


def one_line(text: str) -> str:
    """The text with each run of white space as one space."""
    return " ".join(text.split())
