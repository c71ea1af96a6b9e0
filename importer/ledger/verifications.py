"""What `verify` has read back of a run, kept with it until another attempt works on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import update

from importer.ledger.journal import Run
from importer.ledger.schema import runs
from importer.ledger.store import Ledger

VERIFIED = "verified"
"""The option of a run that has its last verification."""
ATTEMPTS = "attempts"


def keep_verification(ledger: Ledger, name: str, found: Mapping[str, Any]) -> None:
    """Keep the figures of a verification with its run."""
    run = ledger.find_run(name)
    options = orjson.dumps({**run.options, VERIFIED: {**found, ATTEMPTS: run.attempts}})
    with ledger.transaction() as connection:
        connection.execute(update(runs).where(runs.c.name == run.name).values(options=options))


def read_verification(run: Run) -> Mapping[str, Any]:
    """Return the figures of a run's last verification; {} if there is none, or if an attempt has begun since."""
    kept: Mapping[str, Any] = run.options.get(VERIFIED, {})
    return kept if kept.get(ATTEMPTS) == run.attempts else {}
