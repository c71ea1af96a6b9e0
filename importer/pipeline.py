"""The pipeline: the check pass, the question, the send pass and the reports of one import. It never prints."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from importer.check.check_pass import Checked, check
from importer.check.history import ChangePolicy, LedgerHistory
from importer.check.job import Job
from importer.check.sample import CanarySample
from importer.check.workload import Workload
from importer.errors import ExitCode, SourceChanged
from importer.ledger.journal import Decision, Run
from importer.ledger.schema import UNDECIDED, RunKind, State
from importer.ledger.store import Ledger
from importer.ledger.target_scan import Seen
from importer.load.attempt import AS_THEY_ARE, Meet, Sending, Settings
from importer.load.canary import Canary
from importer.load.discovery import Discovered, Discovery
from importer.load.preflight import (
    _check_expected,
    check_members,
    check_quiet,
    check_rows,
    describe_input,
    find_organisation,
)
from importer.progress import Progress
from importer.report.folder import report_folder
from importer.report.summary import Summary, run_check
from importer.transform.bodies import value_refs
from importer.triage.breaker import Breaker
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.limiter import Limiter
from importer.triage.paced import PacedCalls
from importer.triage.snapshot import is_touched
from importer.triage.target import Target


@dataclass(frozen=True)
class Forecast:
    """What a run is about to do. `seconds` is None where nothing limits the rate.

    `first` is how many of the creates are a first contact; `load` is all that there is to do, at `rate` requests a
    second.
    """

    target: str
    organisation: str
    creates: int
    updates: int
    rejected: int
    seconds: float | None
    first: int = 0
    load: Workload = field(default_factory=Workload)
    rate: float = 0.0


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
    cover = None if meet is None else CanarySample()
    calls = PacedCalls(Limiter(settings.rate), Breaker())
    if settings.check_users:
        for warning in run_loop(check_members(target, calls, organisation, job)):
            job = replace(job, warnings=(*job.warnings, warning))
    known = LedgerHistory(ledger, target.name, job.source_name, settings.changes)
    checked = check(job, known, None, progress, cover)
    check_rows(checked.tally.rows, settings.min_rows)
    issue_ids: frozenset[str] = frozenset()
    if checked.planned > checked.updates or known.matched:
        # What an earlier look has seen may be gone since: where it matters, all is looked up anew.
        looked = run_loop(_look(job, target, ledger, calls, progress, thorough=known.matched > 0))
        issue_ids = looked.issue_ids
        job = replace(job, warnings=(*job.warnings, *map(str, looked.doubles)))
        for double in looked.doubles:
            progress.say(f"warning: {double}")
        seen = ledger.seen(target.name, job.source_name, writable=True)
        if seen.count((State.DONE, *UNDECIDED)):  # creates that were on their way are no sign of a loss
            seen.doubt()
        if looked.taken or known.matched:
            progress.say(
                f"{looked.taken:,} issues of this source are in Triage that the ledger did not know: taken in."
            )
            known = LedgerHistory(ledger, target.name, job.source_name, settings.changes)
            checked = check(job, known, None, progress, cover)
    creates, updates = checked.planned - checked.updates, checked.updates
    seconds = checked.load.requests / settings.rate if settings.rate else None
    first = len(checked.cover)
    forecast = Forecast(
        target.name, organisation, creates, updates, checked.rejected, seconds, first, checked.load, settings.rate
    )
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
    folder = report_folder(job, run.out)
    folder.prepare()  # one that can't be written is said before anything is sent
    _decide_seen(run, ledger.seen(target.name, job.source_name), issue_ids)
    known = LedgerHistory(ledger, target.name, job.source_name, settings.changes, run)
    sending = Sending(job, target, ledger, run, settings, calls, checked, known, folder, progress)
    if meet is None or not checked.cover:
        return sending.send()
    return sending.send(Canary(ledger, run, target, checked.cover), meet)


async def _look(
    job: Job, target: Target, ledger: Ledger, calls: PacedCalls, progress: Progress, *, thorough: bool
) -> Discovered:
    progress.say("Looking for issues of this source that are in Triage already …")
    seen = ledger.seen(target.name, job.source_name, writable=True)
    async with TriageClient(target.url, target.api_key) as client:
        return await Discovery(client, calls, seen, job.source_name).look(thorough=thorough)


def _decide_seen(run: Run, seen: Seen, issue_ids: Collection[str]) -> None:
    """Creates of a crashed attempt whose issue is among those that the opening look has just seen need no settling."""
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
        if issue.issue_id in issue_ids
        and not is_touched(issue.returned)  # what a person changed since must not count as ours: the settler reads it
    )


def _meaning(job: Job, changes: ChangePolicy) -> str:
    """What makes two commands one run, the source aside: the mapping, which rows are meant, and what may change."""
    if job.limit is None and job.only is None and changes == AS_THEY_ARE:
        return job.mapping.digest
    selection = (
        f"{job.limit} {sorted(job.only or ())} {changes.on_change} {sorted(changes.fields)} {changes.accept_mapping}"
    )
    return sha256(f"{job.mapping.digest} {selection}".encode()).hexdigest()


def rebuild(job: Job, target: Target, ledger: Ledger, rate: float, out: Path | None, progress: Progress) -> Summary:
    """Look through all of Triage for issues of a source, and take in those that belong to its rows.

    The summary is that of a check: rows that are in are `unchanged` or `skipped`, those that are not `planned`.

    Raises:
        ImporterError: the target or the source can't be read.
    """
    organisation = run_loop(find_organisation(target, progress.say))
    ledger.check_org(target.name, organisation)
    looked = run_loop(_look_at_all(job, target, ledger, rate))
    progress.say(f"{looked.taken:,} issues of this source are in Triage, unknown to the ledger until now.")
    for double in looked.doubles:
        progress.say(f"warning: {double}")
    run = ledger.begin_run(target.name, job.source_name, job.source.digest(), job.mapping.digest, kind=RunKind.REBUILD)
    known = LedgerHistory(ledger, target.name, job.source_name, ChangePolicy(), run, near=True)
    _, summary = run_check(job, known, out, progress, target=target.name)
    run.finish(ExitCode.DONE, {})
    progress.say("What was found is in the ledger; rows that are planned are not in Triage with their marker.")
    return summary


async def _look_at_all(job: Job, target: Target, ledger: Ledger, rate: float) -> Discovered:
    seen = ledger.seen(target.name, job.source_name, writable=True)
    async with TriageClient(target.url, target.api_key) as client:
        look = Discovery(client, PacedCalls(Limiter(rate), Breaker()), seen, job.source_name)
        return await look.look(thorough=True)
