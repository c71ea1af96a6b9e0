"""Records of a chunk: keys, markers, texts with their footer, values, links, and at the end the bodies."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from importer.mapping.model import Duplicates, Mapping, Text
from importer.mapping.texts import walk_texts
from importer.records import Chunk, Ref, Table
from importer.transform.texts import Columns, is_filled, single_line, table_of
from importer.transform.values import VALUE_FIELDS, Mapped, value_maps

TITLE_LIMIT = 200
DESCRIPTION_LIMIT = 10_000
"""In UTF-16 units, the strictest reading of the "characters" of post/triage-issues: it also holds under code points."""

_NOTHING = re.compile(r'\{\s*(?:"(?:[^"\\]|\\.)*+"\s*+:\s*+(?:null|"\s*+"|\[\s*+\]|\{\s*+\})\s*+,?\s*+)*+\}')
MARKER_NOTE = "(leave this line: it identifies the import)"
_MARKER_LINE = re.compile(r"^(tis[0-9a-f]{12}) (tir[0-9a-f]{20})\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Records:
    """What the rows of a chunk become. Every list has one entry a row; an entry of a row with a skip code is idle.

    keys        `<source name>:<native key>`, `""` where the row has none
    markers     the word that finds the record's issue again at the target
    local       whether the key came from `input.local_key`
    nameless    rows whose key is their content
    skips       code of the rule that leaves the row out, or `""`
    values      severity, status, category
    links       resource links as the API takes them
    shortened   row → fields that the mapping's `too_long: shorten` cut, with the length in UTF-16 units
    newest      the date that `duplicates: {newest: …}` compares, if the mapping says so
    unreadable  row → a date that can't be read though something depends on it
    """

    chunk: Chunk
    columns: Columns
    keys: list[str]
    markers: list[str]
    local: list[bool]
    nameless: frozenset[int]
    skips: list[str]
    titles: list[str]
    descriptions: list[str]
    values: dict[str, Mapped]
    sources: list[str]
    owners: list[str]
    assignees: list[str]
    links: list[list[dict[str, str]]] | None
    newest: list[datetime | None] | None
    shortened: dict[int, list[tuple[str, int]]] = field(default_factory=dict)
    unreadable: dict[int, str] = field(default_factory=dict)


class Transform:
    """A mapping, ready to turn chunks of one source into records.

    `refs` is every column and path that it reads: what a source has to put into its frames.
    """

    def __init__(self, mapping: Mapping, source_name: str) -> None:
        self.mapping = mapping
        self.source_name = source_name
        self.value_maps = value_maps(mapping)
        self.source_marker = source_marker(source_name)
        self.refs = collect_refs(mapping)
        self.tables = collect_tables(mapping)

    def __call__(self, chunk: Chunk) -> Records:
        """The chunk's records. Defective rows come along empty; their finding is already in the chunk."""
        mapping = self.mapping
        columns = Columns(chunk, mapping.input.dates)
        native, local, nameless = self._native_keys(columns)
        keys = [f"{self.source_name}:{key}" if key else "" for key in native]
        markers = [record_marker(key) for key in keys]
        skips = self._skips(columns)
        newest = None
        if isinstance(mapping.duplicates, Duplicates):
            newest = columns.dates(columns.text(mapping.duplicates.newest))
        titles, descriptions, shortened = self._texts(columns, self._footers(columns, keys, markers))
        return Records(
            chunk=chunk,
            columns=columns,
            keys=keys,
            markers=markers,
            local=local,
            nameless=nameless,
            skips=skips,
            titles=titles,
            descriptions=descriptions,
            values={value_map.field: value_map.apply(columns) for value_map in self.value_maps},
            sources=self._optional(columns, mapping.source),
            owners=self._optional(columns, mapping.owner_id),
            assignees=self._optional(columns, mapping.assignee_id),
            links=self._links(columns),
            newest=newest,
            shortened=shortened,
            unreadable=columns.unreadable,
        )

    def _native_keys(self, columns: Columns) -> tuple[list[str], list[bool], frozenset[int]]:
        key, local_key = self.mapping.input.key, self.mapping.input.local_key
        texts = [text.strip() for text in columns.text(key)]
        local = [False] * len(columns)
        if local_key is not None:
            others = [text.strip() for text in columns.text(local_key)]
            local = [not text and bool(other) for text, other in zip(texts, others, strict=True)]
            texts = [text or other for text, other in zip(texts, others, strict=True)]
        nameless = frozenset(row for row, text in enumerate(texts) if not text) if key.content else frozenset()
        if nameless:
            texts = [text or content_key(raw) for text, raw in zip(texts, columns.chunk.raw, strict=True)]
        return texts, local, nameless

    def _skips(self, columns: Columns) -> list[str]:
        """Rules never leave out a defective row: its cells are only empty because nobody knows them.

        A defect that doesn't reject says itself why its row is left out.
        """
        skips = ["row-empty" if is_empty(raw) else "" for raw in columns.chunk.raw]
        for row, finding in columns.chunk.defects.items():
            if not finding.rejects:
                skips[row] = finding.code
        for rule in self.mapping.skip:
            code = f"skip-{rule.name}"
            for row in columns.holds(rule.when).nonzero()[0].tolist():
                if row not in columns.chunk.defects:
                    skips[row] = skips[row] or code
        return skips

    def _optional(self, columns: Columns, spec: Text | None) -> list[str]:
        return [""] * len(columns) if spec is None else [text.strip() for text in columns.text(spec)]

    def _links(self, columns: Columns) -> list[list[dict[str, str]]] | None:
        if not self.mapping.resource_links:
            return None
        links: list[dict[tuple[str, str], None]] = [{} for _ in range(len(columns))]
        for spec in self.mapping.resource_links:
            for cells in columns.every_cell(spec):
                for row, cell in enumerate(cells):
                    if is_filled(cell):
                        ids = cell.split(spec.split) if spec.split else [cell]
                        links[row].update(dict.fromkeys((spec.type, part.strip()) for part in ids if is_filled(part)))
        return [[{"resource_type": kind, "resource_id": name} for kind, name in row] for row in links]

    def _texts(
        self, columns: Columns, footers: Sequence[str]
    ) -> tuple[list[str], list[str], dict[int, list[tuple[str, int]]]]:
        """Titles and descriptions as they will be sent: shortened where the mapping says so, footer included."""
        mapping = self.mapping
        shortened: dict[int, list[tuple[str, int]]] = {}
        titles = [
            text.strip() if text.isprintable() else single_line(text)  # printable text has no line breaks
            for text in columns.text(mapping.title)
        ]
        openings: dict[int, str] = {}
        if mapping.title.too_long == "shorten":
            for row, title in enumerate(titles):
                if is_longer(title, TITLE_LIMIT):
                    openings[row] = f"Full title: {title}\n\n"
                    shortened.setdefault(row, []).append(("title", count_units(title)))
                    titles[row] = cut(title, TITLE_LIMIT - 1).rstrip() + "…"
        texts = [""] * len(columns) if mapping.description is None else columns.text(mapping.description)
        descriptions = []
        may_cut = mapping.description is not None and mapping.description.too_long == "shorten"
        for row, (text, footer) in enumerate(zip(texts, footers, strict=True)):
            opening = openings.get(row, "")
            whole = opening + (f"{text}\n\n{footer}" if is_filled(text) else footer)
            if may_cut and is_longer(whole, DESCRIPTION_LIMIT):
                units = count_units(opening + text)  # a title can be longer than a description may be
                ending = f"\n\n[… cut at import: {units:,} characters in the source]\n\n{footer}"
                room = DESCRIPTION_LIMIT - count_units(ending)
                if room > 0:  # else the footer alone is too long, which validate rejects
                    whole = cut(opening + text, room) + ending
                    shortened.setdefault(row, []).append(("description", units))
            descriptions.append(whole)
        return titles, descriptions, shortened

    def _footers(self, columns: Columns, keys: Sequence[str], markers: Sequence[str]) -> list[str]:
        """`Imported from <key>`, a line for each filled label of the mapping, and the import marker."""
        lines = [[f"---\nImported from {one_line(key)}\n" for key in keys]]
        for label, spec in self.mapping.footer.items():
            cells = columns.every_cell(spec)
            if cells:
                texts = (
                    cells[0]
                    if len(cells) == 1
                    else [", ".join(filter(is_filled, row)) for row in zip(*cells, strict=True)]
                )
                line = {text: f"{label}: {one_line(text)}\n" if is_filled(text) else "" for text in set(texts)}
                lines.append([line[text] for text in texts])
        lines.append([f"{self.source_marker} {marker} {MARKER_NOTE}" for marker in markers])
        return list(map("".join, zip(*lines, strict=True)))


