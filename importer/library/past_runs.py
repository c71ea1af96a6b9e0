"""What is done with a run that has ended: it is repaired or undone, verified, or shown as a rehearsal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import ImporterError, UsageError
from importer.ledger.journal import Run
from importer.library.targets import choose_rate, open_target_named, sandbox_missing
from importer.phrases import amounts, counted
from importer.progress import Progress
from importer.records import SANDBOX_PREFIX, Outcome
from importer.report.tables import VerifySummary

if TYPE_CHECKING:
    from importer.ledger.store import Ledger
    from importer.library.caller import Caller
    from importer.library.options import ChangeOptions
    from importer.report.summary import Summary
    from importer.runs.change_runner import ChangeRunner
    from importer.runs.change_set import ChangeSet


def take_back(
    name: str,
    given: ChangeOptions,
    make: Callable[[Ledger, Run], ChangeSet],
    confirm: Callable[[ChangeRunner], str],
    caller: Caller,
) -> Summary:
    """Read the issues of a run, show what a change set would do, and with `apply` do it.

    make     makes the change set of the run
    confirm  asks, and returns why nothing is to be done, or ""

    Raises what opening ledger and target raises.
    """
    from importer.ledger.opening import open_ledger, read_ledger
    from importer.ledger.overview import find_import, name_last_change, say_nothing_left
    from importer.load.preflight import claim_source
    from importer.runs.change_runner import ChangeRunner
    from importer.triage.paced import PacedCalls

    # Without `apply` the ledger is only read, so that a preview needs no lock and can be had beside an import.
    with (open_ledger if given.apply else read_ledger)(given.ledger) as ledger:
        run = find_import(ledger, name, caller.command, caller.options()).run
        caller.named(run.source_name)
        change_set = make(ledger, run)
        with open_target_named(run.target, given.key) as target:
            # With the key of another organisation all issues would seem to be deleted.
            claim_source(target, ledger, run.source_name, caller.progress.say)
            out = given.out or _choose_folder(ledger, run, change_set)
            calls = PacedCalls.at(choose_rate(given.rate, run.target), caller.progress.say)
            way = ChangeRunner(run, change_set, target, calls, out, caller.progress, concurrency=given.concurrency)
            way.assess()
            if run.has_issues() or run.count()[Outcome.UNKNOWN] or change_set.find_open(ledger, run):
                caller.changes(way, None)
            else:
                other = name_last_change(ledger, run, change_set.kind.value, caller.options())
                caller.progress.say(f"{say_nothing_left(ledger, run)}.{other}")
            refusal = confirm(way) if given.apply else ""
            is_left = way.left or change_set.find_open(ledger, run)
            carries_out = given.apply and not refusal and is_left
            summary = way.apply(ledger) if carries_out else way.preview(refusal)
    caller.changes(way, summary)
    return summary


def _choose_folder(ledger: Ledger, run: Run, change_set: ChangeSet) -> Path:
    """Return the folder of the reports: with a number if another one has those of an earlier run that is finished."""
    taken = {each.out for each in ledger.list_runs() if each.kind is change_set.kind and not each.is_open}
    own = folder = run.folder_of(change_set.kind.value)
    number = 1
    while folder.exists() and folder.resolve() in taken:
        number += 1
        folder = own.with_name(f"{own.name}-{number}")
    return folder


FIELDS_SHOWN = 8
MANY = 10_000
"""Issues of a run whose reports take more than a second or two to be written."""


def keep(summary: VerifySummary, run: Run, ledger: str | None, progress: Progress, issue_url: str) -> None:
    """Keep in the ledger what was found, and write the run's own page again, which shows it from now on.

    Where the ledger can't be written, that is said: what was found is in the report of the verification all the same.
    """
    from importer.ledger.opening import open_ledger
    from importer.report.from_ledger import write_again
    from importer.triage.redaction import find_redaction

    try:
        with open_ledger(ledger) as book:
            book.redact_with(find_redaction)
            book.find_run(run.name).keep_verification({**asdict(summary), "at": time.time()})
            verified = book.find_run(run.name)
            is_elsewhere = Path(summary.out).resolve() != run.out
            if is_elsewhere and (run.out / "report.html").exists():
                if summary.same > MANY:
                    progress.say(f"Writing the reports of {run.name} again …")
                write_again(verified, run.out, issue_url=issue_url)
    except ImporterError as error:
        progress.say(f"The page of {run.name} doesn't show what was read back: {error.message}")


def describe_verification(summary: VerifySummary) -> str:
    """Return the line of counts, the worst verdict first; "" if nothing was read back."""
    issues = summary.same + summary.different + summary.missing
    fields = ", ".join(f"{count:,} × {name}" for name, count in list(summary.fields.items())[:FIELDS_SHOWN])
    counts = (
        (summary.stranger, "not in the ledger but with our marker (duplicates?)"),
        (summary.missing, "missing"),
        (summary.different, f"different ({fields})"),
        (summary.unsettled, "not settled yet (the same import command settles them)"),
        (summary.same, "the same"),
    )
    parts = amounts(counts)
    return f"{summary.run_id}: {counted(issues, 'issue')} read back: {parts}" if parts else ""


def rehearse(run: Run, out: Path) -> Path:
    """Write the page of a run into a folder, and return it.

    Raises:
        UsageError: the run went elsewhere, or its sandbox's file is gone or in use.
        StorageFull: the page can't be written.
    """
    file = Path(run.target.removeprefix(SANDBOX_PREFIX))
    if not run.target.startswith(SANDBOX_PREFIX):
        raise UsageError(
            f"{run.name} was not a rehearsal: it went to {run.target}.",
            hint="`triage-import run SOURCE --sandbox` rehearses in a local sandbox.",
        )
    if not file.is_file():
        raise UsageError(
            f"The issues of {run.name} are gone: {file} is not there.",
            hint="To rehearse again with a new ledger: triage-import run SOURCE --sandbox --ledger rehearsal.db",
        )
    try:
        from importer.sandbox.board import read_board
        from importer.sandbox.storage import SandboxError
    except ImportError as error:
        raise sandbox_missing() from error
    from importer.check.observers.people_named import Named
    from importer.report.folder import REHEARSAL, ReportFolder
    from importer.report.from_ledger import kept_details
    from importer.report.rehearsal import ISSUES_SHOWN, Rehearsed, write_rehearsal

    try:
        board = read_board(file, _origins(run), ISSUES_SHOWN)
    except SandboxError as error:
        raise UsageError(str(error)) from error
    people = (Named(*each) for each in kept_details(run).people)
    folder = ReportFolder(out)
    folder.prepare([REHEARSAL])
    names = {person.user: person.name for person in people}
    write_rehearsal(folder, Rehearsed(run.name, run.source_name, *board, names, run.count()[Outcome.CHANGED]))
    return folder.file(REHEARSAL)


def _origins(run: Run) -> Iterator[tuple[str, str]]:
    """Yield the id of each issue of a run, and where it came from: its key, and on a second line its place."""
    for row in run.results():
        if row.issue_id:
            yield row.issue_id, f"{row.key}\n{Path(row.file_name).name} line {row.line}"
