"""The keys of a chunk's rows: what tells records apart, and which rows together are one issue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from importer.mapping.model import MappingModel
from importer.transform.aliases import NO_ALIASES, Aliases, content_key
from importer.transform.columns import Columns
from importer.transform.groups import find_groups, join_keys
from importer.transform.markers import record_marker, source_marker


@dataclass(frozen=True, slots=True)
class RowKeys:
    """The keys of a chunk's rows, one entry a row in every list.

    full           `<source name>:<native key>`, "" where the row has none; of an issue that has moved, its first one
    markers        the word that finds the record's issue again at the target, by the key that it has now
    source_marker  the word that all issues of the source have
    local          whether the key came from `input.local_key`
    nameless       rows whose key is their content
    groups         first row of each issue → all its rows; {} where each row is an issue of its own
    group_keys     the key of each row's group, see `groups.join_keys`
    fixed_ids      what `input.id` says of each row, after its site; () where the mapping names none
    own            as `full`, but as the source has it now
    """

    full: list[str]
    markers: list[str]
    source_marker: str
    local: list[bool]
    nameless: frozenset[int] = frozenset()
    groups: Mapping[int, Sequence[int]] = field(default_factory=dict)
    group_keys: Sequence[str | None] = ()
    fixed_ids: Sequence[str] = ()
    own: Sequence[str] = ()

    def followers(self) -> set[int]:
        """The rows behind the first one of their issue, which speaks for all of them."""
        return {row for _, *others in self.groups.values() for row in others}

    def members(self, row: int) -> Sequence[int]:
        """The rows for which this one speaks: all of its issue, or itself."""
        return self.groups.get(row) or (row,)


def identify_rows(
    mapping: MappingModel, source_name: str, columns: Columns, skips: Sequence[str], aliases: Aliases = NO_ALIASES
) -> RowKeys:
    """Give each row its key and its marker; rows with a code in `skips` are in no group."""
    # Occurrences are rows by themselves until it is known which of them are sent: see `check.leaders`.
    recurs = mapping.recurring is not None
    group_keys = join_group(mapping, columns, [""] * len(columns) if recurs else skips) if mapping.group else []
    groups = {} if recurs else {group[0]: group for group in find_groups(group_keys)}
    if mapping.group:
        native, local, nameless = [key or "" for key in group_keys], [False] * len(columns), frozenset[int]()
    else:
        native, local, nameless = _find_native(mapping, columns)
    own = [f"{source_name}:{key}" if key else "" for key in native]
    full = [aliases.get(key, key) for key in own] if aliases else own
    markers, fixed_ids = [record_marker(key) for key in own], read_fixed_ids(mapping, columns)
    return RowKeys(
        full, markers, source_marker(source_name), local, nameless, groups, group_keys, fixed_ids=fixed_ids, own=own
    )


def read_fixed_ids(mapping: MappingModel, columns: Columns) -> Sequence[str]:
    """Read the id of each row, with its site before it where one is named; "" where the row has none."""
    spec = mapping.input.id
    if spec is None or mapping.group:  # of several rows, each with an id of its own, none identifies the issue
        return ()
    ids = columns.stripped(spec)
    if spec.site is None:
        return ids
    sites = columns.stripped(spec.site)
    return [f"{site} {one}".strip() if one else "" for site, one in zip(sites, ids, strict=True)]


def name_rows(mapping: MappingModel, columns: Columns, skips: Sequence[str]) -> list[str]:
    """The native key of each row, "" where it has none."""
    if mapping.group:
        return [key or "" for key in join_group(mapping, columns, skips)]
    return _find_native(mapping, columns)[0]


def join_group(mapping: MappingModel, columns: Columns, skips: Sequence[str]) -> list[str | None]:
    """The key of each row's group, as `groups.join_keys` makes it.

    Where issues recur, slashes within a text are escaped: rows of a group stand anywhere, so no two may share a key.
    """
    texts = [columns.text(text) for text in mapping.group]
    if mapping.recurring is not None:
        texts = [[text.replace("\\", "\\\\").replace("/", "\\/") for text in column] for column in texts]
    return join_keys(texts, skips)


def _find_native(mapping: MappingModel, columns: Columns) -> tuple[list[str], list[bool], frozenset[int]]:
    """The native key of each row, "" where it has none; and `local` and `nameless` of RowKeys."""
    key, local_key = mapping.input.key, mapping.input.local_key
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
