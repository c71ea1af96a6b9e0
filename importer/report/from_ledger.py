"""Writes the reports of a run from the ledger alone: at its end, again for `report`, and where a run repeats it.

A run is compared with the last finished one: what needs somebody for the first time, and which keys have vanished.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from importer import __version__
from importer.check.observers.completeness import ASSIGNMENTS, EVIDENCE
from importer.codes import GAVE_UP, INCOMPLETE, by_frequency
from importer.errors import ExitCode, StorageFull
from importer.ledger.added import count_made
from importer.ledger.journal import Run
from importer.ledger.previous_run import Pair, count_rows, find_pair, hash_reasons
from importer.ledger.rejected import NOT_IN, reason_of
from importer.ledger.store import Ledger
from importer.notices import KEYS_KEPT, Earlier, find_causes, find_notices, read_notices
from importer.phrases import counted, format_duration
from importer.records import Act, Outcome, Rejected, Row, digest_row
from importer.report.error_files import PLAIN, Columns, open_errors
from importer.report.folder import ERRORS, ERRORS_JSON, SUMMARY, ReportFolder
from importer.report.page import MAILED, REPORT, PageDetails, unpack_details, write_pages
from importer.report.page_rows import PageRows
from importer.report.recurring import Recurring
from importer.report.results import IssueUrl, ResultsFile
from importer.report.summary import STILL_RUNNING, Summary
from importer.report.tables import CONFLICTS, write_conflicts, write_table
from importer.triage.snapshot import Snapshot

VANISHED = "vanished.csv"
NEWS_SHOWN = 10

VANISHED_COLUMNS = ("key", "triage_id", "issue_id")


@dataclass(frozen=True)
class Comparison:
    """Keys that earlier snapshots had, and this one has no more.

    vanished  how many there are
    new       of these, how many the snapshot before this one had
    run       name of that one, "" if there is none
    keys      some of them, the new ones first
    """

    vanished: int = 0
    new: int = 0
    run: str = ""
    keys: tuple[str, ...] = ()


class News:
    """Tells rows that need somebody for the first time from those that did so in the last run, for the same reason.

    known  rows that did: cause → rows. Unknown ones never do; rejected ones are known by what they say, too
    keys   of all rows with a cause: cause → the first of them
    new    the others
    first  the first of these, as they are shown
    """

    def __init__(self, last: Pair | None = None, *, recurs: bool = False, rejected: Sequence[Rejected] = ()) -> None:
        self.known, self.new = Counter[str](), 0
        self.keys = dict[str, list[str]]()
        self.first: list[dict[str, str]] = []
        self._before, self._recurs = last.read_reasons(recurs=recurs) if last is not None else set[int](), recurs
        self._rejected = {(each.digest, each.reason) for each in rejected}
        self._lasting = {each.cause: each for each in (last.lasting if last is not None else ())}
        self._back = dict[str, set[str]]()

    def add(self, rows: Sequence[Row]) -> None:
        for cause, notice in self._lasting.items():
            self._back.setdefault(cause, set()).update(set(notice.keys).intersection(row.key for row in rows))
        for row in rows:
            if causes := find_causes(row.outcome, row.codes):
                self._add(row, causes)

    def _add(self, row: Row, causes: Sequence[str]) -> None:
        place = f"{row.file_name}:{row.line}"
        for cause in causes:
            keys = self.keys.setdefault(cause, [])
            if len(keys) < KEYS_KEPT:
                keys.append(row.key or place)
        raw = row.raw if self._recurs else None
        reasons = hash_reasons(row.key, row.outcome, row.codes, row.fields, row.messages, raw, row.conflicts)
        known = [cause for cause, reason in reasons.items() if self._knows(row, cause, reason)]
        self.known.update(known)
        if len(known) == len(reasons):
            return
        self.new += 1
        if len(self.first) < NEWS_SHOWN:
            why = next(cause for cause in reasons if cause not in known)
            said = "; ".join(row.messages)
            shown = {"outcome": why, "row": place, "key": row.key, "code": "; ".join(row.codes), "message": said}
            self.first.append(shown)

    def _knows(self, row: Row, cause: str, reason: frozenset[int]) -> bool:
        may_be_kept = self._rejected and cause in NOT_IN
        if may_be_kept and row.raw is not None and (digest_row(row.raw), reason_of(row)) in self._rejected:
            return True
        if not row.key or row.outcome is Outcome.UNKNOWN or GAVE_UP in row.codes:
            return False
        lacked = row.key in self._back.get(cause, ()) and reason.isdisjoint(self._before)  # by the last run's source
        return lacked or reason <= self._before

    def find_earlier(self) -> dict[str, Earlier]:
        """Return what is known of each cause beside how many rows have it."""
        earlier = {}
        for cause in {*self.keys, *self._lasting}:
            notice, back, keys = self._lasting.get(cause), self._back.get(cause, set()), self.keys.get(cause, [])
            missing = [] if notice is None else [key for key in notice.keys if key not in back]
            count = 0 if notice is None else notice.count - len(back)
            earlier[cause] = Earlier(self.known[cause], (*keys, *missing)[:KEYS_KEPT], count)
        return earlier

    @property
    def known_rows(self) -> int:
        """How many rejected, failed and incomplete rows are known."""
        return sum(self.known[kind] for kind in (Outcome.REJECTED, Outcome.FAILED, INCOMPLETE))


def find_last(ledger: Ledger, run: Run, rows: int, *, snapshots: bool = False) -> Pair | None:
    """Pair a run with the last finished one, see `find_pair`; `rows` is how many the source has.

    Where the ledger knows another number, as after a stop or of a source that changed, nothing is compared.
    """
    if count_rows(ledger.transaction, run.name) != rows:
        return None
    return find_pair(ledger.transaction, run.name, snapshots=snapshots)


def find_vanished(last: Pair | None, folder: ReportFolder) -> Comparison:
    """Write vanished.csv if any key of the last snapshot has vanished. Raises StorageFull if it can't be written."""
    if last is None:
        return NOTHING
    new, earlier = last.find_vanished()
    count = write_table(folder, VANISHED, VANISHED_COLUMNS, last.read_issues(new + earlier))
    keys = (key for key, *_ in last.read_issues((new + earlier)[:KEYS_KEPT]))
    return Comparison(count, len(new), last.name, tuple(keys))


