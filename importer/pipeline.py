"""The pipeline: the check pass, the question, the send pass and the reports of one import. It never prints."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from importer.amend import Amender
from importer.calls import Interrupted, PacedCalls
from importer.check import Checked, Progress, check, report_folder, run_check, summarise, write_suggestion
from importer.client import TriageClient
from importer.compare import is_touched
from importer.contact import Contact, Findings, way_back
from importer.cover import Cover
from importer.errors import (
    ExitCode,
    RunStopped,
    SourceChanged,
    SourceNotReady,
    StorageFull,
    TargetMismatch,
    UsageError,
)
from importer.examine import Ask, Job, examine, judge
from importer.ledger import Decision, Ledger, Run, Seen, State
from importer.loader import Loader
from importer.look import Looked, OpeningLook
from importer.loop import run_loop, signals_call
from importer.nightly import NOTHING, FailOn, check_quiet, check_rows, compare_with_last, describe_input
from importer.pacing import Breaker, Limiter
from importer.records import Operation, Outcome
from importer.report import Summary, write_rows
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
    min_rows        of a source with fewer rows nothing is sent
    fail_on         which rejected rows make the exit code 1
    expect_org      the only organisation that anything is sent to; "" is any
    """

    rate: float
    concurrency: int = 8
    max_errors: int = 100
    settle_seconds: float = 30.0
    changes: ChangePolicy = AS_THEY_ARE
    min_rows: int = 0
    fail_on: FailOn = FailOn.ANY
    expect_org: str = ""


@dataclass(frozen=True)
class Forecast:
    """What a run is about to do. `seconds` is None where nothing limits the rate.

    `first` is how many of the creates are a first contact.
    """

    target: str
    organisation: str
    creates: int
    updates: int
    rejected: int
    seconds: float | None
    first: int = 0


Confirm = Callable[[Checked, Forecast], str]
"""Shows a check and asks; gives why nothing is to be sent, or an empty text."""
Meet = Callable[[Findings, int, str], str]
"""Shows what a first contact found, and asks whether so many others of the named run are sent; answers as Confirm."""


def run_import(
    job: Job,
    target: Target,
    ledger: Ledger,
    settings: Settings,
    out: Path | None,
    progress: Progress,
    confirm: Confirm,
    meet: Meet | None = None,
) -> Summary:
    """Import a source: find the organisation, check pass, question, send pass, reports.

    Where `confirm` says no, the summary is that of the check, with the exit code UNUSABLE. With `meet`, a target that
    the ledger doesn't know yet gets a few issues first, which are read back.

    Raises:
        ImporterError: before anything was sent. What stops the send pass is in the summary's exit code.
    """
    check_quiet(job, time.time())
    organisation = run_loop(find_organisation(target, progress.say))
    _check_expected(settings.expect_org, organisation, target.name)
    ledger.check_org(target.name, organisation)
    if meet is not None and ledger.find_contact(target.name, organisation) is not None:
        meet = None
    cover = None if meet is None else Cover()
    calls = PacedCalls(Limiter(settings.rate), Breaker())
    known = Standings(ledger, target.name, job.source_name, settings.changes)
    checked = check(job, known, None, progress, cover)
    check_rows(checked.tally.rows, settings.min_rows)
    if checked.planned > checked.updates:
        looked = run_loop(_look(job, target, ledger, calls, progress))
        job = replace(job, warnings=(*job.warnings, *map(str, looked.doubles)))
        if looked.taken:
            progress.say(
                f"{looked.taken:,} issues of this source are in Triage that the ledger did not know: taken in."
            )
            known = Standings(ledger, target.name, job.source_name, settings.changes)
            checked = check(job, known, None, progress, cover)
    creates, updates = checked.planned - checked.updates, checked.updates
    seconds = (creates + REQUESTS_AN_UPDATE * updates) / settings.rate if settings.rate else None
    forecast = Forecast(target.name, organisation, creates, updates, checked.rejected, seconds, len(checked.cover))
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
        **describe_input(job),
    }
    run = ledger.begin_run(
        target.name, job.source_name, checked.digest, _meaning(job, settings.changes), out=out, options=options
    )
    report_folder(job, run.out).prepare()  # one that can't be written is said before anything is sent
    _decide_seen(run, ledger.seen(target.name, job.source_name))
    known = Standings(ledger, target.name, job.source_name, settings.changes, run)
    sending = Sending(job, target, ledger, run, settings, calls, checked, known, progress)
    if meet is None or not checked.cover:
        return sending.send()
    return sending.send(Contact(ledger, run, target, checked.cover), meet)


