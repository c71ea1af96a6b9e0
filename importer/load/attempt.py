"""The send pass of one attempt: what is left is sent, and reported whatever has stopped it. It never prints."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from math import inf
from typing import Any, Literal

from importer.check.check_pass import Checked
from importer.check.history import ChangePolicy, OnChange
from importer.check.job import Job
from importer.check.knowledge import Knows
from importer.check.plan import Plan, plan_rows
from importer.check.rows import Examined, examine
from importer.codes import INCOMPLETE, MISSING
from importer.errors import INTERRUPTED, ExitCode, RunStopped, SourceChanged, SourceNotReady, StorageFull, UsageError
from importer.ledger.journal import Run
from importer.ledger.store import Ledger
from importer.load.additions import DAY, AdditionSender
from importer.load.canary import Canary, Findings, way_back
from importer.load.creates import Loader
from importer.load.queue import AdditionQueue, Item, Ranked
from importer.load.reconcile import Reconciler
from importer.load.settling import Settler
from importer.load.updates import Amender
from importer.mapping.model import FINISHED
from importer.progress import Progress
from importer.records import ADDITIONS, Act, FailOn, Operation, Outcome, Row
from importer.report.folder import ReportFolder
from importer.report.from_ledger import write_rows
from importer.report.since import NOTHING, compare_with_last
from importer.report.summary import Summary, summarise, write_suggestion
from importer.report.tables import write_coverage
from importer.transform.bodies import encode_cells, value_refs
from importer.transform.references import References
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop, signals_call
from importer.triage.paced import Interrupted, PacedCalls
from importer.triage.target import Target

AS_THEY_ARE = ChangePolicy()


@dataclass(frozen=True)
class Settings:
    """How to send.

    rate            requests a second; 0 is no limit of ours
    max_errors      failed rows after which the run stops; 0 is no limit
    settle_seconds  how long an issue whose fate is unknown may still appear
    order           which issues come first: `source`, `open-first` or `oldest-first`
    max_seconds     after which nothing new is sent; None is no limit
    check_users     whether the user ids that the mapping and users.csv give must be those of members
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
    order: Order = "source"
    max_seconds: float | None = None
    check_users: bool = True