NOTHING = Comparison()


NAMES = ("results.csv", ERRORS, ERRORS_JSON, CONFLICTS, REPORT, MAILED, SUMMARY)
"""Reports that the ledger alone is enough for."""
PAGE = "page"
"""The option of a run that has the details of its page."""
CUT_OFF = "The process ended unexpectedly; the same command continues."


def write_rows(
    run: Run, folder: ReportFolder, issue_url: str = "", news: News | None = None, recurring: Recurring | None = None
) -> tuple[Counter[Outcome], Counter[str], PageRows]:
    """Write results.csv, the errors files and conflicts.csv of a run; returns outcome → rows, code → rows, its page's.

    `issue_url` is the pattern of an issue's address; "" takes the one that was kept with the run.
    `news` and `recurring` get all rows.
    """
    url = IssueUrl(issue_url or kept_details(run).issue_url)
    form = tuple(run.options.get("form", PLAIN))
    columns = Columns.of(run.options["headers"], run.options.get("columns", {}))
    counts, codes, has_conflicts = Counter[Outcome](), Counter[str](), False
    page = PageRows(run.find_titles, url)
    with folder.open("results.csv") as file, open_errors(folder, columns, form) as errors:
        results = ResultsFile(file, url)
        for rows in map(partial(_with_titles, run), run.result_blocks()):
            results.write(rows)
            errors.write(rows)
            page.add(rows)
            if news is not None:
                news.add(rows)
            if recurring is not None:
                recurring.add(rows)
            counts.update(row.outcome for row in rows)
            codes.update(code for row in rows for code in set(row.codes))
            has_conflicts = has_conflicts or any(row.conflicts is not None for row in rows)
    write_conflicts(folder, run.conflicts() if has_conflicts else ())
    return counts, codes, page


def _with_titles(run: Run, rows: Sequence[Row]) -> Sequence[Row]:
    """Give each row that this run has sent its title: one that the send pass found sent already is stored without."""
    sent = [row.key for row in rows if not row.title and row.outcome in (Outcome.CREATED, Outcome.UPDATED)]
    titles = run.find_titles(sent) if sent else {}
    return [row._replace(title=titles.get(row.key, row.title)) for row in rows] if titles else rows


def write_again(run: Run, out: Path, *, is_running: bool = False, issue_url: str = "") -> Summary:
    """Write a run's reports once more, and return its summary: the figures of its end, or those of this moment.

    `issue_url` is as of `write_rows`.

    Raises:
        StorageFull: one of them can't be written.
        UsageError: the folder can't be used.
    """
    folder = ReportFolder(out)
    folder.prepare(NAMES, is_shared=is_running)  # the run writes there at its end
    recurring = Recurring() if kept_figures(run).get("recurring") else None
    counts, codes, page = write_rows(run, folder, issue_url, recurring=recurring)
    if recurring is not None:
        recurring.write(run, folder)
    kept = _so_far(run, counts[Outcome.CREATED]) if is_running else kept_figures(run)
    counts[Outcome.PLANNED] += max(0, kept.get("rows", 0) - sum(counts.values()))  # rows that it hasn't registered yet
    outcomes: dict[str, Any] = {outcome.value: counts[outcome] for outcome in Outcome}
    known = {"rows": sum(counts.values()), "findings": by_frequency(codes), "out": str(out), **outcomes}
    known["errors"] = folder.errors
    known["notices"] = kept.get("notices") or find_notices({**codes, **outcomes})
    summary = Summary(**kept | known)
    write_last(run, folder, summary, page)
    return summary


