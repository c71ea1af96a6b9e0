"""The age of a source: by its files' modification time, and by the newest date that the mapping reads in it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from importer.check.examine import RowRun
from importer.check.job import Job
from importer.errors import SourceNotReady
from importer.sources.age import MAX_AGE, MAX_FILE, check_age
from importer.transform.dates import read_date, read_time

AHEAD_SECONDS = 86_400.0
"""A date further in the future is a plan, such as a due date; one that is nearer may lack its zone."""


class SourceAge:
    """Finds out on the way through a source how old it is, and refuses one that is older than the job allows.

    `newest` is the newest date of an earlier way through the same source.
    """

    def __init__(self, job: Job, now: float, newest: float | None = None) -> None:
        self._job, self._now = job, now
        self._newest = -math.inf if newest is None else newest

    @property
    def newest(self) -> float | None:
        """The newest date so far, in seconds since 1970; None where none was read or looked for."""
        return self._newest if math.isfinite(self._newest) else None

    def check_files(self) -> None:
        """Make sure that a file was changed lately; what is piped in has no time.

        Raises:
            SourceNotReady: none was.
        """
        age_seconds = self._job.source.age_seconds(self._now)
        if math.isfinite(age_seconds):
            what = "The newest file of the source was changed"
            check_age(age_seconds, what, {MAX_AGE: self._job.max_age_seconds, MAX_FILE: self._job.max_file_age_seconds})

    def add(self, run: RowRun) -> None:
        if self._job.max_age_seconds is None or self._job.limit is not None:
            return
        times = (date.timestamp() for date in self._dates(run))
        self._newest = max(self._newest, *(time for time in times if time <= self._now + AHEAD_SECONDS), -math.inf)

    def check_dates(self) -> None:
        """Make sure that something in the source is of late; with `--limit` nobody knows.

        Raises:
            SourceNotReady: nothing is, or nothing says how old what was piped in is.
        """
        limit = self._job.max_age_seconds
        if limit is None or self._job.limit is not None:
            return
        if math.isfinite(self._newest):
            what = f"The newest date in the source is {_day(self._newest)},"
            check_age(self._now - self._newest, what, {MAX_AGE: limit})
        elif not math.isfinite(self._job.source.age_seconds(self._now)):
            raise SourceNotReady(
                "The age of the source is unknown: it is piped in, and the mapping reads no date from it.",
                hint="Give it as a file, or add a date to the mapping: `created: {column: …}`.",
            )

    def _dates(self, run: RowRun) -> Iterator[datetime]:
        """Yield the dates of rows: of records, of their comments, and footer lines that are nothing but a date."""
        issues, formats = [row.issue for row in run.rows], run.source.layout.dates
        for issue in issues:
            yield from filter(None, (issue.created, issue.newest))
        written = {comment.date for issue in issues for comment in issue.parts.comments}
        yield from filter(None, (read_time(text, formats) for text in written))
        for spec in self._job.mapping.model.footer.values():
            read = run.compiler.text(spec)
            texts = {read(issue.row) for issue in issues}  # a file has few days, and rows without end
            yield from filter(None, (read_date(text, formats) for text in texts if text))


def _day(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC"
