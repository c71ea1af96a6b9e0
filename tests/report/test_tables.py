"""losses.csv and attachments.csv."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from importer.check.coverage.attachments import Attachment
from importer.check.coverage.coverage import Coverage
from importer.report.folder import ReportFolder
from importer.report.tables import write_coverage
from tests.harness.running import read_csv


class Lost:
    """What stands in for a source's losses."""

    def __init__(self, lines: Sequence[tuple[str, ...]], attachments: Sequence[Attachment]) -> None:
        self._lines, self.attachments = lines, attachments

    def table(self) -> Sequence[tuple[str, ...]]:
        """The lines of losses.csv."""
        return self._lines


def write(folder: Path, lines: Sequence[tuple[str, ...]], attachments: Sequence[Attachment]) -> None:
    """Write both reports."""
    write_coverage(ReportFolder(folder), cast(Coverage, Lost(lines, attachments)))


def test_losses_and_attachments(tmp_path: Path) -> None:
    """A line for each column and class, and for each attachment; a sample that a spreadsheet would run is defused."""
    attachments = [Attachment("k:1", "a.png", "https://x.test/a.png"), Attachment("k:2", "@b", "")]
    write(tmp_path, [("Points", "dropped", "12", "100.0%", "1", "=1+1", "")], attachments)
    (line,) = read_csv(tmp_path / "losses.csv")
    found = (line["column"], line["class"], line["filled_cells"], line["sample_1"])
    assert found == ("Points", "dropped", "12", "'=1+1")
    lines = read_csv(tmp_path / "attachments.csv")
    assert [(line["key"], line["name"]) for line in lines] == [("k:1", "a.png"), ("k:2", "'@b")]


def test_nothing_lost(tmp_path: Path) -> None:
    """Without any there is no file."""
    write(tmp_path, [], [])
    assert not list(tmp_path.iterdir())
