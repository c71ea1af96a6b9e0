"""Workbooks made by hand: what a spreadsheet program writes, in as few parts as it opens."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple
from xml.sax.saxutils import escape, quoteattr


class Formula(NamedTuple):
    """A formula, without `=`, and the value that a program has written beside it."""

    text: str
    value: str = ""


Cell = str | int | float | bool | datetime | Formula | None
Rows = Sequence[Sequence[Cell]]

_EPOCH = datetime(1899, 12, 30)
_NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def write_xlsx(
    path: Path | BinaryIO,
    sheets: Mapping[str, Rows],
    *,
    hidden: Sequence[str] = (),
    merged: Sequence[str] = (),
    notes: Sequence[str] = (),
    links: Mapping[str, str] | None = None,
    first: int = 1,
) -> None:
    """Write an Excel workbook.

    hidden  names of sheets that are hidden
    merged  merged ranges of every sheet: `A1:C1`
    notes   the cells of the first sheet that have a note
    links   its cells that have an address behind their text → the address
    first   the number of the first row
    """
    names = list(sheets)
    states = ['state="hidden" ' if name in hidden else "" for name in names]
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": _relations({"rId1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": f'<workbook xmlns="{_NAMESPACE}" xmlns:r="{_OFFICE}"><sheets>'
        + "".join(
            f'<sheet name={quoteattr(name)} sheetId="{number}" {state}r:id="rId{number}"/>'
            for number, (name, state) in enumerate(zip(names, states, strict=True), start=1)
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": _relations(
            {f"rId{number}": ("worksheet", f"worksheets/sheet{number}.xml") for number in range(1, len(names) + 1)}
            | {"rId0": ("styles", "styles.xml")}
        ),
        # Style 1 is a date, style 2 a date with its time, style 3 a duration.
        "xl/styles.xml": f'<styleSheet xmlns="{_NAMESPACE}"><numFmts count="1"><numFmt numFmtId="164" '
        'formatCode="[h]:mm:ss"/></numFmts><cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="14"/>'
        '<xf numFmtId="22"/><xf numFmtId="164"/></cellXfs></styleSheet>',
    }
    merges = "".join(f'<mergeCell ref="{each}"/>' for each in merged)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, _HEAD + text)
        if notes or links:
            texts = "".join(f'<comment ref="{cell}"><text><t>Why?</t></text></comment>' for cell in notes)
            archive.writestr("xl/comments1.xml", f"{_HEAD}<comments>{texts}</comments>")
            beside = {f"l{cell}": ("hyperlink", address) for cell, address in (links or {}).items()}
            beside["n"] = ("comments", "../comments1.xml")
            archive.writestr("xl/worksheets/_rels/sheet1.xml.rels", _HEAD + _relations(beside))
        for number, rows in enumerate(sheets.values(), start=1):
            with archive.open(f"xl/worksheets/sheet{number}.xml", "w") as sheet:
                sheet.write(f'{_HEAD}<worksheet xmlns="{_NAMESPACE}" xmlns:r="{_OFFICE}"><sheetData>'.encode())
                for row, cells in enumerate(rows, start=first):
                    sheet.write(_row(row, cells).encode())
                end = f"<mergeCells>{merges}</mergeCells>" if merges else ""
                end += "".join(f'<hyperlink ref="{cell}" r:id="l{cell}"/>' for cell in links or ())
                sheet.write(f"</sheetData>{end}</worksheet>".encode())


class Marked(NamedTuple):
    """A cell of an .ods: the XML of its paragraphs, and attributes."""

    paragraphs: str
    attributes: str = 'office:value-type="string"'


def write_ods(path: Path, rows: Sequence[Sequence[Cell | Marked]]) -> None:
    """Write an OpenDocument spreadsheet of one sheet, as LibreOffice writes it."""
    names = "".join(
        f' xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"' for short in ("table", "text")
    )
    names += ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    names += ' xmlns:xlink="http://www.w3.org/1999/xlink"'
    office = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
    body = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        archive.writestr(
            "content.xml",
            f'{_HEAD}<office:document-content xmlns:office="{office}"{names}><office:body><office:spreadsheet>'
            f'<table:table table:name="Issues">{body}</table:table></office:spreadsheet></office:body>'
            "</office:document-content>",
        )
        archive.writestr(
            "META-INF/manifest.xml",
            f'{_HEAD}<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )


def _ods_cell(value: Cell | Marked) -> str:
    if value is None:
        return "<table:covered-table-cell/>"
    if isinstance(value, Marked):
        return f"<table:table-cell {value.attributes}>{value.paragraphs}</table:table-cell>"
    if isinstance(value, int | float):
        return f'<table:table-cell office:value-type="float" office:value="{value}"/>'
    return f'<table:table-cell office:value-type="string"><text:p>{escape(str(value))}</text:p></table:table-cell>'


def _relations(targets: Mapping[str, tuple[str, str]]) -> str:
    lines = "".join(
        f'<Relationship Id="{key}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for key, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{_RELATIONS}">{lines}</Relationships>'


def _row(number: int, cells: Sequence[Cell]) -> str:
    return (
        f'<row r="{number}">'
        + "".join(map(_cell, (f"{_letters(n)}{number}" for n in range(len(cells))), cells))
        + "</row>"
    )


def _letters(column: int) -> str:
    return chr(65 + column) if column < 26 else _letters(column // 26 - 1) + chr(65 + column % 26)


def _cell(place: str, value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, Formula):
        return f'<c r="{place}"><f>{escape(value.text)}</f><v>{escape(value.value)}</v></c>'
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, datetime):
        days = (value - _EPOCH).total_seconds() / 86_400
        return f'<c r="{place}" s="{2 if value.hour else 1}"><v>{days!r}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    if value.startswith("#"):
        return f'<c r="{place}" t="e"><v>{escape(value)}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value, {chr(13): "&#13;"})}</t></is></c>'
