"""Preflight checks before anything is read or sent: the target's organisation, a complete source, user ids."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from importer.api import PERSON_FIELDS
from importer.check.job import Job
from importer.errors import LimitPassed, Problem, SourceNotReady, TargetMismatch, TargetUnreachable, UsageError
from importer.ledger.previous_run import MAPPING, SNAPSHOT, WHOLE
from importer.ledger.source_list import refuse_retired
from importer.ledger.store import Ledger
from importer.load.context import ImportContext
from importer.load.probed import find_answers, probe_command
from importer.mapping.edited_tables import USER
from importer.mapping.identities import FINDING, NOBODY
from importer.phrases import counted
from importer.triage.actions import Action, CallFailed, stop_of
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.organisation_lists import fetch_members
from importer.triage.paced import PacedCalls
from importer.triage.redaction import find_redaction, redact
from importer.triage.target import Target

UNREADABLE = (403, 404)
"""Statuses of an answer to a key that may not read the members; user ids are sent unchecked then."""


QUIET_SECONDS = 60.0
"""How long a snapshot must have been unchanged: in one that is still being written, keys seem to have vanished."""


class Preflight(NamedTuple):
    """The result of a preflight.

    organisation  id of the target's organisation, or ""
    warnings      a sentence each
    is_new        whether no canary of this target and organisation is in the ledger
    """

    organisation: str
    warnings: tuple[str, ...]
    is_new: bool


def preflight(context: ImportContext) -> Preflight:
    """Make sure that a source may be sent to a target; the first request asks for its organisation.

    Raises:
        SourceNotReady: the source is a snapshot that was changed within the last minute.
        TargetMismatch: it is another organisation than the expected one, or than the one that the ledger knows.
        LedgerInUse: another process works on the source.
        TargetUnreachable: nothing answers.
        TargetDoubted: a probe has found that an import can't work.
        UsageError: the source is retired, or a given user id is not a member's.
        RunStopped: the key is refused.
    """
    job = context.job
    target = context.target
    ledger = context.ledger
    settings = context.settings
    refuse_retired(ledger, target.name, job.source_name)
    check_quiet(job, time.time())
    organisation = claim_source(target, ledger, job.source_name, context.progress.say, settings.expect_org)
    warnings = list[str]()
    if settings.check_users:
        warnings += run_loop(check_members(target, context.calls, organisation, job))
    answers = find_answers(ledger, target.name, organisation)
    command = probe_command(ledger.name, target.name)
    if answers is not None:
        answers.refuse(command)
        warnings += answers.warnings(command)
    contact = ledger.find_contact(target.name, organisation)
    return Preflight(organisation, tuple(warnings), "issues" not in contact)


def claim_source(
    target: Target,
    ledger: Ledger,
    source_name: str,
    say: Callable[[str], None],
    expected: str = "",
    patience: float | None = None,
) -> str:
    """Return the id of the target's organisation, "" where it gives none, and lock the source there.

    Whatever changes something in Triage or in the ledger begins with it; the lock is held until the ledger is closed.

    Raises:
        TargetMismatch: it is another organisation than the expected one, or than the one that the ledger knows.
        LedgerInUse: another process works on the source.
        TargetUnreachable: nothing answers.
        RunStopped: the key is refused.
    """
    ledger.redact_with(find_redaction)
    if redact(source_name) != source_name:
        raise UsageError("The API key is in the source's name.", hint="Name it otherwise: --source-name NAME")
    organisation = run_loop(find_organisation(target, say, patience))
    if expected and organisation != expected:
        finding = "it is unknown whose API key this is"
        if organisation:
            finding = f"this API key belongs to {organisation}"
        raise TargetMismatch(
            f"{target.name} is not known to be organisation {expected}: {finding}. Nothing was sent.",
            hint="Use that organisation's key, or name the right one: --expect-org ID",
        )
    ledger.check_org(target.name, organisation)
    if ledger.locks is not None and target.is_shared:
        ledger.locks.hold(target.name, organisation, source_name, say)
    return organisation


def check_quiet(job: Job, unix_seconds: float) -> None:
    """Make sure that a snapshot is no longer being written; `unix_seconds` is the time since 1970.

    Raises:
        SourceNotReady: it was changed within the last minute.
    """
    if not job.mapping.model.input.is_snapshot:
        return
    age_seconds = job.source.age_seconds(unix_seconds)  # negative where the file server's clock is ahead
    if abs(age_seconds) < QUIET_SECONDS:
        raise SourceNotReady(
            f"The source was changed {abs(age_seconds):.0f} s ago, but a snapshot must be complete.",
            hint=f"Run the same command again when it has been unchanged for {QUIET_SECONDS:.0f} s.",
        )


def check_rows(rows: int, min_rows: int) -> None:
    """Make sure that a source has at least the rows of `--min-rows`.

    Raises:
        LimitPassed: it has fewer.
    """
    if rows < min_rows:
        raise LimitPassed(
            f"The source has {counted(rows, 'row')}, but --min-rows requires {min_rows:,}; nothing was sent.",
            hint="Export again, or wait until the export is complete; if this number is right, lower --min-rows.",
        )


def describe_input(job: Job) -> dict[str, Any]:
    """Return the options of a run by which a later one decides whether it can be compared with it."""
    return {WHOLE: job.is_whole, SNAPSHOT: job.mapping.model.input.is_snapshot, MAPPING: job.mapping.short_name}


def given_users(job: Job) -> dict[str, Problem]:
    """Collect the user ids of users.csv and the mapping, each with the problem to show if it is not a member's.

    Ids in cells of the source are not among them: the source isn't read here.
    """
    problems: dict[str, Problem] = {}

    def note(user_id: str, file: str, line: int, key: str) -> None:
        problem = Problem(f"{user_id!r} is not a member of the organisation", file, line, key)
        problems.setdefault(user_id, problem)

    for line in job.people.lines:
        if line.user_id:
            note(line.user_id, job.people.file, line.number, USER)
    model = job.mapping.model
    unmatched = model.people.unmatched
    constants = dict[tuple[str, ...], str | None]()
    for name in PERSON_FIELDS:
        text = model.text_of(name)
        constants[name,] = None if text is None else text.value
    constants["people", "unmatched", "open"] = unmatched.open
    constants["people", "unmatched", "closed"] = unmatched.closed
    for path, user_id in constants.items():
        if user_id and user_id not in (NOBODY, FINDING):
            place = job.mapping.place(*path)
            note(user_id, place.file, place.line, ".".join(path))
    return problems


async def check_members(target: Target, calls: PacedCalls, organisation: str, job: Job) -> list[str]:
    """Make sure that all given user ids are members'; returns a warning where the key may not read the members.

    Raises:
        UsageError: some are not; all problems at once.
        RunStopped: the key is refused, or the target is down.
    """
    problems = given_users(job)
    if not problems:
        return []
    try:
        members = await fetch_members(target, calls, organisation)
    except CallFailed as error:
        if error.status in UNREADABLE:
            warning = f"the organisation's members can't be read ({error.message}), so user ids are not checked"
            return [warning]
        raise stop_of(error) from error
    member_ids = {member.user_id for member in members}
    strangers = [problem for user_id, problem in problems.items() if user_id not in member_ids]
    if strangers:
        raise UsageError(
            "Some user ids don't belong to members; nothing was sent.",
            problems=strangers,
            hint="`triage-import users SOURCE --members` lists the members' ids next to the people.",
        )
    return []


async def find_organisation(target: Target, say: Callable[[str], None], patience: float | None = None) -> str:
    """Ask the target for its organisation's id, "" where it gives none; `say` shows that a busy target is waited for.

    It is waited for `patience` seconds at most, if that is given.

    Raises:
        TargetUnreachable: nothing answers, which is said at once, or it stays busy.
        RunStopped: the key is refused.
    """
    async with TriageClient(target.url, target.api_key) as client:
        try:
            return await client.find_org_id()
        except CallFailed as error:
            if error.action is not Action.RETRY:
                raise error.as_stop() from error
            if not error.status:
                raise _unreachable(target, error) from error
            first = error
            say(f"{target.url} is busy ({error.message}): waiting …")
        # Only now with repetitions: a target that isn't there at all is told above, at once.
        try:
            async with asyncio.timeout(patience):
                return await PacedCalls.at(0, say).call(client.find_org_id)
        except TimeoutError:
            raise _unreachable(target, first) from first
        except CallFailed as error:
            raise _unreachable(target, error) from error


def _unreachable(target: Target, error: CallFailed) -> TargetUnreachable:
    return TargetUnreachable(
        f"{target.url} does not respond as expected: {error.message}.",
        hint="Nothing was sent. Check --api-url and the network, then run the same command again.",
    )
