"""The send pass: one attempt to send what is left of a run: a canary, creates and updates, then additions."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any

from importer.api import FINISHED
from importer.check.check_pass import Checked
from importer.check.checked_row import CheckedRow
from importer.check.examine import RowRun, examine
from importer.check.held import kept_labels
from importer.check.job import Job
from importer.check.knowledge import ChangePolicy, Knows, OnChange
from importer.check.leaders import gather
from importer.check.plan import plan_rows
from importer.errors import RunStopped, SourceChanged, SourceNotReady, TimeOver
from importer.ledger.journal import Run
from importer.ledger.previous_run import EMPTIED, SNAPSHOT, WHOLE
from importer.ledger.rejected import JUDGED_BY, KEPT, judged_by
from importer.ledger.statements import WITH_OPERATION
from importer.ledger.store import RunIdentity
from importer.load.addition_log import AdditionLog
from importer.load.additions import DAY, AdditionLoader
from importer.load.canary import Canary, way_back
from importer.load.context import AS_THEY_ARE, ImportContext
from importer.load.creates import Loader
from importer.load.driver import RunConnection
from importer.load.keeping import TargetKeeping
from importer.load.preflight import describe_input
from importer.load.probed import find_answers
from importer.load.questions import ConfirmRest
from importer.load.queue import AdditionQueue, QueueItem, RankedOperations
from importer.load.updates import Updater
from importer.load.workers import FailureCap
from importer.records import ADDITIONS, Act, IssueParts, Operation, Outcome, Ref
from importer.row.issue import Issue
from importer.row.issue_batch import encode_cells, value_refs
from importer.transform.comment_texts import is_rest
from importer.transform.references import References
from importer.transform.shown_people import ShownPeople
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.paced import Interrupted

SELECTION = "selection"
"""Option of a run: which rows and changes were asked for, see `_selection`."""
MORE_ERRORS = "See errors.csv; the same command continues, with a higher --max-errors if you accept that."


@dataclass(frozen=True)
class Sent:
    """The result of one attempt.

    outcomes     rows whose create or update it sent, by outcome
    completed    other rows, whose issues it only added to, by outcome
    additions    additions that were made, by act, in the order of ADDITIONS
    comments     comments of the source that are in them
    given_up     sentences on evidence that is no longer tried
    refused      sentences on what waited since earlier runs, and was refused
    stopped      the error that ended it early, if one did
    interrupted  whether a signal ended it
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    completed: Counter[Outcome] = field(default_factory=Counter)
    additions: Counter[Act] = field(default_factory=Counter)
    comments: int = 0
    given_up: Sequence[str] = ()
    refused: Sequence[str] = ()
    elapsed_seconds: float = 0.0
    stopped: RunStopped | None = None
    interrupted: bool = False