Order = Literal["source", "open-first", "oldest-first"]
Meet = Callable[[Findings, int, str], str]
"""Shows what a first contact found, and asks whether so many others of the named run are sent; answers as Confirm."""


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
        known: Knows,
        folder: ReportFolder,
        progress: Progress,
    ) -> None:
        self.job, self.target, self.run, self.settings, self.calls = job, target, run, settings, calls
        self.ledger, self.checked, self.known, self.progress = ledger, checked, known, progress
        self.refs = value_refs(job.mapping.model)
        self.folder = folder  # prepared once: what people had changed in it is spared only then
        self.stopped: RunStopped | None = None
        self.interrupted = False
        self.is_partly = False  # whether something of an issue was refused, be it of no row
        self.is_unsure = False  # whether an addition's fate could not be found out
        self.became = Counter[Outcome]()
        self.added = Counter[Outcome]()  # rows that were unchanged but for what was added to their issues
        self.done = Counter[Act]()
        self.agenda = AdditionQueue()
        self.deadline = None if settings.max_seconds is None else time.monotonic() + settings.max_seconds
        self.refused: set[str] = set()  # in the first contact: once an attempt is enough
        self.since = NOTHING

    def send(self, contact: Canary | None = None, meet: Meet | None = None) -> Summary:
        """Send what is left, after a first contact if there is to be one; then report, whatever has stopped it.

        All creates come first: what is added afterwards may name any of their issues.
        """
        started = time.monotonic()
        operations = self._operations(self.job)
        try:
            if contact is not None and meet is not None:
                self._make_contact(contact, meet)
            self.progress.start("sending", self.checked.planned, "issue")
            run_loop(self._load(operations))
            if not self.interrupted:
                run_loop(self._follow())
        except (RunStopped, SourceNotReady) as error:
            self.stopped = _as_stop(error)
        except (KeyboardInterrupt, asyncio.CancelledError, Interrupted):
            self.interrupted = True
        self._register_the_rest(operations)
        self.agenda.close()
        self.progress.finish()
        return self._report(time.monotonic() - started)

    def _make_contact(self, contact: Canary, meet: Meet) -> None:
        self.progress.start("first contact", contact.issues, "issue")
        findings = contact.make(self._send_first, self.calls)
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
        return bodies

    def _operations(self, job: Job, bodies: dict[str, bytes] | None = None) -> Iterator[Operation]:
        """Read the source again with the same code; each chunk is in the ledger before its first create leaves.

        With `bodies`, which are filled in, the job is a part of the run's: rows that it leaves out aren't written down.
        """
        ranked = Ranked[Operation]() if self.settings.order != "source" and bodies is None else None
        for examined in examine(job):
            other = self.checked.other if bodies is None else None
            for place, finding in other.between(*examined.span) if other is not None else ():
                examined.findings.add(place - examined.first, finding)
            plan = plan_rows(examined, self.checked.verdicts, self.known, self.known.had)
            rows = self._with_cells(examined, plan)
            if bodies is not None:
                bodies |= {examined.records.keys[place]: body for place, body in examined.bodies.items()}
                rows = [rows[place] for place in plan.operations]
            else:
                self.agenda.add((self._rank(examined, place), item) for place, item in _items(examined, plan))
            self.run.register(rows)
            left = {place: each for place, each in plan.operations.items() if each.key not in self.refused}
            if ranked is None:
                yield from left.values()
            else:
                ranked.add((self._rank(examined, place), operation) for place, operation in left.items())
        yield from ranked or ()

    def _with_cells(self, examined: Examined, plan: Plan) -> list[Row]:
        """The rows with what is kept of them until they are in, since Triage may refuse them, and for `repair`."""
        rows = list(plan.rows)
        for place in {*plan.operations, *plan.additions}:
            for member in examined.groups.get(place, [place]):
                rows[member] = rows[member]._replace(raw=examined.records.chunk.raw[member])
        if not examined.groups:  # one row alone doesn't say what the issue of several is
            for place, cells in encode_cells(examined.records, self.refs, examined.bodies).items():
                rows[place] = rows[place]._replace(cells=cells)
        return rows

    def _rank(self, examined: Examined, place: int) -> float:
        """Where an issue stands in the order that was asked for."""
        records = examined.records
        if self.settings.order == "open-first":
            return float(records.statuses[place] in FINISHED)
        if self.settings.order == "oldest-first" and records.created is not None:
            created = records.created[place]
            return inf if created is None else created.timestamp()
        return 0.0

    @asynccontextmanager
    async def _stoppable(self) -> AsyncIterator[asyncio.Event]:
        """Give what ends the sending: a signal, or the end of its time. A second signal doesn't wait for anything."""
        stop = asyncio.Event()
        task = asyncio.current_task()
        assert task is not None

        def interrupt() -> None:
            if self.interrupted:
                task.cancel()
                return
            self.interrupted = True
            self.progress.say("Interrupted: waiting for what is on its way (once more to leave at once) …")
            stop.set()

        def end() -> None:
            self.stopped = RunStopped("The time of --max-duration is over.")
            stop.set()

        timer = None
        if self.deadline is not None:
            timer = asyncio.get_running_loop().call_later(max(0.0, self.deadline - time.monotonic()), end)
        try:
            with signals_call(interrupt):
                yield stop
        finally:
            if timer is not None:
                timer.cancel()

    async def _load(self, operations: Iterator[Operation]) -> None:
        settings = self.settings
        async with TriageClient(self.target.url, self.target.api_key) as client, self._stoppable() as stop:
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
                report=self._advance,
            )
            await loader.load(operations, stop)

    async def _follow(self) -> None:
        """Add to the issues what belongs to them."""
        total = sum(self.checked.load.operations[act] for act in ADDITIONS)
        if self.stopped is not None or self.agenda.is_empty:
            return
        self.progress.finish()
        self.progress.start("adding comments, links and evidence", total, "operation")
        settings, model = self.settings, self.job.mapping.model

        async with TriageClient(self.target.url, self.target.api_key) as client, self._stoppable() as stop:
            follower = AdditionSender(
                client,
                self.run,
                self.calls,
                Reconciler(client, self.calls, settle_seconds=settings.settle_seconds),
                References(model.references, self.job.source_name),
                concurrency=settings.concurrency,
                wait_seconds=model.evidence_wait_days * DAY,
                max_errors=settings.max_errors or None,
                failures=self.became[Outcome.FAILED],
                progress=self.progress,
                report=lambda outcome: self.added.update([outcome]),
            )
            self.done = follower.done
            await follower.follow(iter(self.agenda), stop)
            self.is_unsure = follower.is_unsure
            self.is_partly = follower.has_failed

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
        folder = self.folder
        try:
            counts = self._count_all()
            unknown_until = self._unknown_until() if counts[Outcome.UNKNOWN] else ""
            codes = write_rows(self.run, folder, [file.header for file in self.job.source.files])
            suggestion = write_suggestion(self.job, self.checked, folder)
            if self.checked.losses is not None:
                write_coverage(folder, self.checked.losses)
            self.since = compare_with_last(self.ledger, self.run, folder, self.checked.tally.rows)
        except (StorageFull, UsageError) as error:
            self.stopped = self.stopped or StorageFull(error.message, hint=error.hint)
        figures = {
            "run_id": self.run.name,
            "target": self.target.name,
            "findings": dict(codes.most_common()),
            "additions": {str(act): number for act, number in self.done.items()},
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
        code = self._exit_code(counts, codes)
        because = INTERRUPTED if code == ExitCode.INTERRUPTED else ""
        if self.stopped is not None:
            because = f"{self.stopped.message}\n{self.stopped.hint}".strip()
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
        counts[Outcome.UNCHANGED] -= self.added.total()
        return counts + self.became + self.added

    def _unknown_until(self) -> str:
        """When the last of the undecided creates can be decided."""
        last = max((each.since for each in self.run.find_undecided()), default=time.time())
        deadline = datetime.fromtimestamp(last + self.settings.settle_seconds).astimezone()
        return deadline.isoformat(timespec="seconds")

    def _exit_code(self, counts: Mapping[Outcome, int], codes: Mapping[str, int]) -> ExitCode:
        if self.interrupted and (counts[Outcome.PLANNED] or counts[Outcome.UNKNOWN] or codes.get(INCOMPLETE)):
            return ExitCode.INTERRUPTED
        if self.stopped is not None:
            return ExitCode.STOPPED
        if counts[Outcome.UNKNOWN] or self.is_unsure:
            return ExitCode.UNKNOWN
        rejected = counts[Outcome.REJECTED] - (self.since.known if self.settings.fail_on is FailOn.NEW else 0)
        partly = rejected or counts[Outcome.FAILED] or codes.get(INCOMPLETE) or codes.get(MISSING) or self.is_partly
        return ExitCode.PARTLY if partly else ExitCode.DONE


def _items(examined: Examined, plan: Plan) -> Iterator[tuple[int, Item]]:
    """What is to be added to issues once all are in."""
    records = examined.records
    for place, additions in plan.additions.items():
        if additions:
            parts = records.parts[place]
            is_all = plan.rows[place].outcome is not Outcome.PLANNED
            description = records.descriptions[place] if parts.mentions else ""
            sha = sha256(examined.bodies[place]).digest()
            yield place, Item(records.keys[place], parts, records.bundlings[place], description, sha, is_all)


def _as_stop(error: SourceNotReady | RunStopped) -> RunStopped:
    if isinstance(error, RunStopped):
        return error
    return SourceChanged(error.message, hint="Run the same command again: it checks the new source first.")