def write_end(run: Run, folder: ReportFolder, summary: Summary, page: PageRows | None) -> Summary:
    """Write the pages and summary.json of an attempt that has ended, without `page` summary.json alone.

    Returns the summary; where they can't be written, it says so.
    """
    try:
        write_last(run, folder, summary, page)
    except StorageFull as error:
        because = (
            f"{error.message}\nAll is recorded: once it can be written, type the same command again, or for the "
            f"reports alone: {run.command('report', run.name)}"
        )
        if not summary.stopped_because:  # else what has stopped it before has most likely kept these away, too
            return replace(summary, exit_code=int(ExitCode.STOPPED), stopped_because=because)
    return summary


def write_last(run: Run, folder: ReportFolder, summary: Summary, page: PageRows | None) -> None:
    """Write the pages of a run, without `page` none, and summary.json, which is the last report to be written."""
    if page is not None:
        write_pages(folder, summary, page, kept_details(run), run.read_attempts())
    folder.write(SUMMARY, summary.as_text())


def count_additions(ledger: Ledger, run: Run, *, may_assign: bool) -> dict[str, int]:
    """Count the evidence that a run has sent, and the owners and assignees of issues that it created or changed.

    The latter only if it may have assigned any: all of its issues are read for that.
    """
    assigned = (Snapshot.parse(made.returned).assignments for made in run.written_creates()) if may_assign else ()
    return {EVIDENCE: count_made(ledger.transaction, run.name, Act.EVIDENCE), ASSIGNMENTS: sum(assigned)}


def kept_details(run: Run) -> PageDetails:
    details = unpack_details(run.options.get(PAGE, ""))
    return replace(details, verified=run.verification, ledger=run.ledger)


def kept_figures(run: Run) -> dict[str, Any]:
    """Return the summary of a run's last attempt as fields; of one that was killed only what the ledger knows."""
    if run.summary:
        names = {field.name for field in fields(Summary)}  # the version before may have kept other ones
        kept = {name: value for name, value in run.summary.items() if name in names}
        return kept | {"notices": read_notices(kept)}
    return _minimal(run, CUT_OFF)


def _so_far(run: Run, created: int) -> dict[str, Any]:
    """Return the summary of a run that is still running, as fields.

    Its speed is only known in the first attempt: later on the ledger doesn't tell which attempt made an issue.
    """
    kept = _minimal(run, STILL_RUNNING) | {"rows": run.summary.get("rows", 0)}
    if run.attempts > 1:
        return kept
    seconds = max(round(time.time() - run.started_at, 3), 0.001)
    return kept | {"elapsed_seconds": seconds, "issues_per_second": round(created / seconds, 1)}


def _minimal(run: Run, because: str) -> dict[str, Any]:
    return {
        "run_id": run.name,
        "exit_code": int(ExitCode.STOPPED),
        "target": run.target,
        "source_name": run.source_name,
        "stopped_because": because,
        "version": __version__,
    }


def write_repeated(run: Run, folder: ReportFolder, **figures: Any) -> Summary:
    """Write what a repetition of a run leaves, and return its summary; `figures` are those of its own.

    In the run's own folder the reports are there already, unless another command has written its own into it. Any other
    folder gets those that the ledger alone is enough for.

    If its summary can't be written, the returned one says so.

    Raises:
        StorageFull: another report can't be written.
        UsageError: the folder can't be used.
    """
    path, stamp = folder.file(SUMMARY), None
    page: PageRows | None = None
    if path.resolve() == (run.out / SUMMARY).resolve() and _is_of(run, path):
        stamp = path.stat()
    else:
        folder.prepare()
        *_, page = write_rows(run, folder)
    summary = Summary(**kept_figures(run) | figures | {"out": str(folder.path), "same_as": run.name})
    summary = replace(summary, errors=folder.errors or summary.errors)
    summary = write_end(run, folder, summary, page)
    if stamp is not None:
        with suppress(OSError):  # reports that people edit are recognised by a time after the summary's
            os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    return summary


def _is_of(run: Run, path: Path) -> bool:
    try:
        summary = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return False
    return isinstance(summary, dict) and summary.get("run_id") == run.name


def describe_repeated(summary: Summary) -> str:
    """Say that nothing has changed, how old the source is, and what still waits for somebody."""
    age = summary.source_age_seconds
    old = "" if age is None else f", the newest file is {format_duration(age)} old"
    standing = [
        counted(number, f"{name} row") for name in ("rejected", "changed") if (number := getattr(summary, name))
    ]
    waits = f" As before: {' and '.join(standing)}." if standing else ""
    return (
        f"Nothing has changed since {summary.same_as}, for {counted(summary.repeats, 'run')} now: the same source, "
        f"mapping and options, and nothing is open{old}.{waits}"
    )