class Attempt:
    """Sends what is left of a run. Afterwards every row is in the ledger, whatever ended it; it prints nothing."""

    def __init__(self, context: ImportContext, run: Run, checked: Checked, known: Knows) -> None:
        self.job, self.settings, self.progress = context.job, context.settings, context.progress
        self.target, self.calls, self.target_time = context.target, context.calls, context.target_time
        self.run, self.checked, self.known = run, checked, known
        # Those that the run began with: `repair` finds the cells of all its rows by their places among them.
        self.refs = [Ref(*each) for each in run.options["refs"]]
        self.shown = ShownPeople(self.job.mapping.model.people, self.job.people)
        self.stopped: RunStopped | None = None
        self.became = Counter[Outcome]()
        self.queue = AdditionQueue()
        self.cap = FailureCap(self.settings.max_errors or None, hint=MORE_ERRORS)
        self.log = AdditionLog(run, self.cap)
        answers = find_answers(context.ledger, context.target.name)
        self.keeping = answers.keeping() if answers is not None else TargetKeeping()
        self.sampled = frozenset[
            str
        ]()  # keys of the canary: their additions come first, the longest comment among them
        seconds = self.settings.max_seconds
        self.deadline = None if seconds is None else time.monotonic() + seconds
        self.refused: set[str] = set()  # keys that the canary sent in vain: not twice in one attempt
        self.has_begun = run.attempts > 1  # then rows that are unchanged by now may be those that this run has made

    def send(self, canary: Canary | None, confirm_rest: ConfirmRest, *, is_settled: bool = False) -> Sent:
        """Send what is left, the canary first if there is one.

        All creates come before any addition, which may name the issue of another row. With `is_settled` the rows need
        nothing and aren't read: only what waits since earlier runs is tried.
        """
        started, is_interrupted, log = time.monotonic(), False, self.log
        operations = iter(()) if is_settled else self._operations(self.job)
        try:
            if canary is not None:
                self.has_begun, self.sampled = True, frozenset(canary.keys)
                self._send_canary(canary, confirm_rest)
            if not is_settled:
                self.progress.start("sending", self.checked.planned, "issue", self.became.total())
                run_loop(self._load(operations))
            if not self.calls.signalled:
                run_loop(self._add())
        except (RunStopped, SourceNotReady) as error:
            self.stopped = _as_stop(error)
        except (KeyboardInterrupt, asyncio.CancelledError, Interrupted):
            is_interrupted = True
        # `operations` goes on where it was stopped: rows are registered in the order of the source, each once.
        self._register_the_rest(operations)
        self.queue.close()
        self.progress.finish()
        ended = time.monotonic() - started, self.stopped, is_interrupted or self.calls.signalled
        additions = Counter({act: log.done[act] for act in ADDITIONS if log.done[act]})
        return Sent(self.became, log.outcomes, additions, log.comments, log.given_up, log.refused, *ended)

    def _send_canary(self, canary: Canary, confirm_rest: ConfirmRest) -> None:
        self.progress.start("canary", canary.issues, "issue")
        # Each sending and reading is an event loop of its own: in between a person is asked, without any running.
        findings = canary.make(self._send_first)
        self.progress.finish()
        refusal = confirm_rest(findings, self.checked.planned - self.became.total(), way_back(self.run))
        if refusal:
            raise RunStopped(refusal, hint=way_back(self.run))

    def _send_first(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Send the creates of these keys that were not sent yet, and return the bodies of all of them, by key."""
        bodies = dict[str, bytes]()
        operations = list(self._operations(replace(self.job, only=frozenset(keys)), bodies))
        run_loop(self._load(iter(operations)))
        if self.calls.signalled:
            raise Interrupted
        failed = (row.key for row in self.run.results() if row.outcome is Outcome.FAILED)
        self.refused |= bodies.keys() & set(failed)
        return bodies

    def _operations(self, job: Job, bodies: dict[str, bytes] | None = None) -> Iterator[Operation]:
        """Read the source again and yield its creates and updates; each run of rows is registered first.

        With `bodies`, `job` selects the rows of a canary: their bodies are put there, other rows aren't registered, and
        nothing is read behind the last of them.
        """
        wanted = set(job.only or ())
        ranked = RankedOperations() if self.settings.order != "source" and bodies is None else None
        for run in examine(job):
            if self.checked.target_findings is not None and bodies is None:
                self.checked.target_findings.add_to(run.rows)
            gather(run, self.checked.verdicts, self.checked.leaders, self.known)
            plan_rows(run, self.checked.verdicts, self.known)
            self._keep_cells(run)
            registered = run.rows
            if bodies is not None:
                # Of the rows with one key only one is sent: the others are skipped or rejected.
                sent = [row for row in run.rows if row.outcome in WITH_OPERATION]
                bodies |= {row.key: row.body for row in sent if row.body}
                wanted.difference_update(row.key for row in sent)
                registered = [row for row in run.rows if row.operation is not None]
            else:
                self.queue.add((self._rank(row.issue), _queue_item(row)) for row in run.rows if row.additions)
            self.run.register([row.result for row in registered])
            self.run.learn([row.lesson for row in run.rows if row.lesson is not None])
            operations = [(row, row.operation) for row in run.rows if row.operation is not None]
            left = [(row, operation) for row, operation in operations if operation.key not in self.refused]
            if ranked is None:
                yield from (operation for _, operation in left)
            else:
                ranked.add((self._rank(row.issue), operation) for row, operation in left)
            if bodies is not None and not wanted:
                return
        yield from ranked or ()

    def _keep_cells(self, run: RowRun) -> None:
        """Keep cells of rows: the raw ones for errors.csv if Triage refuses them, the mapped ones for `repair`."""
        for row in run.rows:
            is_sent = row.operation is not None or bool(row.additions)
            for member in row.members if is_sent else ():
                member.result = member.result._replace(raw=member.issue.row.raw)
            # `repair` reads one row, which is not all of an issue that several rows may make.
            is_whole = not row.leads and not row.follows
            if is_whole and (is_sent or (self.has_begun and row.body)):
                cells = encode_cells(row.issue.row, run.source.layout, self.refs, self.shown)
                row.result = row.result._replace(cells=cells)

    def _rank(self, issue: Issue) -> float:
        """Return the rank of an issue in the order of `--order`: lower ones come first, equal ones as in the source."""
        if issue.key.full in self.sampled:
            return -inf
        if self.settings.order == "open-first":
            return float(issue.status in FINISHED)
        if self.settings.order == "oldest-first":
            return inf if issue.created is None else issue.created.timestamp()
        return 0.0

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[RunConnection]:
        """Connect to the target until a signal or the end of `--max-duration`."""

        def end() -> None:
            self.stopped = TimeOver("--max-duration is reached.")
            self.calls.interrupt()

        counting, timer = asyncio.create_task(self._count_down()), None
        if self.deadline is not None:
            timer = asyncio.get_running_loop().call_later(max(0.0, self.deadline - time.monotonic()), end)
        try:
            async with TriageClient(self.target.url, self.target.api_key) as client:
                with self.calls.ended_by_signals():
                    pace = self.settings.settle_seconds, self.settings.concurrency
                    knows = self.target_time, *pace, self.cap
                    yield RunConnection(client, self.run, self.calls, *knows, keeping=self.keeping)
        finally:
            counting.cancel()
            if timer is not None:
                timer.cancel()

    async def _count_down(self) -> None:
        """Show the remaining time of a pause."""
        while True:
            await asyncio.sleep(1)
            if (left := self.calls.pause_left) > 1:
                self.progress.pause(left)
            else:
                self.progress.wait()

    async def _load(self, operations: Iterator[Operation]) -> None:
        """Send creates and updates."""
        async with self._connected() as connection:
            is_forced = self.settings.changes.on_change is OnChange.OVERWRITE
            force = is_forced and self.job.mapping.model.recurring is None  # that raises what nobody has changed
            updater = Updater(connection, force=force)
            await Loader(connection, updater, report=self._advance).load(operations)

    async def _add(self) -> None:
        """Send the queued additions, then what waits since earlier runs, unless the attempt was stopped before."""
        if self.stopped is not None:
            return
        self.queue.add((inf, QueueItem(key, IssueParts())) for key in self.keeping.continued)
        total = sum(self.checked.workload.operations[act] for act in ADDITIONS)
        if self.job.limit is None and self.job.only is None:
            waiting = self.run.additions.find_waiting()
            self.queue.add((inf, QueueItem(key, IssueParts())) for key in waiting)  # unless its row is there already
            total += len(waiting)
        if self.queue.is_empty:
            return
        self.progress.finish()
        self.progress.start("adding comments, links and evidence", total, "operation")
        self.cap.what = "rows and additions"
        model = self.job.mapping.model
        references = References(model.references, self.job.source_name, self.job.aliases)
        wait_seconds = model.evidence_wait_days * DAY
        async with self._connected() as connection:
            loader = AdditionLoader(
                connection,
                references,
                self.log,
                wait_seconds=wait_seconds,
                is_continued=self.run.attempts > 1,
                progress=self.progress,
            )
            await loader.add_all(iter(self.queue))

    def _advance(self, outcome: Outcome) -> None:
        self.became[outcome] += 1
        self.progress.reach(self.became.total())
        counts = {"failed": self.became[Outcome.FAILED], "unknown": self.became[Outcome.UNKNOWN]}
        counts["× 429"] = self.calls.rate_limited
        self.progress.figures(", ".join(f"{number:,} {what}" for what, number in counts.items() if number))

    def _register_the_rest(self, operations: Iterator[Operation]) -> None:
        """Read the source to its end after a stop, so that every row is in the ledger and in the reports."""
        try:
            for _ in operations:  # registering the rows is what the generator does on the way
                pass
        except (SourceNotReady, RunStopped) as error:
            self.stopped = self.stopped or _as_stop(error)


def begin_run(context: ImportContext, checked: Checked, out: Path | None, kept: Mapping[str, Any]) -> Run:
    """Open the run of a checked source: a new one, or the unfinished one of the same source, mapping and selection.

    A mapping that has changed is the same as long as it says the same of all that the run has sent. A new run keeps
    `kept` among its options, for its reports.

    Raises:
        SourceChanged: the source is not the one that was checked.
    """
    job, settings = context.job, context.settings
    if job.source.digest() != checked.digest:
        raise SourceChanged(
            "The source changed after it was checked; nothing was sent.",
            hint="Run the same command again; it checks the new source first.",
        )
    selection = _selection(job, settings.changes)
    options = {
        SELECTION: selection,
        "refs": [] if job.mapping.model.recurring else list(map(tuple, value_refs(job.mapping.model))),
        "headers": [file.header for file in job.source.files],
        "form": job.source.form,
        "newest": checked.newest,
        "columns": checked.held.absence.columns,
        EMPTIED: checked.held.emptied,
        "criteria": checked.criteria.kept,
        KEPT: checked.kept_rejected,
        JUDGED_BY: judged_by(job.mapping.digest),
        **describe_input(job),
        SNAPSHOT: checked.is_snapshot,
        **kept,
    }
    meaning = sha256(f"{job.mapping.digest} {selection}".encode()).hexdigest() if selection else job.mapping.digest
    identity = RunIdentity(context.target.name, job.source_name, checked.digest, meaning)

    def goes_on(run: Run) -> bool:
        is_whole = run.options.get(WHOLE) == job.is_whole  # all that an earlier version kept of the selection
        is_selected = run.options[SELECTION] == selection if SELECTION in run.options else is_whole
        return is_selected and _says_the_same(context, checked, run)

    run = context.ledger.begin_run(identity, out=out, options=options, goes_on=goes_on)
    if run.attempts > 1:  # others may have ended since its first one
        run.keep(KEPT, checked.kept_rejected)
    return run


def _selection(job: Job, changes: ChangePolicy) -> str:
    """Write down what all attempts of a run share besides source and mapping: selected rows, change policy."""
    if job.limit is None and job.only is None and changes == AS_THEY_ARE:
        return ""
    fields, let_go = sorted(changes.fields), f" {sorted(changes.let_go)}" if changes.let_go else ""
    return f"{job.limit} {sorted(job.only or ())} {changes.on_change} {fields} {changes.accept_mapping}{let_go}"


def _says_the_same(context: ImportContext, checked: Checked, run: Run) -> bool:
    """Whether the mapping reads all columns that a run has kept of its rows, and makes each issue that it sent again.

    So neither a column or key that a preset gains ends a run, nor a word that no row has.
    """
    job, written = context.job, run.written_creates()
    if not {Ref(*each) for each in run.options["refs"]} <= set(value_refs(job.mapping.model)):
        return False
    known = context.history()
    sent = next(written, None)
    for rows in examine(job) if sent else ():
        gather(rows, checked.verdicts, checked.leaders, known)
        bodies = {row.key: row.body for row in rows.rows if row.body}
        while sent is not None and sent.key in bodies:  # both are in the order of the source
            if sha256(bodies[sent.key]).digest() != sent.body_sha:
                return False
            sent = next(written, None)
    return sent is None


def _queue_item(row: CheckedRow) -> QueueItem:
    """Make the queue item of a row that has additions."""
    issue, parts = row.issue, row.issue.parts
    if parts.rest and not any(is_rest(addition.name) for addition in row.additions):
        parts = parts._replace(rest=())  # it went on before, perhaps from another place
    is_all = row.outcome is not Outcome.PLANNED
    description = issue.description if parts.mentions else ""
    kept = kept_labels(row.status.held) if row.status is not None and row.body else ()
    return QueueItem(row.key, parts, issue.bundling, description, sha256(row.body).digest(), kept, is_all)


def _as_stop(error: SourceNotReady | RunStopped) -> RunStopped:
    """A source that changes while it is sent stops the run: what was sent by then is accounted for."""
    if isinstance(error, RunStopped):
        return error
    return SourceChanged(error.message, hint="Run the same command again; it checks the new source first.")
