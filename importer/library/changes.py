"""What `repair` and `undo` have in common: the order of reading, showing, asking and applying."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from importer.library.targets import choose_rate, open_target_named
from importer.records import Outcome

if TYPE_CHECKING:
    from importer.ledger.journal import Run
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
    from importer.ledger.overview import find_import, name_last_change
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
            did = run.count()
            if did[Outcome.CREATED] or did[Outcome.UPDATED] or did[Outcome.UNKNOWN]:
                caller.changes(way, None)
            else:
                other = name_last_change(ledger, run, change_set.kind.value, caller.options())
                caller.progress.say(f"{run.name} created and changed nothing.{other}")
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
