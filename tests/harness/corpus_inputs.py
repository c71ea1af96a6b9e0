"""Some 600 inputs on which two versions of the program are compared: real, documented, and damaged exports."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.end_to_end.exports import EXPORTS, files_of
from tests.end_to_end.fuzz import draw_trial
from tests.harness.documented_exports import Documented, documented_exports
from tests.harness.fuzz_inputs import Draw, Stored, load_seeds
from tests.harness.preset_exports import EXPORTS as PRESET_EXPORTS
from tests.harness.running import SAMPLES

FUZZ_SEED = 37
FUZZED = 480


class Input(NamedTuple):
    """Files in a folder, and what a command that reads them is told; `checks` are options that only a check has."""

    name: str
    folder: Path
    sources: tuple[str, ...]
    mapping: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()

    @property
    def is_damaged(self) -> bool:
        return self.name.startswith("fuzz/")


Write = Callable[[Path], Sequence[tuple[str, ...]]]
"""Writes the files of an input into its folder, and gives what `Input` has behind the folder."""


def _real() -> Iterator[tuple[str, Write]]:
    for path in files_of(EXPORTS):
        yield f"shared/{path.relative_to(EXPORTS)}", partial(_copy, path)


def _samples() -> Iterator[tuple[str, Write]]:
    for path in sorted(SAMPLES.iterdir()):
        if path.suffix != ".yaml":
            yield f"samples/{path.name}", partial(_copy, path)


def _copy(path: Path, folder: Path) -> Sequence[tuple[str, ...]]:
    shutil.copy(path, folder)
    mapping = path.with_suffix(".yaml")
    if not mapping.exists():
        return [(path.name,)]
    shutil.copy(mapping, folder)
    return (path.name,), ("-m", mapping.name)


def _documented() -> Iterator[tuple[str, Write]]:
    for export in documented_exports():
        yield f"documented/{export.tool}", partial(_write_documented, export)
    for number, made in enumerate(PRESET_EXPORTS, 1):
        yield f"documented/{made.preset}-{number}", partial(_write_text, made.file, made.text)


def _write_documented(export: Documented, folder: Path) -> Sequence[tuple[str, ...]]:
    return [(export.write(folder).name,)]


def _write_text(name: str, text: str, folder: Path) -> Sequence[tuple[str, ...]]:
    (folder / name).write_text(text, encoding="utf-8")
    return [(name,)]


def _damaged() -> Iterator[tuple[str, Write]]:
    seeds = load_seeds(EXPORTS)
    for number in range(FUZZED):
        yield f"fuzz/{number}", partial(_damage, seeds, number)


def _damage(seeds: Sequence[Stored], number: int, folder: Path) -> Sequence[tuple[str, ...]]:
    trial = draw_trial(seeds, Draw(f"{FUZZ_SEED}-{number}"))
    _, *words = (word.removeprefix(f"{folder}/") for word in trial.arguments(folder))
    files, end = len(trial.files), len(words) - len(trial.options)
    both = ((), trial.options) if trial.options[:1] == ("--limit",) else (trial.options, ())
    return tuple(words[:files]), tuple(words[files:end]), *both


def write_inputs(folder: Path, is_wanted: Callable[[str], object]) -> Iterator[Input]:
    """Write those whose names are wanted into a folder, each into one of its own."""
    for name, write in (*_real(), *_samples(), *_documented(), *_damaged()):
        if is_wanted(name):
            (folder / name).mkdir(parents=True)
            yield Input(name, folder / name, *write(folder / name))
