"""The third pipeline: rebuilds the ledger of a source from what Triage has. A check needs nothing of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from importer.check.history import LedgerHistory
from importer.errors import ExitCode
from importer.ledger.schema import RunKind
from importer.ledger.store import RunIdentity
from importer.load.context import ImportContext
from importer.load.discovery import discover, find_hidden
from importer.load.preflight import claim_source
from importer.pipeline.checking import run_check
from importer.report.page import Aim
from importer.report.summary import Summary


def rebuild_ledger(context: ImportContext, out: Path | None = None) -> Summary:
    """Search all of Triage for issues of a source, and add those that belong to its rows to the ledger.

    The summary is that of a check: rows with an issue are `unchanged`, `changed` or `skipped`, the others `planned`.

    Raises:
        ImporterError: the target or the source can't be read.
    """
    job, target, ledger, say = context.job, context.target, context.ledger, context.progress.say
    claim_source(target, ledger, job.source_name, say)
    discover(context, thorough=True)
    identity = RunIdentity(target.name, job.source_name, job.source.digest(), job.mapping.digest, RunKind.REBUILD)
    run = ledger.begin_run(identity)
    known = partial(LedgerHistory, ledger, target.name, job.source_name, context.changes, run, near=True)
    checked, summary = run_check(job, known(), context.progress, out, aim=Aim(target.name))
    if find_hidden(context, checked):
        _, summary = run_check(job, known(), context.progress, out, aim=Aim(target.name))
    run.finish(ExitCode.DONE, {})
    say("What was found is in the ledger; rows that are planned are not in Triage with their marker.")
    return summary
