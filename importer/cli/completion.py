"""Types of arguments and options that the shell completes on Tab: files, presets, names of runs and sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from importer.ledger.store import Ledger

MAPPING_SUFFIXES = (".yaml", ".yml")


class FileType(click.ParamType[str]):
    """A text that may name a file. Once click completes a command, the shell completes files only if click says so."""

    name = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Let the shell complete files."""
        return [CompletionItem(incomplete, type="file")]


class MappingType(click.ParamType[str]):
    """A preset's name, or the path of a YAML file."""

    name = "mapping"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete presets and YAML files; where none fits, let the shell complete files: there may be folders."""
        from importer.mapping.presets import preset_names

        names = [*preset_names(), *_yaml_files(incomplete)]
        items = [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return items or [CompletionItem(incomplete, type="file")]


class PresetType(click.ParamType[str]):
    """A preset's name."""

    name = "preset"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete presets."""
        from importer.mapping.presets import preset_names

        return [CompletionItem(name) for name in preset_names() if name.startswith(incomplete)]


class RunType(click.ParamType[str]):
    """An import's name, or `last`."""

    name = "run"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the names of imports in the ledger, the newest first."""
        names = ("last", *_imports(ctx.params.get("ledger")))
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class SourceNameType(click.ParamType[str]):
    """The name of a source that the ledger knows."""

    name = "source"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the names of sources in the ledger."""
        names = _sources(ctx.params.get("ledger"))
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _yaml_files(incomplete: str) -> list[str]:
    folder = incomplete[: incomplete.rfind("/") + 1]
    try:
        files = sorted(path.name for path in Path(folder or ".").iterdir() if path.suffix in MAPPING_SUFFIXES)
    except OSError:
        return []
    return [folder + name for name in files]


def _imports(ledger: str | None) -> Iterator[str]:
    """Yield the names of imports in a ledger."""
    yield from _read(ledger, lambda book: [run.name for run in book.list_runs() if run.kind == "import"])


def _sources(ledger: str | None) -> Iterator[str]:
    """Yield the names of sources in a ledger, each once."""
    from importer.ledger.source_list import list_sources

    yield from _read(ledger, lambda book: sorted({source.name for source in list_sources(book)}))


def _read(ledger: str | None, find: Callable[[Ledger], list[str]]) -> Iterator[str]:
    """Yield names in a ledger file; none where it can't be read, nor of a server, which may be slow."""
    if ledger is not None and "://" in ledger:
        return
    try:
        from importer.ledger.opening import read_ledger

        with read_ledger(ledger) as book:
            yield from find(book)
    except Exception:  # noqa: BLE001 - in the middle of a line that somebody types, there is no place for an error
        return
