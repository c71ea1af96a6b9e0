"""Writes rehearsal.html: what a run has left in its sandbox, whose file is read once the sandbox has stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import UsageError
from importer.library.targets import sandbox_missing
from importer.records import SANDBOX_PREFIX, Outcome

if TYPE_CHECKING:
    from importer.ledger.journal import Run


def rehearse(run: Run, out: Path) -> Path:
    """Write the page of a run into a folder, and return it.

    Raises:
        UsageError: the run went elsewhere, or its sandbox's file is gone or in use.
        StorageFull: the page can't be written.
    """
    file = Path(run.target.removeprefix(SANDBOX_PREFIX))
    if not run.target.startswith(SANDBOX_PREFIX):
        raise UsageError(
            f"{run.name} was not a rehearsal: it went to {run.target}.",
            hint="`triage-import run SOURCE --sandbox` rehearses in a local sandbox.",
        )
    if not file.is_file():
        raise UsageError(
            f"The issues of {run.name} are gone: {file} is not there.",
            hint="To rehearse again with a new ledger: triage-import run SOURCE --sandbox --ledger rehearsal.db",
        )
    try:
        from importer.sandbox.board import read_board
        from importer.sandbox.storage import SandboxError
    except ImportError as error:
        raise sandbox_missing() from error
    from importer.check.observers.people_named import Named
    from importer.report.folder import REHEARSAL, ReportFolder
    from importer.report.from_ledger import kept_details
    from importer.report.rehearsal import ISSUES_SHOWN, Rehearsed, write_rehearsal

    try:
        board = read_board(file, _origins(run), ISSUES_SHOWN)
    except SandboxError as error:
        raise UsageError(str(error)) from error
    people = (Named(*each) for each in kept_details(run).people)
    folder = ReportFolder(out)
    folder.prepare([REHEARSAL])
    names = {person.user: person.name for person in people}
    write_rehearsal(folder, Rehearsed(run.name, run.source_name, *board, names, run.count()[Outcome.CHANGED]))
    return folder.file(REHEARSAL)


def _origins(run: Run) -> Iterator[tuple[str, str]]:
    """Yield the id of each issue of a run, and where it came from: its key, and on a second line its place."""
    for row in run.results():
        if row.issue_id:
            yield row.issue_id, f"{row.key}\n{Path(row.file_name).name} line {row.line}"
