"""The options of a sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from importer.sandbox.faults import Fault


@dataclass(frozen=True)
class SandboxOptions:
    """The options of a sandbox, as `triage-import sandbox` takes them.

    db          the SQLite file that keeps its issues; None keeps them in memory
    rate_limit  requests a second before it answers 429; None for no limit
    faults      tried in this order; the first that strikes a request counts
    api_key     the only key accepted; None accepts any that is not empty
    seed        of the faults that strike by chance; None chooses one at random
    """

    db: Path | None = None
    rate_limit: float | None = None
    faults: tuple[Fault, ...] = ()
    api_key: str | None = None
    seed: int | None = None
