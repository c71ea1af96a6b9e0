"""Mapping files for the tests of mappings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from importer.errors import MappingError, Problem
from importer.mapping.reader import load_mapping

WriteMapping = Callable[..., str]
"""Writes a text as a mapping file (`name`, by default mine.yaml) and returns its path."""


@pytest.fixture
def write(tmp_path: Path) -> WriteMapping:
    """Write mapping files into one folder."""

    def write_mapping(text: str, name: str = "mine.yaml") -> str:
        path = tmp_path / name
        path.write_text(dedent(text), encoding="utf-8")
        return str(path)

    return write_mapping


@pytest.fixture
def problems(write: WriteMapping) -> Callable[[str], list[Problem]]:
    """All problems of a text that is loaded as a mapping."""

    def load_and_fail(text: str) -> list[Problem]:
        with pytest.raises(MappingError) as caught:
            load_mapping(write(text))
        return list(caught.value.problems)

    return load_and_fail
