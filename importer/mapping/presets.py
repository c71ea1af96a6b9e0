"""The presets, mappings that ship with the program. Imports nothing heavy, since `--help` lists them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

SUFFIX = ".yaml"


@cache
def presets_folder() -> Path:
    """The folder of the presets: in the package if installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "presets"
    return inside if inside.is_dir() else package.parent / "mappings"


def shared_path(name: str) -> Path:
    """A file that presets and drafts share: `vocabulary.yaml`, `internal.yaml`, `headers.yaml`."""
    return presets_folder() / "shared" / name


@cache
def preset_names() -> tuple[str, ...]:
    """The names of all presets, in order."""
    return tuple(sorted(path.stem for path in presets_folder().glob(f"*{SUFFIX}")))


def preset_path(name: str) -> Path | None:
    """The file of a preset, or None if there is none of this name."""
    return presets_folder() / f"{name}{SUFFIX}" if name in preset_names() else None


def is_shipped(file: str) -> bool:
    """Whether a line of a mapping is one of a preset, by the file that its place names."""
    return preset_path(file.removesuffix(SUFFIX)) is not None


def is_preset(path: Path) -> bool:
    """Whether a file is a preset."""
    return path.resolve().parent == presets_folder().resolve()
