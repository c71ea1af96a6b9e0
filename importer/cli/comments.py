"""`--comments`: files whose rows belong to the source's records, and whether a mapping asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from importer.errors import UsageError

if TYPE_CHECKING:
    from importer.mapping.reader import LoadedMapping
    from importer.sources.source import Source


@contextmanager
def open_comments(paths: Sequence[str], mapping: LoadedMapping, encoding: str | None) -> Iterator[Source | None]:
    """Open the files of `--comments`, if there are any; their format and delimiter are found out.

    Where the mapping reads an array beside the records, the files may hold it in place of the records' own document.
    Raises UsageError where the mapping has nothing that reads them, and what `open_source` raises.
    """
    if not paths:
        yield None
        return
    from importer.sources.source import SourceOptions
    from importer.sources.survey import open_source
    from importer.transform.beside import collect_annexes

    arrays = [annex.array for annex in collect_annexes(mapping.model).values()]
    if not arrays:
        raise UsageError(
            f"The mapping {mapping.name} reads no comments from --comments.",
            hint="Say in it how they are joined: `comments: {from: [{beside: {by: …, key: …}, each: {text: …}}]}`.",
        )
    with open_source(paths, SourceOptions(encoding=encoding, records=arrays[0] or None)) as source:
        yield source


def warn_of_absent(mapping: LoadedMapping, source: Source) -> Iterator[str]:
    """Say where comments stay behind because a file that has them isn't given."""
    from importer.mapping.presets import preset_path
    from importer.transform.beside import collect_annexes

    annexes = collect_annexes(mapping.model)
    if source.comments is not None or not annexes:
        return
    if any(not annex.array for annex in annexes.values()) and preset_path(mapping.name) is None:
        yield "comments: the mapping joins them from --comments FILE, which isn't given"
    returned = [file.name for file in source.files if file.errors_file]
    if returned and any(annex.array for annex in annexes.values()):
        yield f"comments: {returned[0]} has the records alone; give the export that it came from: --comments FILE"
