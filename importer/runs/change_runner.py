"""The change runner: previews a change set, and applies it as a run of its own.

A preview assesses every issue, cheaply: most are assessed by the list of issues, and only the others are read one by
one. Applying the change set reads each issue again, immediately before it is changed.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from importer import __version__
from importer.api import VALUE_FIELDS
from importer.codes import PERHAPS_GONE
from importer.errors import INTERRUPTED, ExitCode, RunStopped, StorageFull, UsageError
from importer.ledger.journal import FINISHED, Run
from importer.ledger.store import Ledger, RunIdentity
from importer.load.connection import RunConnection
from importer.load.workers import FailureCap
from importer.phrases import counted
from importer.records import Operation, Outcome, Row
from importer.report.folder import SUMMARY, ReportFolder
from importer.report.from_ledger import kept_details
from importer.report.issue_urls import IssueUrl
from importer.report.page import REPORT
from importer.report.summary import Summary, decide_exit_code
from importer.report.tables import CONFLICTS, ChangeLine, Conflicts, write_changes, write_conflicts
from importer.report.work_page import (
    CHANGED_MEANINGS,
    OPEN_VERDICTS,
    PREVIEW_MEANINGS,
    Judged,
    Work,
    WorkRows,
    write_work_page,
)
from importer.runs.change_set import TOUCHED, ChangeSet, ChangeVerdict, Left, values_written
from importer.triage.actions import CallFailed
from importer.triage.answers import Issue
from importer.triage.breaker import Breaker
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop, signals_call
from importer.triage.limiter import Limiter
from importer.triage.listing import CLOCK_SKEW, created_seconds, list_newest_first
from importer.triage.paced import Interrupted, PacedCalls
from importer.triage.snapshot import Snapshot
from importer.triage.target import Target

if TYPE_CHECKING:
    from importer.progress import Progress

MAX_FAILED = 100
"""The number of refused changes after which a run stops, since the others would be refused as well."""
FILES = ("results.csv", CONFLICTS, REPORT, SUMMARY)


@dataclass(frozen=True)
class Pace:
    """How fast to send: `rate` is requests a second, 0 for no limit; `concurrency` is requests at a time."""

    rate: float
    concurrency: int = 8


class ChangeRunner:
    """Assesses and applies one change set, and writes its reports. `verdicts` are by issue id, once assessed."""

    def __init__(
        self, run: Run, change_set: ChangeSet, target: Target, pace: Pace, out: Path, progress: Progress
    ) -> None:
        self.run, self.change_set, self.out = run, change_set, out
        self._target, self._pace, self._progress = target, pace, progress
        self._calls = PacedCalls(Limiter(pace.rate), Breaker(), progress.say)
        self._started = time.monotonic()
        self._became = Counter[Outcome]()
        self._folder = ReportFolder(out)
        self.verdicts: dict[str, ChangeVerdict] = {}

    def assess(self) -> None:
        """Assess every issue of the change set, into `verdicts`.

        Raises:
            RunStopped: the target can't be read.
            KeyboardInterrupt: the user interrupted it.
        """
        self._progress.start("looking", len(self.change_set.operations), "issue")
        try:
            self._perform(self._assess)
        except CallFailed as error:
            raise error.as_stop() from error
        self._progress.finish()

    def count(self) -> Counter[str]:
        """Count the issues by the code of their verdict, or of why they can't be changed."""
        return Counter([*(verdict.code for verdict in self.verdicts.values()), *(left.code for left in self._others())])

    @property
    def to_change(self) -> int:
        """The number of issues that would be changed."""
        return sum(self.change_set.outcomes[verdict.code] is Outcome.PLANNED for verdict in self.verdicts.values())

    def preview(self, refusal: str = "") -> Summary:
        """Write the reports of what applying would do. `refusal` says why it isn't applied, if it was to be."""
        counts = Counter(self.change_set.outcomes[verdict.code] for verdict in self.verdicts.values())
        counts[Outcome.REJECTED] = len(self.change_set.left)
        code = ExitCode.UNUSABLE if refusal else ExitCode.PARTLY if self.change_set.left else ExitCode.DONE
        if self.change_set.unsettled and not refusal:
            code = ExitCode.UNKNOWN
        return self._report(self._preview_lines(), self._conflicts(), counts, code, because=refusal)

    def apply(self, ledger: Ledger) -> Summary:
        """Change what may be changed, in a run of its own that the same command continues.

        If the run is stopped, the summary's exit code says so. Raises UsageError if the report folder can't be used.
        """
        change_set = self.change_set
        self._folder.prepare(FILES)
        run = self.run
        own = ledger.begin_run(
            RunIdentity(run.target, run.source_name, run.name, change_set.digest, change_set.kind),
            out=self.out,
            options={"of": run.name, "digest": change_set.digest},
        )
        own.register(self._rows())
        self._progress.start(change_set.kind.value, len(change_set.operations), "issue")
        stopped, interrupted = None, False
        try:
            self._perform(lambda client: self._apply(client, own))
        except RunStopped as error:
            stopped = error
        except KeyboardInterrupt:
            interrupted = True
        self._progress.finish()
        counts = Counter(own.count())
        codes = {PERHAPS_GONE: sum(PERHAPS_GONE in row.codes for row in own.results())}
        code = decide_exit_code(counts, codes, stopped=stopped is not None, interrupted=interrupted)
        because = INTERRUPTED if code == ExitCode.INTERRUPTED else ""
        if stopped is not None:
            because = f"{stopped.message}\n{stopped.hint}".strip()
        # What is not settled is none of its rows: once it is, an undo or a repair of its own changes it.
        is_over = code in FINISHED
        if is_over and change_set.unsettled:
            code = ExitCode.UNKNOWN
        summary = self._report(self._applied_lines(own), own.conflicts(), counts, code, own.name, because)
        is_written = summary.exit_code == code
        own.finish(code if is_written else ExitCode.STOPPED, asdict(summary), is_over=is_over and is_written)
        return summary

    def _perform(self, work: Callable[[TriageClient], Awaitable[None]]) -> None:
        """Do work on an event loop of its own. Raises KeyboardInterrupt if the user interrupted it."""
        try:
            run_loop(self._with_client(work))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        if self._calls.interrupted:
            raise KeyboardInterrupt

    async def _with_client(self, work: Callable[[TriageClient], Awaitable[None]]) -> None:
        task = asyncio.current_task()
        assert task is not None

        def interrupt() -> None:
            if self._calls.interrupted:
                task.cancel()  # a second signal doesn't wait for what is on its way
                return
            self._progress.say("Interrupted: waiting for requests in flight (press Ctrl-C again to stop at once) …")
            self._calls.interrupt()

        async with TriageClient(self._target.url, self._target.api_key) as client:
            with signals_call(interrupt):
                await work(client)

    async def _assess(self, client: TriageClient) -> None:
        change_set, connection = (
            self.change_set,
            RunConnection(client, self.run, self._calls, concurrency=self._pace.concurrency),
        )
        with suppress(Interrupted):
            async for issue in self._read_list(client):
                operation = change_set.operations.get(issue.id)
                verdict = None if operation is None else change_set.assess(operation, issue)
                if verdict is not None:
                    self._record_verdict(issue.id, verdict)

        async def read(operation: Operation) -> None:
            verdict = await connection.workers.when_sure(partial(change_set.read, connection, operation))
            self._record_verdict(operation.issue_id, verdict)

        unseen = (operation for issue_id, operation in change_set.operations.items() if issue_id not in self.verdicts)
        await connection.workers.work_through(unseen, read)

    def _record_verdict(self, issue_id: str, verdict: ChangeVerdict) -> None:
        self.verdicts[issue_id] = verdict
        self._progress.reach(len(self.verdicts))

    async def _read_list(self, client: TriageClient) -> AsyncIterator[Issue]:
        """Yield the target's issues back to what the run may have changed, while that costs less than reading each."""
        # What a run has updated may be older than the run.
        back_to, pages = 0.0 if self.run.count()[Outcome.UPDATED] else self.run.first_mark() - CLOCK_SKEW, 0
        async for page in list_newest_first(client, self._calls):
            pages += 1
            for issue in page:
                yield issue
            oldest = min((created_seconds(issue, inf) for issue in page), default=inf)
            if oldest < back_to or pages >= len(self.change_set.operations) - len(self.verdicts):
                return

    async def _apply(self, client: TriageClient, own: Run) -> None:
        cap = FailureCap(MAX_FAILED, "issues", "See results.csv; the same command continues.")
        connection = RunConnection(client, own, self._calls, concurrency=self._pace.concurrency, cap=cap)
        apply = self.change_set.applier(connection)

        async def change(operation: Operation) -> None:
            amended = await apply(operation)
            self._became[amended.outcome] += 1
            self._progress.reach(self._became.total())
            if amended.outcome is Outcome.FAILED:
                cap.fail(amended.message)

        async with own.sending(self._pace.concurrency):
            await connection.workers.work_through(self.change_set.operations.values(), change)

    def _rows(self) -> Iterable[Row]:
        """Yield the issues as rows of the run that changes them, with their places in the input."""
        change_set, operations = self.change_set, self._by_key()
        left = {each.key: each for each in change_set.left}
        places: dict[str, Row] = {}
        for row in self.run.results():
            meant = row.key in operations or row.key in left
            if meant and (row.outcome is not Outcome.SKIPPED or row.key not in places):  # not a repeated row
                places[row.key] = row
        for key, row in places.items():
            if key in left:
                _, _, _, code, field, message = left[key]
                yield _row(row, Outcome.REJECTED, code, field, message)
            else:
                verdict = self.verdicts[operations[key].issue_id]
                yield _row(row, Outcome.PLANNED, verdict.code, ", ".join(verdict.fields), verdict.message)

    def _by_key(self) -> dict[str, Operation]:
        return {operation.key: operation for operation in self.change_set.operations.values()}

    def _preview_lines(self) -> Iterator[ChangeLine]:
        for issue_id, operation in self.change_set.operations.items():
            verdict, fields, _, message = self.verdicts[issue_id]
            values = self._values(operation, fields)
            yield ChangeLine(operation.key, operation.triage_id, issue_id, verdict, ", ".join(fields), message, *values)
        yield from map(_as_line, self._others())

    def _others(self) -> list[Left]:
        return [*self.change_set.left, *self.change_set.unsettled]

    def _conflicts(self) -> Conflicts:
        for issue_id, operation in self.change_set.operations.items():
            conflicts = self.verdicts[issue_id].conflicts
            if conflicts:
                yield operation.key, operation.triage_id, conflicts

    def _applied_lines(self, own: Run) -> Iterator[ChangeLine]:
        operations = self._by_key()
        for row in own.results():
            verdict, fields, message = row.codes[-1], row.fields[0], row.messages[-1]
            values = self._values(operations.get(row.key), fields.split(", "))
            if verdict == TOUCHED:
                fields, message = message or fields, ""  # what the last reading found
            if row.outcome is Outcome.PLANNED:
                verdict = Outcome.PLANNED.value
            elif row.outcome in (Outcome.UPDATED, Outcome.UNCHANGED):
                verdict = self.change_set.name(row.codes[0], row.outcome)
            yield ChangeLine(row.key, row.triage_id, row.issue_id, verdict, fields, message, *values)
        yield from map(_as_line, self.change_set.unsettled)

    def _values(self, operation: Operation | None, fields: Iterable[str]) -> tuple[str, str]:
        """Return what these value fields were and what a repair makes of them, by line; an undo says neither."""
        if operation is None or self.change_set.kind != "repair":
            return "", ""
        before, after = values_written(Snapshot.parse(operation.returned)), orjson.loads(operation.body)
        names = [name for name in fields if name in VALUE_FIELDS]
        return "\n".join(str(before.get(name) or "") for name in names), "\n".join(
            after.get(name, "") for name in names
        )

    def _report(
        self,
        lines: Iterable[ChangeLine],
        conflicts: Conflicts,
        counts: Mapping[Outcome, int],
        code: ExitCode,
        run_id: str = "",
        because: str = "",
    ) -> Summary:
        """Write the report files; if those of a run can't be written, the summary still says what was done."""
        lines = list(lines)
        counts = Counter(counts) + Counter({Outcome.UNKNOWN: len(self.change_set.unsettled)})
        summary = Summary(
            run_id=run_id,
            exit_code=int(code),
            rows=sum(counts.values()),
            **{outcome.value: counts.get(outcome, 0) for outcome in Outcome},  # type: ignore[arg-type] # all are numbers
            requests=self._calls.requests,
            retries=self._calls.retries,
            rate_limited=self._calls.rate_limited,
            elapsed_seconds=round(time.monotonic() - self._started, 3),
            target=self.run.target,
            source_name=self.run.source_name,
            findings=dict(Counter(line.verdict for line in lines).most_common()),
            stopped_because=because,
            out=str(self.out),
            version=__version__,
        )
        try:
            self._folder.prepare(FILES)
            write_changes(self._folder, lines)
            write_conflicts(self._folder, conflicts)
            self._write_summary(summary, lines)
        except (StorageFull, UsageError) as error:
            if not run_id:
                raise
            because = because or f"{error.message}\n{error.hint}".strip()
            summary = replace(summary, exit_code=int(ExitCode.STOPPED), stopped_because=because)
            with suppress(StorageFull):
                self._write_summary(summary, lines)
        return summary

    def _write_summary(self, summary: Summary, lines: Sequence[ChangeLine]) -> None:
        """Write the page and summary.json. Raises StorageFull."""
        kind, run, done = self.change_set.kind.value, self.run.name, self.change_set.done
        rows = WorkRows(self.run.find_titles, IssueUrl(kept_details(self.run).issue_url))
        reasons = (": ".join(filter(None, (each.fields, each.message))) for each in lines)
        judged = (Judged(e.key, e.triage_id, e.verdict, why, e.issue_id) for e, why in zip(lines, reasons, strict=True))
        rows.add(list(judged))
        issues, were = counted(summary.rows, "issue"), "was" if summary.updated == 1 else "were"
        verdict = f"{summary.updated:,} of {issues} {were} {done}."
        if not summary.run_id:
            verdict = f"A preview: {self.to_change:,} of {issues} would be {done}."
        work = Work(
            f"{kind.capitalize()} of {run}",
            verdict,
            "results.csv",
            {**CHANGED_MEANINGS, **({} if summary.run_id else PREVIEW_MEANINGS)},
            summary.target,
            summary.source_name,
            summary.requests,
            summary.elapsed_seconds,
            summary.version,
            summary.stopped_because,
            list(self._next_steps(summary)),
        )
        write_work_page(self._folder, work, rows)
        self._folder.write(SUMMARY, summary.as_text())

    def _next_steps(self, summary: Summary) -> Iterator[tuple[str, str]]:
        """Yield what comes next: why, and the command."""
        command, words = self.run.command, (self.change_set.kind.value, self.run.name, *self.change_set.typed)
        if not summary.run_id:
            why, more = ("Do it", ["--apply"]) if self.to_change else ("Look again", [])
            yield why, command(*words, *more)
            return
        if self.change_set.unsettled:
            yield (
                "Settle a row with an unknown outcome, or import again; then continue",
                self.run.settle_command(self.change_set.unsettled[0].key, "ISSUE"),
            )
        if not OPEN_VERDICTS.isdisjoint(summary.findings):
            yield "Continue with what is not done, or not known to be", command(*words, "--apply")
        yield "Read everything back and compare", command("verify", self.run.name)


def _as_line(left: Left) -> ChangeLine:
    return ChangeLine(left.key, left.triage_id, left.issue_id, left.code, left.field, left.message)


def _row(row: Row, outcome: Outcome, code: str, field: str, message: str) -> Row:
    return Row(
        row.file,
        row.file_name,
        row.record,
        row.line,
        row.key,
        outcome,
        codes=(code,),
        fields=(field,),
        messages=(message,),
        hints=("",),
    )
