"""Sources made of a few bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from importer.sources.source import JsonFile, Source, SourceOptions, TableFile
from importer.sources.survey import open_source

MakeSource = Callable[..., Source]


def table_of(source: Source) -> TableFile:
    """The only file of a source, which is a table."""
    [file] = source.files
    assert isinstance(file, TableFile)
    return file


def json_of(source: Source) -> JsonFile:
    [file] = source.files
    assert isinstance(file, JsonFile)
    return file


@pytest.fixture
def make_source(tmp_path: Path) -> Iterator[MakeSource]:
    """Open a source of one file with this content; keywords are `SourceOptions`."""
    with ExitStack() as stack:

        def make(content: str | bytes, name: str = "issues.csv", **options: Any) -> Source:
            path = tmp_path / name
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            return stack.enter_context(open_source([str(path)], SourceOptions(**options)))

        yield make
