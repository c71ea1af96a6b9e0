"""The change runner: previews a change set, and applies it as a run of its own.

A preview assesses every issue, cheaply: most are assessed by the list of issues, and only the others are read one by
one. Applying the change set reads each issue again, immediately before it is changed.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from importer import __version__
from importer.codes import PERHAPS_GONE
from importer.errors import INTERRUPTED, ExitCode, RunStopped, StorageFull, UsageError
from importer.ledger.journal import Run
from importer.ledger.statements import portions
from importer.ledger.store import Ledger, RunIdentity
from importer.load.driver import RunConnection
from importer.load.workers import FailureCap
from importer.notices import decide_exit_code, find_notices
from importer.phrases import counted
from importer.records import Outcome
from importer.report.folder import SUMMARY, ReportFolder
from importer.report.from_ledger import kept_details
from importer.report.page import REPORT
from importer.report.results import IssueUrl
from importer.report.summary import Summary, times
from importer.report.tables import CONFLICTS, ChangeLine, Conflicts, write_changes, write_conflicts
from importer.report.work_page import (
    CHANGED_MEANINGS,
    OPEN_VERDICTS,
    PREVIEW_MEANINGS,
    IssueVerdict,
    WorkRows,
    write_work_page,
)
from importer.runs.change_set import (
    CLOSED_ALREADY,
    OUTCOMES,
    TOUCHED,
    UNSETTLED,
    ChangeSet,
    ChangeVerdict,
    PlannedChange,
    Turn,
    VerdictCount,
)
from importer.triage.actions import CallFailed
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.listing import NewestFirst
from importer.triage.paced import Interrupted, PacedCalls
from importer.triage.target import Target

if TYPE_CHECKING:
    from importer.progress import Progress

MAX_FAILED = 100
"""The number of refused changes after which a run stops, since the others would be refused as well."""
FILES = ("results.csv", CONFLICTS, REPORT, SUMMARY)


class ChangeRunner:
    """Assesses and applies one change set, `concurrency` requests at a time, and writes its reports.

    Once all issues are assessed, `verdicts` on them are counted, `codes` has these by their code, and `outcomes` what
    would become of the issues.
    """

    def __init__(
        self,
        run: Run,
        change_set: ChangeSet,
        target: Target,
        calls: PacedCalls,
        out: Path,
        progress: Progress,
        *,
        concurrency: int,
    ) -> None:
        self.run = run
        self.change_set = change_set
        self.out = out
        self._target = target
        self._calls = calls
        self._concurrency = concurrency
        self._progress = progress
        self._started = time.monotonic()
        self._folder = ReportFolder(out)
        self.verdicts: Sequence[VerdictCount] = ()
        self.codes = Counter[str]()
        self.outcomes = Counter[Outcome]()

    def assess(self) -> None:
        """Assess every issue of the change set.

        Raises:
            RunStopped: the target can't be read.
            KeyboardInterrupt: the user interrupted it.
        """
        self._progress.start("comparing", self.change_set.planned, "issue")
        try:
            self._perform(self._assess)
        except CallFailed as error:
            raise error.as_stop() from error
        self._progress.finish()
        self.verdicts = self.change_set.count()
        for count in self.verdicts:
            self.codes[count.code] += count.issues
            if count.code in OUTCOMES:
                self.outcomes[OUTCOMES[count.code]] += count.issues

    @property
    def to_change(self) -> int:
        """The number of issues that would be changed."""
        return self.outcomes[Outcome.PLANNED]

    @property
    def left(self) -> int:
        """The number of issues that applying would change, or read again to decide."""
        return self.change_set.planned - self.codes[CLOSED_ALREADY]

    @property
    def unsettled(self) -> int:
        """The number of rows of which nobody knows yet whether the run made an issue."""
        return self.codes[UNSETTLED]

    def preview(self, refusal: str = "") -> Summary:
        """Write the reports of what applying would do. `refusal` says why it isn't applied, if it was to be."""
        code = ExitCode.DONE
        if refusal:
            code = ExitCode.UNUSABLE
        elif self.unsettled:
            code = ExitCode.UNKNOWN
        elif self.outcomes[Outcome.REJECTED]:
            code = ExitCode.PARTLY
        lines = self._lines_of
        conflicts = self.change_set.conflicts()
        rows = self._list_rows(lines())
        return self._report(lines, rows, conflicts, self.outcomes, code, because=refusal)

    def apply(self, ledger: Ledger) -> Summary:
        """Change what may be changed, in a run of its own that the same command continues.

        If the run is stopped, the summary's exit code says so. Raises UsageError if the report folder can't be used.
        """
        change_set = self.change_set
        self._folder.prepare(FILES)
        run = self.run
        identity = RunIdentity(run.target, run.source_name, run.name, change_set.digest, change_set.kind)
        options = {"of": run.name, "digest": change_set.digest, **change_set.options}
        change_run = ledger.begin_run(identity, out=self.out, options=options, goes_on=change_set.goes_on)
        changed_rows = change_set.find_rows(run.results())
        for portion in portions(changed_rows):
            change_run.register(portion)
        self._progress.start(change_set.kind.value, change_set.planned, "issue")
        stopped = None
        interrupted = False
        try:
            self._perform(partial(self._apply, change_run))
        except RunStopped as error:
            stopped = error
        except KeyboardInterrupt:
            interrupted = True
        self._progress.finish()
        counts = Counter(change_run.count())
        lines = partial(self._applied_lines, change_run)
        rows = self._list_rows(lines())
        causes = {str(outcome): number for outcome, number in counts.items()}
        causes[PERHAPS_GONE] = rows.verdicts[PERHAPS_GONE]
        notices = find_notices(causes)
        code = decide_exit_code(notices, stopped=stopped, interrupted=interrupted)
        because = ""
        if stopped:
            because = stopped.told
        elif code == ExitCode.INTERRUPTED:
            because = INTERRUPTED
        # What is not settled is none of its rows: once it is, an undo or a repair of its own changes it.
        is_over = ExitCode.of(code).is_complete
        if is_over and self.unsettled:
            code = ExitCode.UNKNOWN
        conflicts = change_run.conflicts()
        summary = self._report(lines, rows, conflicts, counts, code, change_run.name, because)
        if summary.exit_code != code:  # the reports could not be written
            code = ExitCode.STOPPED
            is_over = False
        change_run.finish(code, asdict(summary), is_over=is_over)
        return summary

    def _perform(self, work: Callable[[TriageClient], Awaitable[None]]) -> None:
        """Do work on an event loop of its own. Raises KeyboardInterrupt if the user interrupted it."""

        async def connected() -> None:
            async with TriageClient(self._target.url, self._target.api_key) as client:
                with self._calls.ended_by_signals():
                    await work(client)

        try:
            run_loop(connected())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        if self._calls.signalled:
            raise KeyboardInterrupt

    async def _assess(self, client: TriageClient) -> None:
        """Assess by the list of issues, while it costs less than to read those that are left, and then by reading."""
        change_set = self.change_set
        pages = 0
        connection = RunConnection(client, self.run, self._calls, concurrency=self._concurrency)
        # What a run has updated may be older than the run.
        has_updated = self.run.count()[Outcome.UPDATED]
        back_to = 0.0 if has_updated else self.run.first_mark()
        with suppress(Interrupted):
            async for page in NewestFirst(client, self._calls, back_to):
                pages += 1
                planned = change_set.find([issue.id for issue in page])
                listed = [(planned[issue.id], issue) for issue in page if issue.id in planned]
                verdicts = change_set.assess(listed)
                judged = list[tuple[PlannedChange, ChangeVerdict]]()
                for (change, _), verdict in zip(listed, verdicts, strict=True):
                    if verdict is not None:
                        judged.append((change, verdict))
                self._record(judged)
                if pages >= change_set.planned - change_set.assessed:
                    break

        async def read(change: PlannedChange) -> None:
            read_issue = partial(change_set.read, connection, change)
            verdict = await connection.workers.when_sure(read_issue)
            self._record([(change, verdict)])

        await connection.workers.work_through(change_set.unassessed(), read)

    def _record(self, verdicts: Sequence[tuple[PlannedChange, ChangeVerdict]]) -> None:
        self.change_set.record(verdicts)
        self._progress.reach(self.change_set.assessed)

    async def _apply(self, change_run: Run, client: TriageClient) -> None:
        cap = FailureCap(MAX_FAILED, "issues", "See results.csv; the same command continues.")
        connection = RunConnection(client, change_run, self._calls, concurrency=self._concurrency, cap=cap)
        applied = 0

        async def apply(change: PlannedChange) -> None:
            nonlocal applied
            became = await self.change_set.apply(connection, change)
            applied += 1
            self._progress.reach(applied)
            if became.outcome is Outcome.FAILED:
                cap.fail(became.message)

        async with change_run.sending(self._concurrency):
            changes = iter(self.change_set)
            await connection.workers.work_through(changes, apply)

    def _applied_lines(self, change_run: Run) -> Iterator[ChangeLine]:
        for row in change_run.results():
            code = row.codes[-1]
            names = row.fields[0]
            message = row.messages[-1]
            if code == TOUCHED:
                names = message or names  # what the last reading found
                message = ""
            if row.outcome is Outcome.PLANNED:
                code = Outcome.PLANNED.value
            elif row.outcome in (Outcome.UPDATED, Outcome.UNCHANGED):
                code = self.change_set.name(row.codes[0], row.outcome)
            fields = tuple(names.split(", "))
            verdict = ChangeVerdict(code, fields, (), message)
            turns = self.change_set.find_turns(row.key)
            yield _line(row.key, row.triage_id, row.issue_id, verdict, turns)
        yield from self._lines_of(UNSETTLED)

    def _lines_of(self, code: str = "") -> Iterator[ChangeLine]:
        for change, verdict in self.change_set.verdicts(code):
            operation = change.operation
            yield _line(operation.key, operation.triage_id, operation.issue_id, verdict, change.turns)

    def _list_rows(self, lines: Iterable[ChangeLine]) -> WorkRows:
        """Return the lines of results.csv as they are on the page."""
        issue_url = IssueUrl(kept_details(self.run).issue_url)
        rows = WorkRows(self.run.find_titles, issue_url)
        for portion in portions(lines):
            verdicts = list[IssueVerdict]()
            for key, number, issue_id, verdict, fields, message, *_ in portion:
                reason = ": ".join(filter(None, (fields, message)))
                verdicts.append(IssueVerdict(key, number, verdict, reason, issue_id))
            rows.add(verdicts)
        return rows

    def _report(
        self,
        lines: Callable[[], Iterator[ChangeLine]],
        rows: WorkRows,
        conflicts: Conflicts,
        counts: Mapping[Outcome, int],
        code: ExitCode,
        run_id: str = "",
        because: str = "",
    ) -> Summary:
        """Write the report files; if those of a run can't be written, the summary still says what was done."""
        counts = Counter(counts) + Counter({Outcome.UNKNOWN: self.unsettled})
        took = time.monotonic() - self._started
        summary = Summary(
            run_id=run_id,
            exit_code=int(code),
            rows=sum(counts.values()),
            **{outcome.value: counts.get(outcome, 0) for outcome in Outcome},  # type: ignore[arg-type] # all are numbers
            requests=self._calls.requests,
            retries=self._calls.retries,
            rate_limited=self._calls.rate_limited,
            elapsed_seconds=round(took, 3),
            **times(time.time() - took),
            target=self.run.target,
            source_name=self.run.source_name,
            findings=dict(rows.verdicts.most_common()),
            notices=find_notices({PERHAPS_GONE: rows.verdicts[PERHAPS_GONE]}),
            stopped_because=because,
            out=str(self.out),
            version=__version__,
        )
        try:
            self._folder.prepare(FILES)
            write_changes(self._folder, lines())
            write_conflicts(self._folder, conflicts)
            self._write_page(summary, rows)
        except (StorageFull, UsageError) as error:
            if not run_id:
                raise
            because = because or error.told
            summary = replace(summary, exit_code=int(ExitCode.STOPPED), stopped_because=because)
            with suppress(StorageFull):
                self._write_page(summary, rows)
        return summary

    def _write_page(self, summary: Summary, rows: WorkRows) -> None:
        """Write the page and summary.json. Raises StorageFull."""
        change_set = self.change_set
        issues = counted(summary.rows, "issue")
        if summary.run_id:
            were = "was" if summary.updated == 1 else "were"
            verdict = f"{summary.updated:,} of {issues} {were} {change_set.done}."
            meanings = CHANGED_MEANINGS
        else:
            verdict = f"A preview: {self.to_change:,} of {issues} would be {change_set.done}."
            meanings = {**CHANGED_MEANINGS, **PREVIEW_MEANINGS}
        write_work_page(
            self._folder,
            summary,
            rows,
            name=f"{change_set.kind.value.capitalize()} of {self.run.name}",
            verdict=verdict,
            table="results.csv",
            meanings=meanings,
            stopped=summary.stopped_because,
            commands=list(self._next_steps(summary)),
        )

    def settle_first(self) -> str:
        """The command that settles the first row with an unknown outcome, "" if there is none."""
        unsettled = self.change_set.verdicts(UNSETTLED)
        for change, _ in unsettled:
            return self.run.settle_command(change.operation.key, "ISSUE")
        return ""

    def _next_steps(self, summary: Summary) -> Iterator[tuple[str, str]]:
        """Yield what comes next: why, and the command."""
        command = self.run.command
        words = (self.change_set.kind.value, self.run.name, *self.change_set.typed)
        if not summary.run_id:
            if self.to_change:
                yield "Do it", command(*words, "--apply")
            else:
                yield "Look again", command(*words)
            return
        if settle := self.settle_first():
            yield "Settle a row with an unknown outcome, or import again; then continue", settle
        if not OPEN_VERDICTS.isdisjoint(summary.findings):
            yield "Continue with what is not done, or not known to be", command(*words, "--apply")
        yield "Read everything back and compare", command("verify", self.run.name)


def _line(key: str, triage_id: str, issue_id: str, verdict: ChangeVerdict, turns: Sequence[Turn]) -> ChangeLine:
    """Return a line of results.csv; a repair says what the fields were and what it makes of them, by line."""
    corrected = [turn for turn in turns if turn.field in verdict.fields]
    before = "\n".join(turn.before for turn in corrected)
    after = "\n".join(turn.after for turn in corrected)
    fields = ", ".join(verdict.fields)
    return ChangeLine(key, triage_id, issue_id, verdict.code, fields, verdict.message, before, after)