def encode_bodies(records: Records, rows: Iterable[int]) -> dict[int, bytes]:
    """Row → the exact JSON text of its create. A function of row, mapping and source name alone.

    Raises orjson.JSONEncodeError for text that is not Unicode (a lone surrogate); `validate` finds it before.
    """
    severities, statuses, categories = (records.values[name].targets() for name in ("severity", "status", "category"))
    bodies = {}
    for row in rows:
        body: dict[str, Any] = {
            "title": records.titles[row],
            "severity": severities[row],
            "category": categories[row],
            "description": records.descriptions[row],
            "status": statuses[row],
            "source": records.sources[row],
        }
        if records.owners[row]:
            body["owner_id"] = records.owners[row]
        if records.assignees[row]:
            body["assignee_id"] = records.assignees[row]
        if records.links is not None and records.links[row]:
            body["resource_links"] = records.links[row]
        bodies[row] = orjson.dumps(body)
    return bodies


def encode_cells(records: Records, refs: Sequence[Ref], rows: Iterable[int]) -> dict[int, bytes]:
    """Row → JSON of its cells under these references: a list of cells for each, as many as the file has columns."""
    columns = [records.columns.cells(ref) for ref in refs]
    return {row: orjson.dumps([[cells[row] for cells in column] for column in columns]) for row in rows}


