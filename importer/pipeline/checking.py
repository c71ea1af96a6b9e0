"""The first pipeline: checks a source, and writes its reports: tables on the way, the others from the result."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from importer.authoring.suggest import suggest_for
from importer.check.check_pass import Checked, check
from importer.check.job import Job
from importer.check.knowledge import Knows
from importer.errors import ImporterError
from importer.notices import ROW_EDITED, decide_exit_code, find_notices
from importer.progress import Progress
from importer.records import Outcome
from importer.report.check_files import CheckFiles, open_check_files
from importer.report.error_files import Columns
from importer.report.folder import SUGGESTION, SUMMARY, ReportFolder, report_folder
from importer.report.page import NO_AIM, Aim, collect_details, write_pages
from importer.report.page_rows import PageRows
from importer.report.results import IssueUrl
from importer.report.summary import Summary, summarise, times
from importer.report.tables import write_coverage, write_fixes

CHECK_FOLDER = "triage-import-check"


def run_check(
    job: Job,
    known: Knows,
    progress: Progress,
    out: Path | None = None,
    *,
    aim: Aim = NO_AIM,
    refuse: Callable[[Checked], ImporterError | None] = lambda checked: None,
) -> tuple[Checked, Summary]:
    """Check a source and write all reports: what `validate` does, and `run --dry-run`.

    `refuse` returns why nothing could be sent, if so; the exit code is that of this error.
    """
    reports = CheckReports(job, out, aim)
    checked = check(job, known, progress, writers=[reports.open])
    return checked, reports.write(checked, refuse(checked))


def write_proposals(job: Job, checked: Checked, folder: ReportFolder) -> Path | None:
    """Write proposals for a person: fixes.csv, and suggested-mapping.yaml if there is something to propose."""
    write_fixes(folder, checked.fixes)
    text = suggest_for(job.mapping, checked, folder.path)
    if not text:
        return None
    folder.write(SUGGESTION, text)
    return folder.file(SUGGESTION)


class CheckReports:
    """The reports of a check: tables while its source is read, the others from its result."""

    def __init__(self, job: Job, out: Path | None, aim: Aim) -> None:
        self.folder = report_folder(job, out or Path(CHECK_FOLDER))
        self._job, self._aim, self.started = job, aim, time.time()
        self._rows = PageRows(url=IssueUrl(job.issue_url))

    def open(self) -> AbstractContextManager[CheckFiles]:
        """Open the tables of a reading."""
        source, absence = self._job.source, self._job.absence
        columns = Columns.of([file.header for file in source.files], absence.columns)
        return open_check_files(self.folder, columns, self._rows, source.form)

    def folder_at(self, path: Path) -> ReportFolder:
        """Return the folder at a path; that of the check already knows which files must not be overwritten."""
        return self.folder if path.resolve() == self.folder.path.resolve() else report_folder(self._job, path)

    def write(self, checked: Checked, refusal: ImporterError | None = None) -> Summary:
        """Write what the result of the check gives. `refusal` is why nothing was, or would be, sent."""
        job, folder = self._job, self.folder
        write_coverage(folder, checked.coverage)
        # What is only a warning of a row that is sent is the send pass's to say.
        held = Counter[str]({Outcome.REJECTED: checked.rejected, ROW_EDITED: len(checked.edited)})
        for (_, code), rows in checked.tally.passed_over.items():
            held[code] += rows
        notices = find_notices(held)
        summary = summarise(
            job,
            checked,
            checked.tally.outcomes,
            decide_exit_code(notices, stopped=refusal),
            run_id="",
            target=self._aim.target,
            findings=checked.tally.by_code(),
            notices=notices,
            elapsed_seconds=round(checked.elapsed_seconds, 3),
            stopped_because=refusal.message if refusal else "",
            out=str(folder.path),
            suggestion=str(write_proposals(job, checked, folder) or ""),
            errors=folder.errors,
            **times(self.started),
        )
        write_pages(folder, summary, self._rows, collect_details(job, checked, summary, self._aim.rate))
        folder.write(SUMMARY, summary.as_text())
        return summary
