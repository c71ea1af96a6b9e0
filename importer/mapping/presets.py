"""The mappings that we ship. Nothing heavy is imported here: `--help` may name them."""

from __future__ import annotations

from pathlib import Path

SUFFIX = ".yaml"


def presets_folder() -> Path:
    """Where the presets are: inside the package in a wheel, beside it in a checkout or an editable install."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "presets"
    return inside if inside.is_dir() else package.parent / "mappings"


def preset_names() -> list[str]:
    """The names of all presets, in order."""
    return sorted(path.stem for path in presets_folder().glob(f"*{SUFFIX}"))


def preset_path(name: str) -> Path | None:
    """The file of a preset, or None if there is none of this name."""
    return presets_folder() / f"{name}{SUFFIX}" if name in preset_names() else None


def is_preset(path: Path) -> bool:
    """Whether a file is one of those that we ship."""
    return path.resolve().parent == presets_folder().resolve()
