"""losses.csv and attachments.csv: what becomes of each column, and the files that aren't moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.report.folder import ReportFolder
from importer.report.table import write_table

if TYPE_CHECKING:
    from importer.check.coverage.coverage import Losses

LOSSES, ATTACHMENTS = "losses.csv", "attachments.csv"
LOSS_COLUMNS = ("column", "class", "filled_cells", "share", "columns", "sample_1", "sample_2")
"""`share` is that of the column's filled cells, `columns` how many have this header."""
ATTACHMENT_COLUMNS = ("key", "name", "url")


def write_losses(folder: ReportFolder, losses: Losses) -> None:
    """Write losses.csv and attachments.csv, each if it has a line.

    Raises:
        StorageFull: one of them can't be written.
    """
    write_table(folder, LOSSES, LOSS_COLUMNS, losses.table())
    write_table(folder, ATTACHMENTS, ATTACHMENT_COLUMNS, losses.attachments)
