"""A chunk of rows becomes records, whole columns at a time. Pure: no I/O, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from importer.api import FINISHED, PERSON_FIELDS
from importer.codes import SKIP_PREFIX
from importer.mapping.identities import Roster
from importer.mapping.issue_parts import Bundling
from importer.mapping.model import Duplicates, Mapping
from importer.mapping.reads import collect_annexes, collect_refs, collect_tables
from importer.mapping.texts import Text
from importer.records import Chunk
from importer.transform.chunk_parts import read_parts
from importer.transform.chunk_records import Records, _merge_targets
from importer.transform.columns import Columns, is_filled, read_date
from importer.transform.comments import read_epoch
from importer.transform.footers import write_footers
from importer.transform.formats.convert import dropped_finding
from importer.transform.groups import Groups, find_groups, join_keys, merge_firsts
from importer.transform.markers import hex_digest, record_marker
from importer.transform.people import name_mentions, person_maps
from importer.transform.prose import ColumnSanitizer, write_prose
from importer.transform.references import References
from importer.transform.relations import FindKeys, find_no_keys
from importer.transform.sanitise import Sanitizer
from importer.transform.value_maps import Mapped, value_maps

_NOTHING = re.compile(r'\{\s*(?:"(?:[^"\\]|\\.)*+"\s*+:\s*+(?:null|"\s*+"|\[\s*+\]|\{\s*+\})\s*+,?\s*+)*+\}')


class Transform:
    """A mapping, ready to turn chunks of one source into records.

    `refs` is every column and path that it reads: what a source has to put into its frames.
    """

    def __init__(
        self,
        mapping: Mapping,
        source_name: str,
        people: Roster | None = None,
        learned: Dict[str, str] | None = None,
        find_keys: FindKeys = find_no_keys,
    ) -> None:
        self.mapping = mapping
        self.source_name = source_name
        self.value_maps = value_maps(mapping)
        self.refs = collect_refs(mapping)
        self.tables = collect_tables(mapping)
        self.annexes = collect_annexes(mapping)
        self.references = References(mapping.references, source_name)
        self._people, self._learned, self._find_keys = people or Roster(), learned or {}, find_keys
        self._person_maps = person_maps(mapping, self._people)
        self._harmless = Sanitizer(mapping.norm, mapping.mentions, mapping.secrets)

    def __call__(self, chunk: Chunk) -> Records:
        """The chunk's records. Defective rows come along empty; their finding is already in the chunk."""
        mapping = self.mapping
        columns = Columns(chunk, mapping.input.dates)
        skips = self._skips(columns)
        group_keys: list[str | None] = []
        groups: Groups | None = None
        if mapping.group:
            group_keys = self._join_group(columns, skips)
            groups = find_groups(group_keys)
            native = [key or "" for key in group_keys]
            local, nameless = [False] * len(columns), frozenset[int]()
        else:
            native, local, nameless = self._native_keys(columns)
        keys = [f"{self.source_name}:{key}" if key else "" for key in native]
        markers = [record_marker(key) for key in keys]
        newest = None
        if isinstance(mapping.duplicates, Duplicates):
            newest = columns.dates(columns.text(mapping.duplicates.newest))
        cleaner = ColumnSanitizer(self._harmless, self._name_mentions)
        footers = write_footers(mapping, self.source_name, columns, keys, markers, groups, cleaner)
        texts = write_prose(mapping, columns, footers, groups, cleaner)
        values = {value_map.field: value_map.apply(columns) for value_map in self.value_maps}
        self._defuse(values["category"])
        bundlings = find_bundlings(mapping, _merge_targets(values, groups, "status"))
        found = read_parts(
            mapping,
            columns,
            keys,
            self.source_name,
            references=self.references,
            descriptions=texts.descriptions,
            rests=texts.rests,
            groups=groups,
            clean=cleaner,
            bundlings=bundlings,
            name_author=self._name_author,
            find_keys=self._find_keys,
        )
        lost = {"description": columns.dropped, "comments": found.discussions.dropped}
        dropped = [(row, dropped_finding(name, names)) for name, rows in lost.items() for row, names in rows.items()]
        records = Records(
            chunk=chunk,
            columns=columns,
            keys=keys,
            markers=markers,
            local=local,
            nameless=nameless,
            skips=skips,
            titles=texts.titles,
            descriptions=texts.descriptions,
            values=values,
            sources=self._optional(columns, mapping.source),
            owners=self._optional(columns, mapping.owner_id),
            assignees=self._optional(columns, mapping.assignee_id),
            parts=found.parts,
            newest=newest,
            created=None if mapping.created is None else read_times(columns, mapping.created),
            references=self.references,
            bundlings=bundlings,
            groups=groups,
            group_keys=group_keys,
            noted=[*found.findings, *cleaner.findings(), *dropped],
            private=found.discussions.private,
            neutralised=cleaner.neutralised,
            shortened=texts.shortened,
            unreadable=columns.unreadable,
        )
        return self._assign(records)

    def find_groups(self, chunk: Chunk) -> list[str | None]:
        """The key of each row's group, as `sources.grouped.regroup` asks for it."""
        columns = Columns(chunk, self.mapping.input.dates)
        return self._join_group(columns, self._skips(columns))

    def name_rows(self, chunk: Chunk) -> list[str]:
        """The native key of each row, "" where it has none; it needs no more columns than `collect_key_refs` names."""
        columns = Columns(chunk, self.mapping.input.dates)
        if self.mapping.group:
            return [key or "" for key in self._join_group(columns, self._skips(columns))]
        return self._native_keys(columns)[0]

    def _join_group(self, columns: Columns, skips: Sequence[str]) -> list[str | None]:
        return join_keys([columns.text(text) for text in self.mapping.group], skips)

    def _assign(self, records: Records) -> Records:
        """Put Triage's users in for the people whom the source names, where no id is there already."""
        for name, ids in zip(PERSON_FIELDS, (records.owners, records.assignees), strict=True):
            if name in self._person_maps:
                found, findings = self._person_maps[name].apply(records.columns, ids, records.targets("status"))
                ids[:] = found
                records.noted.extend(findings.items())
            if records.groups is not None:
                ids[:] = merge_firsts(ids, records.groups)
        return records

    def _name_author(self, author: str) -> str:
        """The name of an account, or the text as it is."""
        return self._people.name_of(author) or self._learned.get(author, "") or author

    def _defuse(self, categories: Mapped) -> None:
        """Let no category call anybody: it may be a cell as it is written."""
        for place, step in enumerate(categories.steps):
            if step.target:
                categories.steps[place] = replace(step, target=self._harmless.clean(step.target).text)

    def _name_mentions(self, texts: Sequence[str]) -> Sequence[str]:
        if self.mapping.people.mentions is None:
            return texts
        pattern = re.compile(self.mapping.people.mentions)
        if pattern.search("\n".join(texts)) is None:  # as in most chunks
            return texts
        return [name_mentions(text, pattern, self._people, self._learned) for text in texts]

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
            code = SKIP_PREFIX + rule.name
            for row in columns.holds(rule.when).nonzero()[0].tolist():
                if row not in columns.chunk.defects:
                    skips[row] = skips[row] or code
        return skips

    def _optional(self, columns: Columns, spec: Text | None) -> list[str]:
        return [""] * len(columns) if spec is None else [text.strip() for text in columns.text(spec)]


def find_bundlings(mapping: Mapping, statuses: Sequence[str | None]) -> list[Bundling]:
    """How the comments of each row's issue are sent: by whether it is finished."""
    comments = mapping.comments
    if comments is None:
        return ["separate"] * len(statuses)
    return [comments.closed if status in FINISHED else comments.open for status in statuses]


def read_times(columns: Columns, text: Text) -> list[datetime | None]:
    """Times in UTC, where they can be read; nothing depends on them but the order in which issues are made."""
    return [read_date(each, columns.date_formats) or read_epoch(each) for each in columns.text(text)]


def content_key(raw: Sequence[str] | str) -> str:
    """A native key for rows that have none: a hash of all that the row says."""
    return "row-" + hex_digest(raw if isinstance(raw, str) else "\x1f".join(raw).rstrip("\x1f"))[:20]


def is_empty(raw: Sequence[str] | str) -> bool:
    """Whether a row says nothing: all cells are empty; in JSON all values are null or empty texts, lists, objects."""
    if isinstance(raw, str):
        return _NOTHING.fullmatch(raw.strip()) is not None
    return not any(raw) or not any(map(is_filled, raw))