def value_refs(mapping: Mapping) -> tuple[Ref, ...]:
    """Every column and path that severity, status and category read, each once."""
    return tuple(dict.fromkeys(ref for name in VALUE_FIELDS for ref in collect_refs(getattr(mapping, name))))


def collect_refs(mapping: Any) -> tuple[Ref, ...]:
    """Every column and path that a mapping, or a part of one, reads, each once."""
    return tuple(dict.fromkeys(ref for _, text in walk_texts(mapping, choices=False) for ref in text.refs))


def collect_tables(mapping: Any) -> tuple[Table, ...]:
    """Every table that a mapping, or a part of one, looks texts up in, each once."""
    lookups = (text.lookup for _, text in walk_texts(mapping, choices=True))
    return tuple(dict.fromkeys(table_of(lookup) for lookup in lookups if lookup is not None))


def source_marker(source_name: str) -> str:
    """The word that all issues of a source have: `tis` and 12 hex digits of its name."""
    return "tis" + _digest(source_name)[:12]


def record_marker(key: str) -> str:
    """The word that finds a record's issue again at the target: `tir` and 20 hex digits of its key."""
    return "tir" + _digest(key)[:20]


def find_marker(description: str) -> str:
    """The record marker of an issue that was imported, `""` if it has none.

    It stands in the footer's last line; people may have added text below, and quoted other markers above.
    """
    return find_marker_line(description)[1]


def find_marker_line(description: str) -> tuple[str, str]:
    """The markers of an issue's source and record, each `""` if it has none."""
    lines = _MARKER_LINE.findall(description)
    return lines[-1] if lines else ("", "")


def content_key(raw: Sequence[str] | str) -> str:
    """A native key for rows that have none: a hash of all that the row says."""
    return "row-" + _digest(raw if isinstance(raw, str) else "\x1f".join(raw).rstrip("\x1f"))[:20]


def is_empty(raw: Sequence[str] | str) -> bool:
    """Whether a row says nothing: all cells are empty; in JSON all values are null or empty texts, lists, objects."""
    if isinstance(raw, str):
        return _NOTHING.fullmatch(raw.strip()) is not None
    return not any(raw) or not any(map(is_filled, raw))


def one_line(text: str) -> str:
    """The text with each run of white space as one space."""
    return " ".join(text.split())


def count_units(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_longer(text: str, limit: int) -> bool:
    """Whether a text has more than `limit` UTF-16 units; cheap for the usual text, which is far from it."""
    return len(text) * 2 > limit and count_units(text) > limit


def cut(text: str, units: int) -> str:
    """The longest beginning of a text within `units` UTF-16 units; no character is split."""
    text = text[:units]
    while (excess := count_units(text) - units) > 0:
        text = text[: -((excess + 1) // 2)]  # a character is two units at the most, so this never takes too much
    return text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