def _check_expected(expected: str, organisation: str, target: str) -> None:
    """Raise TargetMismatch if an organisation is expected, and another one was found, or none."""
    if expected and organisation != expected:
        found = f"this key belongs to {organisation}" if organisation else "nothing says whose this key is"
        raise TargetMismatch(
            f"{target} is not known to be organisation {expected}: {found}. Nothing was sent.",
            hint="Use that organisation's key, or name the right one: --expect-org ID",
        )


async def _look(job: Job, target: Target, ledger: Ledger, calls: PacedCalls, progress: Progress) -> Looked:
    progress.say("Looking for issues of this source that are in Triage already …")
    seen = ledger.seen(target.name, job.source_name, writable=True)
    async with TriageClient(target.url, target.api_key) as client:
        return await OpeningLook(client, calls, seen, job.source_name).look()


def _decide_seen(run: Run, seen: Seen) -> None:
    """Creates of a crashed attempt whose issue the opening look has seen need no settling."""
    undecided = {each.marker: each.key for each in run.find_undecided()}
    run.decide(
        Decision(
            undecided[marker],
            State.DONE,
            attempts=0,
            issue_id=issue.issue_id,
            triage_id=issue.triage_id,
            returned=issue.returned,
        )
        for marker, issue in seen.find(undecided).items()
        if not is_touched(issue.returned)  # what a person changed since must not count as ours: the settler reads it
    )


def _meaning(job: Job, changes: ChangePolicy) -> str:
    """What makes two commands one run, the source aside: the mapping, which rows are meant, and what may change."""
    if job.limit is None and job.only is None and changes == AS_THEY_ARE:
        return job.mapping.digest
    selection = (
        f"{job.limit} {sorted(job.only or ())} {changes.on_change} {sorted(changes.fields)} {changes.accept_mapping}"
    )
    return sha256(f"{job.mapping.digest} {selection}".encode()).hexdigest()


