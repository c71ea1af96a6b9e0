"""Types of arguments and options that the shell completes on Tab: files, presets, names of runs and sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from importer.ledger.store import Ledger

MAPPING_SUFFIXES = (".yaml", ".yml")


class Completed(click.ParamType[str]):
    """A text that the shell completes: to names that `find` gives for what was typed, and with `files` to files.

    Once click completes a command, the shell completes files only if click says so; where no name fits, there may be
    folders.
    """

    def __init__(self, name: str, find: Callable[[click.Context, str], Iterable[str]], *, files: bool = False) -> None:
        self.name, self._find, self._files = name, find, files

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete names, or let the shell complete files."""
        items = [CompletionItem(name) for name in self._find(ctx, incomplete) if name.startswith(incomplete)]
        return items or [CompletionItem(incomplete, type="file")] * self._files


def _presets() -> list[str]:
    from importer.mapping.presets import preset_names

    return list(preset_names())


def _yaml_files(incomplete: str) -> list[str]:
    folder = incomplete[: incomplete.rfind("/") + 1]
    try:
        files = sorted(path.name for path in Path(folder or ".").iterdir() if path.suffix in MAPPING_SUFFIXES)
    except OSError:
        return []
    return [folder + name for name in files]


def _imports(ctx: click.Context, _: str) -> Iterator[str]:
    """Yield the names of imports in the ledger, the newest first."""
    names = _read(ctx.params.get("ledger"), lambda book: [run.name for run in book.list_runs() if run.kind == "import"])
    yield from ("last", *names)


def _sources(ctx: click.Context, _: str) -> Iterator[str]:
    """Yield the names of sources in the ledger, each once."""
    from importer.ledger.source_list import list_sources

    yield from _read(ctx.params.get("ledger"), lambda book: sorted({source.name for source in list_sources(book)}))


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


FILE = Completed("file", lambda *_: (), files=True)
PRESET = Completed("preset", lambda *_: _presets())
MAPPING = Completed("mapping", lambda _, typed: [*_presets(), *_yaml_files(typed)], files=True)
RUN, SOURCE_NAME = Completed("run", _imports), Completed("source", _sources)
