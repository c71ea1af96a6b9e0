"""conflicts.csv: the fields that a person changed in Triage, and that an update therefore left alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from importer.report.folder import ReportFolder
from importer.report.table import write_table

CONFLICTS = "conflicts.csv"
COLUMNS = ("key", "triage_id", "field", "ours", "theirs", "new")

Conflicts = Iterable[tuple[str, str, Sequence[Sequence[str]]]]
"""Key, `T-…`, and for each field its name, what we wrote, what is there, and what we would have written."""


def write_conflicts(folder: ReportFolder, conflicts: Conflicts) -> int:
    """Write conflicts.csv, a line a field, if there is any; count the fields.

    Raises:
        StorageFull: it can't be written.
    """
    lines = ((key, triage_id, *conflict) for key, triage_id, fields in conflicts for conflict in fields)
    return write_table(folder, CONFLICTS, COLUMNS, lines)
