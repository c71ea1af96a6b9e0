"""The readers of issue parts, in the order in which their findings are listed: a new kind is a line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from importer.mapping.model import MappingModel
from importer.row.compiler import Compiler
from importer.row.evidence import CallReader
from importer.row.part_reader import FindKeys, PartReader
from importer.row.relations import RelationReader
from importer.transform.aliases import Aliases


class PartSetting(NamedTuple):
    """What a reader of issue parts may need.

    find_keys  finds the rows that relations name by another text than their key
    aliases    the key that an issue has by now → the one that it had first
    """

    mapping: MappingModel
    compiler: Compiler
    source_name: str
    find_keys: FindKeys
    aliases: Aliases


PARTS: Sequence[Callable[[PartSetting], PartReader]] = (
    lambda setting: CallReader(setting.mapping.resource_links, setting.mapping.flags, setting.compiler),
    lambda setting: RelationReader(
        setting.mapping.relations, setting.compiler, setting.source_name, setting.find_keys, setting.aliases
    ),
)


def part_readers(setting: PartSetting) -> list[PartReader]:
    """The readers for which the file has anything."""
    readers = [make_reader(setting) for make_reader in PARTS]
    return [reader for reader in readers if reader.reads_anything]
