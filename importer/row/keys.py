"""The key of a row: what tells issues apart, and finds an issue again at the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from importer.mapping.model import MappingModel
from importer.row.compiler import Compiler
from importer.sources.source_rows import SourceRow
from importer.transform.aliases import NO_ALIASES, Aliases, content_key
from importer.transform.markers import record_marker


class RowKey(NamedTuple):
    """What a row is known by.

    own          `<source name>:<native key>` as the source has it now, "" where the row has none
    full         the same; of an issue that has moved, its first one, under which the ledger has it
    marker       the word that finds the record's issue again at the target, by the key that it has now
    is_local     whether the key came from `input.local_key`
    is_nameless  whether the key is the row's content
    fixed_id     what `input.id` says of the row, after its site; "" where it says nothing
    group        the native key that all rows of its issue have; "" if the row may belong to any issue, None if to none
    """

    own: str
    full: str
    marker: str
    is_local: bool = False
    is_nameless: bool = False
    fixed_id: str = ""
    group: str | None = None


class KeyReader:
    """Gives each row its key and its marker."""

    def __init__(
        self, mapping: MappingModel, source_name: str, compiler: Compiler, aliases: Aliases = NO_ALIASES
    ) -> None:
        self._source_name, self._aliases = source_name, aliases
        self._key, self._local_key = compiler.stripped(mapping.input.key), compiler.stripped(mapping.input.local_key)
        self._is_content = mapping.input.key.content
        self._group = [compiler.text(text) for text in mapping.group]
        self._recurs = mapping.recurring is not None
        fixed_id = mapping.input.id
        self._has_fixed_id = fixed_id is not None and not mapping.group  # of several rows, no id identifies the issue
        self._fixed_id = compiler.stripped(fixed_id)
        self._site = compiler.stripped(None if fixed_id is None else fixed_id.site)

    def read(self, row: SourceRow, skip: str) -> RowKey:
        """The key of a row; one with a skip code is in no group, unless its issue recurs."""
        is_local = is_nameless = False
        group: str | None = None
        if self._group:
            group = self.group_key(row, skip)
            native = group or ""
        else:
            native = self._key(row)
            if not native and (local := self._local_key(row)):
                native, is_local = local, True
            if not native and self._is_content:
                native, is_nameless = content_key(row.raw), True
        own = f"{self._source_name}:{native}" if native else ""
        full = self._aliases.get(own, own)
        fixed_id = self._read_fixed_id(row) if self._has_fixed_id else ""
        return RowKey(own, full, record_marker(own), is_local, is_nameless, fixed_id, group)

    def read_native(self, row: SourceRow, skip: str) -> str:
        """The native key of a row, "" where it has none."""
        return self.read(row, skip).own.partition(":")[2]  # a source's name has no colon

    def group_key(self, row: SourceRow, skip: str) -> str | None:
        """The texts under `group` joined by `/`; "" where one is empty, as such a row may belong to any issue.

        None for skipped rows. Where issues recur, a skipped row may say that an occurrence is none any more; and
        slashes within a text are escaped: rows of such an issue stand anywhere, so no two issues may share a key.
        """
        if skip and not self._recurs:
            return None
        texts = [reader(row) for reader in self._group]
        if self._recurs:
            texts = [text.replace("\\", "\\\\").replace("/", "\\/") for text in texts]
        texts = [text.strip() for text in texts]
        return "/".join(texts) if all(texts) else ""

    def _read_fixed_id(self, row: SourceRow) -> str:
        """The id of a row, with its site before it where one is named."""
        fixed_id = self._fixed_id(row)
        return f"{self._site(row)} {fixed_id}".strip() if fixed_id else ""


def find_groups(keys: Sequence[str | None]) -> list[list[int]]:
    """Group consecutive rows with the same key: the places of each; skipped rows between them don't divide a group."""
    groups: list[list[int]] = []
    last: str | None = None
    for place, key in enumerate(keys):
        if key is None:
            continue
        if key and key == last:
            groups[-1].append(place)
        else:
            groups.append([place])
        last = key
    return groups
