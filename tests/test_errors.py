"""What an error says to type where a part of the program is missing."""

from __future__ import annotations

import sys
import tomllib
import venv
from pathlib import Path

import pytest

from importer.errors import how_to_install
from tests.harness.running import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize(
    ("file", "text", "command"),
    [
        ("pipx_metadata.json", "{}", "pipx inject triage-importer"),
        ("pyvenv.cfg", "uv = 0.13.9\n", f"uv pip install --python {sys.executable}"),
        ("pyvenv.cfg", "", f"{sys.executable} -m pip install"),
    ],
)
def test_what_installs_an_extra(tmp_path: Path, file: str, text: str, command: str) -> None:
    """What the program's own environment was made with, and the packages that the program's metadata name."""
    venv.create(tmp_path)
    with (tmp_path / file).open("a", encoding="utf-8") as about:
        about.write(text)
    assert how_to_install("excel", tmp_path) == f"To install it, type: {command} '{EXTRAS['excel'][0]}'"


@pytest.mark.parametrize("extra", sorted(EXTRAS.keys() - {"test"}))
def test_each_extra(extra: str) -> None:
    """All of its packages are named."""
    assert [each for each in EXTRAS[extra] if f"'{each}'" not in how_to_install(extra)] == []