class Sending:
    """The send pass of one attempt, and its reports."""

    def __init__(
        self,
        job: Job,
        target: Target,
        ledger: Ledger,
        run: Run,
        settings: Settings,
        calls: PacedCalls,
        checked: Checked,
        known: Ask,
        progress: Progress,
    ) -> None:
        self.job, self.target, self.run, self.settings, self.calls = job, target, run, settings, calls
        self.ledger, self.checked, self.known, self.progress = ledger, checked, known, progress
        self.refs = value_refs(job.mapping.model)
        self.stopped: RunStopped | None = None
        self.interrupted = False
        self.became = Counter[Outcome]()
        self.refused: set[str] = set()  # in the first contact: once an attempt is enough
        self.since = NOTHING

    def send(self, contact: Contact | None = None, meet: Meet | None = None) -> Summary:
        """Send what is left, after a first contact if there is to be one; then report, whatever has stopped it."""
        started = time.monotonic()
        operations = self._operations(self.job)
        try:
            if contact is not None and meet is not None:
                self._make_contact(contact, meet)
            self.progress.start("sending", self.checked.planned, "issue")
            run_loop(self._load(operations))
        except (RunStopped, SourceNotReady) as error:
            self.stopped = _as_stop(error)
        except (KeyboardInterrupt, asyncio.CancelledError, Interrupted):
            self.interrupted = True
        self._register_the_rest(operations)
        self.progress.finish()
        return self._report(time.monotonic() - started)

    def _make_contact(self, contact: Contact, meet: Meet) -> None:
        self.progress.start("first contact", contact.issues, "issue")
        findings = contact.make(self._send_first, lambda: self.calls)
        self.progress.finish()
        refusal = meet(findings, self.checked.planned - self.became.total(), self.run.name)
        if refusal:
            raise RunStopped(refusal, hint=way_back(self.run.name))

    def _send_first(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Send the creates of these keys, as far as they are not in; gives the bodies of all of them."""
        bodies = dict[str, bytes]()
        operations = list(self._operations(replace(self.job, only=frozenset(keys)), bodies))
        run_loop(self._load(iter(operations)))
        if self.interrupted:
            raise Interrupted
        failed = (row.key for row in self.run.results() if row.outcome is Outcome.FAILED)
        self.refused |= bodies.keys() & set(failed)
        # What waited for its turn is bound to that event loop: the next one needs calls of its own, which count on.
        before, self.calls = self.calls, PacedCalls(Limiter(self.settings.rate), Breaker())
        self.calls.requests, self.calls.retries = before.requests, before.retries
        self.calls.rate_limited = before.rate_limited
        return bodies

    def _operations(self, job: Job, bodies: dict[str, bytes] | None = None) -> Iterator[Operation]:
        """Read the source again with the same code; each chunk is in the ledger before its first create leaves.

        With `bodies`, which are filled in, the job is a part of the run's: rows that it leaves out aren't written down.
        """
        for examined in examine(job):
            rows, operations, _ = judge(examined, self.checked.verdicts, self.known)
            for place in operations:  # their raw cells are kept until they are in: Triage may refuse them
                rows[place] = rows[place]._replace(raw=examined.records.chunk.raw[place])
            for place, cells in encode_cells(examined.records, self.refs, examined.bodies).items():
                rows[place] = rows[place]._replace(cells=cells)
            if bodies is not None:
                bodies |= {examined.records.keys[place]: body for place, body in examined.bodies.items()}
                rows = [rows[place] for place in operations]
            self.run.register(rows)
            yield from (operation for operation in operations.values() if operation.key not in self.refused)

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
                failures=self.became[Outcome.FAILED],
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

        Where they can't be written, or the ledger can't be used any more, the summary still says what was done.
        """
        counts: Mapping[Outcome, int] = self._count_alone()
        codes, suggestion, unknown_until = Counter[str](), None, ""
        folder = report_folder(self.job, self.run.out)
        try:
            counts = self._count_all()
            unknown_until = self._unknown_until() if counts[Outcome.UNKNOWN] else ""
            folder.prepare()
            codes = write_rows(self.run, folder, [file.header for file in self.job.source.files])
            suggestion = write_suggestion(self.job, self.checked, folder)
            self.since = compare_with_last(self.ledger, self.run, folder, self.checked.tally.rows)
        except (StorageFull, UsageError) as error:
            self.stopped = self.stopped or StorageFull(error.message, hint=error.hint)
        figures = {
            "run_id": self.run.name,
            "target": self.target.name,
            "findings": dict(codes.most_common()),
            "requests": self.calls.requests,
            "retries": self.calls.retries,
            "rate_limited": self.calls.rate_limited,
            "elapsed_seconds": round(elapsed_seconds, 3),
            "issues_per_second": round(self.became[Outcome.CREATED] / max(elapsed_seconds, 0.001), 1),
            "out": str(self.run.out),
            "suggestion": str(suggestion or ""),
            "unknown_until": unknown_until,
            "known": self.since.known,
            "vanished": self.since.vanished,
            "vanished_since": self.since.run,
        }
        code, summary = self._summarise(counts, codes, figures)
        try:
            self.run.finish(code, asdict(summary))
        except StorageFull as error:
            self.stopped = self.stopped or error
            _, summary = self._summarise(counts, codes, figures)
        with suppress(StorageFull), folder.open("summary.json") as file:  # said in the summary already
            summary.write(file)
        return summary

    def _summarise(
        self, counts: Mapping[Outcome, int], codes: Mapping[str, int], figures: Mapping[str, Any]
    ) -> tuple[ExitCode, Summary]:
        because = f"{self.stopped.message}\n{self.stopped.hint}".strip() if self.stopped else ""
        code = self._exit_code(counts, codes)
        return code, summarise(self.job, self.checked, counts, code, stopped_because=because, **figures)

    def _count_all(self) -> Mapping[Outcome, int]:
        """What the ledger knows; rows that are not even registered are still planned."""
        counts = self.run.count()
        counts[Outcome.PLANNED] += max(0, self.checked.tally.rows - sum(counts.values()))
        return counts

    def _count_alone(self) -> Counter[Outcome]:
        """What this attempt knows by itself: what the check found, and what became of planned rows since."""
        counts = Counter(self.checked.tally.outcomes)
        counts[Outcome.PLANNED] -= self.became.total()
        return counts + self.became

    def _unknown_until(self) -> str:
        """When the last of the undecided creates can be decided."""
        last = max((each.since for each in self.run.find_undecided()), default=time.time())
        deadline = datetime.fromtimestamp(last + self.settings.settle_seconds).astimezone()
        return deadline.isoformat(timespec="seconds")

    def _exit_code(self, counts: Mapping[Outcome, int], codes: Mapping[str, int]) -> ExitCode:
        if self.interrupted and (counts[Outcome.PLANNED] or counts[Outcome.UNKNOWN]):
            return ExitCode.INTERRUPTED
        if self.stopped is not None:
            return ExitCode.STOPPED
        if counts[Outcome.UNKNOWN]:
            return ExitCode.UNKNOWN
        rejected = counts[Outcome.REJECTED] - (self.since.known if self.settings.fail_on is FailOn.NEW else 0)
        partly = rejected or counts[Outcome.FAILED] or codes.get("resource-missing")
        return ExitCode.PARTLY if partly else ExitCode.DONE


def _as_stop(error: SourceNotReady | RunStopped) -> RunStopped:
    if isinstance(error, RunStopped):
        return error
    return SourceChanged(error.message, hint="Run the same command again: it checks the new source first.")
