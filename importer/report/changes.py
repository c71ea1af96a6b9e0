"""The results.csv of a repair or an undo: each issue with its verdict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from importer.report.folder import ReportFolder
from importer.report.table import write_table

CHANGE_COLUMNS = ("key", "triage_id", "issue_id", "verdict", "fields", "message")


class ChangeLine(NamedTuple):
    """An issue, what becomes or became of it, and the fields or traces that this is about."""

    key: str
    triage_id: str
    issue_id: str
    verdict: str
    fields: str
    message: str


def write_changes(folder: ReportFolder, lines: Iterable[ChangeLine]) -> None:
    """Write results.csv, if there is a line.

    Raises:
        StorageFull: it can't be written.
    """
    write_table(folder, "results.csv", CHANGE_COLUMNS, lines)
