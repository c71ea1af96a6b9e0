"""What tests of the check share."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.sources.source import Source, SourceOptions
from importer.sources.survey import open_source
from tests.harness.small_source import SOURCE


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """The file `issues.csv`."""
    path = tmp_path / "issues.csv"
    path.write_text(SOURCE)
    return open_source([str(path)], SourceOptions())
