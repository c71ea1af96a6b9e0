"""Recognises an import that would repeat the last one: nothing has changed, and nothing is open or due.

A run that had nothing to do leaves a fingerprint of all that decides what is written. Where it is found again, hashing
the source is all that is left to do. What depends on the time is asked anew: the age of the source.
"""

from __future__ import annotations

import json
import time
from hashlib import sha256

from importer import __version__
from importer.check.observers.source_age import SourceAge
from importer.ledger import fingerprints
from importer.ledger.journal import Run
from importer.load.context import ImportContext


def find_same_run(context: ImportContext, organisation: str) -> Run | None:
    """Return the last run if this one would be the same, including the exit code.

    Raises:
        SourceNotReady: the source has become too old since, or it changes.
    """
    job, target = context.job, context.target
    name, fingerprint = fingerprints.find_newest(context.ledger.transaction, target.name, job.source_name)
    if not fingerprint or not context.settings.deciding:
        return None
    if make_fingerprint(context, organisation, job.source.digest()) != fingerprint:
        return None
    job.source.check_unchanged()
    run = context.ledger.find_run(name)
    age = SourceAge(job, time.time(), run.options.get("newest"))
    age.check_files()
    age.check_dates()
    return run


def make_fingerprint(context: ImportContext, organisation: str, digest: str) -> str:
    """Hash everything that decides what an import writes, except the ledger and the time."""
    job = context.job
    parts = [
        __version__,
        digest,
        [file.name for file in job.source.every_file],
        job.mapping.digest,
        job.mapping.name,
        job.source_name,
        job.name_given,
        job.limit,
        None if job.only is None else sorted(job.only),
        organisation,
        context.settings.deciding,
    ]
    return sha256(json.dumps(parts).encode()).hexdigest()
