"""The pipeline: the check pass, the question, the send pass and the reports of one import. It never prints."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from importer.amend import Amender
from importer.calls import PacedCalls
from importer.check import Checked, Progress, check, report_folder, run_check, summarise, write_suggestion
from importer.client import TriageClient
from importer.errors import (
    ExitCode,
    RunStopped,
    SourceChanged,
    SourceNotReady,
    StorageFull,
    UsageError,
)
from importer.examine import Ask, Job, examine, judge
from importer.ledger import Ledger, Run
from importer.loader import Loader
from importer.loop import run_loop, signals_call
from importer.pacing import Breaker, Limiter
from importer.records import Operation, Outcome
from importer.report import ErrorFiles, ReportFolder, ResultsFile, Summary
from importer.settle import Settler
from importer.standing import ChangePolicy, OnChange, Standings
from importer.target import Target, find_organisation
from importer.transform import encode_cells, value_refs

REQUESTS_AN_UPDATE = 2  # it is read first
AS_THEY_ARE = ChangePolicy()


@dataclass(frozen=True)
class Settings:
    """How to send.

    rate            requests a second; 0 is no limit of ours
    max_errors      failed rows after which the run stops; 0 is no limit
    settle_seconds  how long an issue whose fate is unknown may still appear
    """

    rate: float
    concurrency: int = 8
    max_errors: int = 100
    settle_seconds: float = 30.0
    changes: ChangePolicy = AS_THEY_ARE


@dataclass(frozen=True)
class Forecast:
    """What a run is about to do. `seconds` is None where nothing limits the rate."""

    target: str
    organisation: str
    creates: int
    updates: int
    rejected: int
    seconds: float | None


Confirm = Callable[[Checked, Forecast], str]
"""Shows a check and asks; gives why nothing is to be sent, or an empty text."""


def run_import(
    job: Job,
    target: Target,
    ledger: Ledger,
    settings: Settings,
    out: Path | None,
    progress: Progress,
    confirm: Confirm,
) -> Summary:
    """Import a source: find the organisation, check pass, question, send pass, reports.

    Where `confirm` says no, the summary is that of the check, with the exit code UNUSABLE.

    Raises:
        ImporterError: before anything was sent. What stops the send pass is in the summary's exit code.
    """
    organisation = run_loop(find_organisation(target, progress.say))
    ledger.check_org(target.name, organisation)
    known = Standings(ledger, target.name, job.source_name, settings.changes)
    checked = check(job, known, None, progress)
    creates, updates = checked.planned - checked.updates, checked.updates
    seconds = (creates + REQUESTS_AN_UPDATE * updates) / settings.rate if settings.rate else None
    forecast = Forecast(target.name, organisation, creates, updates, checked.rejected, seconds)
    refusal = confirm(checked, forecast)
    if refusal:
        _, summary = run_check(job, known, out, progress, target=target.name, refusal=refusal)
        return summary
    if job.source.digest() != checked.digest:
        raise SourceChanged(
            "The source changed after it was checked; nothing was sent.",
            hint="Run the same command again: it checks the new source first.",
        )
    options = {
        "refs": list(map(tuple, value_refs(job.mapping.model))),
        "headers": [file.header for file in job.source.files],
    }
    run = ledger.begin_run(
        target.name, job.source_name, checked.digest, _meaning(job, settings.changes), out=out, options=options
    )
    report_folder(job, run.out).prepare()  # one that can't be written is said before anything is sent
    known = Standings(ledger, target.name, job.source_name, settings.changes, run)
    return Sending(job, target, run, settings, checked, known, progress).send()


def _meaning(job: Job, changes: ChangePolicy) -> str:
    """What makes two commands one run, the source aside: the mapping, which rows are meant, and what may change."""
    if job.limit is None and job.only is None and changes == AS_THEY_ARE:
        return job.mapping.digest
    selection = f"{job.limit} {sorted(job.only or ())} {changes.on_change} {sorted(changes.fields)}"
    return sha256(f"{job.mapping.digest} {selection}".encode()).hexdigest()


class Sending:
    """The send pass of one attempt, and its reports."""

    def __init__(
        self, job: Job, target: Target, run: Run, settings: Settings, checked: Checked, known: Ask, progress: Progress
    ) -> None:
        self.job, self.target, self.run, self.settings = job, target, run, settings
        self.checked, self.known, self.progress = checked, known, progress
        self.limiter = Limiter(settings.rate)
        self.calls = PacedCalls(self.limiter, Breaker())
        self.refs = value_refs(job.mapping.model)
        self.stopped: RunStopped | None = None
        self.interrupted = False
        self.became = Counter[Outcome]()

    def send(self) -> Summary:
        """Send what is left, then write the reports, whatever has stopped it."""
        started = time.monotonic()
        self.progress.start("sending", self.checked.planned, "issue")
        operations = self._operations()
        try:
            run_loop(self._load(operations))
        except (RunStopped, SourceNotReady) as error:
            self.stopped = _as_stop(error)
        except (KeyboardInterrupt, asyncio.CancelledError):
            self.interrupted = True
        self._register_the_rest(operations)
        self.progress.finish()
        return self._report(time.monotonic() - started)

    def _operations(self) -> Iterator[Operation]:
        """Read the source again with the same code; each chunk is in the ledger before its first create leaves."""
        for examined in examine(self.job):
            rows, operations = judge(examined, self.checked.verdicts, self.known)
            for place in operations:  # their raw cells are kept until they are in: Triage may refuse them
                rows[place] = rows[place]._replace(raw=examined.records.chunk.raw[place])
            for place, cells in encode_cells(examined.records, self.refs, examined.bodies).items():
                rows[place] = rows[place]._replace(cells=cells)
            self.run.register(rows)
            yield from operations.values()

    async def _load(self, operations: Iterator[Operation]) -> None:
        stop = asyncio.Event()
        task = asyncio.current_task()
        assert task is not None

        def interrupt() -> None:
            if self.interrupted:
                task.cancel()  # a second signal doesn't wait for what is on its way
                return
            self.interrupted = True
            self.progress.say("Interrupted: waiting for what is on its way (once more to leave at once) …")
            stop.set()

        settings = self.settings
        async with TriageClient(self.target.url, self.target.api_key) as client:
            settler = Settler(client, self.run, self.calls, settle_seconds=settings.settle_seconds)
            loader = Loader(
                client,
                self.run,
                self.calls,
                settler,
                Amender(client, self.run, self.calls, force=settings.changes.on_change is OnChange.OVERWRITE),
                concurrency=settings.concurrency,
                max_errors=settings.max_errors or None,
                progress=self._advance,
            )
            with signals_call(interrupt):
                await loader.load(operations, stop)

    def _advance(self, outcome: Outcome) -> None:
        self.became[outcome] += 1
        self.progress.reach(self.became.total())
        failed, unknown = self.became[Outcome.FAILED], self.became[Outcome.UNKNOWN]
        self.progress.figures(f"{failed:,} failed, {unknown:,} unknown, {self.calls.rate_limited:,} × 429")

    def _register_the_rest(self, operations: Iterator[Operation]) -> None:
        """After a stop the ledger still gets to know every row, so that the reports account for all of them."""
        try:
            for _ in operations:
                pass
        except (SourceNotReady, RunStopped) as error:
            self.stopped = self.stopped or _as_stop(error)

    def _report(self, elapsed_seconds: float) -> Summary:
        """The reports of the run, from the ledger: what an earlier attempt has done is in them.

        Where they can't be written, the summary still says what was done.
        """
        counts = self.run.count()
        counts[Outcome.PLANNED] += max(0, self.checked.tally.rows - sum(counts.values()))  # not even registered
        folder = report_folder(self.job, self.run.out)
        codes, suggestion = Counter[str](), None
        try:
            folder.prepare()
            codes = self._write_rows(folder)
            suggestion = write_suggestion(self.job, self.checked, folder)
        except (StorageFull, UsageError) as error:
            self.stopped = self.stopped or StorageFull(error.message, hint=error.hint)
        code = self._exit_code(counts, codes)
        summary = summarise(
            self.job,
            self.checked,
            counts,
            code,
            run_id=self.run.name,
            target=self.target.name,
            findings=dict(codes.most_common()),
            requests=self.calls.requests,
            retries=self.calls.retries,
            rate_limited=self.calls.rate_limited,
            elapsed_seconds=round(elapsed_seconds, 3),
            issues_per_second=round(self.became[Outcome.CREATED] / elapsed_seconds, 1) if elapsed_seconds else 0.0,
            stopped_because=f"{self.stopped.message}\n{self.stopped.hint}".strip() if self.stopped else "",
            out=str(self.run.out),
            suggestion=str(suggestion or ""),
        )
        with suppress(StorageFull), folder.open("summary.json") as file:  # said in the summary already
            summary.write(file)
        self.run.finish(code, asdict(summary))
        return summary

    def _write_rows(self, folder: ReportFolder) -> Counter[str]:
        """Write results.csv and the errors files; count the codes."""
        codes = Counter[str]()
        headers = [file.header for file in self.job.source.files]
        with folder.open("results.csv") as file, ErrorFiles(folder, headers) as errors:
            results = ResultsFile(file)
            for row in self.run.results():
                results.write([row])
                errors.write([row])
                codes.update(row.codes)
        return codes

    def _exit_code(self, counts: Mapping[Outcome, int], codes: Mapping[str, int]) -> ExitCode:
        if self.interrupted and (counts[Outcome.PLANNED] or counts[Outcome.UNKNOWN]):
            return ExitCode.INTERRUPTED
        if self.stopped is not None:
            return ExitCode.STOPPED
        if counts[Outcome.UNKNOWN]:
            return ExitCode.UNKNOWN
        partly = counts[Outcome.REJECTED] or counts[Outcome.FAILED] or codes.get("resource-missing")
        return ExitCode.PARTLY if partly else ExitCode.DONE


def _as_stop(error: SourceNotReady | RunStopped) -> RunStopped:
    if isinstance(error, RunStopped):
        return error
    return SourceChanged(error.message, hint="Run the same command again: it checks the new source first.")
